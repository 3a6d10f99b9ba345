//! Every planned drive from consent to evidence, each in a thread of its own: a slow or dying one delays no other.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context as _, anyhow, bail};
use drive::Drive;
use osimage::ProvenZero;
use protocol::api::{DrivePasswordRequest, VerifiedBefore};
use protocol::event::{BadCause, BootNotice, DriveEvidence};
use protocol::{ByteLen, DriveIdentity, DrivePassword, DriveUnit, Stage, Step};
use sanitize::{
    Consent, ConsentedDrive, Doing, Failed, FailureCause, Progress, Secrets, Target, Verified,
    Watch,
};
use tokio::task::JoinSet;

use super::client::may_pass;
use super::clock::Deadline;
use super::job::Job;
use super::records::Records;
use super::status::{Meter, Status};
use super::stop::Stop;
use super::{list_drives, random_bytes};
use crate::init::Context;
use crate::screen::Sentence;

/// A drive whose evidence the coordinator has, open and ready for an image.
pub(crate) struct Clean {
    pub(crate) drive: Box<dyn Drive>,
    /// Its nodes: several where an NVMe unit has several namespaces.
    pub(crate) nodes: Vec<PathBuf>,
    pub(crate) evidence: DriveEvidence,
    pub(crate) proven_zero: ProvenZero,
    pub(crate) receives_image: bool,
    /// Whether this rests on an earlier boot's verification, confirmed by a fresh look.
    pub(crate) is_confirmed: bool,
}

/// How sanitizing ended without failing.
pub(crate) enum Sanitizing {
    /// Every planned drive.
    Clean(Vec<Clean>),
    /// The ticket ran out, or a fresh look did not confirm an earlier verification. What was not sanitized was not
    /// written to; it needs a new ticket.
    AskAgain,
}

/// What became of one drive.
enum Fate {
    Clean(Box<Clean>),
    Unconfirmed(Box<Failed>),
    /// The look with fresh power, which the policy demands, found what was not there before.
    Forgot(Box<Failed>),
    Failed(Box<Failed>),
    /// Where a notice of ours was, something else stands.
    OtherNotice(DriveIdentity),
}

/// One drive's work, as it moves to its thread.
struct Work {
    context: Arc<Context>,
    nodes: Vec<PathBuf>,
    consent: ConsentedDrive,
    /// The earlier verification, with the byte ranges that the image may have written since.
    before: Option<(VerifiedBefore, Vec<Range<u64>>)>,
    /// The notice that earlier work left there, before anything of this job was written over it.
    notice: Option<BootNotice>,
    seed: [u8; 32],
    password: Option<DrivePassword>,
    wants_second_look: bool,
    records: Records,
    status: Status,
    stop: Stop,
    alone: bool,
}

/// Sanitizes and verifies all drives of the plan at once. A failure of one is recorded, then awaits the others.
pub(crate) async fn sanitize_all(
    job: &Job,
    consent: Consent,
    deadline: Deadline,
    written: &[Range<u64>],
) -> anyhow::Result<Sanitizing> {
    let units = list_drives(&job.context).await?;
    let (mut works, mut running) = (Vec::new(), JoinSet::new());
    let consents = consent.into_drives();
    let alone = consents.len() == 1;
    for consent in consents {
        if consent.planned().proven_by.is_some() && verified_before(job, &consent).is_none() {
            bail!(
                "{}: the evidence that it is sanitized is not at hand; nothing was written; start again",
                consent.identity()
            );
        }
        let work = Work {
            context: job.context.clone(),
            nodes: devices_of(job, &units, consent.identity())?,
            before: verified_before(job, &consent).map(|before| {
                let written = written_since(job, &consent, &before, written);
                (before, written)
            }),
            notice: job
                .proven
                .get(consent.identity())
                .filter(|it| !it.confirmed)
                .and_then(|it| it.notice.clone()),
            seed: random_bytes()?,
            password: match password(job, &consent).await {
                Ok(password) => password,
                // Nothing is touched yet: another ticket can be asked for.
                Err(why) if may_pass(&why) => {
                    job.status.hint(Some(format!("{why:#}")));
                    return Ok(Sanitizing::AskAgain);
                }
                Err(why) => return Err(why),
            },
            wants_second_look: consent.planned().proof.power_cycle,
            records: job.records.clone(),
            status: job.status.clone(),
            stop: job.stop.clone(),
            alone,
            consent,
        };
        works.push(work);
    }
    // The coordinator's answer, or a drive's, may have taken hours: consent does not keep.
    if deadline.is_over() {
        job.status.hint(Some(
            "the ticket ran out before the first drive was touched; asking anew".to_owned(),
        ));
        return Ok(Sanitizing::AskAgain);
    }
    job.stop.check()?;
    // Every drive was found before the first thread starts: none is left to work on its own.
    for work in works {
        running.spawn_blocking(move || work.run());
    }
    let (mut clean, mut failures, mut ask_again) = (Vec::new(), Vec::new(), false);
    while let Some(fate) = running.join_next().await {
        // One drive's failure waits for the others: what they did must be recorded too.
        let fate = match fate.context("a sanitizing thread died") {
            Ok(Ok(fate)) => fate,
            Ok(Err(error)) | Err(error) => {
                failures.push(format!("{error:#}"));
                continue;
            }
        };
        match fate {
            Fate::Clean(drive) => clean.push(*drive),
            Fate::Forgot(failed) => {
                let sentence = forgot(&failed);
                let step = Step::SanitizeFailed {
                    drive: failed.drive.clone(),
                    stage: failed.stage,
                    bad_ranges: failed.bad_ranges.clone(),
                    commands: failed.commands.clone(),
                    sentence: sentence.clone(),
                };
                job.records.append_and_settle(step).await?;
                failures.push(sentence);
            }
            Fate::Unconfirmed(failed) if !job.job.kind.sanitizes() => {
                let (drive, sentence) = (failed.drive.clone(), not_as_proven(&failed));
                let step = Step::VerificationNotConfirmed { drive, sentence: sentence.clone() };
                job.records.append_and_settle(step).await?;
                failures.push(sentence);
            }
            Fate::Unconfirmed(failed) => {
                let (drive, sentence) = (failed.drive.clone(), unconfirmed(&failed));
                tracing::warn!(target: "verify", "sanitizing again: {sentence}");
                let step = Step::VerificationNotConfirmed { drive, sentence };
                job.records.append_and_settle(step).await?;
                job.memory
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .unconfirmed
                    .insert(failed.drive.clone());
                ask_again = true;
            }
            Fate::OtherNotice(drive) => {
                let sentence = format!(
                    "{drive}: its first sectors do not hold the notice that was left there; somebody may have used it \
                     since, so nothing was written to it; arm refurbish"
                );
                let step = Step::VerificationNotConfirmed { drive, sentence: sentence.clone() };
                job.records.append_and_settle(step).await?;
                failures.push(sentence);
            }
            Fate::Failed(failed) => {
                job.records.append_and_settle(failed.to_step()).await?;
                failures.push(failed.sentence());
            }
        }
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("; "));
    }
    if ask_again {
        return Ok(Sanitizing::AskAgain);
    }
    settle(job, &clean).await?;
    Ok(Sanitizing::Clean(clean))
}

/// Where the drive may hold what this job, or the work before it, has written since the drive was verified.
fn written_since(
    job: &Job,
    consent: &ConsentedDrive,
    before: &VerifiedBefore,
    image: &[Range<u64>],
) -> Vec<Range<u64>> {
    let planned = consent.planned();
    let earlier = job.proven.get(consent.identity());
    // Where a second look is due, or the first of a job that only installs, neither image nor notice has been begun.
    let due =
        earlier.is_some_and(|it| !it.confirmed) || planned.proof.power_cycle && !before.seen_again;
    let image = if planned.receives_image && !due { image } else { &[] };
    let noticed = planned.leaves_notice && !due || earlier.is_some_and(|it| it.notice.is_some());
    let notice = noticed.then_some(0..sanitize::NOTICE_LEN);
    image.iter().cloned().chain(notice).collect()
}

/// Whether a sector was read and is not as it was; one that cannot be read is no proof of anything.
fn holds_something_else(failed: &Failed) -> bool {
    failed.bad_ranges.iter().any(|range| range.cause == BadCause::OldContent)
}

/// Said of a drive that was verified, was without power, and is not as it was.
fn forgot(failed: &Failed) -> String {
    format!(
        "{} was verified, and after its power was off {} of the sampled sectors hold something else: it had answered out \
         of memory; take it out and destroy it",
        failed.drive, failed.n_bad_ranges
    )
}

/// Said of a drive with nothing wrong: growing the new system, too, writes where the image has nothing.
fn unconfirmed(failed: &Failed) -> String {
    match failed.cause {
        FailureCause::BadRanges => format!(
            "{} of the sampled sectors are not as they were verified before the restart; the drive is sanitized again",
            failed.n_bad_ranges
        ),
        _ => failed.sentence(),
    }
}

/// Said of a drive that was to be given an image as it is.
fn not_as_proven(failed: &Failed) -> String {
    let why = match failed.cause {
        FailureCause::BadRanges => {
            let n = failed.n_bad_ranges;
            format!("{n} of the sampled sectors are not zero any more or cannot be read")
        }
        _ => failed.sentence(),
    };
    format!(
        "{}: {why}; somebody may have used it since, so nothing was written to it; arm refurbish",
        failed.drive
    )
}

/// Nothing is built on evidence before the coordinator has it on disk.
async fn settle(job: &Job, clean: &[Clean]) -> anyhow::Result<()> {
    let names: Vec<_> = clean.iter().map(|clean| clean.evidence.drive.to_string()).collect();
    job.status.enter(Stage::Verify, Sentence::HandingIn(names.join(", ")));
    job.records.settle().await
}

impl Work {
    fn run(self) -> anyhow::Result<Fate> {
        let identity = self.consent.identity().clone();
        let access = self.context.drives.as_ref();
        let drive = access
            .open(&self.nodes, &identity)
            .with_context(|| format!("taking {identity} in hand"))?;
        let target = match Target::claim(drive, self.consent) {
            Ok(target) => target,
            Err(failed) => return Ok(Fate::Failed(failed)),
        };
        let show = Show::new(self.status, self.records.clone(), &identity, self.alone);
        let watch = Watch::new(&show, self.stop.flag());
        let outcome = match self.before {
            Some((before, written)) => {
                let is_second_look = self.wants_second_look && !before.seen_again;
                match target.confirm(before, &written, &self.seed, watch) {
                    Ok(verified) if is_noticed(&verified, self.notice.as_ref()) => Ok(verified),
                    Ok(_) => return Ok(Fate::OtherNotice(identity)),
                    // It was only looked at: what is known of it stays as it is.
                    Err(failed) if failed.is_stopped() => return Err(failed.into()),
                    Err(failed) if is_second_look && holds_something_else(&failed) => {
                        return Ok(Fate::Forgot(failed));
                    }
                    Err(failed) => return Ok(Fate::Unconfirmed(failed)),
                }
            }
            None => {
                let mut secrets = Secrets::new(self.seed);
                if let Some(password) = self.password {
                    secrets = secrets.with_password(password);
                }
                sanitize_and_verify(target, secrets, &self.records, watch)?
            }
        };
        let verified = match outcome {
            Ok(verified) => verified,
            Err(failed) => {
                show.ended(&failed);
                return Ok(Fate::Failed(failed));
            }
        };
        self.records.append(verified.to_step())?;
        let receives_image = verified.receives_image();
        let is_confirmed = verified.confirmation().is_some();
        let (drive, evidence, proven) = verified.into_parts();
        let proven_zero = ProvenZero::of(proven.extents().iter().cloned());
        let nodes = self.nodes;
        let clean = Clean { drive, nodes, evidence, proven_zero, receives_image, is_confirmed };
        Ok(Fate::Clean(Box::new(clean)))
    }
}

/// Whether the sectors that were passed over hold the notice that was left there, if there was one.
fn is_noticed(verified: &Verified, notice: Option<&BootNotice>) -> bool {
    notice.is_none_or(|notice| verified.head() == Some(notice.sha256))
}

fn sanitize_and_verify(
    target: Target,
    secrets: Secrets,
    records: &Records,
    watch: Watch<'_>,
) -> anyhow::Result<Result<Verified, Box<Failed>>> {
    records.append(target.to_step())?;
    let sanitized = match target.sanitize(secrets, watch) {
        Ok(sanitized) => sanitized,
        Err(failed) => return Ok(Err(failed)),
    };
    records.append(sanitized.to_step())?;
    Ok(sanitized.verify(watch))
}

/// Where the drive is to be locked, or is locked by us, the coordinator has on its disk that the password was given
/// before it is known here.
async fn password(job: &Job, consent: &ConsentedDrive) -> anyhow::Result<Option<DrivePassword>> {
    if !consent.takes_password() {
        return Ok(None);
    }
    let drive = consent.identity().clone();
    let sentence = format!("asking the coordinator for the password of {drive}");
    let reply = job.client.drive_password(&DrivePasswordRequest { drive }).await;
    Ok(Some(reply.context(sentence)?.password))
}

fn verified_before(job: &Job, consent: &ConsentedDrive) -> Option<VerifiedBefore> {
    let memory = job.memory.lock().unwrap_or_else(PoisonError::into_inner);
    job.verified_before
        .iter()
        .find(|before| before.drive() == consent.identity())
        .filter(|before| !memory.unconfirmed.contains(before.drive()))
        .cloned()
}

/// The nodes of the drive that says it is this one. Which they are may change from look to look; opening it
/// asks the drive again.
pub(super) fn devices_of(
    job: &Job,
    units: &[DriveUnit],
    identity: &DriveIdentity,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut units = units.iter().filter(|unit| unit.identity.as_ref() == Ok(identity));
    let unit =
        units.next().ok_or_else(|| anyhow!("{identity} is gone; nothing was written to it"))?;
    if units.next().is_some() || plan::is_protected(unit) {
        bail!(
            "{identity} is no longer the only internal drive that says so; nothing was written to it; take the other \
             one out and start again"
        );
    }
    Ok(job.context.roots.devices(unit))
}

/// Brings one drive's progress to the screen. With several drives the latest to say something is shown.
pub(super) struct Show {
    status: Status,
    records: Records,
    drive: DriveIdentity,
    name: String,
    doing: std::sync::Mutex<Option<(Doing, Arc<Meter>)>>,
    shown: AtomicU64,
    has_stalled: AtomicBool,
}

impl Show {
    pub(super) fn new(
        status: Status,
        records: Records,
        identity: &DriveIdentity,
        alone: bool,
    ) -> Self {
        let name = if alone { identity.to_string() } else { format!("{identity} and others") };
        let (doing, shown, has_stalled) = Default::default();
        Self { status, records, drive: identity.clone(), name, doing, shown, has_stalled }
    }
}

impl Show {
    /// The drive is let go. One that was stopped too late goes on by itself, and that stays said.
    fn ended(&self, failed: &Failed) {
        if !matches!(failed.cause, FailureCause::StoppedWhileErasing) {
            self.status.erases_itself(&self.drive, false);
        }
    }
}

impl Progress for Show {
    fn advanced(&self, doing: Doing, done: ByteLen, total: ByteLen) {
        self.status.erases_itself(&self.drive, doing == Doing::ErasingItself);
        let mut current = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = self.shown.load(Ordering::Relaxed);
        // Less than before is another pass of the same kind: added up they would show a drive as done that is not.
        if current.as_ref().is_none_or(|(of, _)| *of != doing) || done.0 < shown {
            let sentence = Sentence::Working(doing, self.name.clone());
            let meter = Meter::new(total);
            self.status.measure(doing.stage(), sentence, meter.clone());
            self.shown.store(0, Ordering::Relaxed);
            *current = Some((doing, meter));
        }
        if self.has_stalled.swap(false, Ordering::Relaxed) {
            self.status.hint(None);
        }
        if let Some((_, meter)) = &*current {
            let before = self.shown.swap(done.0, Ordering::Relaxed);
            meter.add(done.0.saturating_sub(before));
        }
    }

    fn stalled(&self, sentence: &str) {
        tracing::warn!(target: "sanitize", "{sentence}");
        self.status.hint(Some(sentence.to_owned()));
        self.has_stalled.store(true, Ordering::Relaxed);
        let (drive, sentence) = (self.drive.clone(), sentence.to_owned());
        if let Err(error) = self.records.append(Step::Stalled { drive, sentence }) {
            tracing::error!(target: "sanitize", "not recorded: {error:#}");
        }
    }
}

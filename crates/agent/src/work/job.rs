//! One job on this machine, from plan to new system.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use evidence::Envelope;
use osimage::Manifest;
use protocol::api::{
    Directive, EarlierWork, PlanReply, PlanRequest, SiteConfig, TICKET_TYPE, VerifiedBefore,
};
use protocol::{AgentKey, DriveIdentity, DriveUnit, Nonce, Plan, Refusal, Stage, Step, Ticket};
use sanitize::{Consent, ConsentContext, UsedTickets};

use super::client::{Client, may_pass};
use super::clock::Deadline;
use super::drives::{self, Clean, Sanitizing};
use super::earlier::Earlier;
use super::install::{self, FirstBoot, Prepared};
use super::records::Records;
use super::status::Status;
use super::stop::Stop;
use super::{clock, list_drives, notice, observe, random_bytes, take_stock, witness};
use crate::init::Context;
use crate::screen::Sentence;

/// A refused plan is asked for again after this: a plugged-in adapter or a settled conflict must be noticed.
pub(super) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// What finished work proves of drives, where the job only installs.
pub(crate) type ProvenBefore = BTreeMap<DriveIdentity, EarlierWork>;

/// Everything that a job needs.
pub(crate) struct Job {
    pub(crate) context: Arc<Context>,
    pub(crate) site: Arc<SiteConfig>,
    pub(crate) client: Arc<Client>,
    pub(crate) records: Records,
    pub(crate) status: Status,
    pub(crate) job: protocol::Job,
    pub(crate) verified_before: Vec<VerifiedBefore>,
    pub(crate) our_locks: BTreeSet<DriveIdentity>,
    pub(crate) proven: ProvenBefore,
    pub(crate) memory: Arc<Mutex<Memory>>,
    /// A person's word that ends this attempt.
    pub(crate) stop: Stop,
}

/// What this process must not forget between two attempts.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    used: UsedTickets,
    /// Drives whose earlier verification a fresh look did not confirm: they are sanitized again.
    pub(crate) unconfirmed: BTreeSet<DriveIdentity>,
    /// The evidence of earlier boots that was fetched.
    pub(crate) earlier: Earlier,
    /// The image that was last planned: a plan may be asked for every few seconds.
    pub(crate) manifest: Option<Arc<Manifest>>,
}

/// How an attempt ended without failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No consent yet: nothing was touched.
    NotNow,
    /// All done; restart.
    Done,
    /// Everything is verified, and the policy wants another look with fresh power: switch off.
    PowerOff,
    /// A person stopped it. Another attempt needs another consent.
    Stopped,
}

/// Consent with everything that came along.
struct Agreed {
    plan: Plan,
    consent: Consent,
    deadline: Deadline,
    prepared: Option<Prepared>,
    first_boot: FirstBoot,
    with_program: bool,
}

/// A plan that consent is asked for.
struct Asked {
    plan: Plan,
    prepared: Option<Prepared>,
    nonce: Nonce,
    /// By [`clock::uptime_ms`].
    at_ms: u64,
    /// Whether this firmware starts a program that nobody signed.
    with_program: bool,
}

impl Job {
    /// Plan, consent, sanitize, verify, install, report.
    pub(crate) async fn perform(&self) -> anyhow::Result<Outcome> {
        if !self.job.kind.writes() {
            return observe::observe(self).await;
        }
        if self.context.simulated && self.job.kind.image().is_some() {
            let problem = "a simulated machine takes no image; arm --kind wipe-only".to_owned();
            self.status.problem(problem);
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
            return Ok(Outcome::NotNow);
        }
        if self.must_lose_power() {
            return self.power_off().await;
        }
        let Some(agreed) = self.agree().await? else {
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
            return Ok(Outcome::NotNow);
        };
        let Agreed { plan, consent, deadline, prepared, first_boot, with_program } = agreed;
        let written = prepared.as_ref().map_or(&[][..], |prepared| &prepared.written);
        let clean = match drives::sanitize_all(self, consent, deadline, written).await? {
            Sanitizing::Clean(clean) => clean,
            Sanitizing::AskAgain => return Ok(Outcome::NotNow),
        };
        self.no_other_drive_holds_data(&plan).await?;
        self.stop.check()?;
        if wants_fresh_power(&plan, &clean) {
            return self.power_off().await;
        }
        let Some(clean) = witness::wait_for_release(self, clean).await? else {
            return Ok(Outcome::NotNow);
        };
        if let Some(Prepared { manifest, .. }) = prepared {
            let target = clean.into_iter().find(|drive| drive.receives_image);
            let target = target.context("the plan names no drive for its image")?;
            self.stop.check()?;
            self.install(manifest, target, first_boot).await?;
        } else {
            notice::leave(self, &plan, clean, with_program).await?;
        }
        self.status.enter(Stage::Report, Sentence::Reporting);
        self.records.append_and_settle(Step::Finished {}).await?;
        // What is missed here is seen on the dashboard.
        let told = self.client.heartbeat(&self.status.heartbeat()).await;
        let next = matches!(told, Ok(Directive::LocalDisk { next: true, .. }));
        let sentence = if next { Sentence::FinishedNext } else { Sentence::Finished };
        self.status.enter(Stage::Report, sentence);
        Ok(Outcome::Done)
    }

    /// Whether a drive waits for its look with fresh power, and there has been none: the boot before was not ended by
    /// switching off (a reset, a crash of the kernel), or it goes on and only the agent is another one.
    fn must_lose_power(&self) -> bool {
        let has_been_off =
            |before: &VerifiedBefore| before.was_off && self.context.former_death.is_none();
        let waits = |before: &VerifiedBefore| !before.seen_again && !has_been_off(before);
        self.job.kind.sanitizes()
            && self.job.policy.proof.power_cycle
            && self.verified_before.iter().any(waits)
    }

    async fn power_off(&self) -> anyhow::Result<Outcome> {
        self.status.enter(Stage::Verify, Sentence::FreshPower);
        self.records.append_and_settle(Step::PoweringOff {}).await?;
        Ok(Outcome::PowerOff)
    }

    async fn install(
        &self,
        manifest: Arc<Manifest>,
        target: Clean,
        first_boot: FirstBoot,
    ) -> anyhow::Result<()> {
        let Some((_, _, locale)) = self.job.kind.image() else {
            bail!("the plan has an image, but the work is {}", self.job.kind.word())
        };
        let locale = locale.to_owned();
        install::install(self, manifest, target, first_boot, locale).await
    }

    /// As [`Self::agree`], for who will not act on it.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) async fn agree_only(&self) -> anyhow::Result<Option<Plan>> {
        Ok(self.agree().await?.map(|agreed| agreed.plan))
    }

    /// Computes the plan, asks for consent and checks what comes back. `None`: not now, with the reason shown.
    async fn agree(&self) -> anyhow::Result<Option<Agreed>> {
        self.status.enter(Stage::Plan, Sentence::TakingStock);
        let inventory = match take_stock(&self.context).await {
            Ok(inventory) => inventory,
            Err(why) => return Ok(self.not_now(&why)),
        };
        let machine = self.client.enrolled().await.machine;
        let proven = self.proven.iter();
        let proven = proven.map(|(drive, it)| (drive.clone(), Ok(it.planned.clone()))).collect();
        let plan = plan::plan_with(machine, &inventory, &self.job, &self.our_locks, &proven);
        let prepared = match &plan {
            Ok(plan) => match install::prepare(self, plan).await {
                Err(why) if may_pass(&why) => return Ok(self.not_now(&why)),
                prepared => prepared?,
            },
            Err(_) => None,
        };
        let with_program = inventory.boot.secure_boot != Some(true);
        let nonce = Nonce::from_bytes(random_bytes()?);
        self.status.enter(Stage::Plan, Sentence::WaitingForConsent);
        let request = PlanRequest { nonce, inventory, plan: plan.clone() };
        let at_ms = clock::uptime_ms();
        let reply = match self.ask(&request).await {
            Ok(reply) => reply,
            Err(error) => return Ok(self.not_now(&error)),
        };
        match (plan, reply) {
            (
                Ok(plan),
                PlanReply::Ticket { envelope, first_boot_token, first_boot_url, host_name },
            ) => {
                let first_boot =
                    FirstBoot { token: first_boot_token, url: first_boot_url, host_name };
                let asked = Asked { plan, prepared, nonce, at_ms, with_program };
                self.accept(asked, &envelope, first_boot).await
            }
            (Err(_), PlanReply::Ticket { .. }) => {
                bail!("the coordinator sent a ticket although this machine has no plan")
            }
            (_, PlanReply::Refused { refusals }) => {
                self.status.problem(in_words(&refusals));
                Ok(None)
            }
        }
    }

    /// Tickets are dated by the coordinator's clock, which may have been set since this machine took the time from it.
    async fn ask(&self, request: &PlanRequest) -> anyhow::Result<PlanReply> {
        (self.context.set_clock)(self.client.time().await?)?;
        self.client.plan(request).await
    }

    /// Checks the ticket, looks once more at what is plugged in, and has the acceptance on the coordinator's disk
    /// before anything is opened for writing.
    async fn accept(
        &self,
        asked: Asked,
        envelope: &str,
        first_boot: FirstBoot,
    ) -> anyhow::Result<Option<Agreed>> {
        let Asked { plan, prepared, nonce, at_ms, with_program } = asked;
        let ticket: Ticket = Envelope::from_json(envelope.as_bytes())
            .and_then(|envelope| envelope.open(TICKET_TYPE, self.site.site_key.as_bytes()))
            .context("checking the ticket")?;
        // Nothing is touched up to here: whatever is wrong, a new ticket can be asked for.
        let consent = match self.consent(&ticket, &plan, nonce).await {
            Ok(consent) => consent,
            Err(why) => return Ok(self.not_now(&why)),
        };
        if let Err(changed) = self.no_drive_came_or_went(&plan).await {
            self.records
                .append_and_settle(Step::Refused { refusals: vec![voided(&changed)] })
                .await?;
            self.status.problem(format!("{changed:#}"));
            return Ok(None);
        }
        let step = Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan };
        self.records.append_and_settle(step).await?;
        let deadline = Deadline::new(at_ms, ticket.issued_at, ticket.expires_at);
        Ok(Some(Agreed { plan, consent, deadline, prepared, first_boot, with_program }))
    }

    /// Shows why nothing is done yet.
    fn not_now(&self, why: &anyhow::Error) -> Option<Agreed> {
        tracing::warn!(target: "plan", "not now: {why:#}");
        self.status.hint(Some(format!("{why:#}")));
        None
    }

    async fn consent(&self, ticket: &Ticket, plan: &Plan, nonce: Nonce) -> anyhow::Result<Consent> {
        let context = ConsentContext {
            machine: self.client.enrolled().await.machine,
            agent: AgentKey::from_bytes(self.client.key().public()),
            nonce,
            now: clock::now(),
        };
        let used = &mut self.memory.lock().unwrap_or_else(PoisonError::into_inner).used;
        let digest = plan::digest(plan);
        Consent::from_ticket(ticket, plan, &digest, &context, used).context("judging the ticket")
    }

    /// Lists the drives again: one more or one less than the plan saw voids it.
    async fn no_drive_came_or_went(&self, plan: &Plan) -> anyhow::Result<()> {
        let now = list_drives(&self.context).await?;
        let left_alone = plan.left_alone.iter().map(|refusal| refusal.what.clone());
        same_drives(planned(plan).chain(left_alone).collect(), now.iter().collect())
    }

    /// After sanitizing only what a plan would name counts: a stick that is pulled meanwhile is nobody's data left behind.
    async fn no_other_drive_holds_data(&self, plan: &Plan) -> anyhow::Result<()> {
        let now = list_drives(&self.context).await?;
        let internal = now.iter().filter(|unit| !plan::is_protected(unit));
        same_drives(planned(plan).collect(), internal.collect())
    }
}

/// Whether a drive was verified in this very boot although the policy demands a look after the power was off.
fn wants_fresh_power(plan: &Plan, clean: &[Clean]) -> bool {
    let demanded = |drive: &DriveIdentity| {
        let planned = plan.drives.iter().find(|planned| planned.identity == *drive);
        planned.is_some_and(|planned| planned.proof.power_cycle)
    };
    clean.iter().any(|drive| !drive.is_confirmed && demanded(&drive.evidence.drive))
}

fn planned(plan: &Plan) -> impl Iterator<Item = String> {
    plan.drives.iter().map(|drive| drive.identity.to_string())
}

fn same_drives(mut expected: Vec<String>, present: Vec<&DriveUnit>) -> anyhow::Result<()> {
    let mut present: Vec<_> = present.into_iter().map(DriveUnit::label).collect();
    expected.sort_unstable();
    present.sort_unstable();
    if expected == present {
        return Ok(());
    }
    let list =
        |drives: Vec<String>| if drives.is_empty() { "none".into() } else { drives.join(", ") };
    Err(anyhow!(
        "the drives have changed since the plan was made: it saw {}; now there are {}; nothing is done until a new \
         plan is consented to",
        list(expected),
        list(present)
    ))
}

fn voided(changed: &anyhow::Error) -> Refusal {
    Refusal {
        what: "the plan".to_owned(),
        code: protocol::plan::RefusalCode::DrivesChanged,
        sentence: format!("{changed:#}"),
    }
}

pub(super) fn in_words(refusals: &[Refusal]) -> String {
    let sentences: Vec<_> =
        refusals.iter().map(|r| format!("{}: {}", r.what, r.sentence)).collect();
    sentences.join("\n")
}

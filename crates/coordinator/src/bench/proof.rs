//! What the journal proves of a drive by work that is finished, for work that only installs.

use std::collections::BTreeMap;

use protocol::event::{BootNotice, DriveEvidence};
use protocol::policy::Proof as Demanded;
use protocol::{AgentKey, DriveIdentity, JobKind, PlannedDrive, Sha256Digest, UnixMillis};

use super::{Admission, Bench, Machine, internal_drives};

/// That a drive was sanitized and verified, and that nothing is known to have been written to it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    /// How it was sanitized, as a plan says it that only installs.
    pub(crate) planned: PlannedDrive,
    /// What was observed.
    pub(crate) evidence: DriveEvidence,
    /// The record that says so.
    pub(crate) record: Sha256Digest,
    /// Whose record it is.
    pub(crate) agent: AgentKey,
    /// The notice that was left on it since.
    pub(crate) notice: Option<BootNotice>,
}

/// Of each drive its proof, or why there is none.
pub(crate) type Proofs = BTreeMap<DriveIdentity, Result<Proof, String>>;

impl Bench {
    /// What is proven of the internal drives of a machine by other work than its own, which only installs; nothing for
    /// work that does not.
    pub(crate) fn proofs_for(&self, machine: &Machine) -> Proofs {
        let installing = |it: &&Admission| matches!(it.job.kind, JobKind::ImageOnly { .. });
        let own = machine.admission.as_ref().filter(installing);
        own.map(|own| self.proofs(machine, Some(own))).unwrap_or_default()
    }

    /// What is proven of the internal drives of a machine by all work but `own`.
    pub(crate) fn proofs(&self, machine: &Machine, own: Option<&Admission>) -> Proofs {
        let Some(inventory) = &machine.inventory else { return Proofs::new() };
        let drives = internal_drives(inventory).into_iter();
        drives.map(|drive| (drive.clone(), self.proof(&drive, own))).collect()
    }

    /// Whether a look later than `since`, in whichever machine, found the drive not blank; says which.
    pub(crate) fn found_otherwise(
        &self,
        drive: &DriveIdentity,
        since: UnixMillis,
    ) -> Option<String> {
        let looks = self.machines().flat_map(|machine| {
            let later = machine.works().filter(move |work| work.at > since);
            later.flat_map(move |work| work.looks.values().map(move |look| (machine, look)))
        });
        let mut otherwise =
            looks.filter(|(_, (look, blank))| is_same(&look.drive, drive) && !blank);
        let (machine, _) = otherwise.next()?;
        Some(format!("a later look at it, in machine {}, found it not blank", machine.number))
    }

    /// The notice that was left on the drive last, in whichever machine.
    pub(super) fn notice_on(&self, drive: &DriveIdentity) -> Option<BootNotice> {
        let works = self.machines().flat_map(Machine::works);
        let noticed = works.filter_map(|work| Some((work.at, work.notices.get(drive)?)));
        noticed.max_by_key(|(at, _)| *at).map(|(_, notice)| notice.clone())
    }

    /// By the latest work that may have written to the drive, in whichever machine it was then.
    fn proof(&self, drive: &DriveIdentity, own: Option<&Admission>) -> Result<Proof, String> {
        let wrote = |work: &&Admission| {
            let is_own = own.is_some_and(|own| std::ptr::eq(own, *work));
            work.job.kind.writes()
                && !is_own
                && (work.has_begun() || work.finished.is_some())
                && work.drives.iter().any(|it| is_same(it, drive))
        };
        let works = self.machines().flat_map(|machine| {
            let works = machine.works().filter(wrote);
            works.map(move |work| (work.at, machine, work))
        });
        let Some((_, machine, work)) = works.max_by_key(|(at, machine, _)| (*at, machine.number))
        else {
            return Err("no finished work of this journal sanitized it".to_owned());
        };
        if let Some(found) = self.found_otherwise(drive, work.at) {
            return Err(found);
        }
        let proof = by_work(drive, work);
        let proof = proof.map_err(|why| format!("{why} (machine {})", machine.number))?;
        Ok(Proof { notice: self.notice_on(drive), ..proof })
    }
}

/// Its size may have changed since; its name does not.
fn is_same(one: &DriveIdentity, other: &DriveIdentity) -> bool {
    one.model == other.model && one.serial == other.serial
}

fn by_work(drive: &DriveIdentity, work: &Admission) -> Result<Proof, &'static str> {
    if work.finished.is_none() {
        return Err("the last work on it was begun and is not finished");
    }
    let planned = work.accepted_plan().and_then(|plan| {
        let mut drives = plan.drives.iter();
        drives.find(|it| it.identity == *drive).map(|it| (plan, it))
    });
    let Some((plan, planned)) = planned else {
        return Err("the last work on its machine did not sanitize it");
    };
    let verified = work.verified.get(drive).filter(|_| work.proven_gone.contains(drive));
    let Some(verified) = verified else { return Err("the last work on it did not verify it") };
    if plan.image.is_some() && planned.receives_image {
        return Err("a system was installed on it since it was sanitized");
    }
    let evidence = &verified.evidence;
    if evidence.zeros != evidence.drive.size {
        return Err(
            "its sanitizing did not end in zeros that were all read, so no second look can confirm it",
        );
    }
    // A look with fresh power belongs to the work that sanitized, and was had there.
    let proof = Demanded { power_cycle: false, ..planned.proof };
    Ok(Proof {
        planned: PlannedDrive {
            unlock: false,
            receives_image: false,
            leaves_notice: false,
            proven_by: Some(verified.record),
            proof,
            ..planned.clone()
        },
        evidence: evidence.clone(),
        record: verified.record,
        agent: verified.agent,
        notice: None,
    })
}

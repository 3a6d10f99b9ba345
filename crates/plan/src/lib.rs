//! What would be done to a machine, decided without doing anything.
//!
//! Both sides call [`plan`] on the same inventory and job; the coordinator signs a ticket only over an equal
//! [`digest`]. Pure: the same input gives the same plan on any machine at any time.

#![forbid(unsafe_code)]

mod choice;
mod drives;
mod lock;
mod media;
mod offer;
pub mod policy;
mod target;
mod unreachable;

use std::collections::{BTreeMap, BTreeSet};

use protocol::drive::{DriveIdentity, DriveUnit};
use protocol::inventory::{Inventory, StorageController};
use protocol::job::{Job, JobKind};
use protocol::plan::{Plan, PlannedDrive, Refusal, RefusalCode};
use protocol::{MachineId, Sha256Digest};

pub use protocol::claim::{Worth, claim, worth};

pub use crate::drives::is_protected;
use crate::drives::{Fate, fate, fate_of_proven, readable};
pub use crate::media::media;
use crate::policy::PolicyProblem;

/// What would be done to `machine` for `job`, or every reason why nothing is.
///
/// A plan covers every data-bearing drive of the machine. A drive that a rule protects (the boot medium,
/// removable, network) is left alone and named; a drive that cannot be worked on stops the whole plan, because a
/// machine with one such drive could never be called clean.
///
/// `our_locks`: the drives that the coordinator's journal says a password of ours was given out for. Where one of
/// them is locked, an erase of ours was cut short.
pub fn plan(
    machine: MachineId,
    inventory: &Inventory,
    job: &Job,
    our_locks: &BTreeSet<DriveIdentity>,
) -> Result<Plan, Vec<Refusal>> {
    plan_with(machine, inventory, job, our_locks, &Proven::new())
}

/// What earlier work proves of drives: how each was sanitized, with `proven_by` set; or why nothing proves it.
pub type Proven = BTreeMap<DriveIdentity, Result<PlannedDrive, String>>;

/// As [`plan`], for work that only installs: it goes to drives that `proven` has, and to no others.
pub fn plan_with(
    machine: MachineId,
    inventory: &Inventory,
    job: &Job,
    our_locks: &BTreeSet<DriveIdentity>,
    proven: &Proven,
) -> Result<Plan, Vec<Refusal>> {
    if let Err(problems) = policy::check(&job.policy) {
        return Err(vec![bad_policy(&job.policy.name, &problems)]);
    }
    if !job.kind.writes() {
        return Err(vec![writes_nothing(&job.kind)]);
    }
    let mut refusals = machine_refusals(inventory);
    let (mut planned, mut left_alone) = (Vec::new(), Vec::new());
    for drive in &inventory.drives {
        let fate = match &job.kind {
            JobKind::ImageOnly { .. } => fate_of_proven(drive, proven),
            _ => fate(drive, &job.policy, our_locks),
        };
        match fate {
            Fate::Planned(plan) => planned.push(plan),
            Fate::LeftAlone(refusal) => left_alone.push(refusal),
            Fate::Refused(refusal) => refusals.push(refusal),
        }
    }
    let names = planned.iter().map(|drive: &PlannedDrive| &drive.identity).collect();
    refusals.extend(same_identities(&inventory.drives, names));
    if planned.is_empty() && refusals.is_empty() {
        refusals.push(no_drive());
    }
    planned.sort_by(|a: &PlannedDrive, b| a.identity.cmp(&b.identity));
    if job.kind == (JobKind::Wipe {}) {
        for drive in &mut planned {
            drive.leaves_notice = holds_notice(drive);
        }
    }
    let image = job.kind.image().map(|(image, image_min_size, _)| {
        match target::choose(&planned, image_min_size) {
            Ok(chosen) => planned[chosen].receives_image = true,
            Err(refusal) if refusals.is_empty() => refusals.push(refusal),
            // With drives already refused, "no drive fits" would only repeat that.
            Err(_) => {}
        }
        image
    });
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let policy = job.policy.name.clone();
    Ok(Plan { machine, batch: job.batch, policy, drives: planned, image, left_alone })
}

/// The drives that work reads which only verifies: every internal one, or every reason why that would not be all of them.
pub fn drives_to_read(inventory: &Inventory) -> Result<Vec<DriveIdentity>, Vec<Refusal>> {
    let mut refusals: Vec<_> = inventory.controllers.iter().filter_map(unexplained).collect();
    let mut drives = Vec::new();
    for drive in inventory.drives.iter().filter(|drive| !is_protected(drive)) {
        match readable(drive) {
            Ok(identity) => drives.push(identity.clone()),
            Err(refusal) => refusals.push(refusal),
        }
    }
    refusals.extend(same_identities(&inventory.drives, drives.iter().collect()));
    if drives.is_empty() && refusals.is_empty() {
        refusals.push(no_drive());
    }
    drives.sort();
    if refusals.is_empty() { Ok(drives) } else { Err(refusals) }
}

/// The name of a plan: SHA-256 of its JSON. Equal plans, and only those, have equal digests.
pub fn digest(plan: &Plan) -> Sha256Digest {
    // A plan is made of strings, numbers and lists; writing it as JSON cannot fail. Were it ever to, an empty text
    // would give a digest that no ticket covers.
    evidence::sha256(&serde_json::to_vec(plan).unwrap_or_default())
}

/// Checked when it was loaded; checked again here because what follows relies on it, on both sides.
fn bad_policy(name: &str, problems: &[PolicyProblem]) -> Refusal {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    Refusal {
        what: format!("policy {name}"),
        code: RefusalCode::PolicyUnreachable,
        sentence: format!("it contradicts itself: {}; correct its file", problems.join("; ")),
    }
}

/// Whether firmware would start a notice from it: one block device, of the sectors that boot sectors are written for.
fn holds_notice(drive: &PlannedDrive) -> bool {
    drive.sector_size.bytes() == 512
        && drive.more_namespaces == 0
        && drive.identity.size.0 >= 2 * protocol::event::NOTICE_LEN
}

/// There is no plan without anything to consent to: no ticket can come of such a job, whoever asks for one.
fn writes_nothing(kind: &JobKind) -> Refusal {
    Refusal {
        what: format!("{} work", kind.word()),
        code: RefusalCode::WritesNothing,
        sentence: "it writes nothing to any drive, so there is no plan and no ticket; arm wipe-only or refurbish to \
                   sanitize"
            .to_owned(),
    }
}

fn machine_refusals(inventory: &Inventory) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if inventory.power.mains_online == Some(false) {
        refusals.push(Refusal {
            what: "the machine".to_owned(),
            code: RefusalCode::OnBattery,
            sentence: "it runs on battery; plug in the mains adapter, it goes on by itself"
                .to_owned(),
        });
    }
    refusals.extend(inventory.controllers.iter().filter_map(unexplained));
    refusals
}

fn unexplained(controller: &StorageController) -> Option<Refusal> {
    let reason = controller.unexplained.as_ref()?;
    Some(Refusal {
        what: format!("storage controller {} ({})", controller.address, controller.id),
        code: RefusalCode::UnexplainedController,
        sentence: reason.clone(),
    })
}

/// Every unit counts, also one that is left alone: of two that say the same the wrong one might be opened.
fn same_identities(units: &[DriveUnit], names: BTreeSet<&DriveIdentity>) -> Vec<Refusal> {
    let n_units = |identity: &DriveIdentity| {
        units.iter().filter(|unit| unit.identity.as_ref() == Ok(identity)).count()
    };
    let refuse = |identity: &DriveIdentity| Refusal {
        what: identity.to_string(),
        code: RefusalCode::SameIdentity,
        sentence: "two drives say the same of themselves, so neither can be named safely; take \
                   one out and boot again"
            .to_owned(),
    };
    names.into_iter().filter(|identity| n_units(identity) > 1).map(refuse).collect()
}

fn no_drive() -> Refusal {
    Refusal {
        what: "the machine".to_owned(),
        code: RefusalCode::NoDrive,
        sentence: "no internal drive is in sight; look whether one is fitted, and whether the \
                   firmware's SATA mode is AHCI"
            .to_owned(),
    }
}

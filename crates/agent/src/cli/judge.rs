//! One drive before the rules that decide over whole machines.

use std::collections::BTreeSet;
use std::path::Path;

use protocol::job::{Job, JobKind};
use protocol::plan::{PlannedDrive, Refusal, RefusalCode};
use protocol::{BatchId, Bus, DriveIdentity, DriveUnit, Hold, Inventory, MachineId, Plan, Policy};

use super::refused::Refused;
use crate::roots::Roots;

/// By hand there is no coordinator that knows the machine.
const NO_MACHINE: MachineId = MachineId::from_bytes([0; 16]);

/// What is asked for by hand.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) kind: JobKind,
    pub(super) policy: Policy,
    /// Drives whose password is in the hands of who asks.
    pub(super) our_locks: BTreeSet<DriveIdentity>,
}

impl Wish {
    pub(super) fn new(kind: JobKind, policy: Policy) -> Self {
        Self { kind, policy, our_locks: BTreeSet::new() }
    }
}

/// What the rules say of one drive.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It may be worked on.
    Planned(PlannedDrive),
    /// A rule protects it; the facts that it goes by.
    LeftAlone(String),
    /// It cannot be worked on.
    Refused(Vec<Refusal>),
}

/// The plan for all of the machine.
pub(super) fn whole(inventory: &Inventory, wish: &Wish) -> Result<Plan, Vec<Refusal>> {
    plan::plan(NO_MACHINE, inventory, &job(wish), &wish.our_locks)
}

/// What the rules say of one drive, by planning for a machine that has no other.
///
/// What else stops a whole machine (another drive in use, a controller that may hide drives) does not matter to
/// whoever names one drive; mains does. A drive that says the same of itself stays in: neither could be named.
pub(super) fn one(inventory: &Inventory, unit: &DriveUnit, wish: &Wish) -> Verdict {
    let is_same = |other: &&DriveUnit| {
        other.kernel_name == unit.kernel_name
            || (unit.identity.is_ok() && other.identity == unit.identity)
    };
    let drives = inventory.drives.iter().filter(is_same).cloned().collect();
    let narrowed = Inventory { drives, controllers: Vec::new(), ..inventory.clone() };
    match whole(&narrowed, wish) {
        Ok(plan) => match plan.drives.into_iter().next() {
            Some(planned) => Verdict::Planned(planned),
            None => Verdict::LeftAlone(protecting_facts(unit)),
        },
        Err(refusals) if refusals.iter().any(|refusal| refusal.code == RefusalCode::NoDrive) => {
            Verdict::LeftAlone(protecting_facts(unit))
        }
        Err(refusals) => Verdict::Refused(refusals),
    }
}

/// The drive that may be worked on, or the refusal.
pub(super) fn permitted(
    inventory: &Inventory,
    unit: &DriveUnit,
    wish: &Wish,
) -> Result<PlannedDrive, Refused> {
    match one(inventory, unit, wish) {
        Verdict::Planned(planned) => Ok(planned),
        Verdict::LeftAlone(why) => {
            Err(Refused(format!("{}: a rule protects it: {why}", unit.label())))
        }
        Verdict::Refused(refusals) => Err(Refused::by(&refusals)),
    }
}

/// The drive unit of a device node, which may be a link such as `/dev/disk/by-id/...`.
pub(super) fn find<'a>(
    roots: &Roots,
    inventory: &'a Inventory,
    node: &Path,
) -> anyhow::Result<&'a DriveUnit> {
    let real = node.canonicalize().map_err(|error| {
        Refused(format!("looking for {}: {error}; see `rehome-agent plan`", node.display()))
    })?;
    let mut drives = inventory.drives.iter();
    let found = drives.find(|unit| roots.devices(unit).contains(&real));
    found.ok_or_else(|| {
        let known: Vec<_> = inventory
            .drives
            .iter()
            .map(|unit| roots.device(&unit.kernel_name).display().to_string())
            .collect();
        let sentence = format!(
            "{} is not a whole drive of this machine; its drives are: {}",
            node.display(),
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        );
        Refused(sentence).into()
    })
}

fn job(wish: &Wish) -> Job {
    let batch = BatchId::from_bytes([0; 16]);
    Job { batch, kind: wish.kind.clone(), policy: wish.policy.clone() }
}

/// The decision is the plan's, which does not say why when there is no other drive; these are the facts it has.
fn protecting_facts(unit: &DriveUnit) -> String {
    let facts = [
        (unit.holds.contains(&Hold::BootMedium), "this system was started from it"),
        (unit.bus == Bus::Network, "it lives on a network or in memory"),
        (unit.bus == Bus::Usb, "it is attached by USB"),
        (unit.removable, "it is removable"),
    ];
    let given: Vec<_> = facts.iter().filter(|(holds, _)| *holds).map(|(_, fact)| *fact).collect();
    given.join(", ")
}

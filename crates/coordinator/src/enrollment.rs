//! An agent introduces itself: which machine is it, and may its work go on? Pure.

mod crowd;

use protocol::{
    AgentKey, Enrollment, Inventory, MachineId, MachineIdentity, MachineNumber, UnixMillis,
};

use crate::bench::{Bench, Machine, internal_drives};
use crate::directive::{STALE, over};
use crate::event::{AdmittedHow, Happening};
use crate::identity::{Relation, compare};
use crate::lots::claim::against;

pub(crate) use crowd::Crowd;

/// How a sentence on drives begins that are not those consented to. What follows names drives, and is not for agents.
pub(crate) const DRIVES_DIFFER: &str =
    "the drives are not those that were there when the machine was picked";

/// What a decision may rest on besides the bench.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Whether an armed batch admits machines by itself: only in full DHCP mode on an isolated interface.
    pub(crate) automatic: bool,
    /// Whether there is room to record new work: see [`crate::disk_space`].
    pub(crate) room: bool,
}

/// The agent's key is another machine's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this agent key enrolled as machine {number} before, but the hardware is another one now; \
     restart the machine"
)]
pub(crate) struct OtherHardware {
    number: MachineNumber,
}

/// The machine that the agent is taken to be.
pub(crate) type Known = (MachineId, MachineNumber);

/// Decides on an enrollment whose signature is checked. `fresh` is the id of a machine not seen before.
pub(crate) fn enroll(
    bench: &Bench,
    now: UnixMillis,
    enrollment: &Enrollment,
    fresh: MachineId,
    rules: Rules,
) -> (Vec<Happening>, Result<Known, OtherHardware>) {
    let Enrollment { agent, version, inventory, simulated: _ } = enrollment;
    let enrolled = |machine| Happening::Enrolled {
        machine,
        agent: *agent,
        version: version.clone(),
        inventory: inventory.clone(),
    };
    let earlier = bench.machines().find(|machine| machine.boot(agent).is_some());
    if let Some(machine) = earlier {
        return match again(machine, *agent, inventory) {
            Err(error) => (Vec::new(), Err(error)),
            Ok(true) => (Vec::new(), Ok((machine.id, machine.number))),
            Ok(false) => (vec![enrolled(machine.id)], Ok((machine.id, machine.number))),
        };
    }
    let matched = find(bench, &inventory.identity);
    let mut happenings = Vec::new();
    let (id, number) = match matched.same {
        Some(machine) => (machine.id, machine.number),
        None => {
            let number = bench.next_number();
            let identity = inventory.identity.clone();
            happenings.push(Happening::MachineSeen { machine: fresh, number, identity });
            (fresh, number)
        }
    };
    let fresh_conflicts = matched.conflicts.into_iter().filter(|(with, _)| {
        let known = matched.same.iter().flat_map(|machine| &machine.conflicts);
        !known.into_iter().any(|conflict| conflict.with == *with)
    });
    happenings.extend(fresh_conflicts.map(|(with, what)| Happening::IdentityConflict {
        machine: id,
        with,
        what,
    }));
    let conflict = happenings.iter().any(|it| matches!(it, Happening::IdentityConflict { .. }));
    happenings.push(enrolled(id));
    // By what it says now: what is known of it may be older.
    let protected = bench.protection(&inventory.identity, Some(inventory)).is_some();
    if !conflict && !protected {
        happenings.extend(match matched.same {
            Some(machine) => resume(bench, now, machine, *agent, inventory, rules),
            None => None,
        });
        happenings.extend(automatic(bench, now, matched.same, inventory, (id, *agent), rules));
    }
    (happenings, Ok((id, number)))
}

/// Whether nothing has changed since this agent enrolled.
fn again(machine: &Machine, agent: AgentKey, inventory: &Inventory) -> Result<bool, OtherHardware> {
    let current = machine.agent() == Some(agent);
    let same = compare(&machine.identity, &inventory.identity) == Relation::Same
        || machine.identity == inventory.identity;
    // A key of an earlier boot does not come back.
    if !current || !same {
        return Err(OtherHardware { number: machine.number });
    }
    Ok(machine.inventory.as_ref() == Some(inventory))
}

struct Matched<'a> {
    same: Option<&'a Machine>,
    conflicts: Vec<(MachineId, String)>,
}

/// Looks for the machine among those known. Two that both seem to be it are a conflict like any other.
fn find<'a>(bench: &'a Bench, seen: &MachineIdentity) -> Matched<'a> {
    let (mut same, mut conflicts) = (Vec::new(), Vec::new());
    for machine in bench.machines() {
        match compare(&machine.identity, seen) {
            Relation::Same => same.push(machine),
            Relation::Different => {}
            Relation::Conflict(what) => conflicts.push((machine.id, what)),
        }
    }
    // One that was told apart from the others by all of its parts is itself again.
    let exact: Vec<_> = same.iter().filter(|machine| machine.identity == *seen).copied().collect();
    if let ([machine], _) | (_, [machine]) = (same.as_slice(), exact.as_slice()) {
        return Matched { same: Some(*machine), conflicts };
    }
    let twice = same.iter().map(|machine| (machine.id, "all that can be compared".to_owned()));
    conflicts.extend(twice);
    Matched { same: None, conflicts }
}

/// After a power cut the same machine with the same drives goes on by itself; with other drives it does not.
fn resume(
    bench: &Bench,
    now: UnixMillis,
    machine: &Machine,
    agent: AgentKey,
    inventory: &Inventory,
    rules: Rules,
) -> Option<Happening> {
    let admission = machine.admission.as_ref().filter(|_| machine.is_unfinished())?;
    if !machine.attention_reasons().is_empty() {
        return None;
    }
    if bench.is_stale(admission, now) {
        let sentence = STALE.to_owned();
        return Some(Happening::AttentionNeeded { machine: machine.id, sentence });
    }
    if over(bench, now, admission, rules).is_some() {
        return None;
    }
    let drives = internal_drives(inventory);
    if drives == admission.drives {
        let (machine, batch) = (machine.id, admission.job.batch);
        return Some(Happening::Admitted { machine, batch, agent, how: AdmittedHow::Resumed });
    }
    let sentence = drives_differ(&admission.drives, &drives);
    Some(Happening::AttentionNeeded { machine: machine.id, sentence })
}

/// The sentence for drives that are not those consented to; for people, not for agents.
pub(crate) fn drives_differ(
    consented: &std::collections::BTreeSet<protocol::DriveIdentity>,
    seen: &std::collections::BTreeSet<protocol::DriveIdentity>,
) -> String {
    let list = |drives: Vec<&protocol::DriveIdentity>| {
        let drives: Vec<_> = drives.into_iter().map(ToString::to_string).collect();
        if drives.is_empty() { "none".to_owned() } else { drives.join(", ") }
    };
    format!(
        "{DRIVES_DIFFER}: new {}, missing {}; \
         look at them and pick the machine again",
        list(seen.difference(consented).collect()),
        list(consented.difference(seen).collect())
    )
}

fn automatic(
    bench: &Bench,
    now: UnixMillis,
    known: Option<&Machine>,
    inventory: &Inventory,
    (machine, agent): (MachineId, AgentKey),
    rules: Rules,
) -> Option<Happening> {
    let untouched = known.is_none_or(|known| {
        let unadmitted = known.admission.is_none() || bench.is_awaited(known, now);
        unadmitted && known.attention_reasons().is_empty()
    });
    let stopped = bench.panic().is_some();
    if !rules.automatic || stopped || !untouched || crate::identity::is_blank(&inventory.identity) {
        return None;
    }
    // With several batches armed a person has to say which.
    let [batch] = bench.armed(now)[..] else { return None };
    let seen_before = known.map(|known| &known.id);
    if against(bench, batch.lot, seen_before, &inventory.identity).is_some() {
        return None;
    }
    Some(Happening::Admitted { machine, batch: batch.id, agent, how: AdmittedHow::Automatic })
}

/// Admits a machine that waits since before the batch was armed, where the rule allows it.
pub(crate) fn admit_waiting(
    bench: &Bench,
    now: UnixMillis,
    machine: MachineId,
    agent: AgentKey,
    rules: Rules,
) -> Option<Happening> {
    let known = bench.machine(&machine).filter(|known| known.agent() == Some(agent))?;
    let inventory = known.inventory.as_ref()?;
    automatic(bench, now, Some(known), inventory, (machine, agent), rules)
}

#[cfg(test)]
mod tests;

//! What a machine gets that netboots: the appliance, or its own disk. Pure.

use protocol::{MacAddr, UnixMillis};

use crate::bench::{Bench, Machine};

/// The choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BootChoice {
    /// Start the appliance. In doubt always: it touches nothing without a ticket, and finds out.
    Appliance,
    /// Go on to the machine's own disk.
    LocalDisk {
        /// Why, for the screen.
        reason: String,
    },
}

/// What the boot loader can tell of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller<'a> {
    /// The interface that boots.
    pub(crate) mac: Option<MacAddr>,
    /// SMBIOS UUID.
    pub(crate) uuid: Option<&'a str>,
}

/// Decides what `caller` boots.
pub(crate) fn choose(
    bench: &Bench,
    now: UnixMillis,
    discovery: bool,
    caller: Caller<'_>,
) -> BootChoice {
    let armed = !bench.armed(now).is_empty();
    let local = |reason: &str| BootChoice::LocalDisk { reason: reason.to_owned() };
    let whole: Vec<_> = bench
        .machines()
        .filter(|machine| has_uuid(machine, caller) && has_mac(machine, caller))
        .collect();
    match whole[..] {
        [machine] if bench.is_awaited(machine, now) => BootChoice::Appliance,
        [machine] if machine.is_finished() && machine.open_conflicts().next().is_none() => {
            local("this machine is done")
        }
        [machine] if armed || bench.has_work(machine, now) => BootChoice::Appliance,
        [_] => local("nothing is armed"),
        [_, _, ..] => BootChoice::Appliance,
        [] => {
            let maybe = bench
                .machines()
                .any(|it| bench.has_work(it, now) && (has_uuid(it, caller) || has_mac(it, caller)));
            if armed || discovery || maybe {
                BootChoice::Appliance
            } else {
                local("this machine is not known here, and nothing is armed")
            }
        }
    }
}

/// Whether network boot is answered at all.
pub(crate) fn is_answered(
    bench: &Bench,
    now: UnixMillis,
    discovery: bool,
    caller: Caller<'_>,
) -> bool {
    let has_work =
        |it: &Machine| bench.has_work(it, now) && (has_uuid(it, caller) || has_mac(it, caller));
    discovery || !bench.armed(now).is_empty() || bench.machines().any(has_work)
}

fn has_uuid(machine: &Machine, caller: Caller<'_>) -> bool {
    match (&machine.identity.uuid, caller.uuid) {
        (Some(known), Some(shown)) => known.eq_ignore_ascii_case(shown),
        _ => false,
    }
}

fn has_mac(machine: &Machine, caller: Caller<'_>) -> bool {
    let Some(mac) = caller.mac.filter(|mac| mac.is_usable()) else { return false };
    let inventory = machine.inventory.iter();
    let mut others =
        inventory.flat_map(|it| it.nics.iter().map(|nic| nic.mac).chain(it.boot.boot_mac));
    machine.identity.macs.contains(&mac) || others.any(|other| other == mac)
}

#[cfg(test)]
mod tests;

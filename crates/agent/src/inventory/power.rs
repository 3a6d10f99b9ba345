//! Mains and batteries, by `/sys/class/power_supply`.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use protocol::inventory::Power;

use crate::roots::Roots;

/// What one entry of the class says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Supply {
    /// A mains adapter, and whether it is on.
    Mains(bool),
    /// A USB port that may feed the machine, and whether it does.
    Usb(bool),
    /// A battery of the machine, and whether it is being drained.
    Battery { discharging: bool },
}

/// Whether mains is on, and how many batteries are fitted. A kernel without the class has neither.
pub(super) fn power(roots: &Roots) -> anyhow::Result<Power> {
    let class = roots.sys.join("class/power_supply");
    let entries = match fs::read_dir(&class) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(judged(&[])),
        other => other.with_context(|| format!("listing {}", class.display()))?,
    };
    let supplies: Vec<Supply> =
        entries.flatten().filter_map(|entry| supply(&entry.path())).collect();
    Ok(judged(&supplies))
}

fn supply(entry: &Path) -> Option<Supply> {
    let read = |name: &str| fs::read_to_string(entry.join(name)).map(|text| text.trim().to_owned());
    // Batteries of mice and keyboards.
    if read("scope").is_ok_and(|scope| scope == "Device") {
        return None;
    }
    let online = read("online").is_ok_and(|online| online != "0");
    match read("type").ok()?.as_str() {
        "Mains" => Some(Supply::Mains(online)),
        "USB" => Some(Supply::Usb(online)),
        "Battery" if !read("present").is_ok_and(|present| present == "0") => {
            let discharging = read("status").is_ok_and(|status| status == "Discharging");
            Some(Supply::Battery { discharging })
        }
        _ => None,
    }
}

/// A mains adapter knows; else a USB port that feeds the machine; else a battery that is drained tells that
/// nothing does. Of the rest nothing is known.
fn judged(supplies: &[Supply]) -> Power {
    let has = |wanted: Supply| supplies.contains(&wanted);
    let batteries =
        supplies.iter().filter(|supply| matches!(supply, Supply::Battery { .. })).count();
    let mains_online = if has(Supply::Mains(true)) || has(Supply::Usb(true)) {
        Some(true)
    } else if has(Supply::Mains(false)) || has(Supply::Battery { discharging: true }) {
        Some(false)
    } else {
        None
    };
    Power { mains_online, batteries: u32::try_from(batteries).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mains_is_on_off_or_not_told() {
        let drained = Supply::Battery { discharging: true };
        let resting = Supply::Battery { discharging: false };
        for (supplies, mains_online, batteries) in [
            (&[][..], None, 0),
            (&[Supply::Mains(true), resting, resting], Some(true), 2),
            (&[Supply::Mains(false), drained], Some(false), 1),
            (&[Supply::Mains(false), resting], Some(false), 1),
            (&[Supply::Mains(false), Supply::Usb(true), resting], Some(true), 1),
            (&[Supply::Usb(false), drained], Some(false), 1),
            (&[Supply::Usb(false), resting], None, 1),
            (&[drained], Some(false), 1),
        ] {
            let expected = Power { mains_online, batteries };
            assert_eq!(judged(supplies), expected, "{supplies:?}");
        }
    }
}

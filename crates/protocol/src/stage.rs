//! The stages of a machine's way, in order. One enum names modules, logs, events, dashboard and certificate.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stage of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Firmware, shim, GRUB: the appliance is on its way.
    Netboot,
    /// PID 1: mounts, modules, link, address, coordinator.
    Init,
    /// Taking stock.
    Inventory,
    /// Deciding what would be done, and waiting for consent.
    Plan,
    /// Destroying what is on the drives.
    Sanitize,
    /// Looking whether it is gone.
    Verify,
    /// Writing the OS image.
    Image,
    /// Making the installed system this machine's own.
    Personalize,
    /// Handing in what was observed.
    Report,
    /// The installed system.
    Boot,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Netboot,
        Self::Init,
        Self::Inventory,
        Self::Plan,
        Self::Sanitize,
        Self::Verify,
        Self::Image,
        Self::Personalize,
        Self::Report,
        Self::Boot,
    ];

    /// The name on the wire and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Netboot => "netboot",
            Self::Init => "init",
            Self::Inventory => "inventory",
            Self::Plan => "plan",
            Self::Sanitize => "sanitize",
            Self::Verify => "verify",
            Self::Image => "image",
            Self::Personalize => "personalize",
            Self::Report => "report",
            Self::Boot => "boot",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_on_the_wire_and_in_order() {
        for (stage, next) in Stage::ALL.iter().zip(&Stage::ALL[1..]) {
            assert!(stage < next);
        }
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_string(&stage).unwrap(), format!("\"{stage}\""));
        }
    }
}

//! A laptop on mains with one drive in it: the one of the plan's own tests.

#[path = "../../crates/plan/tests/laptop/mod.rs"]
#[expect(dead_code, reason = "those tests have more drives to put into it")]
mod example;

use protocol::drive::{Bus, DriveUnit};
use protocol::features::EraseFeatures;
use protocol::inventory::Inventory;

/// Model of the drive in the seeds.
pub const MODEL: &str = "EXAMPLE SSD";
/// The drive's serial number.
pub const SERIAL: &str = "S0123456789";

/// An internal drive that nothing speaks against, with those features.
pub fn drive(bus: Bus, features: EraseFeatures, rotational: bool) -> DriveUnit {
    DriveUnit { bus, features, rotational, ..example::drive(SERIAL, 128) }
}

/// The machine round it.
pub(crate) fn laptop(drive: DriveUnit) -> Inventory {
    example::laptop(vec![drive])
}

//! What stands in the way, in English: for command line and log. The dashboard has its own catalogue.

use std::fmt;

use super::reckoning::{End, Observed, Obstacle};
use crate::calendar::utc;

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegisterContradicts { row, .. } => {
                write!(f, "row {row} of the register describes something else; assign its row")
            }
            Self::RegisterAmbiguous => {
                f.write_str("several rows or machines have its serial number; assign its row")
            }
            Self::DataThere { drive } => {
                write!(f, "{drive} is not proven erased; erase it, or pull it")
            }
            Self::DriveGone { drive } => {
                write!(f, "{drive} was in it and is not any more; say in which bag it is")
            }
            Self::NoDriveSeen => {
                f.write_str("no drive was seen in it; look inside, and pull what is there")
            }
            Self::Hidden { controller } => {
                write!(
                    f,
                    "controller {controller} hides what is behind it; set SATA mode to AHCI, or look inside"
                )
            }
            Self::Unfinished => f.write_str(
                "its drives are erased, but its work is not done, so it has no certificate",
            ),
            Self::NoFate { drive, bag } => {
                write!(f, "what became of {drive} in bag {bag}? destroyed, sanitized, or returned")
            }
            Self::SeenSince { drive, bag } => write!(
                f,
                "{drive} is to be in bag {bag}, but the machine has seen it since; say that it was put back, or pull it again"
            ),
            Self::BootedSince => f.write_str(
                "it was returned, but has booted here since; say that it was not returned",
            ),
            Self::NotSanitized { drive, bag } => write!(
                f,
                "no finished work proves that {drive} of bag {bag} was sanitized; say what became of it"
            ),
            Self::Attention { sentence } => write!(
                f,
                "its drives are erased, but a person must look at it, so it has no certificate: {sentence}"
            ),
            Self::DrivesInside => f.write_str("pull its drive, or look inside, or return it"),
        }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inventoried { at } => write!(f, "inventoried {}", utc(*at)),
            Self::FoundBlank { at } => write!(f, "found blank {}", utc(*at)),
            Self::FoundData { at } => write!(f, "found not blank {}", utc(*at)),
        }
    }
}

impl End {
    /// The word in tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Pulled => "drives pulled",
            Self::Returned => "returned",
        }
    }
}

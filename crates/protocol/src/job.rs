//! What a person asked for.

use serde::{Deserialize, Serialize};

use crate::ids::{BatchId, ImageId};
use crate::policy::Policy;

/// The work that an armed batch holds for each of its machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The batch that the machine was admitted to.
    pub batch: BatchId,
    /// What is to be done.
    pub kind: JobKind,
    /// What is demanded of sanitizing. Another policy is another job.
    pub policy: Policy,
}

/// What is to be done to a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum JobKind {
    /// Sanitize every drive and leave the machine empty.
    Wipe {},
    /// Sanitize every drive and install an image on one.
    Refurbish {
        /// The image.
        image: ImageId,
        /// Bytes that the image needs at least: its partitions and tables.
        image_min_size: crate::units::ByteLen,
        /// Locale of the installed system, as in `pl_PL.UTF-8`.
        locale: String,
    },
    /// Install an image on a drive that earlier work of the same journal has proven sanitized. Nothing is sanitized: a drive
    /// that is not proven, or that a fresh look finds otherwise, is refused.
    ImageOnly {
        /// The image.
        image: ImageId,
        /// Bytes that the image needs at least: its partitions and tables.
        image_min_size: crate::units::ByteLen,
        /// Locale of the installed system, as in `pl_PL.UTF-8`.
        locale: String,
    },
    /// Read every internal drive, as much of it as the policy demands, and say whether it is blank. Nothing is opened for
    /// writing, and nothing may be claimed by it: it does not say how a drive came to be so.
    VerifyOnly {},
    /// Take stock, and record it as the agent's signed word. Nothing is opened for writing.
    InventoryOnly {},
}

impl JobKind {
    /// The word for people: on the command line, in the API and in tables. On the wire [`JobKind::Wipe`] keeps its first,
    /// shorter name, since journals that hold it are never written anew.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Wipe {} => "wipe-only",
            Self::Refurbish { .. } => "refurbish",
            Self::ImageOnly { .. } => "image-only",
            Self::VerifyOnly {} => "verify-only",
            Self::InventoryOnly {} => "inventory-only",
        }
    }

    /// Whether drives are sanitized: only such work can end in a certificate.
    pub const fn sanitizes(&self) -> bool {
        match self {
            Self::Wipe {} | Self::Refurbish { .. } => true,
            Self::ImageOnly { .. } | Self::VerifyOnly {} | Self::InventoryOnly {} => false,
        }
    }

    /// The image that it installs, bytes that the image needs, and the locale.
    pub fn image(&self) -> Option<(ImageId, crate::units::ByteLen, &str)> {
        match self {
            Self::Refurbish { image, image_min_size, locale }
            | Self::ImageOnly { image, image_min_size, locale } => {
                Some((*image, *image_min_size, locale))
            }
            Self::Wipe {} | Self::VerifyOnly {} | Self::InventoryOnly {} => None,
        }
    }

    /// Whether anything is written to a drive. Without that there is no plan and no ticket, and nothing to consent to
    /// but that the machine is looked at.
    pub const fn writes(&self) -> bool {
        match self {
            Self::Wipe {} | Self::Refurbish { .. } | Self::ImageOnly { .. } => true,
            Self::VerifyOnly {} | Self::InventoryOnly {} => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_keep_their_names_on_the_wire_and_have_one_word_for_people() {
        let refurbish = r#"{"kind":"refurbish","image":"00","image_min_size":1,"locale":"C"}"#;
        let refurbish = refurbish.replace("00", &"00".repeat(32));
        let image_only = refurbish.replace("refurbish", "image-only");
        for (wire, word, sanitizes, writes) in [
            (r#"{"kind":"wipe"}"#, "wipe-only", true, true),
            (refurbish.as_str(), "refurbish", true, true),
            (image_only.as_str(), "image-only", false, true),
            (r#"{"kind":"verify-only"}"#, "verify-only", false, false),
            (r#"{"kind":"inventory-only"}"#, "inventory-only", false, false),
        ] {
            let kind: JobKind = serde_json::from_str(wire).unwrap();
            assert_eq!(serde_json::to_string(&kind).unwrap(), wire, "as it stands in journals");
            assert_eq!((kind.word(), kind.sanitizes(), kind.writes()), (word, sanitizes, writes));
        }
    }
}

//! Where a machine stands, by the journal.

use serde::Serialize;

/// A state, with a sentence for people in [`MachineState::sentence`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
pub(crate) enum MachineState {
    /// Its agent took stock; nothing is armed.
    Seen,
    /// Something is armed; a person has to pick it.
    Waiting,
    /// Admitted; it computes its plan.
    Admitted,
    /// It has a ticket; nothing is destroyed yet.
    Planned,
    /// Data is being destroyed, or looked for.
    Sanitizing,
    /// Its drives are looked at; nothing is destroyed.
    Looking,
    /// Every planned drive was read and found empty.
    Verified,
    /// Every planned drive is verified, and a person wants to look at them before the machine goes on.
    Held,
    /// Every planned drive is verified; a person has to say whether its model works before it gets its image.
    AwaitsVerdict,
    /// The image is on the drive, which does not boot yet.
    Imaged,
    /// The machine's own settings are written.
    Personalized,
    /// The drive boots.
    Bootable,
    /// All that was planned is done.
    Finished,
    /// Its stock is recorded, which was all there was to do; nothing was written.
    Inventoried,
    /// Its drives were read and are blank, whoever made them so; nothing was written.
    FoundBlank,
    /// Its drives were read, and not all of them are blank; nothing was written.
    FoundData,
    /// The installed system reported its first boot.
    Booted,
    /// A person must look.
    Attention {
        /// Why, and what to do.
        reasons: Vec<String>,
    },
}

impl MachineState {
    /// Every name in tables, in the order of the work.
    pub(crate) const NAMES: [&'static str; 18] = [
        "seen",
        "waiting",
        "admitted",
        "planned",
        "sanitizing",
        "looking",
        "verified",
        "held",
        "awaits-verdict",
        "imaged",
        "personalized",
        "bootable",
        "finished",
        "inventoried",
        "found-blank",
        "found-data",
        "booted",
        "attention",
    ];

    /// The name in tables.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Waiting => "waiting",
            Self::Admitted => "admitted",
            Self::Planned => "planned",
            Self::Sanitizing => "sanitizing",
            Self::Looking => "looking",
            Self::Verified => "verified",
            Self::Held => "held",
            Self::AwaitsVerdict => "awaits-verdict",
            Self::Imaged => "imaged",
            Self::Personalized => "personalized",
            Self::Bootable => "bootable",
            Self::Finished => "finished",
            Self::Inventoried => "inventoried",
            Self::FoundBlank => "found-blank",
            Self::FoundData => "found-data",
            Self::Booted => "booted",
            Self::Attention { .. } => "attention",
        }
    }

    /// One sentence for people.
    pub(crate) fn sentence(&self) -> String {
        let sentence = match self {
            Self::Seen => "taken stock of; nothing is armed, nothing will be touched",
            Self::Waiting => "waiting for a person to pick it",
            Self::Admitted => "admitted; it takes stock once more and asks for consent",
            Self::Planned => "has its ticket; nothing is destroyed yet",
            Self::Sanitizing => "data is being destroyed and looked for",
            Self::Looking => "its drives are looked at; nothing is destroyed",
            Self::Verified => "every planned drive was read and found empty",
            Self::Held => {
                "every drive is verified; it waits for a person to look and to release it"
            }
            Self::AwaitsVerdict => {
                "every drive is verified; it waits until a person says that its model works (`rehome model list`)"
            }
            Self::Imaged => "the image is on the drive, which does not boot yet",
            Self::Personalized => "its own settings are written; the drive does not boot yet",
            Self::Bootable => "the drive boots; the last reports are coming in",
            Self::Finished => "done; it starts from its own disk",
            Self::Inventoried => {
                "inventoried; nothing was written to its drives, nothing is proven of them"
            }
            Self::FoundBlank => {
                "its drives were read and found blank; that does not prove how they came to be so"
            }
            Self::FoundData => {
                "its drives were read, and not all of them are blank; nothing was written"
            }
            Self::Booted => "done; the installed system has started",
            Self::Attention { reasons } => return reasons.join("; "),
        };
        sentence.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monitors see a series of each from the start. The compiler holds `name` complete, and this the list by it.
    #[test]
    fn every_states_name_stands_in_the_list() {
        let (_, from) = include_str!("state.rs").split_once("fn name(&self)").unwrap();
        let (arms, _) = from.split_once("\n    }\n").unwrap();
        let names: Vec<_> = arms.lines().filter_map(|line| line.split('"').nth(1)).collect();
        assert_eq!(names, MachineState::NAMES);
    }
}

//! Policies: the ones we ship, and what is wrong with one that somebody wrote.

use std::collections::BTreeSet;

use protocol::claim::{Worth, claim, worth};
use protocol::plan::{Claim, Media, Technique};
use protocol::policy::{Policy, Rule, Verification};

mod builtin;

pub use builtin::{builtin, default, firmware_and_overwrite, overwrite_only};

/// The fewest and the most canaries: with 1,000 a drive that keeps 1 % is caught with 99.996 %; a million of them take
/// minutes to write on a disk.
pub const CANARIES: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;

/// The longest name in bytes: it stands in tables and becomes a file name.
pub const NAME_MAX_LEN: usize = 40;

/// A reason why a policy is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// The name could not be shown, typed or used as a file name safely.
    #[error(
        "the name {name:?} is not 1 to {NAME_MAX_LEN} lower-case letters, digits, - and + that start with a letter"
    )]
    Name {
        /// As it was given.
        name: String,
    },
    /// No technique at all.
    #[error("{} names no technique", rule(*.media))]
    NoTechnique {
        /// Whose rule.
        media: Media,
    },
    /// The second time would never be reached.
    #[error("{} names {} twice", rule(*.media), .technique.name())]
    Twice {
        /// Whose rule.
        media: Media,
        /// What stands there twice.
        technique: Technique,
    },
    /// No drive of this kind can do it, or no claim is known for it.
    #[error("{} names {}, which does not exist for it", rule(*.media), .technique.name())]
    Impossible {
        /// Whose rule.
        media: Media,
        /// What does not exist there.
        technique: Technique,
    },
    /// It would never be chosen.
    #[error(
        "{} names {}, which reaches {} on any drive, but demands {at_least:?}",
        rule(*.media), .technique.name(), at_most(*.reaches)
    )]
    TooWeak {
        /// Whose rule.
        media: Media,
        /// What is too weak.
        technique: Technique,
        /// The most it reaches, with what follows it; none where nothing may be claimed.
        reaches: Option<Claim>,
        /// What the rule demands.
        at_least: Claim,
    },
    /// Every drive can be overwritten, so what stands after that would never be chosen.
    #[error(
        "{} names {} after an overwrite, which every drive can do, so it would never be used; put it first",
        rule(*.media), .technique.name()
    )]
    AfterOverwrite {
        /// Whose rule.
        media: Media,
        /// What would never be used.
        technique: Technique,
    },
    /// What follows is for overwriting only: one erase command after another proves nothing more.
    #[error(
        "{} ends with {}, but only overwrite-zeros or overwrite-pattern may follow a technique",
        rule(*.media), .then.name()
    )]
    ThenNoOverwrite {
        /// Whose rule.
        media: Media,
        /// What was to follow.
        then: Technique,
    },
    /// The same overwrite twice is done once; whoever wrote this expects two passes.
    #[error(
        "{} has only {} both as technique and as what follows; leave `then` out",
        rule(*.media), .then.name()
    )]
    ThenRepeats {
        /// Whose rule.
        media: Media,
        /// The overwrite.
        then: Technique,
    },
    /// Too few prove nothing, too many take hours.
    #[error("{canaries} canaries are not between {} and {}", CANARIES.start(), CANARIES.end())]
    Canaries {
        /// How many were asked for.
        canaries: u32,
    },
    /// A drive is looked at with fresh power by what it must hold then, and that is known for zeros only.
    #[error(
        "power_cycle needs a content that is known: {} must end with overwrite-zeros", rule(*.media)
    )]
    PowerCycle {
        /// Whose rule leaves the content to the drive.
        media: Media,
    },
    /// What was not read the first time cannot be confirmed the second.
    #[error(
        "power_cycle needs verification = \"full\": the second look confirms what a reading of every sector has found"
    )]
    PowerCycleSampled,
}

/// Everything that is wrong with a policy, or nothing.
pub fn check(policy: &Policy) -> Result<(), Vec<PolicyProblem>> {
    let mut problems = Vec::new();
    if !is_name(&policy.name) {
        problems.push(PolicyProblem::Name { name: policy.name.clone() });
    }
    for (media, rule) in [(Media::Flash, &policy.flash), (Media::Magnetic, &policy.magnetic)] {
        problems.extend(of_rule(media, rule));
        if policy.proof.power_cycle && !ends_in_zeros(rule) {
            problems.push(PolicyProblem::PowerCycle { media });
        }
    }
    if policy.proof.power_cycle && policy.proof.verification == Verification::Sampled {
        problems.push(PolicyProblem::PowerCycleSampled);
    }
    let canaries = policy.proof.canaries;
    if !CANARIES.contains(&canaries) {
        problems.push(PolicyProblem::Canaries { canaries });
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn is_name(name: &str) -> bool {
    let is_allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'+');
    name.len() <= NAME_MAX_LEN
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(is_allowed)
}

fn of_rule(media: Media, rule: &Rule) -> Vec<PolicyProblem> {
    let mut problems = Vec::new();
    if rule.techniques.is_empty() {
        problems.push(PolicyProblem::NoTechnique { media });
    }
    let mut seen = BTreeSet::new();
    let mut overwrites = false;
    for &technique in &rule.techniques {
        if !seen.insert(technique.name()) {
            problems.push(PolicyProblem::Twice { media, technique });
        } else if overwrites {
            problems.push(PolicyProblem::AfterOverwrite { media, technique });
        }
        overwrites |= !technique.is_by_drive();
        problems.extend(strength(media, rule, technique));
    }
    match rule.then {
        Some(then) if then.is_by_drive() => {
            problems.push(PolicyProblem::ThenNoOverwrite { media, then });
        }
        Some(then) if rule.techniques == [then] => {
            problems.push(PolicyProblem::ThenRepeats { media, then });
        }
        _ => {}
    }
    problems
}

/// Whether the technique exists for the medium and can, on the best of drives, reach what the rule demands.
fn strength(media: Media, rule: &Rule, technique: Technique) -> Option<PolicyProblem> {
    if worth(media, technique, true) == Worth::Unknown {
        return Some(PolicyProblem::Impossible { media, technique });
    }
    let then = rule.then.filter(|then| !then.is_by_drive());
    let steps: Vec<_> = [Some(technique), then].into_iter().flatten().collect();
    let reaches = claim(media, &steps, true).map(|(claim, _)| claim);
    let at_least = rule.at_least;
    (reaches < Some(at_least)).then_some(PolicyProblem::TooWeak {
        media,
        technique,
        reaches,
        at_least,
    })
}

fn ends_in_zeros(rule: &Rule) -> bool {
    rule.then == Some(Technique::OverwriteZeros)
        || rule.techniques.iter().all(|technique| *technique == Technique::OverwriteZeros)
}

const fn at_most(reaches: Option<Claim>) -> &'static str {
    match reaches {
        None => "nothing by itself",
        Some(Claim::Clear) => "no more than Clear",
        Some(Claim::Purge) => "no more than Purge",
    }
}

const fn rule(media: Media) -> &'static str {
    match media {
        Media::Flash => "the rule for flash",
        Media::Magnetic => "the rule for magnetic disks",
    }
}

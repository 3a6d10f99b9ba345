//! The sentence for a drive that cannot reach what the policy demands.

use protocol::plan::{Claim, Media, Technique};
use protocol::policy::Policy;

use crate::choice::{Candidate, Doubt};
use crate::offer::Hindrance;

/// What was demanded, what stood in the way of each technique, and what a technician can do about it.
pub(crate) fn sentence(
    policy: &Policy,
    media: Media,
    at_least: Claim,
    candidates: &[Candidate],
) -> String {
    let demanded = match at_least {
        Claim::Clear => "Clear",
        Claim::Purge => "Purge",
    };
    let medium = match media {
        Media::Flash => "flash",
        Media::Magnetic => "magnetic disks",
    };
    let remedies = remedies(media, at_least, candidates);
    format!(
        "policy {} demands {demanded} for {medium}, which this drive cannot reach: {}; {remedies}",
        policy.name,
        obstacles(candidates)
    )
}

/// Techniques that the same thing stands in the way of are named together; those of another command set not at all.
fn obstacles(candidates: &[Candidate]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for candidate in candidates {
        let Some(why) = why(candidate) else { continue };
        let name = in_words(candidate.technique);
        match groups.iter_mut().find(|(other, _)| *other == why) {
            Some((_, names)) => names.push(name),
            None => groups.push((why, vec![name])),
        }
    }
    if groups.is_empty() {
        return "no technique of the policy exists for a drive attached this way".to_owned();
    }
    let sentences: Vec<_> =
        groups.into_iter().map(|(why, names)| format!("{}: {why}", names.join(", "))).collect();
    sentences.join("; ")
}

fn why(candidate: &Candidate) -> Option<&'static str> {
    Some(match candidate.hindrance {
        Some(Hindrance::OtherCommandSet) => return None,
        Some(Hindrance::NotOffered) => "the drive does not offer it",
        Some(Hindrance::SecurityFrozen) => {
            "frozen by the machine's firmware until the drive loses power"
        }
        Some(Hindrance::SanitizeFrozen) => "frozen until the drive loses power",
        Some(Hindrance::CountExpired) => "blocked by too many wrong passwords since power-on",
        Some(Hindrance::SanitizeUnseen) => {
            "the drive does not say how far it is, so its end could not be seen"
        }
        Some(Hindrance::SanitizeFailed) => {
            "refused by the drive, because an earlier sanitize failed and it takes nothing but \
             another one"
        }
        None => match candidate.doubt {
            Some(Doubt::Encryption) => {
                "not enough, because the drive does not say that it has always encrypted everything"
            }
            Some(Doubt::Medium) => {
                "not enough, because the drive does not say whether it is flash or a disk"
            }
            None => "not enough by itself",
        },
    })
}

/// What to try, the simplest first. A disk is never suspended or unplugged while it turns.
fn remedies(media: Media, at_least: Claim, candidates: &[Candidate]) -> String {
    let any = |wanted: &[Hindrance]| {
        candidates
            .iter()
            .any(|candidate| candidate.hindrance.is_some_and(|found| wanted.contains(&found)))
    };
    let mut remedies = Vec::new();
    if any(&[Hindrance::CountExpired]) {
        remedies.push("switch the machine off and on");
    }
    if any(&[Hindrance::SecurityFrozen, Hindrance::SanitizeFrozen]) {
        remedies.push(match media {
            // Power that comes back without a start of the firmware leaves the drive as it is.
            Media::Flash => {
                "unplug the drive while the machine runs, plug it in again, and pick the machine \
                 again (only a 2.5-inch SATA drive, never an M.2 card; after switching off and on \
                 the firmware would freeze it again)"
            }
            Media::Magnetic => "put the drive into a machine whose firmware does not freeze it",
        });
    }
    remedies.push(if any(&[Hindrance::SanitizeFailed]) {
        "choose a policy that allows a sanitize command which the drive offers"
    } else {
        match at_least {
            Claim::Purge => "choose a policy that is content with Clear",
            Claim::Clear => "choose a policy that allows overwriting",
        }
    });
    remedies.push("take the drive out to be destroyed");
    remedies.join(", or ")
}

/// As the standards and the tools of the field call it.
const fn in_words(technique: Technique) -> &'static str {
    match technique {
        Technique::OverwriteZeros => "overwriting with zeros",
        Technique::OverwritePattern => "overwriting with a pattern",
        Technique::AtaSanitizeBlockErase => "SANITIZE block erase",
        Technique::AtaSanitizeCryptoScramble => "SANITIZE crypto scramble",
        Technique::AtaSanitizeOverwrite => "SANITIZE overwrite",
        Technique::AtaSecurityEraseEnhanced => "enhanced SECURITY ERASE",
        Technique::AtaSecurityErase => "SECURITY ERASE",
        Technique::NvmeSanitizeBlockErase => "NVMe Sanitize block erase",
        Technique::NvmeSanitizeCryptoErase => "NVMe Sanitize crypto erase",
        Technique::NvmeSanitizeOverwrite => "NVMe Sanitize overwrite",
        Technique::NvmeFormatUserData => "NVMe Format with user data erase",
        Technique::NvmeFormatCrypto => "NVMe Format with cryptographic erase",
    }
}

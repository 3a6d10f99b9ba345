//! Which techniques a drive is sanitized by.

use protocol::claim::{Worth, worth};
use protocol::drive::DriveUnit;
use protocol::features::EraseFeatures;
use protocol::plan::{Claim, ClaimReason, Media, Technique};
use protocol::policy::{Policy, Rule};

use crate::media::{claim_of, told};
use crate::offer::{Hindrance, hindrance};
use crate::unreachable;

/// How a drive will be sanitized, and what that is worth.
pub(crate) struct Choice {
    pub(crate) techniques: Vec<Technique>,
    pub(crate) claim: Claim,
    pub(crate) reasons: Vec<ClaimReason>,
}

/// A technique of the rule, weighed for one drive.
pub(crate) struct Candidate {
    pub(crate) technique: Technique,
    /// It and the overwrite that follows it.
    steps: Vec<Technique>,
    /// What they reach; none where nothing may be claimed.
    reach: Option<(Claim, Vec<ClaimReason>)>,
    pub(crate) hindrance: Option<Hindrance>,
    /// Why it does not reach more, where the drive has it and could say more of itself.
    pub(crate) doubt: Option<Doubt>,
}

/// What a drive leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Whether it has always encrypted everything.
    Encryption,
    /// Whether it is flash or a disk.
    Medium,
}

/// The first technique of the policy that the drive offers, that its state allows now, and that reaches what the
/// policy demands; or why there is none, as a sentence.
pub(crate) fn choose(drive: &DriveUnit, media: Media, policy: &Policy) -> Result<Choice, String> {
    let rule = match media {
        Media::Flash => &policy.flash,
        Media::Magnetic => &policy.magnetic,
    };
    let candidates: Vec<_> =
        rule.techniques.iter().map(|technique| weigh(drive, media, rule, *technique)).collect();
    let fits =
        |candidate: &&Candidate| candidate.hindrance.is_none() && candidate.reaches(rule.at_least);
    let chosen = candidates.iter().find(fits);
    match chosen.map(|chosen| (chosen, &chosen.reach)) {
        Some((chosen, Some((claim, reasons)))) => Ok(Choice {
            techniques: chosen.steps.clone(),
            claim: *claim,
            reasons: reasons_for(chosen, *claim, reasons, &candidates),
        }),
        _ => Err(unreachable::sentence(policy, media, rule.at_least, &candidates)),
    }
}

impl Candidate {
    fn reaches(&self, at_least: Claim) -> bool {
        self.reach.as_ref().is_some_and(|(claim, _)| *claim >= at_least)
    }

    fn frozen(&self) -> Option<ClaimReason> {
        match self.hindrance? {
            Hindrance::SecurityFrozen => Some(ClaimReason::SecurityFrozen),
            Hindrance::SanitizeFrozen => Some(ClaimReason::SanitizeFrozen),
            _ => None,
        }
    }
}

fn weigh(drive: &DriveUnit, media: Media, rule: &Rule, technique: Technique) -> Candidate {
    // The very overwrite that would follow is not done twice.
    let then = rule.then.filter(|then| *then != technique);
    let steps: Vec<_> = [Some(technique), then].into_iter().flatten().collect();
    let encrypts_all =
        matches!(&drive.features, EraseFeatures::Ata(features) if features.encrypts_all);
    let is_key = matches!(worth(media, technique, encrypts_all), Worth::Nothing(_));
    let is_told = told(drive).is_some();
    Candidate {
        technique,
        reach: claim_of(drive, &steps, encrypts_all),
        hindrance: hindrance(drive, technique),
        doubt: is_key
            .then_some(Doubt::Encryption)
            .or((!is_told && technique.is_by_drive()).then_some(Doubt::Medium)),
        steps,
    }
}

/// The reasons of the claim itself, and what kept the techniques that the policy prefers from being used. Empty for
/// the highest claim, which leaves nothing to explain.
fn reasons_for(
    chosen: &Candidate,
    claim: Claim,
    of_claim: &[ClaimReason],
    candidates: &[Candidate],
) -> Vec<ClaimReason> {
    if claim == Claim::Purge {
        return Vec::new();
    }
    let preferred =
        candidates.iter().take_while(|candidate| candidate.technique != chosen.technique);
    let mut kept: Vec<_> = preferred.filter_map(Candidate::frozen).collect();
    let wants_erase = candidates.iter().any(|candidate| candidate.technique.is_by_drive());
    if wants_erase && !chosen.technique.is_by_drive() && kept.is_empty() {
        kept.push(ClaimReason::NoEraseCommand);
    }
    let mut reasons = [of_claim, &kept].concat();
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

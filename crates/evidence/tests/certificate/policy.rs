//! A certificate holds the policy in full: a name can be given to anything.

use protocol::plan::{Claim, Media, Plan, Technique};
use protocol::policy::{Policy, Rule, Verification};

use crate::case::{Case, case_of, good_steps, issue_case, refused};

/// Zeros over flash, read in full with 10,000 canaries where a drive erases itself: what this policy plans.
fn planned_by(change: impl Fn(&mut Plan, &mut Policy)) -> Case {
    let ours = std::cell::Cell::new(None);
    let change = |plan: &mut Plan| {
        let rule = Rule {
            techniques: vec![Technique::NvmeFormatUserData, Technique::OverwriteZeros],
            then: Some(Technique::OverwriteZeros),
            at_least: Claim::Clear,
        };
        let nothing = Rule { techniques: Vec::new(), then: None, at_least: Claim::Purge };
        let (name, proof) = (plan.policy.clone(), plan.drives[0].proof);
        let mut policy = Policy { name, flash: rule, magnetic: nothing, proof };
        change(plan, &mut policy);
        ours.set(Some(policy));
    };
    let mut case = case_of(change, good_steps);
    case.facts.policy = ours.take().unwrap();
    case
}

#[test]
fn what_the_policy_does_not_plan_is_not_certified_by_its_name() {
    type Change = fn(&mut Plan, &mut Policy);
    let other = "as it stands here, does not plan that";
    let cases: [(Option<&str>, Change); 10] = [
        (None, |_, _| ()),
        (None, |_, policy| policy.flash.then = None),
        (Some("not by theirs"), |_, policy| policy.name = "theirs".into()),
        (Some("made by the policy theirs"), |plan, _| plan.policy = "theirs".into()),
        (Some(other), |_, policy| policy.proof.canaries += 1),
        (Some(other), |_, policy| policy.proof.verification = Verification::Sampled),
        (Some(other), |_, policy| policy.proof.power_cycle = true),
        (Some(other), |_, policy| policy.flash.at_least = Claim::Purge),
        (Some(other), |_, policy| policy.flash.techniques.truncate(1)),
        (Some(other), |plan, _| plan.drives[0].media = Media::Magnetic),
    ];
    for (i, (message, change)) in cases.into_iter().enumerate() {
        let case = planned_by(change);
        match message {
            None => drop(issue_case(case).unwrap()),
            Some(message) => {
                let refusal = refused(case);
                assert!(refusal.contains(message), "{i}: {refusal:?} does not name {message:?}");
            }
        }
    }
}

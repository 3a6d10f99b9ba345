//! A certificate is issued over a small journal, then attacked.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod case;
mod lies;
mod policy;
mod samples;
mod second_look;

use proptest::prelude::*;
use protocol::drive::DriveIdentity;
use protocol::event::Step;
use protocol::{AgentKey, ByteLen, ImageId, Plan, SiteKey};
use rehome_evidence::certificate::{CERTIFICATE_TYPE, Failure, verify, verify_simulated};
use rehome_evidence::{Envelope, SigningKey, SiteKeys};

use crate::case::{Case, ZEROS, case, case_of, evidence, good_steps, issue_case, refused, started};

fn written(drive: &DriveIdentity, image: ImageId) -> Step {
    Step::ImageWritten {
        drive: drive.clone(),
        image,
        fetched: ByteLen(1),
        written: ByteLen(1),
        read_back: ByteLen(1),
        duration_ms: 1,
    }
}

fn bootable(drive: &DriveIdentity) -> Step {
    Step::MadeBootable { drive: drive.clone(), boot_entry: "none".into() }
}

/// What happened before the end of good work.
fn with_work(plan: protocol::Sha256Digest, work: &[Step]) -> Vec<Step> {
    let mut steps = good_steps(plan);
    steps.splice(3..3, work.iter().cloned());
    steps
}

#[test]
fn a_sound_certificate_verifies_and_only_with_its_site_key() {
    let case = case(good_steps);
    let (site, facts) = (case.facts.site, case.facts.clone());
    let file = issue_case(case).unwrap();
    assert_eq!(verify(file.as_bytes(), site).unwrap(), facts);
    let other = SiteKey::from_bytes(SigningKey::from_seed([7; 32]).unwrap().public());
    assert!(matches!(verify(file.as_bytes(), other), Err(Failure::Stranger { .. })));
}

#[test]
fn what_a_rehearsal_made_is_refused_by_name_and_read_only_where_it_says_so() {
    let mut simulated = case(good_steps);
    simulated.facts.simulated = true;
    let (site, facts) = (simulated.facts.site, simulated.facts.clone());
    let file = issue_case(simulated).unwrap();
    let refused = verify(file.as_bytes(), site).unwrap_err();
    assert!(matches!(refused, Failure::Simulated), "{refused}");
    assert!(refused.to_string().starts_with("simulated: made by a rehearsal, proves nothing"));
    assert_eq!(verify_simulated(file.as_bytes(), site).unwrap(), facts);
    // It is checked all the same.
    let stranger = SiteKey::from_bytes(SigningKey::from_seed([7; 32]).unwrap().public());
    let refused = verify_simulated(file.as_bytes(), stranger);
    assert!(matches!(refused, Err(Failure::Stranger { .. })));
    // What proves something says nothing of simulation, and does not pass for it.
    let real = case(good_steps);
    assert!(!serde_json::to_string(&real.facts).unwrap().contains("simulated"));
    let file = issue_case(real).unwrap();
    assert!(matches!(verify_simulated(file.as_bytes(), site), Err(Failure::Statement(_))));
}

#[test]
fn every_forgery_is_caught_by_the_name_of_its_check() {
    for sample in samples::samples() {
        let site: SiteKeys = sample.site.parse().unwrap();
        let verdict = verify(&sample.file, &site);
        let failed = verdict.as_ref().err().map(Failure::name);
        assert_eq!(failed, sample.fails, "{}: {verdict:?}", sample.label);
        // The page leaves out nothing but rules on what the facts say.
        assert!(!sample.beyond_page || sample.fails == Some("statement"), "{}", sample.label);
    }
}

#[test]
fn what_is_not_backed_by_records_is_never_issued() {
    let check = |message: &str, case: Case| {
        let refusal = refused(case);
        assert!(refusal.contains(message), "{refusal:?} does not name {message:?}");
    };
    check("no record says that a ticket", case(|plan| good_steps(plan)[1..].to_vec()));
    let unverified = |plan| {
        let mut steps = good_steps(plan);
        steps.remove(2);
        steps
    };
    check("no such record is embedded", case(unverified));
    let mut dropped = case(good_steps);
    dropped.leaves.remove(1);
    check("chain", dropped);
    let mut swapped = case(good_steps);
    swapped.leaves.swap(1, 2);
    check("chain", swapped);
    let mut other_agent = case(good_steps);
    other_agent.facts.agents.push(AgentKey::from_bytes([3; 32]));
    check("agent", other_agent);
    let mut changed = case(good_steps);
    changed.facts.drives[0].evidence.verification.duration_ms = 1;
    check("it says something else", changed);
    let mut unplanned = case(good_steps);
    unplanned.facts.drives.clear();
    check("its plan has 1 drives, but 0 are certified", unplanned);
    let mut foreign_leaf = case(good_steps);
    foreign_leaf.leaves[0].1.push(' ');
    check("inclusion", foreign_leaf);
}

#[test]
fn a_drive_that_stands_still_for_a_while_changes_nothing() {
    let stalled = Step::Stalled { drive: evidence().drive, sentence: "at 12 % for an hour".into() };
    for at in 1..=4 {
        issue_case(case(|plan| {
            let mut steps = good_steps(plan);
            steps.insert(at, stalled.clone());
            steps
        }))
        .unwrap();
    }
}

#[test]
fn a_drive_that_was_sanitized_again_is_certified_by_its_last_verification_only() {
    let failed = || Step::SanitizeFailed {
        drive: evidence().drive,
        stage: protocol::Stage::Verify,
        bad_ranges: Vec::new(),
        commands: Vec::new(),
        sentence: "old content".into(),
    };
    let drive = evidence().drive;
    let unconfirmed = Step::VerificationNotConfirmed { drive, sentence: "old content".into() };
    let mut other = evidence().drive;
    other.serial.push('X');
    let elsewhere = Step::SanitizeStarted { drive: other, techniques: ZEROS.into() };
    for (later, good) in [
        (vec![started()], false),
        (vec![failed()], false),
        (vec![unconfirmed], false),
        (vec![started(), Step::Verified(evidence())], true),
        (vec![elsewhere], true),
    ] {
        let case = case(|plan| with_work(plan, &later));
        let issued = issue_case(case);
        assert_eq!(issued.is_ok(), good, "{later:?}: {issued:?}");
    }
    // The first verification may not be cited in place of the last.
    let mut first = case(|plan| with_work(plan, &[started(), Step::Verified(evidence())]));
    let leaf: serde_json::Value = serde_json::from_str(&first.leaves[2].1).unwrap();
    let envelope = Envelope::from_json(leaf["envelope"].to_string().as_bytes()).unwrap();
    first.facts.drives[0].record = envelope.digest().unwrap();
    assert!(refused(first).contains("no longer speaks for"));
}

#[test]
fn an_image_is_certified_only_as_planned_written_and_made_bootable() {
    let (image, other) = (ImageId::from_bytes([3; 32]), ImageId::from_bytes([4; 32]));
    let drive = evidence().drive;
    let mut other_drive = drive.clone();
    other_drive.serial.push('X');
    let both = || vec![written(&drive, image), bootable(&drive)];
    for (planned, claimed, steps, good) in [
        (Some(image), Some(image), both(), true),
        (Some(image), None, both(), true),
        (None, Some(image), both(), false),
        (Some(other), Some(image), both(), false),
        (Some(image), Some(image), vec![], false),
        (Some(image), Some(image), vec![written(&drive, image)], false),
        (Some(image), Some(image), vec![bootable(&drive)], false),
        (Some(image), Some(image), vec![bootable(&drive), written(&drive, image)], false),
        (Some(image), Some(image), vec![written(&drive, other), bootable(&drive)], false),
        (Some(image), Some(image), vec![written(&other_drive, image), bootable(&drive)], false),
        (Some(image), Some(image), vec![written(&drive, image), bootable(&other_drive)], false),
    ] {
        let change = |plan: &mut Plan| {
            plan.image = planned;
            plan.drives[0].receives_image = planned.is_some();
        };
        let mut case = case_of(change, |plan| with_work(plan, &steps));
        case.facts.installed = claimed;
        let issued = issue_case(case);
        assert_eq!(issued.is_ok(), good, "{planned:?} {claimed:?} {steps:?}: {issued:?}");
    }
}

#[test]
fn only_the_order_in_which_it_can_have_happened_is_certified() {
    let image = ImageId::from_bytes([3; 32]);
    let drive = evidence().drive;
    let (written, bootable) = (written(&drive, image), bootable(&drive));
    let failed = Step::Failed { stage: protocol::Stage::Image, sentence: "it broke".into() };
    let good = |plan| with_work(plan, &[written.clone(), bootable.clone()]);
    type Disorder<'a> = &'a dyn Fn(&mut Vec<Step>);
    let check = |expected: Option<&str>, disorder: Disorder<'_>| {
        let change = |plan: &mut Plan| {
            plan.image = Some(image);
            plan.drives[0].receives_image = true;
        };
        let mut case = case_of(change, |plan| {
            let mut steps = good(plan);
            disorder(&mut steps);
            steps
        });
        case.facts.installed = Some(image);
        match expected {
            None => drop(issue_case(case).unwrap()),
            Some(message) => {
                let refusal = refused(case);
                assert!(refusal.contains(message), "{refusal:?} does not name {message:?}");
            }
        }
    };
    // 0 ticket, 1 started, 2 verified, 3 written, 4 bootable, 5 finished
    check(None, &|_| ());
    check(Some("accept a ticket"), &|steps| steps.swap(0, 1));
    check(Some("accept a ticket"), &|steps| steps[0..3].rotate_left(1));
    check(Some("accept a ticket"), &|steps| drop(steps.remove(1)));
    check(Some("written and made bootable"), &|steps| steps[1..4].rotate_right(1));
    check(Some("written and made bootable"), &|steps| steps.swap(3, 4));
    check(Some("written and made bootable"), &|steps| {
        // Sanitized and verified again, and nothing was written since.
        let again = steps[1..3].to_vec();
        steps.splice(5..5, again);
    });
    check(Some("written and made bootable"), &|steps| steps.swap(4, 5));
    check(Some("finished before"), &|steps| steps[2..].rotate_right(1));
    check(Some("no record says that its work was finished"), &|steps| drop(steps.pop()));
    check(Some("failed after"), &|steps| steps.push(failed.clone()));
    check(None, &|steps| steps.insert(5, failed.clone()));
}

#[test]
fn a_ticket_cannot_pass_for_a_certificate() {
    let site = SigningKey::from_seed([8; 32]).unwrap();
    let file = format!("{}\n", Envelope::sign("ticket", &1, &site).unwrap().to_json());
    let key = SiteKey::from_bytes(site.public());
    assert!(matches!(verify(file.as_bytes(), key), Err(Failure::Signature(_))));
}

#[test]
fn a_certificate_of_another_version_is_sent_there_and_not_called_false() {
    let site = SigningKey::from_seed([8; 32]).unwrap();
    let key = SiteKey::from_bytes(site.public());
    let sentence = |payload_type: &str| {
        let envelope = Envelope::sign(payload_type, &serde_json::json!({ "facts": 1 }), &site);
        let file = format!("{}\n", envelope.unwrap().to_json());
        verify(file.as_bytes(), key).unwrap_err().to_string()
    };
    for other in ["v1+json", "v2+json", "v4+json"] {
        let said = sentence(&format!("application/vnd.rehome.certificate.{other}"));
        assert!(
            said.starts_with("malformed: made by another version of rehome, verify it"),
            "{said}"
        );
        assert!(said.contains(other) && said.ends_with(CERTIFICATE_TYPE), "{said}");
    }
    let said = sentence(CERTIFICATE_TYPE);
    assert!(said.starts_with("malformed: made by another version of rehome, verify it"), "{said}");
    // A changed byte of ours is none of that.
    let case = case(good_steps);
    let file = issue_case(case).unwrap().replacen("\"payload\":\"e", "\"payload\":\"f", 1);
    assert!(matches!(verify(file.as_bytes(), key), Err(Failure::Signature(_))));
}

proptest! {
    #[test]
    fn no_changed_byte_verifies(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let case = case(good_steps);
        let site = case.facts.site;
        let mut file = issue_case(case).unwrap().into_bytes();
        let at = at.index(file.len());
        prop_assume!(file[at] != to);
        file[at] = to;
        prop_assert!(verify(&file, site).is_err());
    }
}

//! A policy may demand a second look with fresh power: a boot of its own.

use protocol::drive::DriveIdentity;
use protocol::event::Step;
use protocol::{AgentKey, Plan, TicketId, UnixMillis};
use rehome_evidence::chain::ChainWriter;
use rehome_evidence::merkle::Log;
use rehome_evidence::{SigningKey, sha256};

use crate::case::{Case, MACHINE, case_of, evidence, good_steps, issue_case, refused, started};

/// Who says something in a case of two boots.
#[derive(Clone, Copy, PartialEq)]
enum Boot {
    /// Verification ends at 5.
    First,
    /// Began at 6.
    Second,
    /// Speaks later than [`Self::First`] and has a key of its own, but its kernel has run since 5.
    SameKernel,
    /// Says that its kernel has run since before the epoch.
    BeforeTime,
}

impl Boot {
    /// The agent's clock and the kernel's age when it speaks.
    fn time(self) -> (UnixMillis, u64) {
        match self {
            Self::First => (UnixMillis(4), 0),
            Self::Second => (UnixMillis(16), 10),
            Self::SameKernel => (UnixMillis(16), 11),
            Self::BeforeTime => (UnixMillis(16), 17),
        }
    }
}

/// A plan that demands a second look; the steps of two boots, the second of which begins after a power cycle.
/// `Confirmed` of the first verification is put in by `confirm`.
fn second_look(steps: &[(Boot, Said)]) -> Case {
    let site = SigningKey::from_seed([8; 32]).unwrap();
    let seeds = [[9; 32], [10; 32]].map(|seed| SigningKey::from_seed(seed).unwrap());
    let change = |plan: &mut Plan| plan.drives[0].proof.power_cycle = true;
    let mut base = case_of(change, good_steps);
    let plan = sha256(&serde_json::to_vec(&base.facts.plan).unwrap());
    let agents = seeds.each_ref().map(|key| AgentKey::from_bytes(key.public()));
    let mut writers = agents.map(|agent| ChainWriter::start(MACHINE, agent));
    let (mut log, mut leaves, mut verified) = (Log::default(), Vec::new(), None);
    for (boot, said) in steps {
        let which = usize::from(*boot != Boot::First);
        let step = said.step(plan, verified);
        let (at, uptime) = boot.time();
        let envelope = writers[which].append(step.clone(), at, uptime, &seeds[which]).unwrap();
        if matches!(step, Step::Verified(_)) {
            verified = Some(envelope.digest().unwrap());
        }
        let leaf = format!("{{\"kind\":\"agent-record\",\"envelope\":{}}}", envelope.to_json());
        leaves.push((log.len(), leaf.clone()));
        log.push(leaf.as_bytes());
    }
    let spoke = [true, false].map(|is| steps.iter().any(|it| (it.0 == Boot::First) == is));
    base.facts.agents = agents.into_iter().zip(spoke).filter(|it| it.1).map(|it| it.0).collect();
    base.facts.drives[0].record = verified.unwrap();
    Case { site, keys: base.keys, facts: base.facts, log, leaves }
}

/// What is said in such a case.
#[derive(Clone, Copy)]
enum Said {
    Ticket,
    /// For another plan: the drive's state allowed another one in that boot.
    OtherTicket,
    Started,
    Verified,
    Confirmed,
    /// Of another record, another drive, or by no sector at all.
    ConfirmedOther,
    ConfirmedElsewhere,
    ConfirmedBlindly,
    Died,
    Off,
    Finished,
}

impl Said {
    fn step(self, plan: protocol::Sha256Digest, verified: Option<protocol::Sha256Digest>) -> Step {
        let confirmed = |change: fn(&mut DriveIdentity), record, sectors_sampled| {
            let mut drive = evidence().drive;
            change(&mut drive);
            Step::VerificationConfirmed { drive, record, sectors_sampled }
        };
        let record = verified.unwrap_or(sha256(b"none"));
        match self {
            Self::Ticket => Step::TicketAccepted { ticket: TicketId::from_bytes([5; 16]), plan },
            Self::OtherTicket => {
                let plan = sha256(b"another plan");
                Step::TicketAccepted { ticket: TicketId::from_bytes([4; 16]), plan }
            }
            Self::Started => started(),
            Self::Verified => Step::Verified(evidence()),
            Self::Confirmed => confirmed(|_| (), record, 5000),
            Self::ConfirmedOther => confirmed(|_| (), sha256(b"other"), 5000),
            Self::ConfirmedElsewhere => confirmed(|it| it.serial.push('X'), record, 5000),
            Self::ConfirmedBlindly => confirmed(|_| (), record, 0),
            Self::Died => Step::AgentDied { how: "signal 9".into() },
            Self::Off => Step::PoweringOff {},
            Self::Finished => Step::Finished {},
        }
    }
}

#[test]
fn a_second_look_with_fresh_power_is_one_of_a_later_boot() {
    use Boot::{BeforeTime, First, SameKernel, Second};
    use Said::*;
    let seen = [(First, Ticket), (First, Started), (First, Verified)];
    let verified = [&seen[..], &[(First, Off)]].concat();
    let second = [(Second, Ticket), (Second, Confirmed), (Second, Finished)];
    let after = |rest: &[(Boot, Said)]| [&verified[..], rest].concat();
    issue_case(second_look(&after(&[(Second, Ticket), (Second, Confirmed), (Second, Finished)])))
        .unwrap();
    // It died only after it had looked.
    let late = [(Second, Ticket), (Second, Confirmed), (Second, Died), (Second, Finished)];
    issue_case(second_look(&after(&late))).unwrap();
    for steps in [
        after(&[(First, Finished)]),
        // A new agent of the same boot: the first one died.
        after(&[(SameKernel, Ticket), (SameKernel, Confirmed), (SameKernel, Finished)]),
        after(&[(BeforeTime, Ticket), (BeforeTime, Confirmed), (BeforeTime, Finished)]),
        after(&[(Second, Died), (Second, Ticket), (Second, Confirmed), (Second, Finished)]),
        after(&[(First, Confirmed), (First, Finished)]),
        after(&[(Second, Ticket), (Second, Finished)]),
        after(&[(Second, Finished), (Second, Confirmed)]),
        after(&[(Second, ConfirmedOther), (Second, Finished)]),
        after(&[(Second, ConfirmedElsewhere), (Second, Finished)]),
        after(&[(Second, ConfirmedBlindly), (Second, Finished)]),
        // No word that it switched off, or not the last one.
        [&seen[..], &second].concat(),
        [&verified[..], &[(First, Died)], &second].concat(),
        [&[(First, Off)], &seen[..], &second].concat(),
        [&seen[..], &[(Second, Off)], &second].concat(),
        // It ran before the verification, so its power is not fresh.
        [&[(Second, Died)], &after(&[(Second, Confirmed), (Second, Finished)])[..]].concat(),
    ] {
        let refusal = refused(second_look(&steps));
        assert!(refusal.contains("later boot confirmed"), "{refusal}");
    }
}

#[test]
fn what_was_verified_for_another_plan_counts_once_it_is_found_again_under_the_ticket_for_this_one()
{
    use Boot::{First, Second};
    use Said::*;
    let done = [(First, OtherTicket), (First, Started), (First, Verified), (First, Off)];
    let then = |rest: &[(Boot, Said)]| second_look(&[&done[..], rest].concat());
    issue_case(then(&[(Second, Ticket), (Second, Confirmed), (Second, Finished)])).unwrap();
    for rest in [
        [(Second, Confirmed), (Second, Ticket), (Second, Finished)],
        [(Second, Ticket), (Second, ConfirmedOther), (Second, Finished)],
        [(Second, Ticket), (Second, ConfirmedElsewhere), (Second, Finished)],
        [(Second, Ticket), (Second, ConfirmedBlindly), (Second, Finished)],
        [(Second, Ticket), (Second, Finished), (Second, Confirmed)],
    ] {
        let refusal = refused(then(&rest));
        assert!(refusal.contains("after the ticket for its plan"), "{refusal}");
    }
}

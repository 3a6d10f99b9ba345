//! Consent: the coordinator signs a ticket only over the plan that it computes itself.

use std::time::Duration;

use evidence::Envelope;
use protocol::api::TICKET_TYPE;
use protocol::plan::RefusalCode;
use protocol::{
    AgentKey, Plan, PlanReply, PlanRequest, Refusal, Sha256Digest, Ticket, TicketId, UnixMillis,
};

use crate::bench::{Admission, Bench, Machine, internal_drives};
use crate::clock;
use crate::directive::over;
use crate::enrollment::{DRIVES_DIFFER, Rules, drives_differ};
use crate::event::Happening;
use crate::identity::{Relation, compare};
use crate::site::Site;

/// How long a ticket may be used.
pub(crate) const TICKET_TIME: Duration = Duration::from_secs(60);

/// Why a request cannot even be judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConsentError {
    #[error("{0}")]
    NoWork(String),
    #[error(
        "agent and coordinator computed different plans from the same inventory; do both have the \
         same version?"
    )]
    PlansDiffer,
    #[error("signing the ticket")]
    Sign(#[source] serde_json::Error),
}

/// What a decision needs that is not on the bench.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    /// Signs, and derives first-boot tokens.
    pub(crate) site: &'a Site,
    /// Where first boots report.
    pub(crate) first_boot_url: String,
    /// What an admission by itself rests on.
    pub(crate) rules: Rules,
    /// The id of a new ticket.
    pub(crate) fresh: TicketId,
}

type Outcome = (Vec<Happening>, Result<PlanReply, ConsentError>);

/// Decides on a request of `agent`, which is enrolled as `machine`.
pub(crate) fn consent(
    bench: &Bench,
    now: UnixMillis,
    machine: &Machine,
    agent: AgentKey,
    request: &PlanRequest,
    desk: &Desk<'_>,
) -> Outcome {
    let no_work = |why: String| (Vec::new(), Err(ConsentError::NoWork(why)));
    let unfinished = machine.admission.as_ref().filter(|it| it.finished.is_none());
    let Some(admission) = unfinished.filter(|it| it.agent == agent) else {
        return no_work("this agent is not admitted to any work".to_owned());
    };
    if !admission.job.kind.writes() {
        let word = admission.job.kind.word();
        return no_work(format!("its batch is {word}: it writes nothing, so there is no ticket"));
    }
    if let Some(reason) = over(bench, now, admission, desk.rules) {
        return no_work(reason);
    }
    if let Some(reason) = machine.reasons_for_agent().into_iter().next() {
        return no_work(format!("a person must look first: {reason}"));
    }
    let seen = &request.inventory;
    if let Some(reason) = bench.protection(&seen.identity, Some(seen)) {
        return no_work(format!("a person must look first: {reason}"));
    }
    if let Some(outcome) = contradiction(machine, admission, agent, request) {
        return outcome;
    }
    let mut happenings = Vec::new();
    if machine.inventory.as_ref() != Some(&request.inventory) {
        happenings.push(Happening::Enrolled {
            machine: machine.id,
            agent,
            version: machine.boot(&agent).map(|boot| boot.version.clone()).unwrap_or_default(),
            inventory: request.inventory.clone(),
        });
    }
    let our_locks = bench.locks().among(&request.inventory);
    let proofs = bench.proofs_for(machine).into_iter();
    let proven = proofs.map(|(drive, it)| (drive, it.map(|it| it.planned))).collect();
    let (seen, job) = (&request.inventory, &admission.job);
    let ours = plan::plan_with(machine.id, seen, job, &our_locks, &proven);
    let reply = match (ours, &request.plan) {
        (Ok(ours), Ok(theirs)) if plan::digest(&ours) == plan::digest(theirs) => {
            ticket(now, machine, admission, agent, request, &ours, desk, &mut happenings)
        }
        (Err(refusals), _) => Ok(refuse(machine, admission, agent, refusals, &mut happenings)),
        (Ok(_), Err(refusals)) => {
            Ok(refuse(machine, admission, agent, refusals.clone(), &mut happenings))
        }
        (Ok(_), Ok(_)) => {
            let error = ConsentError::PlansDiffer;
            let sentence = error.to_string();
            happenings.push(Happening::AttentionNeeded { machine: machine.id, sentence });
            Err(error)
        }
    };
    (happenings, reply)
}

/// Another machine, or other drives, than those that were admitted.
fn contradiction(
    machine: &Machine,
    admission: &Admission,
    agent: AgentKey,
    request: &PlanRequest,
) -> Option<Outcome> {
    let drives = internal_drives(&request.inventory);
    let (sentence, shown) = if compare(&machine.identity, &request.inventory.identity)
        != Relation::Same
    {
        let sentence = "UUID, serial numbers or network addresses are not those that it enrolled \
                        with; restart it and compare";
        (sentence.to_owned(), sentence.to_owned())
    } else if drives != admission.drives {
        let new: Vec<_> = drives.difference(&admission.drives).map(ToString::to_string).collect();
        let new = if new.is_empty() { "none".to_owned() } else { new.join(", ") };
        let number = machine.number;
        let shown = format!("{DRIVES_DIFFER}: new {new}; look at number {number} on the dashboard");
        (drives_differ(&admission.drives, &drives), shown)
    } else {
        return None;
    };
    let code = RefusalCode::IdentityConflict;
    let refusal = Refusal { what: "the machine".to_owned(), code, sentence: shown };
    let mut happenings = Vec::new();
    let reply = refuse(machine, admission, agent, vec![refusal], &mut happenings);
    happenings.push(Happening::AttentionNeeded { machine: machine.id, sentence });
    Some((happenings, Ok(reply)))
}

/// Refuses, and journals it unless the same was refused just before: an agent asks again every few seconds.
fn refuse(
    machine: &Machine,
    admission: &Admission,
    agent: AgentKey,
    refusals: Vec<Refusal>,
    happenings: &mut Vec<Happening>,
) -> PlanReply {
    if admission.refusals != refusals {
        let (machine, refusals) = (machine.id, refusals.clone());
        happenings.push(Happening::PlanRefused { machine, agent, refusals });
    }
    PlanReply::Refused { refusals }
}

#[expect(clippy::too_many_arguments, reason = "the whole of one decision, used in one place")]
fn ticket(
    now: UnixMillis,
    machine: &Machine,
    admission: &Admission,
    agent: AgentKey,
    request: &PlanRequest,
    plan: &Plan,
    desk: &Desk<'_>,
    happenings: &mut Vec<Happening>,
) -> Result<PlanReply, ConsentError> {
    let digest = plan::digest(plan);
    // The answer may have been lost on its way: the same request gets the same ticket, not a second one.
    let given = admission.consents.iter().rev().find(|given| {
        let ticket = &given.ticket;
        ticket.nonce == request.nonce && ticket.agent == agent && ticket.plan == digest
    });
    if let Some(given) = given.filter(|given| now < given.ticket.expires_at) {
        return Ok(reply(machine, given.ticket.ticket, &given.envelope, desk));
    }
    let ticket = Ticket {
        ticket: desk.fresh,
        machine: machine.id,
        agent,
        plan: digest,
        nonce: request.nonce,
        issued_at: now,
        expires_at: clock::after(now, TICKET_TIME),
    };
    let envelope =
        Envelope::sign(TICKET_TYPE, &ticket, &desk.site.key).map_err(ConsentError::Sign)?;
    let reply = reply(machine, ticket.ticket, &envelope, desk);
    happenings.push(Happening::TicketIssued {
        machine: machine.id,
        ticket: ticket.ticket,
        plan: plan.clone(),
        envelope,
        first_boot_token: token_digest(&desk.site.first_boot_token(ticket.ticket)),
    });
    Ok(reply)
}

fn reply(machine: &Machine, ticket: TicketId, envelope: &Envelope, desk: &Desk<'_>) -> PlanReply {
    PlanReply::Ticket {
        envelope: envelope.to_json(),
        first_boot_token: desk.site.first_boot_token(ticket),
        first_boot_url: desk.first_boot_url.clone(),
        host_name: format!("laptop-{}", machine.number),
    }
}

/// What the journal holds of a first-boot token: SHA-256 of its text.
pub(crate) fn token_digest(token: &str) -> Sha256Digest {
    evidence::sha256(token.as_bytes())
}

#[cfg(test)]
mod tests;

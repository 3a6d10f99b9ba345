//! A held machine: whether it goes on, and what is to be looked at.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use protocol::Sha256Digest;
use protocol::witness::{LookAnswer, Seen, WitnessReply};

use super::super::answer::{FromBody, Json, Refused};
use super::{Shared, known};
use crate::bench::Bench;
use crate::coordinator::Coordinator;
use crate::event::{Happening, Saw};
use crate::first_of_model::{Gate, gate};
use crate::sessions::Session;
use crate::witness::{Answered, Asked, Content, Taken};

/// What a held machine is to do: wait, show sectors, or go on.
#[utoipa::path(
    get, path = "/agent/v1/witness", tag = "agent",
    responses((status = 200, body = Object, description = "What to do."), crate::admin::Refusals),
    security(("agent" = []))
)]
pub(crate) async fn witness(
    State(coordinator): Shared,
    session: Session,
) -> Result<Json<WitnessReply>, Refused> {
    let Session { machine: id, agent } = session;
    let held = {
        let published = coordinator.journal.published();
        let admission = known(&published.bench, session)?.admission.as_ref();
        let ours = admission.filter(|it| it.is_open_to(&agent) && it.used_ticket(&agent));
        // A machine that was stopped waits as well, until its agent hears of it.
        ours.map(|admission| admission.held || admission.halted.is_some())
    };
    match held {
        Some(true) => {
            let looks = coordinator.looks.of(id, agent, Instant::now());
            Ok(Json(WitnessReply::Hold { looks }))
        }
        Some(false) => {
            coordinator.looks.end(&id);
            model_gate(&coordinator, session).await.map(Json)
        }
        None => {
            let sentence = "this agent has no work that it could go on with; ask what to do";
            Err(Refused::new(StatusCode::CONFLICT, sentence))
        }
    }
}

/// Whether it goes on as far as its model is concerned. Who goes first is decided in the journal; only who would go asks
/// there, or every machine that waits would, each second.
async fn model_gate(coordinator: &Coordinator, session: Session) -> Result<WitnessReply, Refused> {
    let seen = {
        let published = coordinator.journal.published();
        gate(&published.bench, known(&published.bench, session)?)
    };
    let decided = match seen {
        Gate::Open | Gate::Shut { .. } => seen,
        Gate::Goes(_) => {
            let decide = move |bench: &Bench, _| match known(bench, session) {
                Err(refused) => (Vec::new(), Err(refused)),
                Ok(machine) => match gate(bench, machine) {
                    Gate::Goes(happening) => (vec![*happening], Ok(Gate::Open)),
                    other => (Vec::new(), Ok(other)),
                },
            };
            coordinator.journal.grant(decide).await??
        }
    };
    Ok(match decided {
        Gate::Shut { first } => WitnessReply::Wait { first },
        Gate::Open | Gate::Goes(_) => WitnessReply::GoOn {},
    })
}

/// Answers a look: the sectors' bytes, or why they cannot be read.
#[utoipa::path(
    post, path = "/agent/v1/look", tag = "agent", request_body = Object,
    responses((status = 200, body = Object, description = "Nothing."), crate::admin::Refusals),
    security(("agent" = []))
)]
pub(crate) async fn look(
    State(coordinator): Shared,
    session: Session,
    FromBody(LookAnswer { look, seen }): FromBody<LookAnswer>,
) -> Result<Json<()>, Refused> {
    let taken = coordinator.looks.take(&session.machine, &session.agent, look);
    let Taken { asked, answer } = taken.ok_or_else(|| {
        let sentence = "nobody waits for this look; do not answer it again";
        Refused::new(StatusCode::GONE, sentence)
    })?;
    // Whoever asked may have left.
    let tell = |seen, sha256| drop(answer.send(Answered { seen, sha256 }));
    if let Err(sentence) = fits(&asked, &seen) {
        tell(Seen::Unreadable { sentence: sentence.clone() }, None);
        return Err(Refused::new(StatusCode::BAD_REQUEST, sentence));
    }
    let (saw, sha256) = kept(&seen);
    let Asked { by, request, .. } = asked;
    let (drive, sector, count) = (request.drive, request.sector, request.count);
    let decided = coordinator
        .journal
        .decide(move |bench, _| match known(bench, session) {
            Err(refused) => (Vec::new(), Err(refused)),
            Ok(machine) => {
                let machine = machine.id;
                (vec![Happening::Looked { machine, by, drive, sector, count, saw }], Ok(()))
            }
        })
        .await?;
    decided?;
    tell(seen, sha256);
    Ok(Json(()))
}

/// Whether there is a byte for each that was asked for.
fn fits(asked: &Asked, seen: &Seen) -> Result<(), String> {
    let Seen::Content { bytes } = seen else { return Ok(()) };
    let expected = u64::from(asked.request.count) * u64::from(asked.sector_size.bytes());
    let came = bytes.as_bytes().len();
    if came as u64 == expected {
        return Ok(());
    }
    Err(format!("the agent sent {came} bytes where {expected} were asked for"))
}

/// What the journal keeps of it.
fn kept(seen: &Seen) -> (Saw, Option<Sha256Digest>) {
    match seen {
        Seen::Content { bytes } => {
            let sha256 = evidence::sha256(bytes.as_bytes());
            let zero = Content::of(bytes.as_bytes()) == Content::Zero;
            (Saw::Content { sha256, zero }, Some(sha256))
        }
        Seen::Unreadable { sentence } => (Saw::Unreadable { sentence: sentence.clone() }, None),
    }
}

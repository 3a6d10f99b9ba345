//! The agents' API: TLS in front, JSON within. See `protocol::api` for the requests.

pub(crate) mod witness;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use evidence::Envelope;
use http_body_util::BodyExt as _;
use protocol::api::{DrivePasswordReply, DrivePasswordRequest, ENROLLMENT_TYPE, RecordsAccepted};
use protocol::event::DriveEvidence;
use protocol::{
    Directive, Enrolled, Enrollment, Heartbeat, ImageId, MachineId, PlanReply, PlanRequest,
    Sha256Digest, TicketId, UnixMillis,
};

use super::answer::{FromBody, FromPath, Json, Refused, log_refusal};
use super::{Peer, REQUEST_TIME, within_time};
use crate::access::{Denied, Need, Ruled};
use crate::bench::{Bench, Machine};
use crate::consent::{ConsentError, Desk, consent};
use crate::coordinator::Coordinator;
use crate::directive::directive;
use crate::drive_password::give;
use crate::enrollment::{Rules, admit_waiting, enroll};
use crate::images::ImageError;
use crate::random;
use crate::records::{self, RecordsError};
use crate::sessions::Session;
use crate::simulated;
use crate::waves;

/// The largest body: an inventory of a machine with dozens of drives is some 50 kB.
const MAX_BODY_LEN: usize = 2 << 20;
/// How long a body that is not taken is listened to.
const DRAIN_TIME: Duration = Duration::from_secs(5);

type Shared = State<Arc<Coordinator>>;

/// The routes, each with its rule.
fn routes() -> Ruled<Arc<Coordinator>> {
    Ruled::new(deny)
        .get("/agent/v1/time", Need::Nothing, time)
        .post("/agent/v1/enroll", Need::Nothing, enroll_agent)
        .post("/agent/v1/heartbeat", Need::Agent, heartbeat)
        .post("/agent/v1/plan", Need::Agent, plan)
        .post("/agent/v1/drive-password", Need::Agent, drive_password)
        .get("/agent/v1/verified/{record}", Need::Agent, verified)
        .get("/agent/v1/witness", Need::Agent, witness::witness)
        .post("/agent/v1/look", Need::Agent, witness::look)
        .post("/agent/v1/records", Need::Agent, take_records)
        .get("/agent/v1/image/{id}", Need::Agent, image)
}

/// The router.
pub(crate) fn router(coordinator: Arc<Coordinator>) -> Router {
    routes()
        .finish()
        .method_not_allowed_fallback(|| async {
            let sentence = "this request exists with another method only";
            Refused::new(StatusCode::METHOD_NOT_ALLOWED, sentence)
        })
        .fallback(|| async { Refused::new(StatusCode::NOT_FOUND, "there is no such request") })
        .layer(middleware::from_fn_with_state(coordinator.clone(), identify))
        .layer(DefaultBodyLimit::max(MAX_BODY_LEN))
        .layer(middleware::from_fn(within_size))
        .layer(middleware::from_fn_with_state(REQUEST_TIME, within_time))
        .layer(middleware::map_response(log_refusal))
        .with_state(coordinator)
}

/// Refuses by the announced length, before a byte of the body is taken: hanging up on a client that still sends may
/// cost it the answer.
async fn within_size(request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|len| len.to_str().ok()?.parse::<usize>().ok());
    match announced.filter(|len| *len > MAX_BODY_LEN) {
        None => next.run(request).await,
        Some(len) => {
            // A client that still sends when the connection closes never sees the answer.
            drop(tokio::time::timeout(DRAIN_TIME, drain(request.into_body())).await);
            let sentence = format!("the body has {len} bytes; at most {MAX_BODY_LEN} are taken");
            Refused::new(StatusCode::PAYLOAD_TOO_LARGE, sentence).into_response()
        }
    }
}

/// Reads and drops a body, up to a few times what is taken.
async fn drain(mut body: Body) {
    let mut seen = 0;
    while let Some(Ok(frame)) = body.frame().await {
        seen += frame.data_ref().map_or(0, |data| data.len());
        if seen > 4 * MAX_BODY_LEN {
            return;
        }
    }
}

/// Finds out which agent asks, before any route is reached: see [`crate::access::Ruled`].
async fn identify(State(coordinator): Shared, mut request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION);
    let secret = sent.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if let Some(session) = secret.and_then(|secret| coordinator.sessions.find(secret)) {
        request.extensions_mut().insert(session);
    }
    next.run(request).await
}

/// What a rule says in a handler's stead.
fn deny(_: &Request, _: Denied) -> Response {
    no_session().into_response()
}

fn no_session() -> Refused {
    let sentence = "this session is not known; enroll again with the same key";
    Refused::new(StatusCode::UNAUTHORIZED, sentence)
}

impl FromRequestParts<Arc<Coordinator>> for Session {
    type Rejection = Refused;

    /// Whose [`identify`] found; a route whose rule lets strangers in cannot have one.
    async fn from_request_parts(parts: &mut Parts, _: &Arc<Coordinator>) -> Result<Self, Refused> {
        parts.extensions.get::<Self>().copied().ok_or_else(no_session)
    }
}

/// Every route with its rule.
#[cfg(test)]
pub(crate) fn rules() -> Vec<crate::access::Rule> {
    routes().rules()
}

/// The coordinator's time.
#[utoipa::path(
    get, path = "/agent/v1/time", tag = "agent",
    responses((status = 200, body = u64, content_type = "application/json", description = "Milliseconds since 1970-01-01 00:00 UTC."), crate::admin::Refusals),
    security(())
)]
pub(crate) async fn time(State(coordinator): Shared) -> Json<UnixMillis> {
    Json(coordinator.journal.now())
}

/// Introduces an agent: a DSSE envelope over its key and inventory, signed by that key.
#[utoipa::path(
    post, path = "/agent/v1/enroll", tag = "agent", request_body = Object,
    responses((status = 200, body = Object, description = "Machine, number and session."), crate::admin::Refusals),
    security(())
)]
pub(crate) async fn enroll_agent(
    State(coordinator): Shared,
    peer: Option<Extension<Peer>>,
    FromBody(envelope): FromBody<Envelope>,
) -> Result<Json<Enrolled>, Refused> {
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(peer)| peer.0.ip());
    let bad = |error| Refused::because(StatusCode::BAD_REQUEST, &error);
    let named: Enrollment = envelope.peek().map_err(bad)?;
    let enrollment: Enrollment =
        envelope.open(ENROLLMENT_TYPE, named.agent.as_bytes()).map_err(bad)?;
    simulated::admit(&coordinator, &enrollment)
        .map_err(|error| Refused::because(StatusCode::FORBIDDEN, &error))?;
    let agent = enrollment.agent;
    let fresh = MachineId::from_bytes(random::bytes()?);
    let (rules, door) = (coordinator.rules(), coordinator.clone());
    let decided = coordinator
        .journal
        .decide(move |bench, now| {
            // Nobody is admitted by itself while the clock is in doubt.
            let certain = door.journal.clock().jump().is_none();
            let rules = Rules { automatic: rules.automatic && certain, ..rules };
            let (happenings, known) = enroll(bench, now, &enrollment, fresh, rules);
            match door.crowd.admit(address, (bench, now), &happenings, Instant::now()) {
                Ok(()) => (happenings, Ok(known)),
                Err(too_many) => (Vec::new(), Err(too_many)),
            }
        })
        .await?;
    let known = decided.map_err(|too_many| Refused::for_now(too_many.wait(), &too_many))?;
    let (machine, number) =
        known.map_err(|error| Refused::because(StatusCode::CONFLICT, &error))?;
    let session = coordinator.sessions.open(Session { machine, agent })?;
    tracing::info!(target: "init", machine = %number, key = agent.fingerprint(), "enrolled");
    Ok(Json(Enrolled { machine, number, session }))
}

/// Says what the agent does, and asks what to do.
#[utoipa::path(
    post, path = "/agent/v1/heartbeat", tag = "agent", request_body = Object,
    responses((status = 200, body = Object, description = "The directive."), crate::admin::Refusals),
    security(("agent" = []))
)]
pub(crate) async fn heartbeat(
    State(coordinator): Shared,
    session: Session,
    FromBody(heartbeat): FromBody<Heartbeat>,
) -> Result<Json<Directive>, Refused> {
    coordinator.live.heard(session.machine, heartbeat);
    let (rules, Session { machine, agent }) = (coordinator.rules(), session);
    let waiting = {
        let published = coordinator.journal.published();
        admit_waiting(&published.bench, coordinator.journal.now(), machine, agent, rules).is_some()
    };
    if waiting && coordinator.journal.clock().jump().is_none() {
        let admit = move |bench: &Bench, now| {
            (admit_waiting(bench, now, machine, agent, rules).into_iter().collect(), ())
        };
        coordinator.journal.grant(admit).await?;
    }
    let published = coordinator.journal.published();
    let machine = known(&published.bench, session)?;
    let now = coordinator.journal.now();
    let mut directive = directive(&published.bench, now, machine, &agent, rules);
    if let Directive::LocalDisk { next, .. } = &mut directive
        && coordinator.config.ports.is_some()
    {
        *next = waves::to_come(&published.bench, &coordinator.live, now) > 0;
    }
    Ok(Json(directive))
}

/// Asks for consent to a plan.
#[utoipa::path(
    post, path = "/agent/v1/plan", tag = "agent", request_body = Object,
    responses((status = 200, body = Object, description = "A signed ticket, or why there is none."), crate::admin::Refusals),
    security(("agent" = []))
)]
pub(crate) async fn plan(
    State(coordinator): Shared,
    session: Session,
    FromBody(request): FromBody<PlanRequest>,
) -> Result<Json<PlanReply>, Refused> {
    let fresh = TicketId::from_bytes(random::bytes()?);
    let first_boot_url = coordinator.first_boot_url();
    let rules = coordinator.rules();
    let site = coordinator.site.clone();
    let decided = coordinator
        .journal
        .grant(move |bench, now| match known(bench, session) {
            Err(refused) => (Vec::new(), Err(refused)),
            Ok(machine) => {
                let desk = Desk { site: &site, first_boot_url, rules, fresh };
                let (happenings, reply) =
                    consent(bench, now, machine, session.agent, &request, &desk);
                (happenings, reply.map_err(|error| refused_consent(&error)))
            }
        })
        .await?;
    decided.map(Json)
}

fn refused_consent(error: &ConsentError) -> Refused {
    let status = match error {
        ConsentError::NoWork(_) | ConsentError::PlansDiffer => StatusCode::CONFLICT,
        ConsentError::Sign(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refused::because(status, error)
}

/// Asks for the password of a drive that the plan names.
#[utoipa::path(
    post, path = "/agent/v1/drive-password", tag = "agent", request_body = Object,
    responses((status = 200, body = Object, description = "The password."), crate::admin::Refusals),
    security(("agent" = []))
)]
pub(crate) async fn drive_password(
    State(coordinator): Shared,
    session: Session,
    FromBody(DrivePasswordRequest { drive }): FromBody<DrivePasswordRequest>,
) -> Result<Json<DrivePasswordReply>, Refused> {
    let password = coordinator.recovery.password(&drive.model, &drive.serial);
    let password =
        password.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    let asked_of = (coordinator.recovery.check_value(), coordinator.rules());
    let decided = coordinator
        .journal
        .grant(move |bench, now| match known(bench, session) {
            Err(refused) => (Vec::new(), Err(refused)),
            Ok(machine) => {
                let (happenings, given) =
                    give(bench, now, machine, session.agent, &drive, asked_of);
                (happenings, given.map_err(|why| Refused::because(StatusCode::CONFLICT, &why)))
            }
        })
        .await?;
    decided.map(|()| Json(DrivePasswordReply { password }))
}

/// Hands records over: signed envelopes, in order. They are on disk before the answer.
#[utoipa::path(
    post, path = "/agent/v1/records", tag = "agent", request_body = Vec<Object>,
    responses((status = 200, body = Object, description = "The number of the next record."), crate::admin::Refusals),
    security(("agent" = []))
)]
pub(crate) async fn take_records(
    State(coordinator): Shared,
    session: Session,
    FromBody(envelopes): FromBody<Vec<Envelope>>,
) -> Result<Json<RecordsAccepted>, Refused> {
    let decided = coordinator
        .journal
        .decide(move |bench, now| match known(bench, session) {
            Err(refused) => (Vec::new(), Err(refused)),
            Ok(machine) => {
                let (happenings, outcome) =
                    records::take(bench, now, machine, session.agent, envelopes);
                (happenings, Ok(outcome))
            }
        })
        .await?;
    match decided? {
        (next, None) => Ok(Json(RecordsAccepted { next })),
        (_, Some(error @ RecordsError::Gap { .. })) => {
            Err(Refused::because(StatusCode::CONFLICT, &error))
        }
        // Told apart from a gap: the agent must not send this again.
        (_, Some(error @ RecordsError::Void(_))) => Err(Refused::because(StatusCode::GONE, &error)),
        (_, Some(error @ RecordsError::Chain(_))) => {
            Err(Refused::because(StatusCode::BAD_REQUEST, &error))
        }
    }
}

/// The evidence of an earlier verification of the agent's own machine: [`Directive::Work`] only names it, as it is long
/// and is repeated at each heartbeat.
#[utoipa::path(
    get, path = "/agent/v1/verified/{record}", tag = "agent",
    params(("record" = String, Path, description = "The record's SHA-256: 64 hexadecimal digits.")),
    responses((status = 200, body = Object, description = "The evidence."), crate::admin::Refusals),
    security(("agent" = []))
)]
pub(crate) async fn verified(
    State(coordinator): Shared,
    session: Session,
    FromPath(record): FromPath<String>,
) -> Result<Json<DriveEvidence>, Refused> {
    let record: Sha256Digest =
        record.parse().map_err(|error| Refused::because(StatusCode::BAD_REQUEST, &error))?;
    let published = coordinator.journal.published();
    let admission = known(&published.bench, session)?.admission.as_ref();
    let ours = admission.filter(|it| it.is_open_to(&session.agent));
    let found = ours.and_then(|it| it.all_verifications().find(|it| it.record == record));
    let found = found.ok_or_else(|| {
        let sentence = format!("{record} is no verification that this machine's work rests on");
        Refused::new(StatusCode::NOT_FOUND, sentence)
    })?;
    Ok(Json(found.evidence.clone()))
}

/// The signed manifest of an image.
#[utoipa::path(
    get, path = "/agent/v1/image/{id}", tag = "agent",
    params(("id" = String, Path, description = "The image's id: 64 hexadecimal digits.")),
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8", description = "A DSSE envelope in JSON."), crate::admin::Refusals),
    security(("agent" = []))
)]
pub(crate) async fn image(
    State(coordinator): Shared,
    _session: Session,
    FromPath(id): FromPath<String>,
) -> Result<String, Refused> {
    let id: ImageId =
        id.parse().map_err(|error| Refused::because(StatusCode::BAD_REQUEST, &error))?;
    let images = coordinator.images.clone();
    let read = tokio::task::spawn_blocking(move || images.manifest_envelope(id)).await;
    let read = read.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    read.map_err(|error| {
        let status = match error {
            ImageError::NoSuchImage { .. } => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refused::because(status, &error)
    })
}

/// The session's machine, as long as the session's agent is its present one.
fn known(bench: &Bench, session: Session) -> Result<&Machine, Refused> {
    bench.machine(&session.machine).filter(|it| it.agent() == Some(session.agent)).ok_or_else(
        || {
            let sentence = "another agent has enrolled as this machine since; restart it";
            Refused::new(StatusCode::UNAUTHORIZED, sentence)
        },
    )
}

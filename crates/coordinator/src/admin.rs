//! Administration over a Unix socket in the data directory: whoever may open it may arm and pick.

pub(crate) mod client;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use protocol::{BatchId, JobKind, MachineNumber};

pub(crate) use requests::{
    ArmRequest, Armed, KindName, PickRequest, PickedMachine, Status, WhoRequest,
};

use crate::admission::{AdmissionError, arm, disarm, pick};
use crate::certificate::{CertificateError, certificate};
use crate::coordinator::Coordinator;
use crate::event::Happening;
use crate::http::answer::{FromBody, Json, Refused};
use crate::netboot::Machines;
use crate::view::{self, BatchView, MachineDetail, MachineView};
use crate::{clock, random};

/// Name of the socket in the data directory.
pub(crate) const SOCKET: &str = "rehome.sock";

type Shared = State<Arc<Coordinator>>;

/// The routes.
pub(crate) fn router(coordinator: Arc<Coordinator>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/machines", get(machines))
        .route("/machines/{number}", get(machine))
        .route("/machines/{number}/certificate", get(show_certificate))
        .route("/machines/{number}/settle", post(settle))
        .route("/picks", post(pick_machines))
        .route("/batches", get(batches).post(arm_batch))
        .route("/batches/{id}/disarm", post(disarm_batch))
        .fallback(|| async { Refused::new(StatusCode::NOT_FOUND, "there is no such request") })
        .layer(DefaultBodyLimit::max(64 * 1024))
        .with_state(coordinator)
}

async fn status(State(coordinator): Shared) -> Json<Status> {
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        site: coordinator.site_config(),
        dhcp: coordinator.dhcp,
        stopped_by: coordinator.dhcp_machines.get().and_then(Machines::stopped_by),
        events: *coordinator.journal.length().borrow(),
    })
}

async fn machines(State(coordinator): Shared) -> Json<Vec<MachineView>> {
    let (published, now) = (coordinator.journal.published(), clock::now());
    let bench = &published.bench;
    let mut rows: Vec<_> =
        bench.machines().map(|it| view::machine(bench, &coordinator.live, now, it)).collect();
    rows.sort_by_key(|row| row.number);
    Json(rows)
}

async fn machine(
    State(coordinator): Shared,
    Path(number): Path<MachineNumber>,
) -> Result<Json<MachineDetail>, Refused> {
    let published = coordinator.journal.published();
    let bench = &published.bench;
    let machine = bench.numbered(number).ok_or_else(|| unseen(number))?;
    Ok(Json(view::detail(bench, &coordinator.live, clock::now(), machine)))
}

async fn show_certificate(
    State(coordinator): Shared,
    Path(number): Path<MachineNumber>,
) -> Result<String, Refused> {
    let made = tokio::task::spawn_blocking(move || certificate(&coordinator, number)).await;
    let made = made.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    made.map_err(|error| {
        let status = match error {
            CertificateError::Unknown(_) => StatusCode::NOT_FOUND,
            CertificateError::NotEarned { .. } => StatusCode::CONFLICT,
            CertificateError::Journal { .. } | CertificateError::Issue { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Refused::because(status, &error)
    })
}

async fn settle(
    State(coordinator): Shared,
    Path(number): Path<MachineNumber>,
    FromBody(WhoRequest { by }): FromBody<WhoRequest>,
) -> Result<Json<MachineNumber>, Refused> {
    let by = coordinator.journal.person(by).await?;
    let known = coordinator
        .journal
        .decide(move |bench, _| match bench.numbered(number) {
            None => (Vec::new(), false),
            Some(machine) => (vec![Happening::ConflictSettled { machine: machine.id, by }], true),
        })
        .await?;
    if known { Ok(Json(number)) } else { Err(unseen(number)) }
}

async fn pick_machines(
    State(coordinator): Shared,
    FromBody(request): FromBody<PickRequest>,
) -> Result<Json<Vec<MachineNumber>>, Refused> {
    let by = coordinator.journal.person(request.by.clone()).await?;
    let numbers = request.machines.iter().map(|machine| machine.number).collect();
    let decided = coordinator
        .journal
        .decide(move |bench, now| {
            let picks = request.picks();
            split(pick(bench, now, &picks, request.batch, by))
        })
        .await?;
    decided.map(|()| Json(numbers)).map_err(|error| refused_admission(&error))
}

async fn batches(State(coordinator): Shared) -> Result<Json<Vec<BatchView>>, Refused> {
    let names = coordinator.journal.names()?;
    let (published, now) = (coordinator.journal.published(), clock::now());
    let bench = &published.bench;
    let mut rows: Vec<_> = bench.batches().map(|it| view::batch(bench, now, it, &names)).collect();
    rows.sort_by_key(|row| row.armed_at);
    Ok(Json(rows))
}

async fn arm_batch(
    State(coordinator): Shared,
    FromBody(request): FromBody<ArmRequest>,
) -> Result<Json<Armed>, Refused> {
    let job = job(&coordinator, &request).await?;
    let by = coordinator.journal.person(request.by.clone()).await?;
    let batch = BatchId::from_bytes(random::bytes()?);
    let time = Duration::from_secs(request.seconds);
    let decided = coordinator
        .journal
        .decide(move |_, now| {
            split(arm(now, batch, by, time, request.count, job).map(|armed| vec![armed]))
        })
        .await?;
    decided.map(|()| Json(Armed { batch })).map_err(|error| refused_admission(&error))
}

/// The job that is asked for, with its image looked up.
async fn job(coordinator: &Coordinator, request: &ArmRequest) -> Result<JobKind, Refused> {
    let bad = |sentence: &str| Refused::new(StatusCode::BAD_REQUEST, sentence);
    let wanted = match (request.kind, &request.image) {
        (KindName::Wipe, None) => return Ok(JobKind::Wipe),
        (KindName::Wipe, Some(_)) => return Err(bad("a wipe leaves the machine empty: no image")),
        (KindName::Refurbish, None) => return Err(bad("say which image to install with --image")),
        (KindName::Refurbish, Some(wanted)) => wanted.clone(),
    };
    if !is_locale(&request.locale) {
        return Err(bad("a locale looks like pl_PL.UTF-8"));
    }
    let images = coordinator.images.clone();
    let found = tokio::task::spawn_blocking(move || {
        let image = images.find(&wanted)?;
        Ok::<_, crate::images::ImageError>((image, images.min_size(image)?))
    });
    let found =
        found.await.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    let (image, image_min_size) =
        found.map_err(|error| Refused::because(StatusCode::CONFLICT, &error))?;
    Ok(JobKind::Refurbish { image, image_min_size, locale: request.locale.clone() })
}

/// Language, country and encoding, as `locale -a` writes them.
fn is_locale(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-@".contains(c);
    !text.is_empty() && text.len() <= 32 && text.chars().all(plain)
}

async fn disarm_batch(
    State(coordinator): Shared,
    Path(id): Path<String>,
    FromBody(WhoRequest { by }): FromBody<WhoRequest>,
) -> Result<Json<Armed>, Refused> {
    let batch: BatchId =
        id.parse().map_err(|error| Refused::because(StatusCode::BAD_REQUEST, &error))?;
    let by = coordinator.journal.person(by).await?;
    let decided = coordinator
        .journal
        .decide(move |bench, _| {
            split(disarm(bench, batch, by).map(|happening| happening.into_iter().collect()))
        })
        .await?;
    decided.map(|()| Json(Armed { batch })).map_err(|error| refused_admission(&error))
}

/// The events of a decision apart from its answer.
fn split(
    decided: Result<Vec<Happening>, AdmissionError>,
) -> (Vec<Happening>, Result<(), AdmissionError>) {
    match decided {
        Ok(happenings) => (happenings, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    }
}

fn refused_admission(error: &AdmissionError) -> Refused {
    Refused::because(StatusCode::CONFLICT, error)
}

fn unseen(number: MachineNumber) -> Refused {
    Refused::new(StatusCode::NOT_FOUND, format!("nobody has seen machine {number}"))
}

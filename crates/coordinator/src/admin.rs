//! Administration over a Unix socket in the data directory: whoever may open it may arm and pick.

pub(crate) mod actions;
pub(crate) mod client;
pub(crate) mod lots;
mod people;
mod recovery;
mod requests;
mod witness;

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use protocol::{BatchId, MachineNumber, UnixMillis};

pub(crate) use requests::{
    AdoptRequest, AdoptedLock, ArmRequest, Armed, ForgetRequest, KindName, LookAt, PersonView,
    PickRequest, PickedMachine, SettleRequest, Status, WhoRequest,
};

use crate::certificate::{CertificateError, certificate};
use crate::coordinator::Coordinator;
use crate::http::answer::{FromBody, Json, Refused};
use crate::journal::ClockAcceptance;
use crate::netboot::Machines;
use crate::simulated;
use crate::view::{self, BatchView, MachineDetail, MachineView};

/// Name of the socket in the data directory.
pub(crate) const SOCKET: &str = "rehome.sock";

/// The socket's address, by way of its open directory: an address holds 107 bytes, a path may have more.
pub(crate) fn address(directory: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd()))
}

type Shared = State<Arc<Coordinator>>;

/// The routes.
pub(crate) fn router(coordinator: Arc<Coordinator>) -> Router {
    let simulated = coordinator.site.simulated;
    Router::new()
        .route("/status", get(status))
        .route("/machines", get(machines))
        .route("/machines/{number}", get(machine))
        .route("/machines/{number}/certificate", get(show_certificate))
        .route("/machines/{number}/settle", post(settle))
        .route("/machines/{number}/hold", post(witness::hold))
        .route("/machines/{number}/release", post(witness::release))
        .route("/machines/{number}/look", post(witness::look))
        .route("/picks", post(pick_machines))
        .route("/clock/accept", post(accept_clock))
        .route("/recovery/adopted", get(recovery::adopted).post(recovery::adopt))
        .route("/people", get(people::people))
        .route("/people/{id}/forget", post(people::forget))
        .route("/batches", get(batches).post(arm_batch))
        .route("/batches/{id}/disarm", post(disarm_batch))
        .route("/lots", get(lots::list).post(lots::open))
        .route("/lots/mappings", get(lots::mappings))
        .route("/lots/{id}", get(lots::show))
        .route("/lots/{id}/wish", post(lots::wish).layer(DefaultBodyLimit::max(lots::MAX_BODY_LEN)))
        .fallback(|| async { Refused::new(StatusCode::NOT_FOUND, "there is no such request") })
        .layer(DefaultBodyLimit::max(64 * 1024))
        .layer(from_fn(move |request, next| simulated::tell(simulated, request, next)))
        .with_state(coordinator)
}

async fn status(State(coordinator): Shared) -> Json<Status> {
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        site: coordinator.site_config(),
        dhcp: coordinator.dhcp,
        stopped_by: coordinator.dhcp_machines.get().and_then(Machines::stopped_by),
        simulated: coordinator.site.simulated,
        events: *coordinator.journal.length().borrow(),
        clock: coordinator.journal.clock().jump().map(|jump| jump.to_string()),
    })
}

async fn machines(State(coordinator): Shared) -> Json<Vec<MachineView>> {
    let (published, now) = (coordinator.journal.published(), coordinator.journal.now());
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
    Ok(Json(view::detail(bench, &coordinator.live, coordinator.journal.now(), machine)))
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
    FromBody(request): FromBody<SettleRequest>,
) -> Result<Json<MachineNumber>, Refused> {
    actions::settle(&coordinator, number, request).await.map(|()| Json(number))
}

async fn accept_clock(
    State(coordinator): Shared,
    FromBody(acceptance): FromBody<ClockAcceptance>,
) -> Result<Json<UnixMillis>, Refused> {
    actions::accept_clock(&coordinator, acceptance).await?;
    Ok(Json(coordinator.journal.now()))
}

async fn pick_machines(
    State(coordinator): Shared,
    FromBody(request): FromBody<PickRequest>,
) -> Result<Json<Vec<MachineNumber>>, Refused> {
    actions::pick(&coordinator, request).await.map(Json)
}

async fn batches(State(coordinator): Shared) -> Result<Json<Vec<BatchView>>, Refused> {
    let names = coordinator.journal.read(|journal| journal.names()).await?;
    let (published, now) = (coordinator.journal.published(), coordinator.journal.now());
    let bench = &published.bench;
    let mut rows: Vec<_> = bench.batches().map(|it| view::batch(bench, now, it, &names)).collect();
    rows.sort_by_key(|row| row.armed_at);
    Ok(Json(rows))
}

async fn arm_batch(
    State(coordinator): Shared,
    FromBody(request): FromBody<ArmRequest>,
) -> Result<Json<Armed>, Refused> {
    let batch = actions::arm(&coordinator, request).await?;
    Ok(Json(Armed { batch }))
}

async fn disarm_batch(
    State(coordinator): Shared,
    Path(id): Path<String>,
    FromBody(WhoRequest { by }): FromBody<WhoRequest>,
) -> Result<Json<Armed>, Refused> {
    let batch: BatchId =
        id.parse().map_err(|error| Refused::because(StatusCode::BAD_REQUEST, &error))?;
    actions::disarm(&coordinator, batch, by).await?;
    Ok(Json(Armed { batch }))
}

/// No machine has this number.
fn unseen(number: MachineNumber) -> Refused {
    Refused::new(StatusCode::NOT_FOUND, format!("nobody has seen machine {number}"))
}

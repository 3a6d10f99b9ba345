//! One API, two doors: the Unix socket in the data directory, which is root's, and the TLS port, where programs log in.
//! Each door finds out who asks; the rules are those of the routes.

pub(crate) mod actions;
pub(crate) mod client;
mod docs;
mod door;
mod log;
pub(crate) mod lots;
mod models;
mod monitor;
mod panic;
mod people;
pub(crate) mod protection;
mod recovery;
mod requests;
mod users;
mod witness;

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, middleware};
use protocol::{BatchId, MachineNumber, UnixMillis};

pub(crate) use docs::Refusals;
#[cfg(test)]
pub(crate) use docs::json as description;
pub(crate) use models::{JudgeRequest, ModelView};
pub(crate) use panic::{PanicRequest, PanicView, StoppedMachine};
pub(crate) use requests::{
    AcceptClockRequest, AddUserRequest, AdoptRequest, AdoptedLock, ArmRequest, Armed,
    ForgetRequest, KindName, LookAt, NewPassword, PersonView, PickRequest, PickedMachine,
    RoleRequest, SettleRequest, Status, UserView,
};

use crate::access::{Action, Actor, Need, Ruled};
use crate::certificate::{CertificateError, certificate};
use crate::coordinator::Coordinator;
use crate::forecast::Forecast;
use crate::http::answer::{FromBody, FromPath, Json, Refused};
use crate::http::within_time;
use crate::metrics;
use crate::netboot::Machines;
use crate::simulated;
use crate::view::{self, BatchView, MachineDetail, MachineView};

/// Name of the socket in the data directory.
pub(crate) const SOCKET: &str = "rehome.sock";
/// The longest body, in bytes.
const MAX_BODY_LEN: usize = 64 * 1024;

/// The socket's address, by way of its open directory: an address holds 107 bytes, a path may have more.
pub(crate) fn address(directory: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd()))
}

type Shared = State<Arc<Coordinator>>;

/// What both doors lead to, each route with its rule.
fn routes() -> Ruled<Arc<Coordinator>> {
    use Action as May;
    let may = Need::May;
    Ruled::new(door::deny)
        .get("/status", may(May::Read), status)
        .post("/panic", may(May::Panic), panic::stop)
        .post("/panic/over", may(May::EndPanic), panic::end)
        .get("/machines", may(May::Read), machines)
        .get("/machines/{number}", may(May::Read), machine)
        .get("/machines/{number}/certificate", may(May::ExportCertificate), show_certificate)
        .post("/machines/{number}/settle", may(May::Settle), settle)
        .post("/machines/{number}/hold", may(May::Hold), witness::hold)
        .post("/machines/{number}/release", may(May::Release), witness::release)
        .post("/machines/{number}/look", may(May::Look), witness::look)
        .post("/picks", may(May::Pick), pick_machines)
        .post("/clock/accept", may(May::AcceptClock), accept_clock)
        .get("/recovery/adopted", may(May::Read), recovery::adopted)
        .post("/recovery/adopted", may(May::AdoptLock), recovery::adopt)
        .get("/batches", may(May::Read), batches)
        .post("/batches", may(May::Arm), arm_batch)
        .post("/batches/forecast", may(May::Read), preview_batch)
        .post("/batches/{id}/disarm", may(May::Disarm), disarm_batch)
        .get("/models", may(May::Read), models::list)
        .post("/models", may(May::JudgeModel), models::say)
        .get("/lots", may(May::Read), lots::list)
        .post("/lots", may(May::OpenLot), lots::open)
        .get("/lots/mappings", may(May::Read), lots::mappings)
        .get("/lots/{id}", may(May::Read), lots::show)
        // What is wished decides which role it takes: the handler asks.
        .post_up_to(lots::MAX_BODY_LEN, "/lots/{id}/wish", may(May::TakeIn), lots::wish)
        .get("/protected", may(May::Read), protection::list)
        .post("/protected", may(May::Protect), protection::add)
        .post("/protected/remove", may(May::Protect), protection::remove)
        .get("/log", may(May::Read), log::log)
        .get("/people", may(May::Read), people::people)
        .post("/people/{id}/forget", may(May::ManageUsers), people::forget)
        .get("/users", may(May::ManageUsers), users::list)
        .post("/users", may(May::ManageUsers), users::add)
        .post("/users/{name}/role", may(May::ManageUsers), users::set_role)
        .post("/users/{name}/password", may(May::ManageUsers), users::renew)
        .post("/users/{name}/remove", may(May::ManageUsers), users::remove)
}

/// What only programs need.
fn session_routes() -> Ruled<Arc<Coordinator>> {
    Ruled::new(door::deny)
        .post("/api/v1/login", Need::Nothing, door::log_in)
        .post("/api/v1/logout", Need::May(Action::LogOut), door::log_out)
        .get("/api/openapi.json", Need::May(Action::Read), openapi)
}

/// The Unix socket's door.
pub(crate) fn socket_router(coordinator: Arc<Coordinator>) -> Router {
    let simulated = coordinator.site.simulated;
    let routes = routes().finish().merge(monitor::routes().finish());
    routes
        .fallback(missing)
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn(door::socket))
        .layer(DefaultBodyLimit::max(MAX_BODY_LEN))
        .layer(middleware::from_fn(move |request, next| simulated::tell(simulated, request, next)))
        .with_state(coordinator)
}

/// The programs' door, beneath `/api`. No request takes longer than `time`, its body included.
pub(crate) fn program_router(coordinator: Arc<Coordinator>, time: Duration) -> Router {
    let (routes, session) = (routes().finish(), session_routes().finish());
    let routes = routes.fallback(missing).method_not_allowed_fallback(other_method);
    let simulated = coordinator.site.simulated;
    let api =
        Router::new().nest("/api/v1", routes).merge(session).merge(monitor::routes().finish());
    api.method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn_with_state(coordinator.clone(), door::program))
        .layer(middleware::from_fn_with_state(time, within_time))
        .layer(DefaultBodyLimit::max(MAX_BODY_LEN))
        .layer(middleware::map_response(crate::http::answer::never_kept))
        .layer(middleware::from_fn(move |request, next| simulated::tell(simulated, request, next)))
        .with_state(coordinator)
}

async fn missing() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "there is no such request")
}

async fn other_method() -> Refused {
    let sentence = "this request exists with another method only";
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, sentence)
}

/// This description.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "session",
    responses((status = 200, body = Object, description = "The API in OpenAPI 3.1."), docs::Refusals)
)]
async fn openapi() -> Result<Response, Refused> {
    let json = docs::json();
    let json = json.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}

/// What is being served: addresses, public keys, length of the journal.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "bench",
    responses((status = 200, body = Status, description = "What is served."), docs::Refusals)
)]
async fn status(State(coordinator): Shared) -> Result<Json<Status>, Refused> {
    let obstacles = obstacles(&coordinator).await?;
    let panic = panic::view(&coordinator).await?;
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        site: coordinator.site_config(),
        dhcp: coordinator.dhcp,
        stopped_by: coordinator.dhcp_machines.get().and_then(Machines::stopped_by),
        simulated: coordinator.site.simulated,
        events: *coordinator.journal.length().borrow(),
        clock: coordinator.journal.clock().jump().map(|jump| jump.to_string()),
        obstacles,
        panic,
    }))
}

/// Why nothing new is begun, if so. Asking a disk may block.
async fn obstacles(coordinator: &Arc<Coordinator>) -> Result<Vec<String>, Refused> {
    let asked = coordinator.clone();
    let found = tokio::task::spawn_blocking(move || metrics::obstacles(&asked)).await;
    found.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))
}

/// All machines, by number.
#[utoipa::path(
    get, path = "/api/v1/machines", tag = "machines",
    responses((status = 200, body = Vec<MachineView>, description = "The machines."), docs::Refusals)
)]
async fn machines(State(coordinator): Shared) -> Json<Vec<MachineView>> {
    let (published, now) = (coordinator.journal.published(), coordinator.journal.now());
    let bench = &published.bench;
    let mut rows: Vec<_> =
        bench.machines().map(|it| view::machine(bench, &coordinator.live, now, it)).collect();
    rows.sort_by_key(|row| row.number);
    Json(rows)
}

/// All that is known of a machine.
#[utoipa::path(
    get, path = "/api/v1/machines/{number}", tag = "machines",
    params(("number" = u32, Path, minimum = 1, description = "The machine's number.")),
    responses((status = 200, body = MachineDetail, description = "The machine."), docs::Refusals)
)]
async fn machine(
    State(coordinator): Shared,
    FromPath(number): FromPath<MachineNumber>,
) -> Result<Json<MachineDetail>, Refused> {
    let published = coordinator.journal.published();
    let bench = &published.bench;
    let machine = bench.numbered(number).ok_or_else(|| unseen(number))?;
    Ok(Json(view::detail(bench, &coordinator.live, coordinator.journal.now(), machine)))
}

/// A machine's certificate of sanitization, as it is kept and checked anywhere. That it was taken is recorded.
#[utoipa::path(
    get, path = "/api/v1/machines/{number}/certificate", tag = "machines",
    params(("number" = u32, Path, minimum = 1, description = "The machine's number.")),
    responses((status = 200, body = Object, description = "The certificate."), docs::Refusals)
)]
async fn show_certificate(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(number): FromPath<MachineNumber>,
) -> Result<Response, Refused> {
    let (journal, maker) = (coordinator.journal.clone(), coordinator.clone());
    let made = tokio::task::spawn_blocking(move || certificate(&maker, number)).await;
    let made = made.map_err(|error| Refused::because(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    let made = made.map_err(|error| {
        let status = match error {
            CertificateError::Unknown(_) => StatusCode::NOT_FOUND,
            CertificateError::NotEarned { .. } => StatusCode::CONFLICT,
            CertificateError::Journal { .. } | CertificateError::Issue { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Refused::because(status, &error)
    })?;
    let machine = journal.published().bench.numbered(number).map(|machine| machine.id);
    let machine = machine.ok_or_else(|| unseen(number))?;
    actions::exported(&journal, machine, by.person(&journal).await?).await?;
    Ok(([(CONTENT_TYPE, "application/json")], made).into_response())
}

/// Says that a machine whose identity is not clear was compared with others and may be worked on.
#[utoipa::path(
    post, path = "/api/v1/machines/{number}/settle", tag = "machines", request_body = SettleRequest,
    params(("number" = u32, Path, minimum = 1, description = "The machine's number.")),
    responses((status = 200, body = u32, content_type = "application/json", description = "The machine's number."), docs::Refusals)
)]
async fn settle(
    State(coordinator): Shared,
    FromPath(number): FromPath<MachineNumber>,
    Extension(by): Extension<Actor>,
    FromBody(request): FromBody<SettleRequest>,
) -> Result<Json<MachineNumber>, Refused> {
    actions::settle(&coordinator, number, request, &by).await.map(|()| Json(number))
}

/// Takes the clock for right although it was set; if it was set back, all batches end.
#[utoipa::path(
    post, path = "/api/v1/clock/accept", tag = "bench", request_body = AcceptClockRequest,
    responses((status = 200, body = u64, content_type = "application/json", description = "The time now, in milliseconds since 1970-01-01 00:00 UTC."), docs::Refusals)
)]
async fn accept_clock(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(request): FromBody<AcceptClockRequest>,
) -> Result<Json<UnixMillis>, Refused> {
    actions::accept_clock(&coordinator, request, &by).await?;
    Ok(Json(coordinator.journal.now()))
}

/// Admits all of the picked machines to an armed batch, or none.
#[utoipa::path(
    post, path = "/api/v1/picks", tag = "machines", request_body = PickRequest,
    responses((status = 200, body = Vec<u32>, description = "The numbers of the machines."), docs::Refusals)
)]
async fn pick_machines(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(request): FromBody<PickRequest>,
) -> Result<Json<Vec<MachineNumber>>, Refused> {
    actions::pick(&coordinator, request, &by).await.map(Json)
}

/// All batches, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/batches", tag = "batches",
    responses((status = 200, body = Vec<BatchView>, description = "The batches."), docs::Refusals)
)]
async fn batches(State(coordinator): Shared) -> Result<Json<Vec<BatchView>>, Refused> {
    let names = coordinator.journal.read(|journal| journal.names()).await?;
    let (published, now) = (coordinator.journal.published(), coordinator.journal.now());
    let bench = &published.bench;
    let mut rows: Vec<_> = bench.batches().map(|it| view::batch(bench, now, it, &names)).collect();
    rows.sort_by_key(|row| row.armed_at);
    Ok(Json(rows))
}

/// Arms a batch: machines may be admitted to it for some time, and everything on their drives is destroyed.
#[utoipa::path(
    post, path = "/api/v1/batches", tag = "batches", request_body = ArmRequest,
    responses((status = 200, body = Armed, description = "The batch."), docs::Refusals)
)]
async fn arm_batch(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(request): FromBody<ArmRequest>,
) -> Result<Json<Armed>, Refused> {
    let batch = actions::arm(&coordinator, request, &by).await?;
    Ok(Json(Armed { batch }))
}

/// When a batch would be done, if it was armed as in this request and the machines in sight were picked. Nothing is armed.
#[utoipa::path(
    post, path = "/api/v1/batches/forecast", tag = "batches", request_body = ArmRequest,
    responses((status = 200, body = Forecast, description = "The forecast."), docs::Refusals)
)]
async fn preview_batch(
    State(coordinator): Shared,
    FromBody(request): FromBody<ArmRequest>,
) -> Result<Json<Forecast>, Refused> {
    actions::preview(&coordinator, request).await.map(Json)
}

/// Ends a batch: no further machines, no further tickets.
#[utoipa::path(
    post, path = "/api/v1/batches/{id}/disarm", tag = "batches",
    params(("id" = String, Path, pattern = "^[0-9a-fA-F]{32}$", description = "The batch's id.")),
    responses((status = 200, body = Armed, description = "The batch."), docs::Refusals)
)]
async fn disarm_batch(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(id): FromPath<String>,
) -> Result<Json<Armed>, Refused> {
    let batch: BatchId =
        id.parse().map_err(|error| Refused::because(StatusCode::BAD_REQUEST, &error))?;
    actions::disarm(&coordinator, batch, &by).await?;
    Ok(Json(Armed { batch }))
}

/// No machine has this number.
fn unseen(number: MachineNumber) -> Refused {
    Refused::new(StatusCode::NOT_FOUND, format!("nobody has seen machine {number}"))
}

/// Every route of the programs' door with its rule, as it is addressed.
#[cfg(test)]
pub(crate) fn program_rules() -> Vec<crate::access::Rule> {
    let nested = routes().rules().into_iter().map(|rule| {
        let path = format!("/api/v1{}", rule.path);
        crate::access::Rule { path: path.leak(), ..rule }
    });
    nested.chain(session_routes().rules()).chain(monitor::routes().rules()).collect()
}

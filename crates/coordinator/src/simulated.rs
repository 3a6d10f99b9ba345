//! A coordinator of simulated machines: what it tells them, and how everybody is told that it is one.

use anyhow::Context as _;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use protocol::Enrollment;

use crate::console::say;
use crate::coordinator::Coordinator;
use crate::private_file;

/// Said wherever something is shown in plain text.
pub(crate) const NOTICE: &str =
    "SIMULATED: these machines do not exist, and nothing here proves anything";
/// What the names of files begin with that come from a rehearsal.
const FILE_MARK: &str = "SIMULATED-";
/// Tells the command line.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("rehome-simulated");

tokio::task_local! {
    /// Whether the page that is made is of simulated machines.
    static IS_SIMULATED: bool;
}

/// An agent is at the wrong door.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WrongDoor {
    /// It is made up.
    #[error(
        "this coordinator is for real machines; start another with `rehome rehearse`, or with --simulated"
    )]
    Simulated,
    /// It is not.
    #[error("this coordinator is for simulated machines only; nothing is done to a real one")]
    Real,
}

/// Whether an agent may enroll here at all. It rests on the agent's own word: it keeps honest ones apart.
///
/// # Errors
/// Why not.
pub(crate) fn admit(coordinator: &Coordinator, enrollment: &Enrollment) -> Result<(), WrongDoor> {
    match (coordinator.site.simulated, enrollment.simulated) {
        (true, false) => Err(WrongDoor::Real),
        (false, true) => Err(WrongDoor::Simulated),
        _ => Ok(()),
    }
}

/// Writes down what the simulated machines need in place of `site.cpio`, once the doors are open.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn introduce(coordinator: &Coordinator) -> anyhow::Result<()> {
    let path = coordinator.config.data.join("site.json");
    let json = serde_json::to_vec_pretty(&coordinator.site_config());
    private_file::replace(&path, &json.context("writing the site as JSON")?)?;
    say(NOTICE)?;
    let data = coordinator.config.data.display();
    Ok(say(&format!("simulated machines: rehome-agent simulate --data {data}"))?)
}

/// Makes pages under the notice, if that is so.
pub(crate) async fn under_notice(simulated: bool, request: Request, next: Next) -> Response {
    IS_SIMULATED.scope(simulated, next.run(request)).await
}

/// The name of a file that goes out: what leads nowhere says so before it is opened.
pub(crate) fn file_name(simulated: bool, name: &str) -> String {
    let mark = if simulated { FILE_MARK } else { "" };
    format!("{mark}{name}")
}

/// The first line of a text that goes out of a rehearsal; nothing for real machines.
pub(crate) fn first_line(simulated: bool) -> String {
    if simulated { format!("{NOTICE}\r\n") } else { String::new() }
}

/// Whether the page that is made now is of simulated machines.
pub(crate) fn is_noted() -> bool {
    IS_SIMULATED.try_with(|simulated| *simulated).unwrap_or(false)
}

/// Tells the command line with each answer, if that is so.
pub(crate) async fn tell(simulated: bool, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if simulated {
        response.headers_mut().insert(HEADER, HeaderValue::from_static("1"));
    }
    response
}

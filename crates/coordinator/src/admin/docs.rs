//! The API's description in OpenAPI: written beside the handlers, put together here.

use std::collections::BTreeMap;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Ref, RefOr, Response, SecurityRequirement};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

/// Every answer that is no success.
#[derive(ToSchema)]
#[schema(as = ApiError)]
#[expect(dead_code, reason = "stands for protocol::api::ApiError, which knows no schemas")]
pub(crate) struct Refusal {
    /// What was refused, why, and what to do next: a sentence for people.
    error: String,
}

/// With which status what is refused.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described")]
pub(crate) enum Refusals {
    /// The request cannot be understood.
    #[response(status = 400)]
    Malformed(#[to_schema] Refusal),
    /// Nobody is logged in with this token.
    #[response(status = 401)]
    Nobody(#[to_schema] Refusal),
    /// The user's role does not suffice.
    #[response(status = 403)]
    Role(#[to_schema] Refusal),
    /// There is no such thing.
    #[response(status = 404)]
    Missing(#[to_schema] Refusal),
    /// The request took longer than 30 seconds to arrive.
    #[response(status = 408)]
    Slow(#[to_schema] Refusal),
    /// It cannot be done as things stand.
    #[response(status = 409)]
    Conflict(#[to_schema] Refusal),
    /// The body is too long.
    #[response(status = 413)]
    Long(#[to_schema] Refusal),
    /// Too often; `Retry-After` says when again, in seconds.
    #[response(status = 429)]
    Often(#[to_schema] Refusal),
    /// Something failed on our side, and nothing was done.
    #[response(status = 500)]
    Broken(#[to_schema] Refusal),
    /// Nothing can be recorded now, so nothing was done.
    #[response(status = 503)]
    Unavailable(#[to_schema] Refusal),
    /// The machine did not answer in time.
    #[response(status = 504)]
    Silent(#[to_schema] Refusal),
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rehome",
        description = "The coordinator's API: for programs in a user's name, and for the agents on the machines. Times \
                       are milliseconds since 1970-01-01 00:00 UTC, lengths are bytes, ids and digests are lower-case \
                       hexadecimal digits."
    ),
    paths(
        super::door::log_in, super::door::log_out, super::openapi,
        super::status, super::panic::stop, super::panic::end, super::machines, super::machine, super::show_certificate, super::settle,
        super::witness::hold, super::witness::release, super::witness::look,
        super::pick_machines, super::accept_clock, super::recovery::adopted, super::recovery::adopt,
        super::batches, super::arm_batch, super::preview_batch,
        super::disarm_batch,
        super::models::list, super::models::say, super::log::log,
        super::people::people, super::people::forget,
        super::protection::list, super::protection::add, super::protection::remove,
        super::lots::list, super::lots::open, super::lots::mappings, super::lots::show,
        super::lots::wish,
        super::monitor::live, super::monitor::ready, super::monitor::page,
        super::users::list, super::users::add, super::users::set_role, super::users::renew,
        super::users::remove,
        crate::http::agent::time, crate::http::agent::enroll_agent, crate::http::agent::heartbeat,
        crate::http::agent::plan, crate::http::agent::drive_password,
        crate::http::agent::take_records, crate::http::agent::verified, crate::http::agent::image,
        crate::http::agent::witness::witness, crate::http::agent::witness::look,
    ),
    modifiers(&Tokens)
)]
struct Api;

/// Both kinds of bearer token; a user's one unless a path says otherwise.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let bearer = |description: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
            SecurityScheme::Http(scheme.description(Some(description)).build())
        };
        let components = document.components.get_or_insert_default();
        let user = bearer("The token of POST /api/v1/login.");
        let agent = bearer(
            "The session of POST /agent/v1/enroll: worth something for its own machine only.",
        );
        components.add_security_scheme("user", user);
        components.add_security_scheme("agent", agent);
        let mut shared = BTreeMap::new();
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                share(&mut operation.responses.responses, &mut shared);
            }
        }
        components.responses.extend(shared);
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], _>("user", [])]);
    }
}

type Responses = BTreeMap<String, RefOr<Response>>;

/// Has each refusal described once instead of at every request.
fn share(responses: &mut Responses, shared: &mut Responses) {
    for (status, response) in responses.iter_mut().filter(|(status, _)| !status.starts_with('2')) {
        let name = format!("Refused{status}");
        let reference = RefOr::Ref(Ref::from_response_name(&name));
        shared.insert(name, std::mem::replace(response, reference));
    }
}

/// The description as JSON, always the same bytes.
///
/// # Errors
/// When it cannot be written: a mistake of the program.
pub(crate) fn json() -> Result<String, serde_json::Error> {
    Api::openapi().to_pretty_json().map(|text| text + "\n")
}

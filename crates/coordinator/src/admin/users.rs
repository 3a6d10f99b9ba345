//! Users: who may log in.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use super::Shared;
use super::requests::{AddUserRequest, NewPassword, RoleRequest, UserView};
use crate::access::Actor;
use crate::http::answer::{FromBody, FromPath, Json, Refused};
use crate::users::UsersError;

/// All users, by name.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users",
    responses((status = 200, body = Vec<UserView>, description = "The users."), super::docs::Refusals)
)]
pub(super) async fn list(State(coordinator): Shared) -> Result<Json<Vec<UserView>>, Refused> {
    let users = coordinator.login.users.all().map_err(|error| refused(&error))?;
    Ok(Json(users.into_iter().map(UserView::of).collect()))
}

/// Adds a user. The password is shown only in this answer.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "users", request_body = AddUserRequest,
    responses((status = 200, body = NewPassword, description = "The user's password."), super::docs::Refusals)
)]
pub(super) async fn add(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromBody(AddUserRequest { name, role }): FromBody<AddUserRequest>,
) -> Result<Json<NewPassword>, Refused> {
    let added = coordinator.login.users.add(&coordinator.journal, &by, &name, role).await;
    added.map(|password| Json(NewPassword { name, password })).map_err(|error| refused(&error))
}

/// Gives a user another role; the user's sessions end.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/role", tag = "users", request_body = RoleRequest,
    params(("name" = String, Path, description = "The user's name.")),
    responses((status = 204, description = "The user has this role."), super::docs::Refusals)
)]
pub(super) async fn set_role(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(name): FromPath<String>,
    FromBody(RoleRequest { role }): FromBody<RoleRequest>,
) -> Result<StatusCode, Refused> {
    let set = coordinator.login.set_role(&coordinator.journal, &by, &name, role).await;
    set.map(|()| StatusCode::NO_CONTENT).map_err(|error| refused(&error))
}

/// Makes a user's new password, shown only in this answer; the user's sessions end.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/password", tag = "users",
    params(("name" = String, Path, description = "The user's name.")),
    responses((status = 200, body = NewPassword, description = "The new password."), super::docs::Refusals)
)]
pub(super) async fn renew(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(name): FromPath<String>,
) -> Result<Json<NewPassword>, Refused> {
    let renewed = coordinator.login.renew(&coordinator.journal, &by, &name).await;
    renewed.map(|password| Json(NewPassword { name, password })).map_err(|error| refused(&error))
}

/// Removes a user; the user's sessions end.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/remove", tag = "users",
    params(("name" = String, Path, description = "The user's name.")),
    responses((status = 204, description = "Nobody logs in by this name any more."), super::docs::Refusals)
)]
pub(super) async fn remove(
    State(coordinator): Shared,
    Extension(by): Extension<Actor>,
    FromPath(name): FromPath<String>,
) -> Result<StatusCode, Refused> {
    let removed = coordinator.login.remove(&coordinator.journal, &by, &name).await;
    removed.map(|()| StatusCode::NO_CONTENT).map_err(|error| refused(&error))
}

fn refused(error: &UsersError) -> Refused {
    let status = match error {
        UsersError::Name => StatusCode::BAD_REQUEST,
        UsersError::Unknown(_) => StatusCode::NOT_FOUND,
        UsersError::Taken(_) | UsersError::Full | UsersError::LastSupervisor(_) => {
            StatusCode::CONFLICT
        }
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    Refused::because(status, error)
}

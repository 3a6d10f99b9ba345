//! Who may log in: for supervisors.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use clap::ValueEnum as _;
use maud::{Markup, html};

use super::guard::{Fields, Submission, Visitor};
use super::icon::{Icon, icon};
use super::page::{Head, Page, Place, page, refusal, refusal_page, token};
use super::{Desk, Shared};
use crate::access::Role;
use crate::users::{MAX_NAME_LEN, User, UsersError};

/// What a form brought about.
enum Done {
    /// Nothing to tell.
    Changed,
    /// A password, to be shown once.
    Password { name: String, password: String },
}

/// `GET /users`
pub(super) async fn show(State(desk): Shared, visitor: Visitor) -> Response {
    whole(&desk, &visitor, None, None).into_response()
}

/// `POST /users`
pub(super) async fn add(State(desk): Shared, form: Submission) -> Response {
    let name = form.fields.get("name").trim().to_owned();
    let Some(role) = role(&form.fields) else { return unreadable(&form.visitor) };
    let (login, journal, by) = parts(&desk, &form.visitor);
    let added = login.users.add(journal, by, &name, role).await;
    after(&desk, &form.visitor, added.map(|password| Done::Password { name, password }))
}

/// `POST /users/role`
pub(super) async fn set_role(State(desk): Shared, form: Submission) -> Response {
    let Some(role) = role(&form.fields) else { return unreadable(&form.visitor) };
    let (login, journal, by) = parts(&desk, &form.visitor);
    let set = login.set_role(journal, by, form.fields.get("name"), role).await;
    after(&desk, &form.visitor, set.map(|()| Done::Changed))
}

/// `POST /users/password`
pub(super) async fn renew(State(desk): Shared, form: Submission) -> Response {
    let name = form.fields.get("name").to_owned();
    let (login, journal, by) = parts(&desk, &form.visitor);
    let renewed = login.renew(journal, by, &name).await;
    after(&desk, &form.visitor, renewed.map(|password| Done::Password { name, password }))
}

/// `POST /users/remove`
pub(super) async fn remove(State(desk): Shared, form: Submission) -> Response {
    let (login, journal, by) = parts(&desk, &form.visitor);
    let removed = login.remove(journal, by, form.fields.get("name")).await;
    after(&desk, &form.visitor, removed.map(|()| Done::Changed))
}

fn parts<'a>(
    desk: &'a Desk,
    visitor: &'a Visitor,
) -> (&'a crate::login::Login, &'a crate::journal::Journal, &'a crate::access::Actor) {
    (&desk.coordinator.login, &desk.coordinator.journal, &visitor.visit.actor)
}

fn role(fields: &Fields) -> Option<Role> {
    let role = fields.get("role");
    Role::value_variants().iter().copied().find(|it| it.name() == role)
}

fn unreadable(visitor: &Visitor) -> Response {
    let words = visitor.lang.words().unreadable_form;
    refusal_page(visitor.lang, StatusCode::BAD_REQUEST, words).into_response()
}

fn after(desk: &Desk, visitor: &Visitor, done: Result<Done, UsersError>) -> Response {
    match done {
        Ok(Done::Changed) => Redirect::to("/users").into_response(),
        Ok(Done::Password { name, password }) => {
            whole(desk, visitor, Some((&name, &password)), None).into_response()
        }
        Err(error) => {
            let words = visitor.lang.words();
            let problem = match &error {
                UsersError::Name => words.wrong_name,
                UsersError::Taken(_) => words.user_taken,
                UsersError::Unknown(_) => words.user_unknown,
                UsersError::LastSupervisor(_) => words.user_last,
                UsersError::Full => words.user_full,
                _ => {
                    tracing::error!(target: "dashboard", "{:#}", anyhow::Error::from(error));
                    let status = StatusCode::SERVICE_UNAVAILABLE;
                    return refusal_page(visitor.lang, status, words.not_recorded).into_response();
                }
            };
            whole(desk, visitor, None, Some(problem)).with(StatusCode::CONFLICT).into_response()
        }
    }
}

fn whole(
    desk: &Desk,
    visitor: &Visitor,
    made: Option<(&str, &str)>,
    problem: Option<&str>,
) -> Page {
    let words = visitor.lang.words();
    let users = match desk.coordinator.login.users.all() {
        Ok(users) => users,
        Err(error) => {
            tracing::error!(target: "dashboard", "{:#}", anyhow::Error::from(error));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return refusal_page(visitor.lang, status, words.no_password);
        }
    };
    let content = html! {
        h1 { (words.users) }
        @if let Some(problem) = problem { (refusal(problem, None)) }
        @if let Some((name, password)) = made {
            p .notice role="status" {
                (icon(Icon::List))
                span { (words.user_password) " " b { (name) } ": " code { (password) } }
            }
        }
        div .columns .even {
            form .card method="post" action="/users" {
                (token(visitor))
                h2 { (words.user_add) }
                label for="user-name" { (words.name) }
                input #user-name name="name" required maxlength=(MAX_NAME_LEN) autocomplete="off";
                label for="user-role" { (words.user_role) }
                (roles(visitor, "user-role", Role::Technician))
                p .hint { (words.user_role_hint) }
                button .primary { (words.user_add) }
            }
            section aria-labelledby="users" {
                h2 #users { (words.users) }
                @for (n, user) in users.iter().enumerate() { (card(visitor, n, user)) }
            }
        }
    };
    page(
        visitor,
        Head { title: words.users, place: Place::Users, path: "/users", live: false },
        content,
    )
}

fn card(visitor: &Visitor, n: usize, user: &User) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let id = format!("role-{n}");
    let button = |action: &str, word: &str| {
        html! {
            form method="post" action={ "/users/" (action) } {
                (token(visitor))
                input type="hidden" name="name" value=(user.name);
                button { (word) }
            }
        }
    };
    html! {
        div .planned .batch {
            h3 { (user.name) ": " (lang.user_role(user.role)) }
            form method="post" action="/users/role" {
                (token(visitor))
                input type="hidden" name="name" value=(user.name);
                label for=(id) { (words.user_role) }
                (roles(visitor, &id, user.role))
                button { (words.user_set_role) }
            }
            (button("password", words.user_renew))
            (button("remove", words.user_remove))
        }
    }
}

fn roles(visitor: &Visitor, id: &str, chosen: Role) -> Markup {
    html! {
        select id=(id) name="role" {
            @for role in Role::value_variants() {
                option value=(role.name()) selected[*role == chosen] { (visitor.lang.user_role(*role)) }
            }
        }
    }
}

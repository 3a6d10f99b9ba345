//! The log of actions, for everybody with a login.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use protocol::{MachineNumber, PersonId};
use serde::Deserialize;

use super::Shared;
use super::guard::Visitor;
use super::log::{Action, Log, read_log};
use super::page::{Head, Place, moment, page, refusal_page};
use crate::deeds::Wanted;

/// Actions on a page.
const PAGE_LEN: usize = 50;

/// What of the log is wanted, as the form sends it: empty fields for everything.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    person: String,
    #[serde(default)]
    machine: String,
    #[serde(default)]
    before: String,
}

/// `GET /log`
pub(super) async fn show(
    State(desk): Shared,
    visitor: Visitor,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let Ok(Query(filter)) = filter else {
        let status = StatusCode::BAD_REQUEST;
        return refusal_page(lang, status, words.unreadable_form).into_response();
    };
    let journal = &desk.coordinator.journal;
    let number = filter.machine.trim().parse().ok().map(MachineNumber);
    let machine = number.map(|number| journal.published().bench.numbered(number).map(|it| it.id));
    let wanted = Wanted {
        person: filter.person.parse::<PersonId>().ok(),
        machine: machine.flatten(),
        before: filter.before.parse().ok(),
    };
    let unknown = !filter.machine.trim().is_empty() && wanted.machine.is_none();
    let read = journal.read(move |journal| {
        Ok((read_log(journal, wanted, PAGE_LEN, lang.language())?, journal.names()?))
    });
    let (log, mut names) = match read.await {
        Ok(read) => read,
        Err(error) => {
            tracing::error!(target: "dashboard", %error, "the log of actions cannot be read");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return refusal_page(lang, status, words.log_unread).into_response();
        }
    };
    names.sort_by(|a, b| a.1.cmp(&b.1));
    let content = html! {
        h1 { (words.log) }
        (filters(&visitor, &filter, &names))
        @if unknown { p .hint { (words.unknown_machine) } }
        @else if log.actions.is_empty() { p .hint { (words.log_empty) } }
        @else { (table(&visitor, &filter, &log)) }
    };
    let head = Head { title: words.log, place: Place::Log, path: "/log", live: false };
    page(&visitor, head, content).into_response()
}

fn filters(visitor: &Visitor, filter: &Filter, names: &[(PersonId, String)]) -> Markup {
    let words = visitor.lang.words();
    html! {
        form .card .wide method="get" action="/log" {
            div .pair {
                div {
                    label for="log-person" { (words.log_who) }
                    select #log-person name="person" {
                        option value="" { (words.log_everybody) }
                        @for (id, name) in names {
                            @let id = id.to_string();
                            option value=(id) selected[id == filter.person] { (name) }
                        }
                    }
                }
                div {
                    label for="log-machine" { (words.machine) }
                    input #log-machine .short name="machine" inputmode="numeric" pattern="[0-9]*"
                        autocomplete="off" value=(filter.machine);
                }
            }
            button { (words.log_show) }
        }
    }
}

fn table(visitor: &Visitor, filter: &Filter, log: &Log) -> Markup {
    let words = visitor.lang.words();
    let older = log.actions.last().filter(|_| log.more).map(|action| action.index);
    html! {
        div .scroll tabindex="0" role="region" aria-label=(words.log) {
            table {
                thead { tr {
                    th scope="col" { (words.log_when) }
                    th scope="col" { (words.log_who) }
                    th scope="col" { (words.machine) }
                    th scope="col" { (words.log_what) }
                } }
                tbody { @for action in &log.actions { (row(action)) } }
            }
        }
        @if let Some(older) = older {
            // A form, so that nothing that was typed has to be put into an address by us.
            form method="get" action="/log" {
                input type="hidden" name="person" value=(filter.person);
                input type="hidden" name="machine" value=(filter.machine);
                input type="hidden" name="before" value=(older);
                button { (words.log_older) }
            }
        }
    }
}

fn row(action: &Action) -> Markup {
    html! {
        tr {
            td { (moment(action.at)) }
            td { (action.name.as_deref().unwrap_or("–")) }
            td {
                @if let Some(number) = action.machine {
                    a href={ "/machines/" (number.0) } { (number.to_string()) }
                }
            }
            td {
                (action.sentence)
                @if let Some(verbatim) = &action.verbatim { " " span .hint { (verbatim) } }
            }
        }
    }
}

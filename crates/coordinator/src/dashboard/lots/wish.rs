//! What a form of a lot's page wants.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use protocol::MachineNumber;

use super::super::Shared;
use super::super::guard::{Fields, Submission};
use super::super::page::refusal_page;
use super::lot_page::whole;
use super::unknown;
use crate::lots::actions::{self, LotWish, Named};
use crate::lots::step::Sums;
use crate::policies::Shipped;

/// `POST /lots/{id}/wish`
pub(in super::super) async fn submit(
    State(desk): Shared,
    Path(id): Path<String>,
    form: Submission,
) -> Response {
    let Submission { visitor, fields } = form;
    let Ok(lot) = id.parse() else { return unknown(&visitor).into_response() };
    let Some(wish) = read(&fields) else {
        let words = visitor.lang.words().unreadable_form;
        return refusal_page(visitor.lang, StatusCode::BAD_REQUEST, words).into_response();
    };
    match actions::wish(&desk.coordinator, lot, &visitor.visit.actor, wish).await {
        Ok(()) => Redirect::to(&format!("/lots/{lot}")).into_response(),
        Err(refused) => whole(&desk, &visitor, &id, Some(refused.sentence())).await,
    }
}

/// What the form says; none where it is not one of ours.
fn read(fields: &Fields) -> Option<LotWish> {
    let text = |name| fields.get(name).to_owned();
    let because = text("because");
    let machine = || fields.get("machine").trim().parse().ok().map(MachineNumber);
    let count = |name: &str| fields.get(name).trim().parse::<u32>().ok();
    let subject = || match fields.get("item") {
        "" => machine().map(Named::Machine),
        item => item.parse().ok().map(Named::Item),
    };
    Some(match fields.get("wish") {
        "accept" => {
            let policy = Shipped::named(fields.get("policy"))?.policy().ok()?;
            let (on, reference) = (fields.get("on").parse().ok()?, text("reference"));
            LotWish::Accept { policy, accepted_by: text("name"), on, reference }
        }
        "state" => {
            let (on, reference) = (fields.get("on").parse().ok()?, text("reference"));
            LotWish::State { stated_by: text("name"), on, reference }
        }
        "receive" => LotWish::Receive { machine: machine()?, because },
        "refuse" => LotWish::Refuse { machine: machine()?, because },
        "take-in" => LotWish::TakeIn { serial: text("serial"), asset: text("asset"), because },
        "assign" => {
            let row = fields.get("row").trim().parse().ok()?;
            LotWish::Assign { subject: subject()?, row, because }
        }
        "pull" => LotWish::Pull {
            from: subject()?,
            model: text("model"),
            serial: text("serial"),
            bag: text("bag"),
            because,
        },
        "destroyed" => {
            LotWish::Destroyed { bag: text("bag"), how: text("how"), reference: text("reference") }
        }
        "sanitized" => LotWish::Sanitized { bag: text("bag"), machine: machine()? },
        "drive-returned" => {
            LotWish::DriveReturned { bag: text("bag"), reference: text("reference") }
        }
        "put-back" => LotWish::PutBack { bag: text("bag"), because },
        "nothing-inside" => LotWish::NothingInside { subject: subject()?, because },
        "give-back" => LotWish::GiveBack { subject: subject()?, reference: text("reference") },
        "close" => {
            let sums = Sums {
                received: count("received")?,
                erased: count("erased")?,
                pulled: count("pulled")?,
                returned: count("returned")?,
            };
            LotWish::Close { sums, missing: count("missing")? as usize, because }
        }
        "reopen" => LotWish::Reopen { because },
        _ => return None,
    })
}

//! Lots in tables.

use anyhow::{Context as _, Result};
use protocol::{LotId, MachineNumber};
use serde::Deserialize;

use super::nothing;
use crate::calendar::{Day, utc};
use crate::cli::Asker;
use crate::console::{say, table};
use crate::drive_name::DriveName;
use crate::lots::actions::Named;
use crate::lots::reckoning::{End, Observed, Obstacle};
use crate::lots::step::{Fate, Sums};
use crate::lots::view::short;

#[derive(Debug, Deserialize)]
struct Shown {
    id: LotId,
    owner: String,
    register: Option<Register>,
    accepted: Option<Paper>,
    stated: Option<Paper>,
    sums: Sums,
    may_close: bool,
    received: Vec<Thing>,
    unknown: Vec<Unknown>,
    missing: Vec<register::AssetRow>,
    pulled: Vec<Pulled>,
    closed: Option<Closed>,
}

#[derive(Debug, Deserialize)]
struct Register {
    rows: usize,
}

#[derive(Debug, Deserialize)]
struct Paper {
    by: String,
    on: Day,
    reference: String,
    policy: Option<(String, Option<String>)>,
}

#[derive(Debug, Deserialize)]
struct Thing {
    thing: Named,
    model: String,
    serial: Option<String>,
    asset: Option<String>,
    end: Option<End>,
    in_the_way: Vec<Obstacle>,
    observed: Option<Observed>,
}

#[derive(Debug, Deserialize)]
struct Unknown {
    machine: MachineNumber,
    model: String,
    serial: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Pulled {
    bag: String,
    name: DriveName,
    from: Option<Named>,
    fate: Option<Fate>,
}

#[derive(Debug, Deserialize)]
struct Closed {
    at: protocol::UnixMillis,
    by: String,
    because: String,
}

pub(super) fn list(asker: &Asker, answer: &[u8]) -> Result<()> {
    if asker.json {
        return asker.show(answer);
    }
    let lots: Vec<Shown> = serde_json::from_slice(answer).context("reading the answer")?;
    let cells = lots.iter().map(|lot| {
        let state = match (&lot.closed, lot.may_close) {
            (Some(_), _) => "closed",
            (None, true) if lot.sums.received > 0 => "may be closed",
            _ => "open",
        };
        [lot.id.to_string(), state.to_owned(), lot.owner.clone(), lot.sums.to_string()]
    });
    let cells: Vec<_> = cells.collect();
    if cells.is_empty() {
        return nothing("no lot was ever opened");
    }
    Ok(table(["LOT", "STATE", "OWNER", "RECKONING"], &cells)?)
}

pub(super) fn show(asker: &Asker, answer: &[u8]) -> Result<()> {
    if asker.json {
        return asker.show(answer);
    }
    let lot: Shown = serde_json::from_slice(answer).context("reading the answer")?;
    say(&format!("lot {} of {}", lot.id, lot.owner))?;
    papers(&lot)?;
    say("")?;
    things(&lot)?;
    bags(&lot)?;
    for row in &lot.missing {
        let asset = row.asset.as_ref().map_or("no asset number", |it| it.as_str());
        let serial = row.serial.as_ref().map_or("no serial number", |it| it.as_str());
        say(&format!("missing: row {}, {asset}, {serial}", row.row))?;
    }
    say(&lot.sums.to_string())?;
    match &lot.closed {
        Some(closed) => {
            say(&format!("closed by {} at {} {}", closed.by, utc(closed.at), closed.because))?;
        }
        None if lot.may_close => say("nothing stands in the way of closing it")?,
        None => say("it cannot be closed yet: see above")?,
    }
    Ok(())
}

fn papers(lot: &Shown) -> Result<()> {
    match &lot.register {
        Some(register) => say(&format!("register: {} assets", register.rows))?,
        None => say("register: none; `rehome lot import FILE`")?,
    }
    let told = |paper: &Paper| format!("{} on {} {}", paper.by, paper.on, paper.reference);
    match &lot.accepted {
        Some(paper) => {
            let (name, digest) = paper.policy.clone().unwrap_or_default();
            let digest = digest.unwrap_or_default();
            say(&format!("policy {name} (SHA-256 {digest}) accepted by {}", told(paper)))?;
        }
        None => say("policy: not accepted yet; `rehome lot accept`")?,
    }
    match &lot.stated {
        Some(paper) => say(&format!("nothing on the drives exists only there: {}", told(paper)))?,
        None => say("nothing unique on the drives: not stated yet; `rehome lot state`")?,
    }
    Ok(())
}

fn name(thing: Named) -> String {
    match thing {
        Named::Machine(number) => number.to_string(),
        Named::Item(item) => format!("item-{}", short(&item)),
    }
}

fn things(lot: &Shown) -> Result<()> {
    let received = lot.received.iter().map(|it| {
        let obstacles: Vec<_> = it.in_the_way.iter().map(ToString::to_string).collect();
        let observed = it.observed.map(|it| it.to_string());
        let end = it.end.map(|it| it.word().to_owned()).or(observed).unwrap_or_else(|| "-".into());
        [
            name(it.thing),
            it.asset.clone().unwrap_or_default(),
            it.serial.clone().unwrap_or_default(),
            it.model.clone(),
            end,
            obstacles.join("; "),
        ]
    });
    let unknown = lot.unknown.iter().map(|it| {
        [
            it.machine.to_string(),
            String::new(),
            it.serial.clone().unwrap_or_default(),
            it.model.clone(),
            "-".to_owned(),
            "not in the register: `rehome lot receive` or `rehome lot refuse`".to_owned(),
        ]
    });
    let cells: Vec<_> = received.chain(unknown).collect();
    if cells.is_empty() {
        return nothing("nothing was received yet");
    }
    Ok(table(["THING", "ASSET", "SERIAL", "MODEL", "END", "IN THE WAY"], &cells)?)
}

fn bags(lot: &Shown) -> Result<()> {
    for it in &lot.pulled {
        let from = it.from.map(name).unwrap_or_default();
        let fate = match &it.fate {
            None => "no fate yet".to_owned(),
            Some(Fate::Destroyed { how, reference }) => format!("destroyed: {how} {reference}"),
            Some(Fate::SanitizedIn { machine }) => format!("sanitized in machine {machine}"),
            Some(Fate::Returned { reference }) => format!("returned: {reference}"),
            Some(Fate::PutBack { because }) => format!("put back: {because}"),
        };
        say(&format!("bag {}: {} out of {from}: {fate}", it.bag, it.name))?;
    }
    Ok(())
}

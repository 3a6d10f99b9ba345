//! A lot's reckoning as a table that an office opens.

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use register::{Separator, csv_cell};

use super::super::Shared;
use super::super::guard::Visitor;
use super::super::lang::Lang;
use super::{broken, find, unknown};
use crate::lots::view::LotView;
use crate::simulated::{file_name, first_line};

/// `GET /lots/{id}/table`
pub(in super::super) async fn download(
    State(desk): Shared,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    let lot = match find(&desk, &id).await {
        Ok(Some(lot)) => lot,
        Ok(None) => return unknown(&visitor).into_response(),
        Err(error) => return broken(&visitor, &error).into_response(),
    };
    let simulated = desk.coordinator.site.simulated;
    let name = file_name(simulated, &format!("lot-{}.csv", lot.id));
    let name = format!("attachment; filename=\"{name}\"");
    let kind = "text/csv; charset=utf-8".to_owned();
    let table = csv(visitor.lang, &lot, simulated);
    ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], table).into_response()
}

/// Semicolons and a byte order mark, as a Polish office's spreadsheet expects; no cell can be a formula. Of simulated
/// machines its first line says so.
pub(super) fn csv(lang: Lang, lot: &LotView, simulated: bool) -> String {
    let words = lang.lots();
    let heads =
        [words.thing, words.asset, words.serial, words.model, words.ended, words.in_the_way];
    let mut rows = vec![heads.map(str::to_owned)];
    for it in &lot.received {
        let obstacles: Vec<_> = it.in_the_way.iter().map(|it| lang.obstacle(it)).collect();
        rows.push([
            lang.named(&it.thing),
            it.asset.clone().unwrap_or_default(),
            it.serial.clone().unwrap_or_default(),
            it.model.clone(),
            match (it.end, it.observed) {
                (Some(end), _) => lang.lot_end(end).to_owned(),
                (None, Some(observed)) => lang.observed_thing(observed),
                (None, None) => String::new(),
            },
            obstacles.join("; "),
        ]);
    }
    for row in &lot.missing {
        rows.push([
            lang.register_row(row.row),
            row.asset.as_ref().map(ToString::to_string).unwrap_or_default(),
            row.serial.as_ref().map(|it| it.as_str().to_owned()).unwrap_or_default(),
            row.model.as_ref().map(ToString::to_string).unwrap_or_default(),
            words.missing.to_owned(),
            String::new(),
        ]);
    }
    let line = |cells: &[String; 6]| {
        cells.each_ref().map(|it| csv_cell(it, Separator::Semicolon)).join(";")
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    format!("\u{feff}{}{}\r\n", first_line(simulated), lines.join("\r\n"))
}

//! Taking in the owner's register: a file is sent, a person sees how it is understood and corrects that, then it is
//! taken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use protocol::{LotId, Sha256Digest};
use register::{
    AssetRow, Because, HeaderKey, Hint, Mapping, Problem, Role, Sheet, limits, propose, read, rows,
};

use super::super::guard::{Fields, Submission, Upload, Visitor};
use super::super::icon::{Icon, icon};
use super::super::page::{Head, Page, Place, page, refusal_page, token};
use super::super::{Desk, Shared};
use super::lot_page::whole;
use super::unknown;
use crate::lots::actions::{self, LotWish};

/// Files that are looked at, at a time; an older one makes room.
const MAX_UPLOADS: usize = 4;
/// The longest file that a browser sends, in bytes: some tens of thousands of rows. `rehome lot import` takes longer ones.
const MAX_FILE_LEN: usize = 8 << 20;
/// Rows that a preview shows.
const SHOWN_ROWS: usize = 8;
/// What a form has around its file.
const FORM_LEN: usize = 4 << 10;

const ROLES: [Role; 9] = [
    Role::Serial,
    Role::Asset,
    Role::Manufacturer,
    Role::Model,
    Role::Location,
    Role::Person,
    Role::Value,
    Role::Note,
    Role::Ignored,
];

/// Registers that somebody is looking at before they are taken. In memory only: names of people may stand in them.
#[derive(Debug, Default)]
pub(in super::super) struct Uploads(Mutex<VecDeque<(Sha256Digest, Bytes)>>);

impl Uploads {
    fn keep(&self, file: Bytes) -> Sha256Digest {
        let digest = evidence::sha256(&file);
        let mut kept = self.lock();
        kept.retain(|(other, _)| *other != digest);
        kept.truncate(MAX_UPLOADS - 1);
        kept.push_front((digest, file));
        digest
    }

    fn find(&self, wanted: &Sha256Digest) -> Option<Bytes> {
        self.lock().iter().find(|(digest, _)| digest == wanted).map(|(_, file)| file.clone())
    }

    fn drop_it(&self, done: &Sha256Digest) {
        self.lock().retain(|(digest, _)| digest != done);
    }

    /// A panic elsewhere cannot leave it half changed.
    fn lock(&self) -> MutexGuard<'_, VecDeque<(Sha256Digest, Bytes)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a form with a file may be, in bytes.
pub(in super::super) const MAX_LEN: usize = MAX_FILE_LEN + FORM_LEN;

/// A file, read; and what it says by a mapping.
#[derive(Debug)]
struct Understood {
    file: Sha256Digest,
    sheet: Sheet,
    mapping: Mapping,
    found: Result<Vec<AssetRow>, Vec<Problem>>,
}

/// `POST /lots/{id}/register`
pub(in super::super) async fn submit(
    State(desk): Shared,
    Path(id): Path<String>,
    Upload { visitor, file }: Upload,
) -> Response {
    let Ok(lot) = id.parse::<LotId>() else { return unknown(&visitor).into_response() };
    if file.is_empty() {
        return whole(&desk, &visitor, &id, Some(visitor.lang.lots().upload_none)).await;
    }
    let digest = desk.uploads.keep(file.clone());
    match understand(&desk, digest, file, None).await {
        Ok(understood) => preview(&visitor, lot, &understood).into_response(),
        Err(why) => whole(&desk, &visitor, &id, Some(&why)).await,
    }
}

/// `POST /lots/{id}/register/take`
pub(in super::super) async fn take(
    State(desk): Shared,
    Path(id): Path<String>,
    form: Submission,
) -> Response {
    let Submission { visitor, fields } = form;
    let (Ok(lot), Ok(file)) = (id.parse::<LotId>(), fields.get("file").parse::<Sha256Digest>())
    else {
        let words = visitor.lang.words().unreadable_form;
        return refusal_page(visitor.lang, StatusCode::BAD_REQUEST, words).into_response();
    };
    let Some(bytes) = desk.uploads.find(&file) else {
        return whole(&desk, &visitor, &id, Some(visitor.lang.lots().upload_gone)).await;
    };
    let understood = match understand(&desk, file, bytes, Some(fields_of(&fields))).await {
        Ok(understood) => understood,
        Err(why) => return whole(&desk, &visitor, &id, Some(&why)).await,
    };
    let Understood { mapping, found: Ok(rows), .. } = &understood else {
        return preview(&visitor, lot, &understood).into_response();
    };
    if fields.get("do") != "take" {
        return preview(&visitor, lot, &understood).into_response();
    }
    let wish = LotWish::Import { file, mapping: mapping.clone(), rows: rows.clone() };
    match actions::wish(&desk.coordinator, lot, &visitor.visit.actor, wish).await {
        Ok(()) => {
            desk.uploads.drop_it(&file);
            Redirect::to(&format!("/lots/{lot}")).into_response()
        }
        Err(refused) => whole(&desk, &visitor, &id, Some(refused.sentence())).await,
    }
}

/// The meanings that a person chose, by column.
fn fields_of(fields: &Fields) -> Vec<Option<Role>> {
    let chosen = |i: usize| {
        let name = fields.get(&format!("role-{i}"));
        ROLES.into_iter().find(|role| code(*role) == name)
    };
    (0..limits::MAX_COLUMNS as usize).map(chosen).collect()
}

/// Reads the file where it may take a while: its columns mean what a person chose, else what they meant in a register
/// with the same header, else what their words say.
async fn understand(
    desk: &Arc<Desk>,
    file: Sha256Digest,
    bytes: Bytes,
    chosen: Option<Vec<Option<Role>>>,
) -> Result<Understood, String> {
    let remembered: Vec<Mapping> = {
        let published = desk.coordinator.journal.published();
        let mut known: Vec<_> =
            published.bench.lots().filter_map(|lot| lot.register.as_ref()).collect();
        known.sort_by_key(|register| std::cmp::Reverse(register.at));
        known.into_iter().map(|register| register.mapping.clone()).collect()
    };
    let work = move || {
        let sheet = read(&bytes, &Hint::default()).map_err(|error| format!("{error}"))?;
        let key = HeaderKey::of(&sheet);
        let known = remembered.into_iter().find(|it| it.key == key);
        let mut mapping = known.unwrap_or_else(|| propose(&sheet));
        for column in &mut mapping.columns {
            let said = chosen.as_ref().and_then(|it| it.get(column.column.index()).copied());
            if let Some(role) = said.flatten().filter(|role| *role != column.role) {
                (column.role, column.because) = (role, Because::Said);
            }
        }
        let found = rows(&sheet, &mapping);
        Ok(Understood { file, sheet, mapping, found })
    };
    let read = tokio::task::spawn_blocking(work).await;
    read.unwrap_or_else(|error| Err(format!("reading the file was not finished: {error}")))
}

fn code(role: Role) -> &'static str {
    match role {
        Role::Serial => "serial",
        Role::Asset => "asset",
        Role::Manufacturer => "manufacturer",
        Role::Model => "model",
        Role::Location => "location",
        Role::Person => "person",
        Role::Value => "value",
        Role::Note => "note",
        Role::Ignored => "ignored",
    }
}

fn preview(visitor: &Visitor, lot: LotId, it: &Understood) -> Page {
    let words = visitor.lang.lots();
    let content = html! {
        h1 { (words.preview_title) }
        p .hint lang="en" { (it.sheet.format) }
        form .card .wide .preview method="post" action={ "/lots/" (lot) "/register/take" } {
            (token(visitor))
            input type="hidden" name="file" value=(it.file);
            h2 { (words.preview_columns) }
            (columns(visitor, it))
            @match &it.found {
                Err(problems) => {
                    div .concerns {
                        h2 { (icon(Icon::Alert)) (words.problems) }
                        ul lang="en" { @for problem in problems { li { (problem) } } }
                    }
                    button .primary name="do" value="again" { (words.preview_again) }
                }
                Ok(rows) => {
                    p { b { (visitor.lang.rows(rows.len())) } }
                    (first_rows(visitor, rows))
                    div .pair {
                        button name="do" value="again" { (words.preview_again) }
                        button .primary name="do" value="take" { (words.preview_take) }
                    }
                }
            }
        }
        p { a .button href={ "/lots/" (lot) } { (visitor.lang.words().back_to_lot) } }
    };
    let path = format!("/lots/{lot}");
    let head = Head { title: words.preview_title, place: Place::Lots, path: &path, live: false };
    page(visitor, head, content)
}

fn columns(visitor: &Visitor, it: &Understood) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.lots());
    html! {
        div .scroll { table {
            thead { tr {
                @for head in [words.column, words.header, words.means] { th scope="col" { (head) } }
            } }
            tbody { @for column in &it.mapping.columns {
                @let name = format!("role-{}", column.column.index());
                tr {
                    th scope="row" { (column.column) }
                    td { label for=(name) { (column.header) } }
                    td {
                        select #(name) name=(name) {
                            @for role in ROLES {
                                option value=(code(role)) selected[role == column.role] { (lang.role(role)) }
                            }
                        }
                    }
                }
            } }
        } }
    }
}

fn first_rows(visitor: &Visitor, rows: &[AssetRow]) -> Markup {
    let words = visitor.lang.lots();
    html! {
        h2 { (words.preview_rows) }
        div .scroll { table {
            thead { tr {
                @for head in [words.row, words.asset, words.serial, words.model] { th scope="col" { (head) } }
            } }
            tbody { @for row in rows.iter().take(SHOWN_ROWS) {
                tr {
                    th scope="row" { (row.row) }
                    td { @if let Some(asset) = &row.asset { (asset) } }
                    td { @if let Some(serial) = &row.serial { (serial.as_str()) } }
                    td {
                        @if let Some(maker) = &row.manufacturer { (maker) " " }
                        @if let Some(model) = &row.model { (model) }
                    }
                }
            } }
        } }
    }
}

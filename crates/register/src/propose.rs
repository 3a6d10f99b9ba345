//! A first answer to what the columns mean. Words decide; cells decide where there are no words, and overrule them in
//! one direction only: towards leaving a column out because people stand in it.

use std::collections::BTreeSet;

use crate::mapping::{Because, HeaderKey, MappedColumn, Mapping, Role};
use crate::personal;
use crate::place::Column;
use crate::serial::SerialNumber;
use crate::sheet::Sheet;
use crate::words::{Meaning, meaning};

/// Proposes what each column means, for a person to look at. Two columns that claim to be the serial or asset number
/// with equal right both get the role: [`crate::rows`] then asks which one it is.
pub fn propose(sheet: &Sheet) -> Mapping {
    let mut columns: Vec<MappedColumn> = Vec::with_capacity(sheet.headers.len());
    let mut strengths = Vec::with_capacity(sheet.headers.len());
    for (index, header) in sheet.headers.iter().enumerate() {
        let said = meaning(header);
        let (role, because) = alone(sheet, index, said);
        columns.push(MappedColumn {
            column: Column::at(index),
            header: header.clone(),
            role,
            because,
        });
        strengths.push(said.map_or(0, |it| it.strength));
    }
    for role in [
        Role::Serial,
        Role::Asset,
        Role::Manufacturer,
        Role::Model,
        Role::Location,
        Role::Value,
        Role::Note,
    ] {
        settle(sheet, &mut columns, &strengths, role);
    }
    if !columns.iter().any(|it| it.role == Role::Serial) {
        serial_by_content(sheet, &mut columns);
    }
    Mapping { key: HeaderKey::of(sheet), columns }
}

/// What a column means without a look at the others.
fn alone(sheet: &Sheet, index: usize, said: Option<Meaning>) -> (Role, Because) {
    let role = said.map_or(Role::Ignored, |it| it.role);
    // Numbers of machines and amounts are checked one by one when they are read; in all else names may hide.
    let may_hide = !matches!(role, Role::Serial | Role::Asset | Role::Value | Role::Person);
    if may_hide && holds_people(sheet, index) {
        return (Role::Person, Because::Content);
    }
    (role, if said.is_some() { Because::Header } else { Because::Nothing })
}

/// Whether three in ten filled cells look like people.
fn holds_people(sheet: &Sheet, index: usize) -> bool {
    let (mut filled, mut people) = (0_usize, 0_usize);
    for cell in sheet.column(index) {
        filled += 1;
        people += usize::from(personal::likely(cell.text()));
    }
    people > 0 && people * 10 >= filled * 3
}

/// Leaves a role to one column: one that holds something, with the strongest words; then the first, except for the
/// numbers that tell assets apart, where only a person knows.
fn settle(sheet: &Sheet, columns: &mut [MappedColumn], strengths: &[u8], role: Role) {
    let claims = |index: usize| (sheet.column(index).next().is_some(), strengths[index]);
    let claimants: Vec<usize> =
        (0..columns.len()).filter(|index| columns[*index].role == role).collect();
    let Some(best) = claimants.iter().map(|index| claims(*index)).max() else { return };
    let mut is_taken = false;
    for index in claimants {
        let fits = claims(index) == best;
        let is_key = matches!(role, Role::Serial | Role::Asset);
        if fits && (is_key || !is_taken) {
            is_taken = true;
        } else {
            columns[index].role = Role::Ignored;
            columns[index].because = Because::Taken;
        }
    }
}

/// Takes the one column without known words whose cells could all be serial numbers.
fn serial_by_content(sheet: &Sheet, columns: &mut [MappedColumn]) {
    let mut like = columns
        .iter_mut()
        .filter(|it| it.because == Because::Nothing && holds_serials(sheet, it.column.index()));
    if let (Some(only), None) = (like.next(), like.next()) {
        only.role = Role::Serial;
        only.because = Because::Content;
    }
}

/// Whether there are three cells at least and all but a tenth are one word of capitals and digits, none twice.
fn holds_serials(sheet: &Sheet, index: usize) -> bool {
    let (mut filled, mut alike) = (0_usize, 0_usize);
    let mut seen = BTreeSet::new();
    for cell in sheet.column(index) {
        filled += 1;
        let text = cell.text();
        let is_word = text.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
        let is_mixed = text.chars().any(|it| it.is_ascii_digit())
            && text.chars().any(|it| it.is_ascii_uppercase());
        let is_long = (6..=22).contains(&text.len());
        let is_serial = is_word && is_mixed && is_long;
        let is_new = SerialNumber::parse(text).is_some_and(|serial| seen.insert(serial));
        alike += usize::from(is_serial && is_new);
    }
    filled >= 3 && alike * 10 >= filled * 9
}

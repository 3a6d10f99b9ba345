//! A machine's history: what the journal holds of it, in order.

use protocol::{AgentRecord, PersonId, Step, UnixMillis};

use super::lang::Lang;
use super::words::Told;
use crate::bench::{Admission, Machine};
use crate::event::{AdmittedHow, Happening, JournalEvent, Saw};
use crate::journal::{Journal, JournalError};
use crate::view::name_of;

/// Records that are shown; older ones stay in the journal.
const MAX_RECORDS: usize = 300;

/// A line of the history.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: UnixMillis,
    pub(super) told: Told,
    /// Whether it went wrong.
    pub(super) bad: bool,
}

/// Reads the history from the journal's database: call it where blocking is allowed.
///
/// # Errors
/// When the journal cannot be read.
pub(super) fn history(
    journal: &Journal,
    machine: &Machine,
    lang: Lang,
) -> Result<Vec<Line>, JournalError> {
    let names = journal.names()?;
    let mut lines = decisions(machine, lang, &names);
    let mut indices: Vec<_> =
        machine.boots.iter().flat_map(|boot| boot.records.iter().copied()).collect();
    indices.extend(&machine.witnessed);
    indices.sort_unstable();
    let older = indices.len().saturating_sub(MAX_RECORDS);
    for (_, body) in journal.bodies(&indices[older..])? {
        lines.extend(journaled(&body, lang, &names));
    }
    // Stable: what happened in the same millisecond stays in the journal's order.
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

/// How a machine was admitted, with the person's name.
pub(super) fn admitted(how: &AdmittedHow, lang: Lang, names: &[(PersonId, String)]) -> Told {
    match how {
        AdmittedHow::Picked { by } => {
            lang.told_with(("Picked by a person", "Wybrany przez człowieka"), name_of(names, *by))
        }
        AdmittedHow::Automatic => lang.told((
            "Admitted by the rule of an isolated bench",
            "Dopuszczony według reguły odizolowanego stołu",
        )),
        AdmittedHow::Continued { by } => lang.told_with(
            ("Picked again after the stop", "Wybrany ponownie po zatrzymaniu"),
            name_of(names, *by),
        ),
        AdmittedHow::Resumed => lang.told(("Came back and goes on", "Wrócił i pracuje dalej")),
    }
}

/// What a person did about a hold.
fn witnessed(happening: &Happening, lang: Lang, names: &[(PersonId, String)]) -> Option<Told> {
    match happening {
        Happening::HoldAsked { by, .. } => Some(lang.told_with(
            ("To wait once its drives are verified", "Ma zaczekać po sprawdzeniu dysków"),
            name_of(names, *by),
        )),
        Happening::Panicked { by, because } => {
            let pair = ("A person stopped all machines", "Człowiek zatrzymał wszystkie komputery");
            let said = [name_of(names, *by), because.clone()];
            let said: Vec<_> = said.into_iter().filter(|it| !it.is_empty()).collect();
            Some(lang.told_with(pair, said.join(" · ")))
        }
        Happening::Admitted { how: AdmittedHow::Continued { by }, .. } => {
            let pair = ("Picked again: it goes on", "Wybrany ponownie: pracuje dalej");
            Some(lang.told_with(pair, name_of(names, *by)))
        }
        Happening::HoldReleased { by, .. } => {
            let pair = ("Released by a person", "Zwolniony przez człowieka");
            Some(lang.told_with(pair, name_of(names, *by)))
        }
        Happening::Looked { by, drive, sector, count, saw, .. } => {
            let pair = match saw {
                Saw::Content { zero: true, .. } => {
                    ("A person looked: all zero", "Obejrzano: same zera")
                }
                Saw::Content { .. } => {
                    ("A person looked: not all zero", "Obejrzano: nie same zera")
                }
                Saw::Unreadable { .. } => {
                    ("A person looked: it could not be read", "Obejrzano: nie udało się odczytać")
                }
            };
            let said = match saw {
                Saw::Content { sha256, .. } => format!("SHA-256 {sha256}"),
                Saw::Unreadable { sentence } => sentence.clone(),
            };
            let (who, drive) = (name_of(names, *by), lang.drive(drive));
            let sectors = lang.sectors(*sector, *count);
            Some(lang.told_with(pair, format!("{who} · {drive} · {sectors} · {said}")))
        }
        _ => None,
    }
}

fn decisions(machine: &Machine, lang: Lang, names: &[(PersonId, String)]) -> Vec<Line> {
    let line = |at, told| Line { at, told, bad: false };
    let mut lines = vec![line(
        machine.first_seen,
        lang.told(("Seen for the first time", "Pierwszy raz widziany")),
    )];
    for boot in &machine.boots {
        let said = format!("{} · {}", boot.agent.fingerprint(), boot.version);
        let pair = ("Started the appliance and took stock", "Uruchomił program i spisał sprzęt");
        lines.push(line(boot.at, lang.told_with(pair, said)));
    }
    lines.extend(machine.works().flat_map(|work| of_work(work, lang, names)));
    lines
}

/// What people and coordinator decided about one work of it.
fn of_work(admission: &Admission, lang: Lang, names: &[(PersonId, String)]) -> Vec<Line> {
    let line = |at, told| Line { at, told, bad: false };
    let mut lines = vec![line(admission.at, admitted(&admission.how, lang, names))];
    if admission.held_from_arming {
        let pair = (
            "To wait once its drives are verified, as its batch was armed",
            "Ma zaczekać po sprawdzeniu dysków, bo tak uzbrojono partię",
        );
        lines.push(line(admission.at, lang.told(pair)));
    }
    for consent in &admission.consents {
        let pair = ("Plan approved, ticket given", "Plan zatwierdzony, zgoda wydana");
        lines.push(line(consent.ticket.issued_at, lang.told(pair)));
    }
    if let Some(at) = admission.booted {
        let pair = ("The installed system has started", "Zainstalowany system wystartował");
        lines.push(line(at, lang.told(pair)));
    }
    lines
}

/// Each was read whole when it came; one that cannot be read now is shown as such and not left out.
fn journaled(body: &str, lang: Lang, names: &[(PersonId, String)]) -> Option<Line> {
    let unread = |at, error: String| {
        let pair = ("A record cannot be read", "Nie można odczytać zapisu");
        Some(Line { at, told: lang.told_with(pair, error), bad: true })
    };
    let event = match serde_json::from_str::<JournalEvent>(body) {
        Ok(event) => event,
        Err(error) => return unread(UnixMillis(0), error.to_string()),
    };
    let Happening::AgentRecord { envelope } = event.happening else {
        let bad = matches!(&event.happening, Happening::Looked { saw: Saw::Unreadable { .. }, .. });
        let told = witnessed(&event.happening, lang, names)?;
        return Some(Line { at: event.at, told, bad });
    };
    let record: AgentRecord = match envelope.peek() {
        Ok(record) => record,
        Err(error) => return unread(event.at, error.to_string()),
    };
    let bad = matches!(
        record.step,
        Step::Failed { .. }
            | Step::SanitizeFailed { .. }
            | Step::Refused { .. }
            | Step::Stalled { .. }
            | Step::Stopped { .. }
            | Step::AgentDied { .. }
    ) || matches!(&record.step, Step::DriveLookedAt(look) if !look.is_blank());
    Some(Line { at: event.at, told: lang.step(&record.step), bad })
}

#[cfg(test)]
mod tests {
    use evidence::{Envelope, SigningKey};

    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_line_of_the_history_and_not_left_out() {
        let key = SigningKey::generate().unwrap();
        let envelope = Envelope::sign("record", &"no record at all", &key).unwrap();
        let at = UnixMillis(5);
        let event = JournalEvent { at, happening: Happening::AgentRecord { envelope } };
        let body = serde_json::to_string(&event).unwrap();
        for (body, at) in [(body.as_str(), at), ("{}", UnixMillis(0))] {
            let line = journaled(body, Lang::En, &[]).unwrap();
            assert!(line.bad && line.at == at, "{line:?}");
            assert_eq!(line.told.sentence, "A record cannot be read");
        }
    }
}

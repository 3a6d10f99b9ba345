//! A machine's history: what the journal holds of it, in order.

use protocol::{AgentRecord, PersonId, Step, UnixMillis};

use super::lang::Lang;
use super::words::Told;
use crate::bench::Machine;
use crate::event::{AdmittedHow, Happening, JournalEvent};
use crate::journal::{Journal, JournalError};

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
    indices.sort_unstable();
    let older = indices.len().saturating_sub(MAX_RECORDS);
    for (_, body) in journal.bodies(&indices[older..])? {
        lines.extend(record(&body, lang));
    }
    // Stable: what happened in the same millisecond stays in the journal's order.
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

/// How a machine was admitted, with the person's name.
pub(super) fn admitted(how: &AdmittedHow, lang: Lang, names: &[(PersonId, String)]) -> Told {
    match how {
        AdmittedHow::Picked { by } => {
            let name = names.iter().find(|(id, _)| id == by).map(|(_, name)| name.clone());
            let name = name.unwrap_or_else(|| by.to_string());
            lang.told_with(("Picked by a person", "Wybrany przez człowieka"), name)
        }
        AdmittedHow::Automatic => lang.told((
            "Admitted by the rule of an isolated bench",
            "Dopuszczony według reguły odizolowanego stołu",
        )),
        AdmittedHow::Resumed => lang.told(("Came back and goes on", "Wrócił i pracuje dalej")),
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
    let Some(admission) = &machine.admission else { return lines };
    lines.push(line(admission.at, admitted(&admission.how, lang, names)));
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
fn record(body: &str, lang: Lang) -> Option<Line> {
    let event = match serde_json::from_str::<JournalEvent>(body) {
        Ok(event) => event,
        Err(error) => {
            let pair = ("A record cannot be read", "Nie można odczytać zapisu");
            let told = lang.told_with(pair, error.to_string());
            return Some(Line { at: UnixMillis(0), told, bad: true });
        }
    };
    let Happening::AgentRecord { envelope } = event.happening else { return None };
    let record: AgentRecord = envelope.peek().ok()?;
    let bad = matches!(
        record.step,
        Step::Failed { .. }
            | Step::SanitizeFailed { .. }
            | Step::Refused { .. }
            | Step::AgentDied { .. }
    );
    Some(Line { at: event.at, told: lang.step(&record.step), bad })
}

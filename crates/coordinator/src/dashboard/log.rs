//! The log of actions: who did what and when, for the page, the API and the command line.

use protocol::{MachineNumber, PersonId, UnixMillis};
use serde::{Deserialize, Serialize};

use super::lang::Lang;
use crate::config::Language;
use crate::deeds::Wanted;
use crate::event::JournalEvent;
use crate::journal::{Journal, JournalError};
use crate::view::name_of;

/// Actions, the last one first.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Log {
    /// The actions.
    pub(crate) actions: Vec<Action>,
    /// Whether there are older ones: ask again with `before` set to the last one's `index`.
    pub(crate) more: bool,
}

/// One action.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Action {
    /// Where it stands in the journal, from 0.
    pub(crate) index: u64,
    /// When, in milliseconds since 1970-01-01 00:00 UTC.
    #[schema(value_type = u64)]
    pub(crate) at: UnixMillis,
    /// Who; null where the coordinator acted by itself, or nobody knows who tried.
    #[schema(value_type = Option<String>)]
    pub(crate) person: Option<PersonId>,
    /// The person's name, or the bare id where the name is gone.
    pub(crate) name: Option<String>,
    /// Number of the machine it is about, if it is about one.
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub(crate) machine: Option<MachineNumber>,
    /// What was done, in words.
    pub(crate) sentence: String,
    /// What belongs to it, word by word; may come from a machine.
    pub(crate) verbatim: Option<String>,
}

/// Reads some actions: call it where blocking is allowed.
///
/// # Errors
/// When the journal cannot be read.
pub(crate) fn read_log(
    journal: &Journal,
    wanted: Wanted,
    most: usize,
    language: Language,
) -> Result<Log, JournalError> {
    let lang = match language {
        Language::En => Lang::En,
        Language::Pl => Lang::Pl,
    };
    let names = journal.names()?;
    let name = |person: PersonId| name_of(&names, person);
    let (deeds, more, numbers, lots) = {
        let published = journal.published();
        let (deeds, more) = published.deeds.latest(wanted, most);
        let number = |id| published.bench.machine(id).map(|machine| machine.number);
        let numbers: Vec<_> =
            deeds.iter().map(|deed| deed.machine.as_ref().and_then(number)).collect();
        (deeds, more, numbers, published.bench.shared_lots())
    };
    let indices: Vec<_> = deeds.iter().map(|deed| deed.index).collect();
    let bodies = journal.bodies(&indices)?;
    let rows =
        deeds.into_iter().zip(numbers).zip(bodies).map(|((deed, machine), (index, body))| {
            let (at, told) = match serde_json::from_str::<JournalEvent>(&body) {
                Ok(event) => (event.at, lang.deed(&event.happening, name, &lots)),
                // It was read when it was written: shown as such and not left out.
                Err(error) => {
                    let pair = ("A record cannot be read", "Nie można odczytać zapisu");
                    (UnixMillis(0), lang.told_with(pair, error.to_string()))
                }
            };
            let (person, name) = (deed.person, deed.person.map(name));
            let (sentence, verbatim) = (told.sentence, told.verbatim);
            Action { index, at, person, name, machine, sentence, verbatim }
        });
    Ok(Log { actions: rows.collect(), more })
}

//! Refused logins on their way to the journal: the first at once, the others in groups, so that whoever tries and tries
//! cannot grow it without end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::PersonId;

use crate::event::Happening;
use crate::journal::Journal;
use crate::metrics::Counted;

/// Refusals within this time make one event: at most 144 a day.
const GROUP_TIME: Duration = Duration::from_secs(600);

/// What is not in the journal yet. A crash loses at most one group.
#[derive(Debug, Clone, Default)]
pub(super) struct RefusedLogins {
    group: Arc<Mutex<Group>>,
    /// All of them, for those who watch.
    all: Counted,
}

#[derive(Debug, Default)]
struct Group {
    count: u32,
    persons: BTreeSet<PersonId>,
    /// Whether somebody will write what is counted here.
    attended: bool,
}

impl RefusedLogins {
    /// Notes one; of a user's name, if it was one.
    pub(super) fn note(&self, journal: &Journal, person: Option<PersonId>) {
        self.all.add(1);
        let mut group = self.lock();
        group.count = group.count.saturating_add(1);
        group.persons.extend(person);
        if !std::mem::replace(&mut group.attended, true) {
            tokio::spawn(self.clone().attend(journal.clone()));
        }
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.all.get()
    }

    async fn attend(self, journal: Journal) {
        while let Some(refused) = self.take() {
            let written = journal.decide(move |_, _| (vec![refused], ())).await;
            if let Err(error) = written {
                tracing::error!(target: "login", %error, "refused logins could not be recorded");
            }
            tokio::time::sleep(GROUP_TIME).await;
        }
    }

    /// What is to be written; none, and nobody attends any more, where nothing came.
    fn take(&self) -> Option<Happening> {
        let mut group = self.lock();
        if group.count == 0 {
            group.attended = false;
            return None;
        }
        let persons = std::mem::take(&mut group.persons);
        Some(Happening::LoginsRefused { count: std::mem::take(&mut group.count), persons })
    }

    fn lock(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thousand_refusals_are_one_event_and_then_one_more() {
        let folder = tempfile::tempdir().unwrap();
        let site = protocol::SiteKey::from_bytes([1; 32]);
        let journal = Journal::open(&folder.path().join("journal.db"), site).unwrap();
        let refused = RefusedLogins::default();
        let ola = PersonId::from_bytes([7; 16]);
        let before = *journal.length().borrow();
        refused.note(&journal, Some(ola));
        let mut length = journal.length();
        let written = length.wait_for(|length| *length == before + 1);
        tokio::time::timeout(Duration::from_secs(20), written).await.unwrap().unwrap();
        for _ in 0..1000 {
            refused.note(&journal, None);
        }
        assert_eq!(*journal.length().borrow(), before + 1);
        let rest = refused.take().unwrap();
        assert_eq!(rest, Happening::LoginsRefused { count: 1000, persons: BTreeSet::new() });
        assert!(refused.take().is_none());
    }
}

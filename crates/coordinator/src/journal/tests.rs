use protocol::{MachineId, MachineNumber, SiteKey};

use super::*;
use crate::event::Happening;

const SITE: SiteKey = SiteKey::from_bytes([1; 32]);

fn seen(n: u8) -> Happening {
    let identity = protocol::MachineIdentity {
        uuid: Some(format!("uuid {n}")),
        system_serial: None,
        board_serial: None,
        chassis_serial: None,
        macs: std::collections::BTreeSet::new(),
    };
    let number = MachineNumber(u32::from(n).try_into().unwrap());
    Happening::MachineSeen { machine: MachineId::from_bytes([n; 16]), number, identity }
}

async fn append(journal: &Journal, happenings: Vec<Happening>) -> Result<(), JournalError> {
    journal.decide(move |_, _| (happenings, ())).await
}

fn n_machines(journal: &Journal) -> usize {
    journal.published().bench.machines().count()
}

#[tokio::test]
async fn what_was_answered_is_there_after_opening_again_with_the_same_root() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    for n in 1..=20 {
        append(&journal, vec![seen(n)]).await.unwrap();
    }
    let (root, length) = {
        let published = journal.published();
        (published.log.root(), published.log.len())
    };
    assert_eq!((length, *journal.length().borrow()), (21, 21));
    drop(journal);
    let again = Journal::open(&path, SITE).unwrap();
    assert_eq!((again.published().log.root(), n_machines(&again)), (root, 20));
    let bodies = again.bodies(&[0, 20]).unwrap();
    assert!(bodies[0].1.contains("founded") && bodies[1].1.contains("uuid 20"));
    assert!(again.bodies(&[21]).is_err());
    let other = SiteKey::from_bytes([2; 32]);
    assert!(matches!(Journal::open(&path, other), Err(JournalError::OtherSite { .. })));
}

#[tokio::test]
async fn decisions_that_wait_together_see_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal.db"), SITE).unwrap();
    let number = |bench: &Bench, _| {
        let next = bench.next_number();
        (vec![seen(u8::try_from(next.0.get()).unwrap())], next)
    };
    let all: Vec<_> = (0..50)
        .map(|_| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.decide(number).await.unwrap() })
        })
        .collect();
    let mut numbers = Vec::new();
    for one in all {
        numbers.push(one.await.unwrap().0.get());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_contradiction_is_not_written_and_the_journal_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal.db"), SITE).unwrap();
    append(&journal, vec![seen(1)]).await.unwrap();
    let refused = append(&journal, vec![seen(2), seen(1)]).await;
    assert!(matches!(refused, Err(JournalError::Inconsistent(_))), "{refused:?}");
    assert_eq!(n_machines(&journal), 1, "nothing of it");
    append(&journal, vec![seen(2)]).await.unwrap();
    assert_eq!(n_machines(&journal), 2);
}

#[tokio::test]
async fn rows_refuse_to_be_changed_or_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    append(&journal, vec![seen(1)]).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    for change in ["UPDATE event SET body = x'00'", "DELETE FROM event WHERE seq = 1"] {
        let error = connection.execute_batch(change).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{change}: {error}");
    }
}

#[tokio::test]
async fn people_keep_their_id_and_may_lose_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal.db"), SITE).unwrap();
    let ola = journal.person("Ola".into()).await.unwrap();
    assert_eq!(journal.person("Ola".into()).await.unwrap(), ola);
    assert_ne!(journal.person("Jan".into()).await.unwrap(), ola);
    assert!(journal.names().unwrap().contains(&(ola, "Ola".into())));
}

#[tokio::test]
async fn a_clock_that_is_behind_the_journal_stops_it() {
    let minute = 60_000;
    for (now, last, behind) in [
        (0, 10 * minute, false),
        (0, 10 * minute + 1, true),
        (minute, 0, false),
        (u64::MAX, u64::MAX, false),
    ] {
        assert_eq!(is_behind(UnixMillis(now), UnixMillis(last)), behind, "{now} {last}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    drop(Journal::open(&path, SITE).unwrap());
    let at = UnixMillis(crate::clock::now().0 + 60 * minute);
    let event = crate::event::JournalEvent { at, happening: seen(1) };
    let body = serde_json::to_vec(&event).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("INSERT INTO event (seq, body) VALUES (2, ?1)", [body]).unwrap();
    let refused = Journal::open(&path, SITE).unwrap_err();
    assert!(matches!(refused, JournalError::ClockBehind { .. }), "{refused}");
}

mod export;
mod kept;
mod migration;
mod people;

use std::time::Duration;

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

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap()) & 0o777
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

/// How many transactions the write-ahead log holds: frames that say how long the database is after them.
fn commits(path: &Path) -> usize {
    let log = std::fs::read(path.with_extension("db-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap());
    log[32..].chunks(24 + page as usize).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn decisions_that_pile_up_share_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    let before = commits(&path);
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let stand_still = move |_: &Bench, _| {
        wait.recv().unwrap();
        (vec![seen(1)], ())
    };
    let mut busy = Box::pin(journal.decide(stand_still));
    let look = || Happening::AttentionNeeded {
        machine: MachineId::from_bytes([1; 16]),
        sentence: "x".repeat(200),
    };
    let mut all: Vec<_> = (0..1000).map(|_| Box::pin(append(&journal, vec![look()]))).collect();
    // Each sends its command when it is polled first.
    std::future::poll_fn(|context| {
        assert!(busy.as_mut().poll(context).is_pending());
        assert!(all.iter_mut().all(|one| one.as_mut().poll(context).is_pending()));
        std::task::Poll::Ready(())
    })
    .await;
    go.send(()).unwrap();
    busy.await.unwrap();
    for one in all {
        one.await.unwrap();
    }
    assert_eq!(*journal.length().borrow(), 1002);
    let shared = commits(&path) - before;
    assert!((4..=6).contains(&shared), "{shared} transactions for 1001 decisions");
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

const YEAR: UnixMillis = UnixMillis(1_800_000_000_000);
/// In the year 2036.
const FAR: UnixMillis = UnixMillis(2_100_000_000_000);

fn acceptance() -> ClockAcceptance {
    ClockAcceptance { by: "Ola".into(), because: "the battery was dead".into() }
}

fn events(journal: &Journal) -> Vec<serde_json::Value> {
    let all: Vec<u64> = (0..*journal.length().borrow()).collect();
    let bodies = journal.bodies(&all).unwrap();
    bodies.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
}

async fn arm(journal: &Journal) -> Result<(), JournalError> {
    let happening = |now| {
        let (by, batch) = (PersonId::from_bytes([1; 16]), protocol::BatchId::from_bytes([2; 16]));
        let (hour, job) = (Duration::from_secs(3600), protocol::JobKind::Wipe {});
        let policy = plan::policy::default();
        let (until, count, witness, lot) = (crate::clock::after(now, hour), 1, false, None);
        Happening::BatchArmed {
            batch,
            by,
            until,
            count,
            job,
            policy,
            witness,
            lot,
            first_of_model: false,
        }
    };
    journal.grant(move |_, now| (vec![happening(now)], ())).await
}

#[tokio::test]
async fn a_jump_of_the_clock_grants_nothing_and_is_not_written_into_the_journal() {
    for wrong in [FAR, UnixMillis(0)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let dial = crate::clock::Dial::new(YEAR);
        let journal = Journal::open_by(dial.clock(), None, &path, SITE).unwrap();
        dial.pass(Duration::from_secs(10));
        dial.set(wrong);
        let refused = arm(&journal).await.unwrap_err();
        let said = refused.to_string();
        assert!(matches!(refused, JournalError::ClockJump(_)), "{said}");
        assert!(said.contains("rehome clock accept --because"), "{said}");
        append(&journal, vec![seen(1)]).await.unwrap();
        dial.pass(Duration::from_secs(5));
        append(&journal, vec![seen(2)]).await.unwrap();
        let at: Vec<_> = events(&journal).iter().map(|event| event["at"].clone()).collect();
        assert_eq!(at, [YEAR.0, YEAR.0 + 10_000, YEAR.0 + 15_000], "as time went on");
        dial.set(UnixMillis(YEAR.0 + 15_000));
        arm(&journal).await.unwrap();
        drop(journal);
        Journal::open_by(dial.clock(), None, &path, SITE).unwrap();
    }
}

#[tokio::test]
async fn a_person_accepts_a_clock_that_was_set_and_the_journal_says_who_and_why() {
    for (start, right, ends) in [(FAR, YEAR, true), (YEAR, FAR, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let dial = crate::clock::Dial::new(start);
        let journal = Journal::open_by(dial.clock(), None, &path, SITE).unwrap();
        let none = journal.accept_clock(acceptance()).await.unwrap_err();
        assert!(matches!(none, JournalError::ClockEven), "{none}");
        arm(&journal).await.unwrap();
        dial.set(right);
        journal.accept_clock(acceptance()).await.unwrap();
        assert_eq!((journal.clock().jump(), journal.now()), (None, right));
        let accepted = events(&journal).into_iter().find(|it| it["kind"] == "clock-accepted");
        let accepted = accepted.unwrap();
        let ola = journal.person("Ola".into()).await.unwrap();
        assert_eq!(accepted["by"], ola.to_string());
        assert_eq!(accepted["because"], "the battery was dead");
        assert_eq!((&accepted["at"], &accepted["before"]), (&right.0.into(), &start.0.into()));
        // What was armed by the later clock would last for years.
        let open = |journal: &Journal| {
            let published = journal.published();
            published.bench.batches().any(|batch| batch.gives_tickets(right))
        };
        assert!(!open(&journal));
        assert!(journal.published().bench.batches().all(|batch| batch.disarmed == ends));
        let at = journal.grant(|_, now| (vec![seen(1)], now)).await.unwrap();
        assert_eq!(at, right);
        drop(journal);
        let again = Journal::open_by(dial.clock(), None, &path, SITE).unwrap();
        assert_eq!((n_machines(&again), open(&again)), (1, false));
    }
}

#[tokio::test]
async fn a_journal_from_the_future_is_opened_on_a_persons_word_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let late = crate::clock::Dial::new(FAR);
    let journal = Journal::open_by(late.clock(), None, &path, SITE).unwrap();
    arm(&journal).await.unwrap();
    drop(journal);
    let dial = crate::clock::Dial::new(YEAR);
    let open =
        |accepted: Option<&ClockAcceptance>| Journal::open_by(dial.clock(), accepted, &path, SITE);
    let refused = open(None).unwrap_err();
    assert!(matches!(refused, JournalError::ClockBehind { .. }), "{refused}");
    assert!(refused.to_string().contains("--accept-clock --because"), "{refused}");
    let journal = open(Some(&acceptance())).unwrap();
    let last = events(&journal);
    let kinds: Vec<_> = last.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["founded", "batch-armed", "person-named", "clock-accepted", "batch-disarmed"]
    );
    assert_eq!((&last[3]["at"], &last[4]["at"]), (&YEAR.0.into(), &YEAR.0.into()));
    drop(journal);
    drop(open(None).unwrap());
    let needless = open(Some(&acceptance())).unwrap_err();
    assert!(matches!(needless, JournalError::ClockEven), "{needless}");
}

#[tokio::test]
async fn a_clock_that_is_behind_the_journal_stops_it() {
    let minute = 60_000;
    for (now, last, behind) in [
        (0, 5 * minute, false),
        (0, 5 * minute + 1, true),
        (minute, 0, false),
        (u64::MAX, u64::MAX, false),
    ] {
        assert_eq!(is_behind(UnixMillis(now), UnixMillis(last)), behind, "{now} {last}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    drop(Journal::open(&path, SITE).unwrap());
    let at = UnixMillis(clock::wall().0 + 60 * minute);
    let event = crate::event::JournalEvent { at, happening: seen(1) };
    let body = serde_json::to_vec(&event).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("INSERT INTO event (seq, body) VALUES (2, ?1)", [body]).unwrap();
    let refused = Journal::open(&path, SITE).unwrap_err();
    assert!(matches!(refused, JournalError::ClockBehind { .. }), "{refused}");
}

/// The site whose key signs checkpoints here.
fn key() -> SigningKey {
    SigningKey::from_seed([7; 32]).unwrap()
}

fn signing_site() -> SiteKey {
    SiteKey::from_bytes(key().public())
}

async fn keep(journal: &Journal) {
    journal.read(|journal| journal.keep_checkpoint(&key())).await.unwrap();
}

/// Whoever drops a journal last has waited for it: it holds everything by itself then.
fn is_closed(path: &Path) {
    let left = database::beside(path).into_iter().filter(|it| it.exists()).collect::<Vec<_>>();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_another_version_or_another_program_has_written_is_left_as_it_is() {
    for (pragma, said) in [
        ("user_version = 1", "from before its first release (schema 1)"),
        ("user_version = 4", "written by another version of rehome (schema 4, this one has 3)"),
        ("application_id = 7", "is not a journal of rehome (application id 0x7)"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        drop(Journal::open(&path, SITE).unwrap());
        is_closed(&path);
        let change = rusqlite::Connection::open(&path).unwrap();
        change.execute_batch(&format!("PRAGMA {pragma}")).unwrap();
        change.close().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for _ in 0..2 {
            let why = Journal::open(&path, SITE).unwrap_err().to_string();
            assert!(why.contains(said) && why.ends_with("nothing was changed"), "{why}");
            assert_eq!(why.contains("give this one a new --data"), pragma.starts_with("user"));
        }
        assert!(std::fs::read(&path).unwrap() == bytes, "{pragma}: it was written to");
    }
}

#[tokio::test]
async fn a_journal_that_is_closed_needs_no_file_beside_it_and_takes_nothing_more() {
    for told in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, SITE).unwrap();
        let other = journal.clone();
        append(&journal, vec![seen(1)]).await.unwrap();
        let copy = folder.path().join("copy.db");
        std::fs::copy(&path, &copy).unwrap();
        assert!(
            !verify(&copy, None).is_ok_and(|it| it.hold()),
            "an open one is more than one file"
        );
        std::fs::remove_file(&copy).unwrap();
        if told {
            journal.close().await.unwrap();
            is_closed(&path);
            let late = append(&other, vec![seen(2)]).await;
            assert!(matches!(late, Err(JournalError::Closed)), "{late:?}");
        }
        drop((journal, other));
        is_closed(&path);
        std::fs::copy(&path, &copy).unwrap();
        assert_eq!(verify(&copy, Some(&SITE.into())).unwrap().events, 2);
    }
}

#[tokio::test]
async fn somebody_who_reads_keeps_it_from_closing_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    let reader = database::open_to_read(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM event").unwrap();
    append(&journal, vec![seen(1)]).await.unwrap();
    let busy = journal.close().await.unwrap_err();
    assert!(matches!(busy, JournalError::Busy { .. }), "{busy}");
    drop((journal, reader));
    assert_eq!(n_machines(&Journal::open(&path, SITE).unwrap()), 1);
}

#[tokio::test]
async fn nobody_else_reads_the_journal_also_not_one_that_an_earlier_version_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let files = || [path.clone(), database::log_of(&path)];
    for _ in 0..2 {
        let journal = Journal::open(&path, SITE).unwrap();
        append(&journal, vec![]).await.unwrap();
        assert_eq!(files().map(|it| mode(&it)), [0o600; 2]);
        drop(journal);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .unwrap();
    }
}

/// What was accepted is read again at the next start: what would not be is refused, and only that.
#[tokio::test]
async fn an_event_that_could_not_be_read_again_or_exported_is_refused_and_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    append(&journal, vec![seen(1)]).await.unwrap();
    let by = PersonId::from_bytes([1; 16]);
    let mark = crate::protection::Mark::unchecked("small letters");
    let unreadable = || Happening::Protected { mark: mark.clone(), by, because: "x".into() };
    let said = |len: usize| Happening::AttentionNeeded {
        machine: MachineId::from_bytes([1; 16]),
        sentence: "x".repeat(len),
    };
    let event = crate::event::JournalEvent { at: journal.now(), happening: said(0) };
    let frame = serde_json::to_vec(&event).unwrap().len();
    let longest = (16 << 20) - 1 - frame;
    let (bad, long, good) = (
        append(&journal, vec![seen(2), unreadable()]),
        append(&journal, vec![seen(3), said(longest + 1)]),
        append(&journal, vec![seen(4), said(longest)]),
    );
    // Asked for together, so they share a transaction.
    let (bad, long, good) = tokio::join!(bad, long, good);
    assert!(matches!(bad, Err(JournalError::Unreadable { .. })), "{bad:?}");
    let long = long.unwrap_err();
    assert!(matches!(long, JournalError::Long { .. }), "{long}");
    assert!(long.to_string().contains("16777216"), "{long}");
    good.unwrap();
    assert_eq!(n_machines(&journal), 2, "the first one and the good one");
    let log = journal.published().log.clone();
    drop(journal);
    let again = Journal::open(&path, SITE).unwrap();
    assert_eq!(again.published().log.root(), log.root());
    let mut text = Vec::new();
    export(&path, true, &mut text).unwrap();
    let made = folder.path().join("made.db");
    assert_eq!(rebuild_in(text.as_slice(), &made, Some(SITE)).unwrap().root, log.root());
}

//! Kept checkpoints: a journal that lost its end, or is an older copy, is noticed.

use super::*;
use crate::journal::checkpoint::CheckpointError;

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

/// What a refused journal must say.
fn check_refusal(error: &JournalError, words: &[&str]) {
    let said = error.to_string();
    for word in words.iter().chain(&["rehome restore", "nothing was changed"]) {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[tokio::test]
async fn a_torn_log_gives_what_was_written_in_order_or_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, signing_site()).unwrap();
    for n in 1..=10 {
        append(&journal, vec![seen(n)]).await.unwrap();
    }
    keep(&journal).await;
    for n in 11..=20 {
        append(&journal, vec![seen(n)]).await.unwrap();
    }
    let log = journal.published().log.clone();
    let [db, wal, note] = ["db", "db-wal", "checkpoint"]
        .map(|extension| std::fs::read(path.with_extension(extension)).unwrap());
    assert!(wal.len() > 50_000, "all of it is in the write-ahead log: {}", wal.len());
    let (mut opened, mut refused) = (0, 0);
    for place in (0..wal.len()).step_by(wal.len() / 40) {
        let mut garbled = wal.clone();
        garbled[place..].iter_mut().take(100).for_each(|byte| *byte ^= 0x55);
        for torn in [&wal[..place], &garbled] {
            let copy = tempfile::tempdir().unwrap();
            put(copy.path(), "journal.db", &db);
            put(copy.path(), "journal.db-wal", torn);
            put(copy.path(), "journal.checkpoint", &note);
            let path = copy.path().join("journal.db");
            match Journal::open(&path, signing_site()) {
                Ok(journal) => {
                    let published = journal.published();
                    let len = published.log.len();
                    assert!(len >= 11, "{len} events where 11 were spoken of");
                    assert_eq!(Some(published.log.root()), log.root_at(len));
                    drop(published);
                    assert!(verify(&path, Some(&signing_site().into())).unwrap().hold());
                    opened += 1;
                }
                Err(error) => {
                    check_refusal(&error, &["are lost", "journal.checkpoint", "had 11"]);
                    let left = std::fs::read(path.with_extension("db-wal")).unwrap();
                    assert_eq!(left, torn, "what may be saved of it stays");
                    refused += 1;
                }
            }
        }
    }
    assert!(opened > 20 && refused > 20, "{opened} {refused}");
}

#[tokio::test]
async fn an_older_copy_and_another_past_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, signing_site()).unwrap();
    append(&journal, vec![seen(1)]).await.unwrap();
    let old = folder.path().join("old");
    copy_to(&path, &old).unwrap();
    append(&journal, vec![seen(2)]).await.unwrap();
    keep(&journal).await;
    keep(&journal).await;
    drop(journal);
    is_closed(&path);
    let (db, note) = (std::fs::read(&path).unwrap(), path.with_extension("checkpoint"));
    std::fs::copy(&old, &path).unwrap();
    let refused = Journal::open(&path, signing_site()).unwrap_err();
    check_refusal(&refused, &["has 2 events", "had 3", "the last 1 are lost", "move", "away"]);
    let findings = verify(&path, None).unwrap();
    assert!(!findings.hold(), "{findings:?}");

    // The same length, but other words.
    std::fs::write(&path, &db).unwrap();
    let change = "DROP TRIGGER event_is_never_changed; UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'uuid 1', \
                  'uuid 9') AS BLOB) WHERE seq = 2";
    rusqlite::Connection::open(&path).unwrap().execute_batch(change).unwrap();
    let refused = Journal::open(&path, signing_site()).unwrap_err();
    check_refusal(&refused, &["the first 3 events", "are not those"]);
    // Without the file, the row in the database still tells.
    let kept = std::fs::read(&note).unwrap();
    std::fs::remove_file(&note).unwrap();
    let refused = Journal::open(&path, signing_site()).unwrap_err();
    check_refusal(&refused, &["the kept checkpoint of 3 events"]);

    std::fs::remove_file(&path).unwrap();
    std::fs::write(&note, &kept).unwrap();
    let gone = Journal::open(&path, signing_site()).unwrap_err();
    check_refusal(&gone, &["is gone or empty", "journal.checkpoint is there"]);
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    let empty = Journal::open(&path, signing_site()).unwrap_err();
    check_refusal(&empty, &["is gone or empty"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"", "nothing was changed");

    std::fs::write(&path, &db).unwrap();
    std::fs::write(&note, String::from_utf8(kept).unwrap().replacen("rehome/", "rehome-", 1))
        .unwrap();
    let unsigned = Journal::open(&path, signing_site()).unwrap_err();
    let by_hand = matches!(unsigned, JournalError::Checkpoint(CheckpointError::Signature { .. }));
    assert!(by_hand, "{unsigned}");
    std::fs::remove_file(&note).unwrap();
    let journal = Journal::open(&path, signing_site()).unwrap();
    keep(&journal).await;
    assert!(note.exists(), "the file is made again");
}

#[test]
fn every_kind_of_damage_is_named() {
    let tamper = "DROP TRIGGER event_is_never_changed; DROP TRIGGER event_is_never_deleted;";
    for (damage, check, word) in [
        ("SELECT 1", "", ""),
        ("DELETE FROM event WHERE seq = 2", "events", "event 2 is missing"),
        ("UPDATE event SET body = CAST('{' AS BLOB) WHERE seq = 3", "events", "event 3"),
        ("UPDATE event SET seq = 9 WHERE seq = 3", "events", "event 3 is missing"),
        (
            "UPDATE event SET body = (SELECT body FROM event WHERE seq = 2) WHERE seq = 3",
            "events",
            "contradicts",
        ),
        (
            "DROP TRIGGER checkpoint_is_never_changed; UPDATE checkpoint SET size = 2",
            "checkpoints",
            "filed wrongly",
        ),
        (
            "DROP TRIGGER checkpoint_is_never_changed; UPDATE checkpoint SET note = 'x'",
            "checkpoints",
            "no checkpoint",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, signing_site()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            append(&journal, vec![seen(1), seen(2)]).await.unwrap();
            keep(&journal).await;
        });
        drop(journal);
        is_closed(&path);
        let connection = rusqlite::Connection::open(&path).unwrap();
        let prepare = if damage == "SELECT 1" { "" } else { tamper };
        connection.execute_batch(&format!("{prepare}{damage}")).unwrap();
        drop(connection);
        let findings = verify(&path, Some(&signing_site().into())).unwrap();
        let broken: Vec<_> = findings.checks.iter().filter(|it| !it.holds).collect();
        match broken.as_slice() {
            [] => assert_eq!(check, "", "{damage} is not found"),
            [first, ..] => {
                assert_eq!(first.check, check, "{first:?}");
                assert!(first.says.contains(word), "{damage}: {first:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_log_without_its_journal_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    append(&journal, vec![seen(1)]).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    let (other, log) = (copy.path().join("journal.db"), copy.path().join("journal.db-wal"));
    std::fs::copy(path.with_extension("db-wal"), &log).unwrap();
    let before = std::fs::read(&log).unwrap();
    for empty in [false, true] {
        if empty {
            put(copy.path(), "journal.db", b"");
        }
        let refused = Journal::open(&other, SITE).unwrap_err();
        check_refusal(&refused, &["is gone or empty", "journal.db-wal is there"]);
        if empty {
            // Nor does who only looks.
            check_refusal(&verify(&other, None).unwrap_err(), &["journal.db-wal is there"]);
            check_refusal(&Journal::locks_at(&other).unwrap_err(), &["journal.db-wal is there"]);
            let to = copy.path().join("copy.db");
            check_refusal(&copy_to(&other, &to).unwrap_err(), &["journal.db-wal is there"]);
        }
        assert!(std::fs::read(&log).unwrap() == before, "it was written to");
        assert_eq!(other.exists(), empty);
    }
    // The first start ended before anything was written: that is no loss.
    std::fs::remove_file(&log).unwrap();
    Journal::open(&other, SITE).unwrap();
}

#[tokio::test]
async fn a_copy_from_before_a_rotation_is_the_sites_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, signing_site()).unwrap();
    keep(&journal).await;
    drop(journal);
    let next = SigningKey::from_seed([8; 32]).unwrap();
    let mut keys = SiteKeys::from(signing_site());
    keys.rotate(&key(), &next, UnixMillis(7)).unwrap();
    let findings = verify(&path, Some(&keys)).unwrap();
    assert!(findings.hold(), "{findings:?}");
    // Who has only the new key, or another site's, cannot tell.
    for stranger in [keys.present(), SITE] {
        let findings = verify(&path, Some(&stranger.into())).unwrap();
        assert!(!findings.hold(), "{findings:?}");
    }
}

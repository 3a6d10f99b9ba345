//! Out as text and in again.

use std::io::BufReader;

use super::*;

async fn journal_with_names(path: &Path) -> Journal {
    let journal = Journal::open(path, signing_site()).unwrap();
    for n in 1..=20 {
        append(&journal, vec![seen(n)]).await.unwrap();
        if n % 7 == 0 {
            journal.person(format!("Jan Kowalski {n}")).await.unwrap();
            keep(&journal).await;
        }
    }
    journal
}

fn exported(path: &Path, with_names: bool) -> String {
    let mut text = Vec::new();
    export(path, with_names, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_journal_made_anew_has_the_same_leaves_root_and_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = journal_with_names(&path).await;
    for with_names in [false, true] {
        let text = exported(&path, with_names);
        assert_eq!(text.contains("Jan Kowalski"), with_names);
        let all: Vec<u64> = (0..journal.published().log.len()).collect();
        let bodies = journal.bodies(&all).unwrap();
        for (line, (_, body)) in text.lines().skip(1).zip(&bodies) {
            assert_eq!(line, body, "byte for byte");
        }
        let copy = tempfile::tempdir().unwrap();
        let again = copy.path().join("journal.db");
        rebuild_in(BufReader::new(text.as_bytes()), &again, Some(signing_site())).unwrap();
        assert_eq!(std::fs::read_dir(copy.path()).unwrap().count(), 1, "nothing else is left");
        assert_eq!(mode(&again), 0o600);
        assert_eq!(exported(&again, with_names), text, "and out again");
        let rebuilt = Journal::open(&again, signing_site()).unwrap();
        assert_eq!(rebuilt.published().log.root(), journal.published().log.root());
        assert_eq!(rebuilt.names().unwrap().len(), if with_names { 2 } else { 0 });
        assert_eq!(rebuilt.bodies(&all).unwrap(), bodies);
        append(&rebuilt, vec![seen(21)]).await.unwrap();
    }
}

#[tokio::test]
async fn an_export_that_was_cut_or_changed_makes_no_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    drop(journal_with_names(&path).await);
    let text = exported(&path, true);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let without = |i: usize| [&lines[..i], &lines[i + 1..]].concat().concat();
    let swapped = |i: usize| {
        let mut lines = lines.clone();
        lines.swap(i, i + 1);
        lines.concat()
    };
    let last = lines.len() - 1;
    for (bad, word) in [
        (String::new(), "line 1"),
        (text[..text.len() - 1].to_owned(), "cut short"),
        (lines[..last].concat(), "cut short"),
        (lines[..10].concat(), "cut short"),
        (without(5), "line 24"),
        (swapped(5), "root"),
        (swapped(1), "line 2"),
        (text.replacen("uuid 3", "uuid 8", 1), "root"),
        (
            text.replacen("Jan Kowalski 14", "Jan Kowalski 41", 1),
            "not the one the journal is committed to",
        ),
        (text.replacen("{\"checkpoint\":\"rehome/", "{\"checkpoint\":\"rehome-", 1), "checkpoint"),
        (format!("{text}{{}}\n"), "more than the header says"),
        (text.replacen("rehome-journal", "other", 1), "not rehome-journal"),
    ] {
        let copy = tempfile::tempdir().unwrap();
        let made =
            rebuild_in(BufReader::new(bad.as_bytes()), &copy.path().join("journal.db"), None);
        let error = anyhow::Error::new(made.map(drop).expect_err(word));
        assert!(format!("{error:#}").contains(word), "{word}: {error:#}");
        assert_eq!(std::fs::read_dir(copy.path()).unwrap().count(), 0, "{word}: something is left");
    }
    let other = tempfile::tempdir().unwrap();
    let again = other.path().join("journal.db");
    let wrong = rebuild_in(BufReader::new(text.as_bytes()), &again, Some(SITE)).unwrap_err();
    assert!(wrong.to_string().contains("belongs to site"), "{wrong}");
    std::fs::write(&again, "somebody's").unwrap();
    assert!(rebuild_in(BufReader::new(text.as_bytes()), &again, None).is_err());
    assert_eq!(std::fs::read(&again).unwrap(), b"somebody's", "never replaced");
}

#[tokio::test]
async fn what_is_left_of_another_journal_does_not_get_into_the_one_that_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = journal_with_names(&path).await;
    let text = exported(&path, false);
    append(&journal, vec![seen(21)]).await.unwrap();
    for left in ["journal.db-wal", "journal.db-shm", "journal.db-journal"] {
        let copy = tempfile::tempdir().unwrap();
        let (again, beside) = (copy.path().join("journal.db"), copy.path().join(left));
        std::fs::copy(path.with_extension("db-wal"), &beside).unwrap();
        let refused = rebuild_in(BufReader::new(text.as_bytes()), &again, None).unwrap_err();
        let said = refused.to_string();
        assert!(said.contains(left) && said.contains("nothing was made"), "{said}");
        assert!(!again.exists());
        std::fs::remove_file(&beside).unwrap();
        rebuild_in(BufReader::new(text.as_bytes()), &again, None).unwrap();
    }
}

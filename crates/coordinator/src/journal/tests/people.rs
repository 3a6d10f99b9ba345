//! Names: proven by their commitment, and gone for good once deleted.

use super::*;
use crate::access::Role;
use crate::journal::person::Person;
use crate::journal::tables::Tables;

fn rows(path: &Path) -> Vec<Person> {
    let connection = rusqlite::Connection::open(path).unwrap();
    Tables { connection: &connection, path }.people().unwrap()
}

/// The files of a folder that hold `bytes` somewhere.
pub(super) fn holding(folder: &Path, bytes: &str) -> Vec<String> {
    let bytes = bytes.as_bytes();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        path.is_file() && std::fs::read(path).unwrap().windows(bytes.len()).any(|it| it == bytes)
    };
    files.filter(holds).map(|path| path.display().to_string()).collect()
}

/// Root, by a name.
pub(super) fn named(name: &str) -> Actor {
    Actor { name: name.into(), role: Role::Supervisor, person: None }
}

#[tokio::test]
async fn people_keep_their_id_and_each_name_is_committed_to_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    let ola = journal.person("Ola".into()).await.unwrap();
    assert_eq!(journal.person("Ola".into()).await.unwrap(), ola);
    let jan = journal.person("Jan".into()).await.unwrap();
    assert_ne!(jan, ola);
    assert!(journal.names().unwrap().contains(&(ola, "Ola".into())));
    let named: Vec<_> = events(&journal)[1..].to_vec();
    assert_eq!(named.len(), 2, "one event each");
    for (event, id) in named.iter().zip([ola, jan]) {
        let row = rows(&path).into_iter().find(|row| row.id == id).unwrap();
        assert_eq!(event["kind"], "person-named");
        assert_eq!(event["person"], id.to_string());
        assert_eq!(event["commitment"], row.commitment().to_string());
    }
    let salts: Vec<_> = rows(&path).into_iter().map(|row| row.salt).collect();
    assert_ne!(salts[0], salts[1]);
}

#[tokio::test]
async fn a_forgotten_name_is_in_no_file_and_the_journal_holds_as_before() {
    const NAME: &str = "Aleksandra Wiśniewska-Brzęczyszczykiewicz";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    let mut ids = Vec::new();
    // So many that rows were moved between pages.
    for n in 0..200 {
        let name = if n == 77 { NAME.to_owned() } else { format!("Somebody with number {n}") };
        ids.push(journal.person(name).await.unwrap());
    }
    append(&journal, vec![seen(1)]).await.unwrap();
    assert!(!holding(folder.path(), NAME).is_empty(), "or this test looks in the wrong place");
    let root = journal.published().log.root();
    let forget = async |id, because: &str| {
        journal.forget(id, named("Somebody with number 3"), because.into()).await
    };
    let in_reason = forget(ids[77], "she left: ALEKSANDRA wiśniewska-brzęczyszczykiewicz").await;
    assert!(matches!(in_reason, Err(JournalError::NameInReason)), "{in_reason:?}");
    let unknown = forget(PersonId::from_bytes([0; 16]), "left").await;
    assert!(matches!(unknown, Err(JournalError::NoName { .. })), "{unknown:?}");
    // Once more does no harm: it finishes what was not finished.
    for _ in 0..2 {
        forget(ids[77], "kept for a year, as promised").await.unwrap();
    }
    assert_eq!(holding(folder.path(), NAME), [""; 0]);
    let published = journal.published().log.clone();
    assert_eq!(published.root_at(202), Some(root));
    assert_eq!(published.len(), 203, "one event more, whoever forgot was named already");
    let last = events(&journal).pop().unwrap();
    assert_eq!(
        (&last["kind"], &last["by"]),
        (&"person-forgotten".into(), &ids[3].to_string().into())
    );
    assert_eq!(journal.names().unwrap().len(), 199);
    let findings = verify(&path, Some(&SITE.into())).unwrap();
    assert!(findings.hold(), "{findings:?}");
    let again = journal.person(NAME.into()).await.unwrap();
    assert_ne!(again, ids[77], "who comes back is somebody new");
    drop(journal);
    Journal::open(&path, SITE).unwrap();
}

#[tokio::test]
async fn a_name_that_was_changed_or_should_be_gone_is_found() {
    for (change, word) in [
        (
            "UPDATE person SET name = 'Eve' WHERE name = 'Ola'",
            "is not the one the journal is committed to",
        ),
        ("UPDATE person SET salt = zeroblob(32) WHERE name = 'Ola'", "is not the one"),
        (
            "INSERT INTO person VALUES ('00000000000000000000000000000001', 'X', NULL, zeroblob(32))",
            "knows nothing",
        ),
        ("DELETE FROM person WHERE name = 'Ola'", "1 more are not in this file"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, SITE).unwrap();
        journal.person("Ola".into()).await.unwrap();
        rusqlite::Connection::open(&path).unwrap().execute_batch(change).unwrap();
        let findings = verify(&path, None).unwrap();
        let names = findings.checks.iter().find(|it| it.check == "names").unwrap();
        assert!(names.says.contains(word), "{change}: {names:?}");
        assert_eq!(names.holds, change.starts_with("DELETE"), "{names:?}");
    }
}

/// The name of a user stands in the users' file too, and comes back into the journal from there.
#[tokio::test]
async fn nobody_is_forgotten_who_may_log_in_and_nobody_who_forgets_is_named_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    let [ewa, jan] = ["Ewa", "Jan"].map(|name| journal.person(name.into()));
    let (ewa, jan) = (ewa.await.unwrap(), jan.await.unwrap());
    let added = Happening::UserAdded { person: ewa, role: Role::Auditor, hash: None, by: None };
    append(&journal, vec![added]).await.unwrap();
    let refused = journal.forget(ewa, named("Jan"), "left".into()).await.unwrap_err();
    assert!(matches!(refused, JournalError::StillUser { .. }), "{refused}");
    assert!(refused.to_string().contains("rehome user remove"), "{refused}");
    append(&journal, vec![Happening::UserRemoved { person: ewa, by: None }]).await.unwrap();
    journal.forget(ewa, named("Jan"), "left".into()).await.unwrap();
    // A user who acts by a visit from before is known by id.
    let by = Actor { name: "Jan".into(), role: Role::Supervisor, person: Some(jan) };
    for _ in 0..2 {
        journal.forget(jan, by.clone(), "left too".into()).await.unwrap();
    }
    assert_eq!(holding(folder.path(), "Jan"), [""; 0]);
    assert_eq!(journal.names().unwrap(), []);
}

#[tokio::test]
async fn a_name_in_a_log_that_was_not_emptied_goes_at_the_next_start() {
    const NAME: &str = "Aleksandra Brzęczyszczykiewicz";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path, SITE).unwrap();
    let id = journal.person(NAME.into()).await.unwrap();
    // Somebody reads, so what was written is not taken out of the log: as where the power goes now.
    let reader = database::open_to_read(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM event").unwrap();
    let busy = journal.forget(id, named("root"), "left".into()).await.unwrap_err();
    assert!(matches!(busy, JournalError::Busy { .. }), "{busy}");
    let copy = tempfile::tempdir().unwrap();
    for file in ["journal.db", "journal.db-wal"] {
        std::fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    assert!(!holding(copy.path(), NAME).is_empty());
    let _again = Journal::open(&copy.path().join("journal.db"), SITE).unwrap();
    assert_eq!(holding(copy.path(), NAME), [""; 0]);
}

//! From the version before. The fixture was written by its `rehome serve`.

use super::people::{holding, named};
use super::*;

const FORMER: &str = include_str!("../../../tests/fixtures/journal-schema-2.sql");
/// The root over its 16 events, as computed by another program.
const ROOT: &str = "da25c7ba97374786effbca8e474c198bbd8629230fe0761d61ace8161a83ddac";

fn former(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("journal.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(FORMER).unwrap();
    path
}

fn open(path: &Path) -> Result<Journal, JournalError> {
    // The fixture's clock is nobody's now.
    let dial = crate::clock::Dial::new(YEAR);
    Journal::open_by(dial.clock(), None, path, signing_site())
}

fn version(path: &Path) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_journal_of_the_version_before_goes_on_and_is_kept_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = former(folder.path());
    assert!(verify(&path, Some(&signing_site().into())).unwrap().hold(), "before");
    let journal = open(&path).unwrap();
    let log = journal.published().log.clone();
    assert_eq!(log.root_at(16).unwrap().to_string(), ROOT);
    let kinds: Vec<_> = events(&journal)[16..].iter().map(|it| it["kind"].clone()).collect();
    assert_eq!(kinds, ["person-named", "person-named"]);
    let names = journal.names().unwrap();
    let ola = journal.person("Ola".into()).await.unwrap();
    assert_eq!(ola.to_string(), "a413aea2253278f9b53b63b6ef19cf69", "the id is the one of then");
    assert!(names.contains(&(ola, "Ola".into())) && names.len() == 2);
    {
        let published = journal.published();
        let machine = published.bench.machines().next().unwrap();
        assert!(machine.admission.as_ref().unwrap().finished.is_some(), "a certificate's worth");
    }
    let copy = folder.path().join("journal.schema-2.db");
    assert_eq!((version(&path), version(&copy)), (3, 2));
    assert_eq!(mode(&copy), 0o600);
    let kept = rusqlite::Connection::open(&copy).unwrap();
    let (n, who): (i64, String) = kept
        .query_row("SELECT (SELECT count(*) FROM event), max(name) FROM person", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((n, who.as_str()), (16, "root"));
    drop(kept);
    keep(&journal).await;
    assert!(verify(&path, Some(&signing_site().into())).unwrap().hold());
    let root = journal.published().log.root();
    drop(journal);
    let again = open(&path).unwrap();
    assert_eq!(again.published().log.root(), root, "nothing is done twice");
}

#[tokio::test]
async fn forgetting_reaches_the_copy_of_the_version_before() {
    const NAME: &str = "Aleksandra Wiśniewska";
    let folder = tempfile::tempdir().unwrap();
    let path = former(folder.path());
    let change = format!("UPDATE person SET name = '{NAME}' WHERE name = 'Ola'");
    rusqlite::Connection::open(&path).unwrap().execute_batch(&change).unwrap();
    let journal = open(&path).unwrap();
    let id = journal.person(NAME.into()).await.unwrap();
    assert_eq!(holding(folder.path(), NAME).len(), 3, "the journal, its log, the copy");
    journal.forget(id, named("root"), "a year is over".into()).await.unwrap();
    assert_eq!(holding(folder.path(), NAME), [""; 0]);
    let copy = rusqlite::Connection::open(folder.path().join("journal.schema-2.db")).unwrap();
    let left =
        || -> i64 { copy.query_row("SELECT count(*) FROM person", [], |row| row.get(0)).unwrap() };
    assert_eq!(left(), 1, "the others stay");
    // As where the power went before that: the next start makes up for it.
    drop(journal);
    copy.execute("INSERT INTO person VALUES (?1, ?2)", [&id.to_string(), NAME]).unwrap();
    assert_eq!(holding(folder.path(), NAME).len(), 1);
    let journal = open(&path).unwrap();
    assert_eq!((left(), holding(folder.path(), NAME)), (1, Vec::new()));
    drop(journal);
}

#[test]
fn what_is_not_migrated_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = former(folder.path());
    // No place for the copy: somebody's folder has its name.
    let half = folder.path().join("journal.schema-2.new");
    std::fs::create_dir(&half).unwrap();
    let refused = open(&path).unwrap_err();
    assert!(refused.to_string().contains("journal.schema-2.new"), "{refused}");
    let other = Journal::open(&path, SITE).unwrap_err();
    assert!(matches!(other, JournalError::OtherSite { .. }), "{other}");
    let dial = crate::clock::Dial::new(UnixMillis(YEAR.0 - 100_000_000_000));
    let behind = Journal::open_by(dial.clock(), None, &path, signing_site()).unwrap_err();
    assert!(matches!(behind, JournalError::ClockBehind { .. }), "{behind}");
    assert_eq!(version(&path), 2);
    std::fs::remove_dir(&half).unwrap();
    drop(open(&path).unwrap());
    is_closed(&path);
    assert_eq!(version(&path), 3);
}

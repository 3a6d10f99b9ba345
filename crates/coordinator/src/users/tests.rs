//! Users on a real journal.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::*;
use crate::journal::Journal;

fn journal(data: &Path) -> Journal {
    Journal::open(&data.join("journal.db"), protocol::SiteKey::from_bytes([1; 32])).unwrap()
}

fn root() -> Actor {
    Actor { name: "root".into(), role: Role::Supervisor, person: None }
}

fn knows(users: &Users, name: &str, password: &str) -> bool {
    matches!(users.check(name, password).unwrap(), Checked::Right(_))
}

#[tokio::test]
async fn users_come_change_and_go_and_the_journal_knows_them() {
    let data = tempfile::tempdir().unwrap();
    let (journal, users) = (journal(data.path()), Users::of(data.path()));
    let First::Made(first) = users.first(&journal).await.unwrap() else { panic!("none made") };
    assert!(knows(&users, FIRST_NAME, &first));
    assert_eq!(users.first(&journal).await.unwrap(), First::There);

    let ola = users.add(&journal, &root(), "Ola Żądło", Role::Technician).await.unwrap();
    assert!(knows(&users, "ola żądło", &ola) && !knows(&users, "Ola Żądło", &first));
    let path = data.path().join(FILE);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("$argon2id$") && !text.contains(&ola), "{text}");
    let again = users.add(&journal, &root(), "OLA ŻĄDŁO", Role::Auditor).await.unwrap_err();
    assert!(matches!(again, UsersError::Taken(_)), "{again}");
    for name in ["", " Ola", "O\nla", &"x".repeat(61)] {
        let bad = users.add(&journal, &root(), name, Role::Auditor).await.unwrap_err();
        assert!(matches!(bad, UsersError::Name), "{name:?}: {bad}");
    }

    let mark = |name: &str| {
        users.all().unwrap().iter().find(|user| user.name == name).map(super::User::mark)
    };
    let before = mark("Ola Żądło").unwrap();
    users.set_role(&journal, &root(), "Ola Żądło", Role::Auditor).await.unwrap();
    let demoted = mark("Ola Żądło").unwrap();
    assert_ne!(before, demoted, "visits end");
    let new = users.renew(&journal, &root(), "Ola Żądło").await.unwrap();
    assert!(knows(&users, "Ola Żądło", &new) && !knows(&users, "Ola Żądło", &ola));
    assert_ne!(mark("Ola Żądło").unwrap(), demoted, "visits end");

    for refused in [
        users.set_role(&journal, &root(), FIRST_NAME, Role::Auditor).await,
        users.remove(&journal, &root(), FIRST_NAME).await,
    ] {
        assert!(matches!(refused, Err(UsersError::LastSupervisor(_))), "{refused:?}");
    }
    let person = users.all().unwrap().iter().find(|it| it.name == "Ola Żądło").unwrap().person;
    assert_eq!(journal.published().bench.users().get(&person), Some(&Role::Auditor));
    users.remove(&journal, &root(), "Ola Żądło").await.unwrap();
    assert_eq!(journal.published().bench.users().get(&person), None);
    assert!(!knows(&users, "Ola Żądło", &new));
    let unknown = users.remove(&journal, &root(), "Ola Żądło").await.unwrap_err();
    assert!(unknown.to_string().contains("rehome user list"), "{unknown}");
}

#[tokio::test]
async fn the_journal_follows_a_file_that_was_restored_and_the_old_password_stays() {
    let data = tempfile::tempdir().unwrap();
    let (journal, users) = (journal(data.path()), Users::of(data.path()));
    let (password, hash) = password::make().unwrap();
    private_file::replace(&data.path().join(FORMERLY), format!("{hash}\n").as_bytes()).unwrap();
    assert_eq!(users.first(&journal).await.unwrap(), First::Kept);
    assert!(knows(&users, FIRST_NAME, &password));
    assert!(!data.path().join(FORMERLY).exists(), "it could be put to use again");

    let old = std::fs::read_to_string(data.path().join(FILE)).unwrap();
    users.add(&journal, &root(), "Ewa", Role::Technician).await.unwrap();
    assert_eq!(journal.published().bench.users().len(), 2);
    std::fs::write(data.path().join(FILE), old).unwrap();
    assert_eq!(users.first(&journal).await.unwrap(), First::There);
    assert_eq!(journal.published().bench.users().len(), 1);
    std::fs::write(data.path().join(FILE), "{}").unwrap();
    let bad = users.first(&journal).await.unwrap_err();
    assert!(matches!(bad, UsersError::Malformed { .. }), "{bad}");
}

#[tokio::test]
async fn the_password_from_before_there_were_users_never_comes_back() {
    let data = tempfile::tempdir().unwrap();
    let (journal, users) = (journal(data.path()), Users::of(data.path()));
    let (former, hash) = password::make().unwrap();
    let formerly = data.path().join(FORMERLY);
    let put_back = || private_file::replace(&formerly, format!("{hash}\n").as_bytes()).unwrap();
    put_back();
    users.first(&journal).await.unwrap();
    users.renew(&journal, &root(), FIRST_NAME).await.unwrap();
    // As after the restore of a backup that had no users in it.
    std::fs::remove_file(data.path().join(FILE)).unwrap();
    put_back();
    let First::Made(new) = users.first(&journal).await.unwrap() else { panic!("none made") };
    assert!(knows(&users, FIRST_NAME, &new) && !knows(&users, FIRST_NAME, &former));
    // As where the power went before it was removed.
    put_back();
    assert_eq!(users.first(&journal).await.unwrap(), First::There);
    assert!(!formerly.exists());
}

/// What the journal says of passwords, the last event last: whether somebody did it.
fn told_of_passwords(journal: &Journal) -> Vec<bool> {
    let all: Vec<u64> = (0..*journal.length().borrow()).collect();
    let bodies = journal.bodies(&all).unwrap();
    let events = bodies.iter().map(|(_, body)| serde_json::from_str(body).unwrap());
    let told = events.filter(|it: &serde_json::Value| it["password"] == true);
    told.map(|it| it["by"].is_string()).collect()
}

#[tokio::test]
async fn a_new_password_that_could_not_be_written_does_not_stay_in_the_journal() {
    let data = tempfile::tempdir().unwrap();
    let (journal, users) = (journal(data.path()), Users::of(data.path()));
    let First::Made(first) = users.first(&journal).await.unwrap() else { panic!("none made") };
    // Where the file is written before it takes its place.
    let half = data.path().join("users.new");
    std::fs::create_dir(&half).unwrap();
    users.renew(&journal, &root(), FIRST_NAME).await.unwrap_err();
    assert!(knows(&users, FIRST_NAME, &first), "the old one stays");
    assert_eq!(told_of_passwords(&journal), [true, false], "and the journal says so");
    std::fs::remove_dir(&half).unwrap();

    let old = std::fs::read_to_string(data.path().join(FILE)).unwrap();
    users.renew(&journal, &root(), FIRST_NAME).await.unwrap();
    std::fs::write(data.path().join(FILE), old).unwrap();
    for _ in 0..2 {
        users.first(&journal).await.unwrap();
        assert_eq!(told_of_passwords(&journal), [true, false, true, false], "a copy was put back");
    }
    users.set_role(&journal, &root(), FIRST_NAME, Role::Supervisor).await.unwrap();
    assert_eq!(told_of_passwords(&journal).len(), 4);
}

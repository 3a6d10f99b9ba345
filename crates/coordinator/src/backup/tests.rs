//! Backups that are whole, and those that are not.

use super::*;
use crate::journal::Journal;
use crate::recovery::RecoverySecret;
use crate::site::Site;
use crate::users::{self, Users};

/// A data directory with one event more than its founding.
fn data() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let site = Site::open(data.path()).unwrap();
    let path = data.path().join("journal.db");
    let journal = Journal::open(&path, site.public()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(journal.person("Ola".into())).unwrap();
    journal.keep_checkpoint(&site.key).unwrap();
    RecoverySecret::open(data.path(), journal.published().bench.locks()).unwrap();
    runtime.block_on(Users::of(data.path()).first(&journal)).unwrap();
    fs::write(data.path().join("rehome.toml"), "site_name = \"Źródło\"\n").unwrap();
    data
}

/// Members of an archive, as they come.
fn members(file: &Path) -> Vec<(tar::Header, Vec<u8>)> {
    let mut archive = tar::Archive::new(File::open(file).unwrap());
    let entries = archive.entries().unwrap();
    let read = entries.map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        (entry.header().clone(), bytes)
    });
    read.collect()
}

fn archive(members: &[(tar::Header, Vec<u8>)], file: &Path) {
    let mut archive = tar::Builder::new(File::create(file).unwrap());
    for (header, bytes) in members {
        let mut header = header.clone();
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.append(&header, bytes.as_slice()).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn a_backup_is_private_whole_and_never_replaces_anything() {
    let (data, place) = (data(), tempfile::tempdir().unwrap());
    let file = place.path().join("site.tar");
    let made = backup(data.path(), None, &file).unwrap();
    // Founded, Ola's and the first user's name, the first user.
    assert_eq!(made.manifest.events, 4);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing else is left");
    let again = backup(data.path(), None, &file).unwrap_err();
    assert!(matches!(again, BackupError::Exists { .. }), "{again}");

    let new = place.path().join("new/deep");
    let manifest = restore(&file, &new).unwrap();
    assert_eq!(manifest, made.manifest);
    for name in
        ["site.key", "tls.key", "recovery.key", "users.json", "rehome.toml", "journal.checkpoint"]
    {
        assert_eq!(fs::read(new.join(name)).unwrap(), fs::read(data.path().join(name)).unwrap());
    }
    assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o700);
    let site = Site::open(&new).unwrap();
    let journal = Journal::open(&new.join("journal.db"), site.public()).unwrap();
    assert!(journal.names().unwrap().iter().any(|(_, name)| name == "Ola"));
    drop(crate::data_dir::DataDir::open(&new).unwrap());
    let occupied = restore(&file, &new).unwrap_err();
    assert!(matches!(occupied, BackupError::NotEmpty { .. }), "{occupied}");
    fs::create_dir(place.path().join("empty")).unwrap();
    restore(&file, &place.path().join("empty")).unwrap();
}

#[test]
fn what_is_no_backup_of_ours_restores_nothing() {
    let (data, place) = (data(), tempfile::tempdir().unwrap());
    let good = place.path().join("good.tar");
    backup(data.path(), None, &good).unwrap();
    let all = members(&good);
    let with_name = |name: &str| {
        let mut members = all.clone();
        let field = &mut members[3].0.as_old_mut().name;
        field.fill(0);
        field[..name.len()].copy_from_slice(name.as_bytes());
        members
    };
    let with_type = |entry_type, link: &str| {
        let mut members = all.clone();
        members[3].0.set_entry_type(entry_type);
        members[3].0.set_link_name(link).unwrap();
        members
    };
    let changed = |i: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut members = all.clone();
        change(&mut members[i].1);
        members
    };
    let mut twice = all.clone();
    twice.push(all[3].clone());
    let mut reordered = all.clone();
    reordered.swap(0, 1);
    for (bad, word) in [
        (with_name("/etc/cron.d/evil"), "no backup has a member \"/etc/cron.d/evil\""),
        (with_name("../site.key"), "no backup has a member"),
        (with_name("images/manifests/../../../x.json"), "no backup has a member"),
        (with_name("images/manifests/AA.json"), "no backup has a member"),
        (with_name("lock"), "no backup has a member"),
        (with_name("site.key/"), "no backup has a member"),
        (with_type(tar::EntryType::Symlink, "/etc/shadow"), "not a plain file"),
        (with_type(tar::EntryType::Link, "/etc/shadow"), "not a plain file"),
        (with_type(tar::EntryType::Directory, "x"), "not a plain file"),
        (with_type(tar::EntryType::Char, "x"), "not a plain file"),
        (with_type(tar::EntryType::GNULongName, "x"), "not a plain file"),
        (with_type(tar::EntryType::GNUSparse, "x"), "not a plain file"),
        (changed(3, &|bytes| bytes[0] ^= 1), "damaged"),
        (changed(3, &|bytes| bytes.truncate(5)), "damaged"),
        (changed(3, &|bytes| bytes.extend(vec![0; 2 << 20])), "longer than"),
        (changed(1, &|bytes| bytes[100] ^= 1), "damaged"),
        (changed(0, &|bytes| bytes.push(b'}')), "its list"),
        (changed(0, &|bytes| bytes.truncate(0)), "its list"),
        (twice, "twice"),
        (reordered, "does not begin with"),
        (all[..all.len() - 1].to_vec(), "is missing"),
        (all[..1].to_vec(), "is missing"),
        (Vec::new(), "nothing in it"),
    ] {
        let (file, new) = (place.path().join("bad.tar"), place.path().join("new"));
        archive(&bad, &file);
        let refused = restore(&file, &new).expect_err(word);
        assert!(matches!(refused, BackupError::Refused { .. }), "{refused:?}");
        assert!(refused.to_string().contains(word), "{word}: {refused}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "{word}: something is left");
    }
    let cut = fs::read(&good).unwrap();
    for len in [0, 100, 1000, cut.len() / 2] {
        let (file, new) = (place.path().join("bad.tar"), place.path().join("new"));
        fs::write(&file, &cut[..len]).unwrap();
        let refused = restore(&file, &new).unwrap_err();
        assert!(matches!(refused, BackupError::Refused { .. }) && !new.exists(), "{refused:?}");
    }
}

#[test]
fn keys_and_journal_must_be_one_sites() {
    let (one, other, place) = (data(), data(), tempfile::tempdir().unwrap());
    fs::copy(other.path().join("site.key"), one.path().join("site.key")).unwrap();
    let file = place.path().join("site.tar");
    let refused = backup(one.path(), None, &file).unwrap_err();
    assert!(refused.to_string().contains("belongs to site"), "{refused}");
    fs::remove_file(one.path().join("tls.key")).unwrap();
    let missing = backup(one.path(), None, &file).unwrap_err();
    assert!(missing.to_string().contains("tls.key"), "{missing}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn what_could_not_be_restored_is_no_backup() {
    for (name, content, word) in [
        ("tls.key", &b"no key"[..], "tls.key"),
        ("users.json", b"{\"users\":", "users.json"),
        ("recovery.key", b"worn out", "recovery.key"),
        ("leases.json", &vec![b' '; 2 << 20], "leases.json"),
    ] {
        let (data, place) = (data(), tempfile::tempdir().unwrap());
        fs::write(data.path().join(name), content).unwrap();
        fs::set_permissions(data.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
        let refused = backup(data.path(), None, &place.path().join("site.tar")).unwrap_err();
        assert!(matches!(refused, BackupError::Useless { .. }), "{name}: {refused:?}");
        let said = refused.to_string();
        assert!(said.contains(word) && !said.contains(".rehome-backup"), "{said}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{name}: something is left");
    }
}

#[test]
fn a_backup_from_before_there_were_users_is_restored_with_the_password_of_then() {
    let (data, place) = (data(), tempfile::tempdir().unwrap());
    let (good, old) = (place.path().join("good.tar"), place.path().join("old.tar"));
    backup(data.path(), None, &good).unwrap();
    let mut all = members(&good);
    let mut list: serde_json::Value = serde_json::from_slice(&all[0].1).unwrap();
    let listed = list["members"].as_array_mut().unwrap();
    let at = listed.iter().position(|it| it["name"] == users::FILE).unwrap();
    let hash = b"$argon2id$...";
    listed[at] = serde_json::json!({
        "name": users::FORMERLY, "len": hash.len(), "sha256": evidence::sha256(hash)
    });
    all[0].1 = serde_json::to_vec(&list).unwrap();
    all[at + 1].0.set_path(users::FORMERLY).unwrap();
    all[at + 1].1 = hash.to_vec();
    archive(&all, &old);
    let new = place.path().join("new");
    restore(&old, &new).unwrap();
    assert_eq!(fs::read(new.join(users::FORMERLY)).unwrap(), hash);
}

use proptest::prelude::*;
use protocol::{ByteLen, DriveIdentity, MachineId};

use super::*;

const ONE: RecoverySecret = RecoverySecret([1; 32]);
const TWO: RecoverySecret = RecoverySecret([2; 32]);

/// What the journal holds once a password was given out by this secret.
fn given_by(secret: &RecoverySecret) -> Locks {
    use crate::bench::Bench;
    use crate::event::{Happening, JournalEvent};
    let machine = MachineId::from_bytes([1; 16]);
    let (model, serial) = ("M".to_owned(), "S".to_owned());
    let drive = DriveIdentity { model, serial, wwn: None, size: ByteLen(512) };
    let mut bench = Bench::default();
    let identity = crate::scene::hardware::laptop(1).identity;
    let number = protocol::MachineNumber(std::num::NonZeroU32::MIN);
    for happening in [
        Happening::Founded { site: protocol::SiteKey::from_bytes([1; 32]), simulated: false },
        Happening::MachineSeen { machine, number, identity },
        Happening::DrivePasswordGiven { machine, drive, secret: secret.check_value() },
    ] {
        bench.apply(&JournalEvent { at: protocol::UnixMillis(1), happening }).unwrap();
    }
    bench.locks().clone()
}

#[test]
fn a_password_follows_from_secret_model_and_serial_and_nothing_else() {
    let password = |secret: &RecoverySecret, model, serial| {
        String::from(secret.password(model, serial).unwrap())
    };
    // Computed apart from this program, by Python's hmac over b"Samsung 840\0S1D5".
    let known = password(&ONE, "Samsung 840", "S1D5");
    assert_eq!(known, "6WE4T577H2SPD1T8DZEZMP63K08X6GVJ");
    assert_eq!(password(&ONE.clone(), "Samsung 840", "S1D5"), known);
    for other in [
        password(&TWO, "Samsung 840", "S1D5"),
        password(&ONE, "Samsung 850", "S1D5"),
        password(&ONE, "Samsung 840", "S1D6"),
        password(&ONE, "Samsung 840S", "1D5"),
    ] {
        assert_ne!(other, known);
    }
    assert!(!format!("{ONE:?}").contains('1'), "{ONE:?}");
}

#[test]
fn a_secret_is_made_once_and_never_again_where_drives_depend_on_it() {
    let data = tempfile::tempdir().unwrap();
    let none = Locks::default();
    assert!(matches!(RecoverySecret::read(data.path()), Err(RecoveryError::None { .. })));
    assert!(!RecoverySecret::is_in(data.path()).unwrap());
    let made = RecoverySecret::open(data.path(), &none).unwrap();
    assert!(RecoverySecret::is_in(data.path()).unwrap());
    assert_eq!(RecoverySecret::open(data.path(), &none).unwrap(), made);
    assert_eq!(RecoverySecret::open(data.path(), &given_by(&made)).unwrap(), made);
    let other = RecoverySecret::open(data.path(), &given_by(&ONE));
    assert!(matches!(other, Err(RecoveryError::Other { .. })));
    std::fs::remove_file(data.path().join(FILE)).unwrap();
    let lost = RecoverySecret::open(data.path(), &given_by(&made));
    assert!(matches!(lost, Err(RecoveryError::Lost { .. })));
    assert_ne!(RecoverySecret::open(data.path(), &none).unwrap(), made, "it is random");
    std::fs::write(data.path().join(FILE), "no secret").unwrap();
    let malformed = RecoverySecret::open(data.path(), &none);
    assert!(matches!(malformed, Err(RecoveryError::Malformed { .. })));
}

#[test]
fn a_secret_is_restored_but_takes_no_other_ones_place_where_drives_depend_on_it() {
    for (there, given, good) in [
        (None, None, Some(Restored::Written)),
        (None, Some(&ONE), Some(Restored::Written)),
        (None, Some(&TWO), None),
        (Some(&ONE), Some(&ONE), Some(Restored::Same)),
        (Some(&TWO), None, Some(Restored::Written)),
        (Some(&TWO), Some(&TWO), None),
        // The wrong one was put there by hand.
        (Some(&TWO), Some(&ONE), Some(Restored::Written)),
    ] {
        let data = tempfile::tempdir().unwrap();
        if let Some(secret) = there {
            secret.write(data.path()).unwrap();
        }
        let locks = given.map(given_by).unwrap_or_default();
        let restored = ONE.restore(data.path(), &locks);
        assert_eq!(restored.as_ref().ok(), good.as_ref(), "{restored:?}");
        let left = RecoverySecret::find(data.path()).unwrap();
        assert_eq!(left.as_ref(), if good.is_some() { Some(&ONE) } else { there });
    }
}

#[test]
fn a_damaged_file_is_named_and_replaced_from_its_sheet_only() {
    for damaged in [&b""[..], b"no secret", &[0xff; 65], &[0; 64]] {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(FILE);
        private_file::replace(&path, damaged).unwrap();
        let why = RecoverySecret::open(data.path(), &given_by(&ONE)).unwrap_err();
        assert!(matches!(why, RecoveryError::Malformed { .. }), "{why}");
        assert!(why.to_string().contains("recovery restore"), "{why}");
        let wrong = TWO.restore(data.path(), &given_by(&ONE));
        assert!(matches!(wrong, Err(RecoveryError::WrongSheet)), "{wrong:?}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged);
        assert_eq!(ONE.restore(data.path(), &given_by(&ONE)).unwrap(), Restored::Written);
        assert_eq!(RecoverySecret::read(data.path()).unwrap(), ONE);
    }
    // What others may have read is no damage: a person has to judge that first.
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join(FILE), "no secret").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(data.path().join(FILE), mode).unwrap();
    let exposed = ONE.restore(data.path(), &Locks::default());
    assert!(matches!(exposed, Err(RecoveryError::File(_))), "{exposed:?}");
}

#[test]
fn slips_of_the_pen_are_noticed() {
    let sheet = ONE.groups();
    assert_eq!(sheet.len(), 14);
    let text = sheet.join(" ");
    assert_eq!(RecoverySecret::typed(&format!("  {}\n", text.to_lowercase())), Ok(ONE));
    assert_eq!(RecoverySecret::typed(&text.replace(' ', "-").replace('0', "o")), Ok(ONE));
    assert_eq!(RecoverySecret::typed(&text[1..]), Err(PaperError::Length(55)));
    assert_eq!(RecoverySecret::typed(""), Err(PaperError::Length(0)));
    assert_eq!(RecoverySecret::typed(&text.replacen('0', "ż", 1)), Err(PaperError::Character('ż')));
    let swapped = format!("{}{}", &text[5..10], &text[..5]) + &text[10..];
    assert_eq!(swapped == text, RecoverySecret::typed(&swapped) == Ok(ONE));
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_and_one_wrong_character_does_not(
        bytes in any::<[u8; 32]>(), at in 0_usize..56, to in 0_usize..32,
    ) {
        let secret = RecoverySecret(bytes);
        let text = secret.groups().concat();
        prop_assert_eq!(RecoverySecret::typed(&text), Ok(secret));
        let mut wrong = text.clone().into_bytes();
        prop_assume!(wrong[at] != ALPHABET[to]);
        wrong[at] = ALPHABET[to];
        let wrong = String::from_utf8(wrong).unwrap();
        prop_assert_eq!(RecoverySecret::typed(&wrong), Err(PaperError::Checksum));
    }
}

//! Random sequences of security commands and power cycles: a locked drive gives nothing out, and nothing is erased but
//! by an erase that was prepared right before.

use drive::ata::AtaCommand;
use drive::sim::{AtaDevice, Kind, SimDrive};
use drive::{Drive, ata};
use proptest::prelude::*;
use protocol::EraseFeatures;

use crate::{N_SECTORS, ata as send, capable_ata, of_kind, password, power_cycle, read, write};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    SetPassword(char),
    Unlock(char),
    Prepare,
    Erase(char, bool),
    Freeze,
    Disable(char),
    Identify,
    Read,
    PowerCycle,
}

fn step() -> impl Strategy<Value = Step> {
    let letter = || prop_oneof![Just('p'), Just('q')];
    prop_oneof![
        1 => letter().prop_map(Step::SetPassword),
        1 => letter().prop_map(Step::Unlock),
        3 => Just(Step::Prepare),
        3 => (letter(), any::<bool>()).prop_map(|(letter, enhanced)| Step::Erase(letter, enhanced)),
        1 => Just(Step::Freeze),
        1 => letter().prop_map(Step::Disable),
        1 => Just(Step::Identify),
        1 => Just(Step::Read),
        2 => Just(Step::PowerCycle),
    ]
}

fn take(drive: &SimDrive, step: Step) -> bool {
    let by = |letter| password(letter);
    match step {
        Step::SetPassword(letter) => {
            send(drive, AtaCommand::SecuritySetPassword(&by(letter))).is_ok()
        }
        Step::Unlock(letter) => send(drive, AtaCommand::SecurityUnlock(&by(letter))).is_ok(),
        Step::Prepare => send(drive, AtaCommand::SecurityErasePrepare).is_ok(),
        Step::Erase(letter, enhanced) => {
            let password = &by(letter);
            send(drive, AtaCommand::SecurityEraseUnit { password, enhanced }).is_ok()
        }
        Step::Freeze => send(drive, AtaCommand::SecurityFreezeLock).is_ok(),
        Step::Disable(letter) => {
            send(drive, AtaCommand::SecurityDisablePassword(&by(letter))).is_ok()
        }
        Step::Identify => ata::identify_device(drive).is_ok(),
        Step::Read => read(drive, 0, 1).is_ok(),
        Step::PowerCycle => {
            power_cycle(drive);
            true
        }
    }
}

proptest! {
    #[test]
    fn locked_means_locked_and_erased_means_prepared(
        steps in proptest::collection::vec(step(), 1..40),
        locked_with in proptest::option::of(Just([b'p'; 32])),
        frozen in proptest::bool::weighted(0.1),
    ) {
        let drive = of_kind(Kind::Ata(AtaDevice { locked_with, frozen, ..capable_ata() }));
        let mut before = Step::PowerCycle;
        let mut password_set = locked_with.map(|_| 'p');
        for step in steps {
            let n_old = drive.n_old_sectors();
            let is_taken = take(&drive, step);
            let EraseFeatures::Ata(features) = drive.identified().features else { panic!("ATA") };
            let security = features.security;
            match step {
                Step::SetPassword(letter) if is_taken => password_set = Some(letter),
                Step::Disable(letter) if is_taken => {
                    prop_assert_eq!(password_set.take(), Some(letter));
                }
                Step::Unlock(letter) if is_taken => prop_assert_eq!(password_set, Some(letter)),
                Step::Erase(letter, _) if is_taken => {
                    prop_assert_eq!(before, Step::Prepare);
                    prop_assert_eq!(password_set.take(), Some(letter));
                    prop_assert_eq!(drive.n_old_sectors(), 0);
                    prop_assert!(!security.locked);
                    drive.fill_with_old_data();
                }
                Step::PowerCycle => prop_assert_eq!(security.locked, password_set.is_some()),
                Step::Read => prop_assert_eq!(is_taken, !security.locked),
                _ => prop_assert_eq!(drive.n_old_sectors(), n_old),
            }
            prop_assert_eq!(security.enabled, password_set.is_some());
            prop_assert!(!(security.locked && security.frozen));
            before = step;
        }
        // Looking at the medium is a command, so it comes last.
        let EraseFeatures::Ata(features) = drive.identified().features else { panic!("ATA") };
        let is_locked = features.security.locked;
        prop_assert_eq!(drive.n_old_sectors(), N_SECTORS);
        prop_assert_eq!(read(&drive, 0, 1).is_err(), is_locked);
        prop_assert_eq!(write(&drive, 0, 1, 1).is_err(), is_locked);
        prop_assert_eq!(drive.flush().is_err(), is_locked);
        prop_assert_eq!(drive.n_old_sectors() == N_SECTORS, is_locked);
    }
}

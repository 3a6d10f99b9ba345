//! Every lie is told as it is described, and no other.

use drive::Drive;
use drive::ata::AtaCommand;
use drive::nvme::{CurrentFormat, NvmeCommand, SanitizeAction, SecureErase};
use drive::sim::{Kind, Lie, NvmeDevice, SimDrive};
use protocol::features::SanitizeState;

use crate::{
    N_SECTORS, ata, capable_ata, capable_nvme, drive, is_old, log, nvme, of_kind, poll,
    poll_to_the_end, power_cycle, read, security_erase, write,
};

fn after_lying(lie: Lie) -> SimDrive {
    let drive = drive();
    drive.lie(lie);
    write(&drive, 0, 64, 0).unwrap();
    drive.flush().unwrap();
    drive
}

#[test]
fn every_lie_is_told_as_described() {
    assert_eq!(after_lying(Lie::Honest).n_old_sectors(), 0);
    assert_eq!(after_lying(Lie::KeepsAll).n_old_sectors(), N_SECTORS);
    let kept = after_lying(Lie::KeepsOneIn(4)).n_old_sectors();
    assert!((5..30).contains(&kept), "{kept} of 64 kept");
    let range = after_lying(Lie::KeepsRange(5..7));
    assert!(range.n_old_sectors() == 2 && is_old(&range, 5) && is_old(&range, 6));

    let zeros = after_lying(Lie::ZerosUntilPowerCycle);
    write(&zeros, 0, 1, 9).unwrap();
    assert_eq!(read(&zeros, 0, 1).unwrap()[0], 0, "zeros whatever was written");
    let forgets = after_lying(Lie::ForgetsAtPowerCycle);
    write(&forgets, 0, 1, 9).unwrap();
    assert_eq!(read(&forgets, 0, 1).unwrap()[0], 9, "as long as it has power");
    for drive in [zeros, forgets] {
        drive.power_cut();
        drive.power_on();
        assert_eq!(drive.n_old_sectors(), N_SECTORS);
        assert!(read(&drive, 0, 1).unwrap().iter().any(|&byte| byte != 0));
    }

    let wraps = drive();
    wraps.lie(Lie::Wraps(16));
    write(&wraps, 33, 1, 5).unwrap();
    assert_eq!(read(&wraps, 1, 1).unwrap()[0], 5);
}

/// The ways in which a drive erases itself.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Erase {
    AtaSecurity,
    AtaSanitize,
    NvmeSanitize,
    NvmeFormat,
}

const WAYS: [Erase; 4] =
    [Erase::AtaSecurity, Erase::AtaSanitize, Erase::NvmeSanitize, Erase::NvmeFormat];

/// Writes a canary, has the drive erase itself, and sees to it that it says it did.
fn erased_by(erase: Erase, lie: Lie) -> SimDrive {
    let kind = match erase {
        Erase::AtaSecurity | Erase::AtaSanitize => Kind::Ata(capable_ata()),
        Erase::NvmeSanitize | Erase::NvmeFormat => {
            Kind::Nvme(NvmeDevice { namespaces: 2, ..capable_nvme() })
        }
    };
    let drive = of_kind(kind);
    drive.lie(lie);
    write(&drive, 8, 1, 0xca).unwrap();
    drive.flush().unwrap();
    match erase {
        Erase::AtaSecurity => security_erase(&drive, 'p', false).unwrap(),
        Erase::AtaSanitize => {
            ata(&drive, AtaCommand::BlockErase).unwrap();
            let states = poll_to_the_end(|| poll(&drive));
            assert_eq!(states.last(), Some(&SanitizeState::Idle));
            let registers = ata(&drive, AtaCommand::SanitizeStatus).unwrap().unwrap();
            assert_eq!(registers.count & 0xff00, 0x8000);
        }
        Erase::NvmeSanitize => {
            nvme(&drive, NvmeCommand::Sanitize(SanitizeAction::BlockErase)).unwrap();
            let states = poll_to_the_end(|| log(&drive).state);
            assert_eq!(states.last(), Some(&SanitizeState::Idle));
            assert!(log(&drive).has_succeeded && log(&drive).is_global_erased);
        }
        Erase::NvmeFormat => {
            let format = CurrentFormat::of(&drive::nvme::identify(&drive, Some(1)).unwrap());
            let (namespace, erase) = (0xffff_ffff, SecureErase::UserData);
            nvme(&drive, NvmeCommand::Format { namespace, format, erase }).unwrap();
        }
    }
    drive
}

#[test]
fn every_lie_about_an_erase_is_told_as_described() {
    for erase in WAYS {
        for (lie, canary_stays, old_stay) in [
            (Lie::Honest, false, 0..1),
            (Lie::EraseKeepsAll, true, N_SECTORS - 1..N_SECTORS),
            (Lie::LogSaysSuccess, true, N_SECTORS - 1..N_SECTORS),
            (Lie::EraseKeepsOneIn(4), false, 5..30),
            // These throw the canary away already.
            (Lie::KeepsAll, false, N_SECTORS..N_SECTORS + 1),
            (Lie::ZerosUntilPowerCycle, false, N_SECTORS..N_SECTORS + 1),
            (Lie::KeepsOneIn(4), false, 5..30),
            (Lie::KeepsRange(3..6), false, 3..4),
            // These keep it until somebody looks again.
            (Lie::ErasesUntilPowerCycle, true, N_SECTORS - 1..N_SECTORS),
            (Lie::ForgetsAtPowerCycle, false, N_SECTORS..N_SECTORS + 1),
        ] {
            let drive = erased_by(erase, lie.clone());
            let n_old = drive.n_old_sectors();
            assert!(old_stay.contains(&n_old), "{erase:?}, {lie:?}: {n_old} stay");
            assert_eq!(drive.peek(8 * 512, 1) == [0xca], canary_stays, "{erase:?}, {lie:?}");
        }
    }
}

#[test]
fn what_was_only_erased_in_memory_is_back_after_a_power_cycle() {
    for erase in WAYS {
        for (lie, byte) in [(Lie::ErasesUntilPowerCycle, 0xca), (Lie::ForgetsAtPowerCycle, 8)] {
            let drive = erased_by(erase, lie);
            assert_eq!(*read(&drive, 8, 2).unwrap(), [0; 1024], "as if erased");
            write(&drive, 1, 1, 9).unwrap();
            drive.flush().unwrap();
            assert_eq!(*read(&drive, 1, 1).unwrap(), [9; 512]);
            power_cycle(&drive);
            assert_eq!(read(&drive, 8, 1).unwrap()[0], byte);
            assert!(is_old(&drive, 1) && is_old(&drive, 9));
            write(&drive, 1, 1, 9).unwrap();
            drive.flush().unwrap();
            assert_eq!(drive.peek(512, 1), [9], "the lie is over");
        }
    }
}

#[test]
fn lies_that_only_nvme_can_tell_are_told() {
    let one_only = Lie::ErasesOneNamespace;
    for (erase, lie, left) in [
        (Erase::NvmeSanitize, one_only.clone(), N_SECTORS / 2),
        (Erase::NvmeFormat, one_only, N_SECTORS / 2),
        (Erase::NvmeFormat, Lie::FormatErasesNothing, N_SECTORS - 1),
        (Erase::NvmeSanitize, Lie::FormatErasesNothing, 0),
        (Erase::NvmeSanitize, Lie::EraseKeepsAll, N_SECTORS - 1),
        (Erase::NvmeSanitize, Lie::Honest, 0),
    ] {
        let drive = erased_by(erase, lie.clone());
        assert_eq!(drive.n_old_sectors(), left, "{erase:?}, {lie:?}");
    }
}

#[test]
fn a_log_that_says_success_says_so_at_the_first_look() {
    let drive = of_kind(Kind::Ata(capable_ata()));
    drive.lie(Lie::LogSaysSuccess);
    ata(&drive, AtaCommand::CryptoScramble).unwrap();
    assert_eq!(poll(&drive), SanitizeState::Idle);
    assert_eq!(drive.n_old_sectors(), N_SECTORS);
}

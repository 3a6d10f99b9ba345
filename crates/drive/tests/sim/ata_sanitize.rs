//! The Sanitize Device feature set: operations that go on by themselves, and their locks.

use drive::ata::AtaCommand;
use drive::sim::{AtaDevice, EraseFault, Kind, Leaves, SimDrive};
use drive::{AtaError, Drive, Registers, Taskfile, Transfer, ata};
use protocol::EraseFeatures;
use protocol::features::SanitizeState;

use crate::{
    N_SECTORS, ata as send, capable_ata, of_kind, password, poll, poll_to_the_end, power_cycle,
    read, write,
};

fn drive() -> SimDrive {
    of_kind(Kind::Ata(capable_ata()))
}

/// A SANITIZE DEVICE command as the standard lays it out, for what production never sends.
fn sanitize(
    drive: &SimDrive,
    feature: u16,
    count: u16,
    lba: u64,
) -> Result<Option<Registers>, AtaError> {
    let taskfile = Taskfile { command: 0xb4, feature, count, lba, is_48_bit: true };
    drive.ata("SANITIZE DEVICE", &taskfile, Transfer::None, ata::SHORT)
}

/// LBA(7:0) of an abort.
fn reason(answer: Result<Option<Registers>, AtaError>) -> u64 {
    match answer {
        Err(AtaError::Refused { sense: Some(sense), .. }) => {
            let registers = sense.ata.unwrap();
            assert_eq!((registers.error, registers.status), (0x04, 0x51));
            registers.lba
        }
        other => panic!("not aborted: {other:?}"),
    }
}

#[test]
fn an_operation_ends_when_its_status_says_so() {
    let after_erase = Leaves::Ones;
    let drive = of_kind(Kind::Ata(AtaDevice { after_erase, ..capable_ata() }));
    for (command, byte) in [
        (AtaCommand::CryptoScramble, 0xff),
        (AtaCommand::BlockErase, 0xff),
        (AtaCommand::Overwrite, 0x00),
    ] {
        drive.fill_with_old_data();
        write(&drive, 3, 1, 0x77).unwrap();
        send(&drive, command).unwrap();
        assert!(read(&drive, 0, 1).is_err() && write(&drive, 0, 1, 1).is_err());
        assert!(drive.flush().is_err() && drive.n_old_sectors() > 0);
        assert!(drive.identity().is_ok() && ata::identify_device(&drive).is_ok());
        assert!(send(&drive, AtaCommand::BlockErase).is_err(), "one at a time");
        assert!(send(&drive, AtaCommand::SecuritySetPassword(&password('p'))).is_err());
        let states = poll_to_the_end(|| poll(&drive));
        let running = |progress| SanitizeState::Running(progress);
        let expected = [running(16_384), running(32_768), running(49_152), SanitizeState::Idle];
        assert_eq!(states, expected, "{}", command.name());
        assert_eq!(drive.n_old_sectors(), 0);
        assert_eq!(*read(&drive, 3, 1).unwrap(), [byte; 512], "{}", command.name());
        let registers = send(&drive, AtaCommand::SanitizeStatus).unwrap().unwrap();
        assert_eq!(registers.count & 0xff00, 0x8000, "completed without error");
    }
}

#[test]
fn a_drive_without_steps_is_done_at_the_first_look() {
    let drive = of_kind(Kind::Ata(AtaDevice { sanitize_steps: 0, ..capable_ata() }));
    assert_eq!(poll(&drive), SanitizeState::Idle, "never done");
    send(&drive, AtaCommand::BlockErase).unwrap();
    assert_eq!(poll(&drive), SanitizeState::Idle);
    assert_eq!(drive.n_old_sectors(), 0);
}

#[test]
fn an_operation_goes_on_after_a_power_cut() {
    let drive = drive();
    send(&drive, AtaCommand::BlockErase).unwrap();
    poll(&drive);
    let (before, n_old) = (poll(&drive), drive.n_old_sectors());
    assert!(n_old > 0 && n_old < N_SECTORS);
    power_cycle(&drive);
    assert!(read(&drive, 0, 1).is_err());
    let EraseFeatures::Ata(features) = drive.identified().features else { panic!("ATA") };
    assert_eq!(features.sanitize.state, before);
    assert_eq!(poll_to_the_end(|| poll(&drive)).last(), Some(&SanitizeState::Idle));
    assert!(drive.n_old_sectors() == 0 && read(&drive, 0, 1).is_ok());
}

#[test]
fn a_stray_command_erases_nothing() {
    let drive = drive();
    for (feature, lba, expected) in [
        (0x0011, 0, 0),
        (0x0011, 0x426b_4572, 0),
        (0x0012, 0x4372_7970, 0),
        (0x0012, 0x1_426b_4572, 0),
        (0x0014, 0x4f57, 0),
        (0x0014, 0x574f_0000_0000, 0),
        (0x0013, 0x4372_7970, 2),
        (0x0111, 0x4372_7970, 2),
        (0x0020, 0x416e_7469, 0),
        (0x0040, 0, 0),
    ] {
        assert_eq!(reason(sanitize(&drive, feature, 0, lba)), expected, "{feature:#06x}");
    }
    let without_high_bytes = Taskfile { is_48_bit: false, ..AtaCommand::BlockErase.taskfile() };
    assert!(drive.ata("28 bits", &without_high_bytes, Transfer::None, ata::SHORT).is_err());
    assert_eq!(poll(&drive), SanitizeState::Idle);
    assert_eq!(drive.n_old_sectors(), N_SECTORS);

    let only_crypto = AtaDevice { block_erase: false, overwrite: false, ..capable_ata() };
    let drive = of_kind(Kind::Ata(only_crypto));
    assert_eq!(reason(send(&drive, AtaCommand::BlockErase)), 2);
    assert_eq!(reason(send(&drive, AtaCommand::Overwrite)), 2);
    assert!(send(&drive, AtaCommand::CryptoScramble).is_ok());
    assert!(send(&of_kind(Kind::Ata(AtaDevice::default())), AtaCommand::SanitizeStatus).is_err());
}

#[test]
fn either_lock_holds_until_the_power_goes() {
    let drive = drive();
    send(&drive, AtaCommand::SanitizeFreezeLock).unwrap();
    assert_eq!(poll(&drive), SanitizeState::Frozen);
    assert_eq!(reason(send(&drive, AtaCommand::BlockErase)), 3);
    assert_eq!(reason(send(&drive, AtaCommand::SanitizeAntifreezeLock)), 3);
    power_cycle(&drive);
    assert_eq!(poll(&drive), SanitizeState::Idle);
    send(&drive, AtaCommand::SanitizeAntifreezeLock).unwrap();
    assert_eq!(reason(send(&drive, AtaCommand::SanitizeFreezeLock)), 4);
    assert!(send(&drive, AtaCommand::BlockErase).is_ok());
    assert_eq!(poll_to_the_end(|| poll(&drive)).last(), Some(&SanitizeState::Idle));
    power_cycle(&drive);
    assert!(send(&drive, AtaCommand::SanitizeFreezeLock).is_ok());
}

#[test]
fn a_locked_drive_does_not_sanitize_and_a_frozen_one_does() {
    let locked = of_kind(Kind::Ata(AtaDevice { locked_with: Some([1; 32]), ..capable_ata() }));
    assert_eq!(reason(send(&locked, AtaCommand::CryptoScramble)), 0);
    let frozen = of_kind(Kind::Ata(AtaDevice { frozen: true, ..capable_ata() }));
    assert!(send(&frozen, AtaCommand::CryptoScramble).is_ok());
}

#[test]
fn after_a_failure_there_is_another_operation_or_nothing() {
    for (count, may_clear) in [(0, false), (0x0010, true)] {
        let drive = drive();
        drive.add_erase_fault(EraseFault::SanitizeFails { progress: 0x8000 });
        sanitize(&drive, 0x0012, count, 0x426b_4572).unwrap();
        assert_eq!(poll_to_the_end(|| poll(&drive)).last(), Some(&SanitizeState::Failed));
        assert_eq!(drive.n_old_sectors(), N_SECTORS / 2);
        power_cycle(&drive);
        assert_eq!(poll(&drive), SanitizeState::Failed);
        assert!(read(&drive, 0, 1).is_err() && drive.identity().is_ok());
        assert!(send(&drive, AtaCommand::SanitizeFreezeLock).is_err());
        assert!(send(&drive, AtaCommand::SecurityFreezeLock).is_err());
        assert_eq!(sanitize(&drive, 0, 1, 0).is_ok(), may_clear);
        assert_eq!(read(&drive, 0, 1).is_ok(), may_clear);
        send(&drive, AtaCommand::BlockErase).unwrap();
        assert_eq!(poll_to_the_end(|| poll(&drive)).last(), Some(&SanitizeState::Idle));
        assert!(drive.n_old_sectors() == 0 && read(&drive, 0, 1).is_ok());
    }
}

#[test]
fn an_overwrite_leaves_its_pattern_inverted_after_an_even_number_of_passes() {
    for (count, expected) in [
        (0x01, [4, 3, 2, 1]),
        (0x02, [4, 3, 2, 1]),
        (0x81, [4, 3, 2, 1]),
        (0x82, [!4, !3, !2, !1]),
        (0x80, [!4, !3, !2, !1]),
    ] {
        let drive = drive();
        sanitize(&drive, 0x0014, count, 0x4f57_0102_0304).unwrap();
        poll_to_the_end(|| poll(&drive));
        assert_eq!(read(&drive, 0, 1).unwrap()[..4], expected, "{count:#04x}");
    }
}

#[test]
fn a_bridge_with_fixed_sense_keeps_the_high_bytes_for_itself() {
    let drive = of_kind(Kind::Ata(AtaDevice { fixed_sense: true, ..capable_ata() }));
    assert_eq!(poll(&drive), SanitizeState::Unknown);
    send(&drive, AtaCommand::BlockErase).unwrap();
    let registers = send(&drive, AtaCommand::SanitizeStatus).unwrap().unwrap();
    assert!(!registers.is_whole && registers.count == 0 && registers.lba <= 0x00ff_ffff);
    let refused = send(&drive, AtaCommand::BlockErase).unwrap_err();
    let AtaError::Refused { sense: Some(sense), .. } = refused else { panic!("{refused}") };
    assert_eq!((sense.key, sense.ata), (0x0b, None));
}

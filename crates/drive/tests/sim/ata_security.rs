//! The Security feature set: passwords, locks, and the erase.

use drive::ata::AtaCommand;
use drive::sim::{AtaDevice, Kind, Leaves, SimDrive};
use drive::{Drive, Taskfile, Transfer, ata};
use protocol::EraseFeatures;
use protocol::features::AtaSecurity;

use crate::{
    N_SECTORS, ata as send, capable_ata, of_kind, password, power_cycle, read, security_erase,
    write,
};

fn drive() -> SimDrive {
    of_kind(Kind::Ata(capable_ata()))
}

fn security(drive: &SimDrive) -> AtaSecurity {
    let EraseFeatures::Ata(features) = drive.identified().features else { panic!("no ATA drive") };
    features.security
}

#[test]
fn an_erase_leaves_what_it_is_said_to_leave_and_no_password() {
    let noise = Leaves::Random(5);
    for (after_erase, looks_right) in [
        (Leaves::Zeros, (|bytes| bytes.iter().all(|&byte| byte == 0)) as fn(&[u8]) -> bool),
        (Leaves::Ones, |bytes| bytes.iter().all(|&byte| byte == 0xff)),
        (Leaves::Pattern(*b"3CUA"), |bytes| bytes.as_chunks().0.iter().all(|four| four == b"3CUA")),
        (noise, |bytes| bytes[..512] != bytes[512..1024] && bytes.iter().any(|&byte| byte != 0)),
    ] {
        for enhanced in [false, true] {
            let drive = of_kind(Kind::Ata(AtaDevice { after_erase, ..capable_ata() }));
            write(&drive, 5, 1, 0x77).unwrap();
            security_erase(&drive, 'p', enhanced).unwrap();
            assert_eq!(drive.n_old_sectors(), 0);
            let length = usize::try_from(N_SECTORS).unwrap();
            let found = read(&drive, 0, length).unwrap();
            assert!(looks_right(&found), "{after_erase:?}, the cache included");
            assert!(!security(&drive).enabled && !security(&drive).locked);
        }
    }
}

#[test]
fn a_drive_with_a_password_is_locked_by_a_power_cycle() {
    let (drive, ours) = (drive(), password('p'));
    send(&drive, AtaCommand::SecuritySetPassword(&ours)).unwrap();
    assert!(security(&drive).enabled && !security(&drive).locked);
    assert!(read(&drive, 0, 1).is_ok());
    power_cycle(&drive);
    assert!(security(&drive).locked);
    assert!(read(&drive, 0, 1).is_err() && write(&drive, 0, 1, 1).is_err());
    assert!(drive.flush().is_err());
    for refused in [
        AtaCommand::SecuritySetPassword(&ours),
        AtaCommand::SecurityDisablePassword(&ours),
        AtaCommand::SecurityFreezeLock,
        AtaCommand::BlockErase,
        AtaCommand::SecurityUnlock(&password('q')),
    ] {
        assert!(send(&drive, refused).is_err(), "{}", refused.name());
    }
    assert!(ata::identify_device(&drive).is_ok());
    send(&drive, AtaCommand::SecurityUnlock(&ours)).unwrap();
    assert!(read(&drive, 0, 1).is_ok() && security(&drive).enabled);
    assert!(send(&drive, AtaCommand::SecurityDisablePassword(&password('q'))).is_err());
    send(&drive, AtaCommand::SecurityDisablePassword(&ours)).unwrap();
    power_cycle(&drive);
    assert!(!security(&drive).enabled && read(&drive, 0, 1).is_ok());
    assert_eq!(drive.n_old_sectors(), N_SECTORS);
}

#[test]
fn an_erase_is_legal_while_locked() {
    let drive = of_kind(Kind::Ata(AtaDevice { locked_with: Some([b'p'; 32]), ..capable_ata() }));
    assert!(read(&drive, 0, 1).is_err());
    send(&drive, AtaCommand::SecurityErasePrepare).unwrap();
    let password = &password('p');
    send(&drive, AtaCommand::SecurityEraseUnit { password, enhanced: false }).unwrap();
    assert!(read(&drive, 0, 1).is_ok() && drive.n_old_sectors() == 0);
}

#[test]
fn five_wrong_passwords_close_the_door_until_a_power_cycle() {
    let drive = of_kind(Kind::Ata(AtaDevice { locked_with: Some([b'p'; 32]), ..capable_ata() }));
    let (ours, wrong) = (password('p'), password('q'));
    for _ in 0..5 {
        assert!(!security(&drive).count_expired);
        assert!(send(&drive, AtaCommand::SecurityUnlock(&wrong)).is_err());
    }
    assert!(security(&drive).count_expired);
    assert!(send(&drive, AtaCommand::SecurityUnlock(&ours)).is_err());
    send(&drive, AtaCommand::SecurityErasePrepare).unwrap();
    let erase = AtaCommand::SecurityEraseUnit { password: &ours, enhanced: false };
    assert!(send(&drive, erase).is_err());
    power_cycle(&drive);
    assert!(!security(&drive).count_expired);
    send(&drive, AtaCommand::SecurityUnlock(&ours)).unwrap();
    assert_eq!(drive.n_old_sectors(), N_SECTORS);
}

#[test]
fn a_frozen_drive_takes_no_security_command_and_thaws_without_power_only() {
    for refreezes in [false, true] {
        let drive = of_kind(Kind::Ata(AtaDevice { frozen: refreezes, ..capable_ata() }));
        if !refreezes {
            send(&drive, AtaCommand::SecurityFreezeLock).unwrap();
        }
        assert!(security(&drive).frozen && read(&drive, 0, 1).is_ok());
        let ours = password('p');
        for refused in [
            AtaCommand::SecuritySetPassword(&ours),
            AtaCommand::SecurityUnlock(&ours),
            AtaCommand::SecurityErasePrepare,
            AtaCommand::SecurityDisablePassword(&ours),
        ] {
            assert!(send(&drive, refused).is_err(), "{}", refused.name());
        }
        assert!(send(&drive, AtaCommand::SecurityFreezeLock).is_ok());
        power_cycle(&drive);
        assert_eq!(security(&drive).frozen, refreezes);
    }
}

#[test]
fn nothing_may_come_between_prepare_and_erase() {
    type Between = fn(&SimDrive);
    let between: [Between; 6] = [
        |drive| assert!(read(drive, 0, 1).is_ok()),
        |drive| assert!(drive.flush().is_ok()),
        |drive| assert!(drive.identity().is_ok()),
        |drive| assert!(ata::identify_device(drive).is_ok()),
        |drive| assert!(send(drive, AtaCommand::SanitizeStatus).is_ok()),
        |drive| power_cycle(drive),
    ];
    for (index, between) in between.iter().enumerate() {
        let (drive, password) = (drive(), &password('p'));
        send(&drive, AtaCommand::SecuritySetPassword(password)).unwrap();
        send(&drive, AtaCommand::SecurityErasePrepare).unwrap();
        between(&drive);
        let erase = AtaCommand::SecurityEraseUnit { password, enhanced: false };
        assert!(send(&drive, erase).is_err(), "{index}");
        assert_eq!(drive.n_old_sectors(), N_SECTORS, "{index}");
    }
}

#[test]
fn an_erase_needs_the_password_that_was_set_and_a_mode_that_there_is() {
    let drive = of_kind(Kind::Ata(AtaDevice { enhanced: false, ..capable_ata() }));
    assert!(security_erase(&drive, 'p', true).is_err(), "no enhanced mode");
    send(&drive, AtaCommand::SecurityErasePrepare).unwrap();
    let wrong = AtaCommand::SecurityEraseUnit { password: &password('q'), enhanced: false };
    assert!(send(&drive, wrong).is_err());
    send(&drive, AtaCommand::SecurityDisablePassword(&password('p'))).unwrap();
    send(&drive, AtaCommand::SecurityErasePrepare).unwrap();
    let unset = AtaCommand::SecurityEraseUnit { password: &password('p'), enhanced: false };
    assert!(send(&drive, unset).is_err(), "no password is set");
    assert_eq!(drive.n_old_sectors(), N_SECTORS);
}

#[test]
fn a_power_cut_in_the_middle_leaves_half_and_the_lock() {
    let (drive, ours) = (drive(), password('p'));
    drive.cut_power_after(2);
    assert!(security_erase(&drive, 'p', false).is_err());
    assert!(read(&drive, 0, 1).is_err() && drive.identity().is_err(), "no power");
    drive.power_on();
    assert_eq!(drive.n_old_sectors(), N_SECTORS / 2);
    assert!(security(&drive).locked && security(&drive).enabled);
    assert!(read(&drive, 0, 1).is_err());
    send(&drive, AtaCommand::SecurityErasePrepare).unwrap();
    send(&drive, AtaCommand::SecurityEraseUnit { password: &ours, enhanced: false }).unwrap();
    assert_eq!(drive.n_old_sectors(), 0);
    assert!(!security(&drive).locked && read(&drive, 0, 1).is_ok());
}

/// SECURITY SET PASSWORD as the standard lays it out, for what production never sends.
fn set_password(drive: &SimDrive, word_0: u16, letter: u8) {
    let mut data = [0; 512];
    data[..2].copy_from_slice(&word_0.to_le_bytes());
    data[2..34].fill(letter);
    let taskfile = Taskfile { command: 0xf1, count: 1, ..Taskfile::default() };
    drive.ata("SET PASSWORD", &taskfile, Transfer::Out(&data), ata::SHORT).unwrap();
}

#[test]
fn the_master_password_unlocks_at_high_and_only_erases_at_maximum() {
    for (capability, unlocks) in [(0, true), (0x0100, false)] {
        let drive = drive();
        set_password(&drive, 1, b'm');
        assert!(!security(&drive).enabled, "a master password locks nothing");
        set_password(&drive, capability, b'u');
        power_cycle(&drive);
        let mut data = [0; 512];
        data[0] = 1;
        data[2..34].fill(b'm');
        let send = |command| {
            let taskfile = Taskfile { command, count: 1, ..Taskfile::default() };
            drive.ata("as master", &taskfile, Transfer::Out(&data), ata::SHORT)
        };
        assert_eq!(send(0xf2).is_ok(), unlocks);
        assert_eq!(read(&drive, 0, 1).is_ok(), unlocks);
        crate::ata(&drive, AtaCommand::SecurityErasePrepare).unwrap();
        send(0xf4).unwrap();
        assert!(drive.n_old_sectors() == 0 && !security(&drive).enabled);
    }
}

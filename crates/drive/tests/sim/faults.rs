//! Drives that fail.

use drive::ata::AtaCommand;
use drive::nvme::{NvmeCommand, SanitizeAction};
use drive::sim::{Access, EraseFault, Fault, Kind};
use drive::{AdminError, AtaError, Drive};
use protocol::features::SanitizeState;

use crate::{
    N_SECTORS, ata, capable_ata, capable_nvme, drive, is_old, log, nvme, of_kind, poll,
    poll_to_the_end, power_cycle, read, security_erase, write,
};

#[test]
fn faults_strike_their_sectors_for_as_often_as_they_are_told() {
    let drive = drive();
    drive.add_fault(Fault { sectors: 10..12, access: Access::Read, times: Some(2) });
    drive.add_fault(Fault { sectors: 20..21, access: Access::Write, times: None });
    assert!(read(&drive, 9, 1).is_ok() && read(&drive, 12, 1).is_ok());
    assert!(read(&drive, 0, 64).is_err() && read(&drive, 11, 1).is_err());
    assert!(read(&drive, 10, 2).is_ok(), "healed");
    for _ in 0..3 {
        assert!(write(&drive, 18, 8, 7).is_err());
    }
    drive.flush().unwrap();
    assert_eq!(drive.peek(19 * 512, 1), [7], "what lies before the bad sector may be written");
    assert!(is_old(&drive, 20) && is_old(&drive, 21));
}

#[test]
fn a_stalled_sanitize_stands_still_for_as_long_as_it_is_told() {
    let stall = |progress, polls| EraseFault::SanitizeStalls { progress, polls };
    for fault in [stall(655, None), stall(655, Some(30)), stall(655, Some(3))] {
        let (ata_drive, nvme_drive) =
            (of_kind(Kind::Ata(capable_ata())), of_kind(Kind::Nvme(capable_nvme())));
        ata_drive.add_erase_fault(fault);
        nvme_drive.add_erase_fault(fault);
        ata(&ata_drive, AtaCommand::BlockErase).unwrap();
        nvme(&nvme_drive, NvmeCommand::Sanitize(SanitizeAction::BlockErase)).unwrap();
        let (by_ata, by_nvme) =
            (poll_to_the_end(|| poll(&ata_drive)), poll_to_the_end(|| log(&nvme_drive).state));
        assert_eq!(by_ata, by_nvme);
        let n_still = by_ata.iter().filter(|state| **state == SanitizeState::Running(655)).count();
        let (expected, is_over) = match fault {
            EraseFault::SanitizeStalls { polls: Some(polls), .. } => (polls, true),
            _ => (50, false),
        };
        assert_eq!(u32::try_from(n_still), Ok(expected));
        assert_eq!(read(&ata_drive, 0, 1).is_ok(), is_over);
        assert_eq!(ata_drive.n_old_sectors() == 0, is_over);
    }
}

#[test]
fn an_erase_unit_that_fails_leaves_the_password_and_half_of_the_data() {
    let drive = of_kind(Kind::Ata(capable_ata()));
    drive.add_erase_fault(EraseFault::EraseFails);
    assert!(security_erase(&drive, 'p', false).is_err());
    assert_eq!(drive.n_old_sectors(), N_SECTORS / 2);
    assert!(read(&drive, 0, 1).is_ok());
    power_cycle(&drive);
    assert!(read(&drive, 0, 1).is_err(), "locked");
}

#[test]
fn a_command_that_times_out_is_told_by_the_host() {
    let drive = of_kind(Kind::Ata(capable_ata()));
    let times_out = |opcode| EraseFault::TimesOut { opcode, times: Some(1) };
    drive.add_erase_fault(times_out(0xf4));
    drive.add_erase_fault(times_out(0xb4));
    let error = security_erase(&drive, 'p', true).unwrap_err();
    assert!(matches!(error, AtaError::Refused { host: 3, sense: None, .. }), "{error}");
    assert_eq!(drive.n_old_sectors(), N_SECTORS / 2);
    let error = ata(&drive, AtaCommand::BlockErase).unwrap_err();
    assert!(matches!(error, AtaError::Refused { host: 3, .. }), "{error}");
    assert_eq!(poll(&drive), SanitizeState::Idle, "not carried out");

    let drive = of_kind(Kind::Nvme(capable_nvme()));
    drive.add_erase_fault(times_out(0x84));
    let action = NvmeCommand::Sanitize(SanitizeAction::CryptoErase);
    let error = nvme(&drive, action).unwrap_err();
    assert!(matches!(error, AdminError::Submit { .. }), "{error}");
    assert!(nvme(&drive, action).is_ok());
}

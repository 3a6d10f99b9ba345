//! NVMe: Sanitize with its log, and Format NVM.

use drive::nvme::{CurrentFormat, NvmeCommand, SanitizeAction, SecureErase};
use drive::sim::{EraseFault, Kind, Leaves, NvmeDevice, SimDrive};
use drive::{AdminCommand, AdminError, Drive, Transfer};
use protocol::features::SanitizeState;

use crate::{
    N_SECTORS, capable_nvme, log, nvme as send, of_kind, poll_to_the_end, power_cycle, read, write,
};

fn drive() -> SimDrive {
    of_kind(Kind::Nvme(capable_nvme()))
}

/// An admin command without data as the standard lays it out, for what production never sends.
fn raw(drive: &SimDrive, opcode: u8, nsid: u32, cdw10: u32) -> Result<u32, u32> {
    let command = AdminCommand { opcode, nsid, cdw10: [cdw10, 0, 0, 0, 0, 0] };
    drive.nvme("raw", &command, Transfer::None, drive::nvme::SHORT).map_err(status)
}

fn status(error: AdminError) -> u32 {
    match error {
        AdminError::Status { status, .. } => status,
        other => panic!("no status: {other}"),
    }
}

fn format(drive: &SimDrive, namespace: u32, erase: SecureErase) -> Result<u32, u32> {
    let format = CurrentFormat::of(&drive::nvme::identify(drive, Some(1)).unwrap());
    send(drive, NvmeCommand::Format { namespace, format, erase }).map_err(status)
}

fn sanitize_to_the_end(drive: &SimDrive, action: SanitizeAction) -> Vec<SanitizeState> {
    send(drive, NvmeCommand::Sanitize(action)).unwrap();
    poll_to_the_end(|| log(drive).state)
}

#[test]
fn a_sanitize_ends_when_its_log_says_so() {
    let device = NvmeDevice { after_erase: Leaves::Ones, namespaces: 2, ..capable_nvme() };
    let drive = of_kind(Kind::Nvme(device));
    assert_eq!((log(&drive).state, log(&drive).has_succeeded), (SanitizeState::Idle, false));
    for (action, code, byte) in [
        (SanitizeAction::BlockErase, 2, 0xff),
        (SanitizeAction::CryptoErase, 4, 0xff),
        (SanitizeAction::Overwrite, 0x13, 0x00),
    ] {
        drive.fill_with_old_data();
        write(&drive, 3, 1, 0x77).unwrap();
        send(&drive, NvmeCommand::Sanitize(action)).unwrap();
        assert!(read(&drive, 0, 1).is_err() && write(&drive, 0, 1, 1).is_err());
        assert!(drive.identity().is_ok() && drive::nvme::identify(&drive, None).is_ok());
        assert_eq!(raw(&drive, 0x84, 0, 2), Err(0x001d), "in progress");
        assert_eq!(format(&drive, 1, SecureErase::UserData), Err(0x001d));
        let running = log(&drive);
        assert_eq!(running.state, SanitizeState::Running(16_384));
        assert!(!running.has_succeeded && !running.is_global_erased);
        assert_eq!(poll_to_the_end(|| log(&drive).state).last(), Some(&SanitizeState::Idle));
        let ended = log(&drive);
        assert!(ended.has_succeeded && ended.is_global_erased && ended.command == code);
        assert_eq!(drive.n_old_sectors(), 0);
        assert_eq!(*read(&drive, 3, 1).unwrap(), [byte; 512], "{action:?}");
        power_cycle(&drive);
        assert!(log(&drive).is_global_erased);
        write(&drive, 9, 1, 1).unwrap();
        assert!(!log(&drive).is_global_erased && log(&drive).has_succeeded);
    }
}

#[test]
fn a_sanitize_goes_on_after_a_power_cut() {
    let drive = drive();
    send(&drive, NvmeCommand::Sanitize(SanitizeAction::BlockErase)).unwrap();
    assert_eq!(log(&drive).state, SanitizeState::Running(16_384));
    power_cycle(&drive);
    assert!(read(&drive, 0, 1).is_err());
    assert_eq!(log(&drive).state, SanitizeState::Running(32_768));
    assert_eq!(poll_to_the_end(|| log(&drive).state).last(), Some(&SanitizeState::Idle));
    assert_eq!(drive.n_old_sectors(), 0);
}

#[test]
fn the_log_is_laid_out_to_the_byte() {
    let drive =
        of_kind(Kind::Nvme(NvmeDevice { estimate: 0x0102, crypto: false, ..capable_nvme() }));
    sanitize_to_the_end(&drive, SanitizeAction::Overwrite);
    let log = drive::nvme::sanitize_log(&drive).unwrap();
    let mut expected = [0; 512];
    expected[..12].copy_from_slice(&[0xff, 0xff, 0x09, 0x01, 0x13, 0, 0, 0, 0x02, 0x01, 0, 0]);
    expected[12..20].copy_from_slice(&[0x02, 0x01, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    expected[20..32].fill(0xff);
    assert_eq!(log, expected);
}

#[test]
fn deallocated_blocks_read_as_zeros_and_the_log_says_so() {
    let device = NvmeDevice { deallocates: true, after_erase: Leaves::Random(1), ..capable_nvme() };
    let drive = of_kind(Kind::Nvme(device));
    sanitize_to_the_end(&drive, SanitizeAction::CryptoErase);
    assert_eq!(drive::nvme::sanitize_log(&drive).unwrap()[2] & 0x07, 4);
    assert!(log(&drive).has_succeeded);
    assert_eq!(*read(&drive, 0, 1).unwrap(), [0; 512]);
}

#[test]
fn what_a_controller_refuses_erases_nothing() {
    let drive = drive();
    for (opcode, nsid, cdw10, expected) in [
        (0x84, 1, 2, 0x0002),
        (0x84, 0xffff_ffff, 2, 0x0002),
        (0x84, 0, 0, 0x0002),
        (0x84, 0, 5, 0x0002),
        (0x80, 0, 1 << 9 | 1, 0x000b),
        (0x80, 2, 1 << 9 | 1, 0x000b),
        (0x80, 1, 1 << 9, 0x010a),
        (0x80, 1, 1 << 9 | 2, 0x010a),
        (0x80, 1, 1 << 12 | 1 << 9 | 1, 0x010a),
        (0x80, 1, 3 << 9 | 1, 0x0002),
        (0x81, 1, 0, 0x0001),
    ] {
        assert_eq!(raw(&drive, opcode, nsid, cdw10), Err(expected), "{opcode:#x} {cdw10:#x}");
    }
    assert_eq!(raw(&drive, 0x80, 1, 1), Ok(0), "formatted without an erase");
    assert_eq!(drive.n_old_sectors(), N_SECTORS);

    let plain = of_kind(Kind::Nvme(NvmeDevice::default()));
    assert_eq!(raw(&plain, 0x84, 0, 2), Err(0x0001));
    assert_eq!(format(&plain, 1, SecureErase::UserData), Err(0x0001));
    assert_eq!(drive::nvme::sanitize_log(&plain).map_err(status), Err(0x0109));
    let device = NvmeDevice { format_crypto: false, crypto: false, ..capable_nvme() };
    let no_crypto = of_kind(Kind::Nvme(device));
    assert_eq!(format(&no_crypto, 1, SecureErase::Crypto), Err(0x0002));
    assert_eq!(raw(&no_crypto, 0x84, 0, 4), Err(0x0002));
}

#[test]
fn a_format_reaches_the_namespaces_that_it_should() {
    // A sector of the first is written to before.
    let share = N_SECTORS / 2;
    for (erases_all, namespace, left) in
        [(false, 1, share), (false, 2, share - 1), (false, 0xffff_ffff, 0), (true, 2, 0)]
    {
        for erase in [SecureErase::UserData, SecureErase::Crypto] {
            let device =
                NvmeDevice { format_erases_all: erases_all, namespaces: 2, ..capable_nvme() };
            let drive = of_kind(Kind::Nvme(device));
            write(&drive, 3, 1, 0x77).unwrap();
            format(&drive, namespace, erase).unwrap();
            drive.flush().unwrap();
            assert_eq!(drive.n_old_sectors(), left, "{namespace} {erases_all}");
            assert!(!log(&drive).is_global_erased, "that is Sanitize's");
        }
    }
}

#[test]
fn after_a_failure_there_is_another_sanitize_or_the_way_out_that_was_asked_for() {
    for (cdw10, may_exit) in [(2, false), (2 | 1 << 3, true)] {
        let drive = drive();
        drive.add_erase_fault(EraseFault::SanitizeFails { progress: 0x4000 });
        raw(&drive, 0x84, 0, cdw10).unwrap();
        assert_eq!(poll_to_the_end(|| log(&drive).state).last(), Some(&SanitizeState::Failed));
        power_cycle(&drive);
        assert!(read(&drive, 0, 1).is_err() && drive.n_old_sectors() == N_SECTORS * 3 / 4);
        assert_eq!(format(&drive, 1, SecureErase::UserData), Err(0x001c));
        assert_eq!(raw(&drive, 0x84, 0, 1).is_ok(), may_exit);
        assert_eq!(read(&drive, 0, 1).is_ok(), may_exit);
        assert_eq!(log(&drive).state, SanitizeState::Failed, "the latest one did");
        let last = sanitize_to_the_end(&drive, SanitizeAction::BlockErase).pop();
        assert_eq!((last, drive.n_old_sectors()), (Some(SanitizeState::Idle), 0));
    }
}

#[test]
fn a_format_that_fails_or_loses_power_gets_half_way() {
    let failing = drive();
    failing.add_erase_fault(EraseFault::EraseFails);
    assert_eq!(format(&failing, 1, SecureErase::UserData), Err(0x0006));
    assert_eq!(failing.n_old_sectors(), N_SECTORS / 2);
    assert!(format(&failing, 1, SecureErase::UserData).is_ok(), "once only");

    let cut = drive();
    cut.cut_power_after(0);
    let format = CurrentFormat::of(&{
        let mut namespace = [0; 4096];
        namespace[26] = 1;
        namespace
    });
    let erase = SecureErase::Crypto;
    assert!(send(&cut, NvmeCommand::Format { namespace: 1, format, erase }).is_err());
    cut.power_on();
    assert_eq!(cut.n_old_sectors(), N_SECTORS / 2);
}

//! Nothing that is sent to a simulated drive brings the simulation down.

use drive::sim::{Kind, SimDrive};
use drive::{AdminCommand, Drive, Taskfile, Transfer, ata};
use proptest::prelude::*;

use crate::{N_SECTORS, capable_ata, capable_nvme, of_kind};

/// Registers of any content, most of them of a command that there is.
fn taskfile() -> impl Strategy<Value = Taskfile> {
    let command = prop_oneof![
        any::<u8>(),
        Just(0xb4),
        prop::sample::select(vec![0xec, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6])
    ];
    let feature = prop_oneof![any::<u16>(), prop::sample::select(vec![0, 0x11, 0x12, 0x14, 0x20])];
    let lba = prop_oneof![
        any::<u64>(),
        prop::sample::select(vec![0x4372_7970, 0x426b_4572, 0x4f57_0000_0000, 0x4672_4c6b])
    ];
    let count = prop_oneof![any::<u16>(), Just(1)];
    (command, feature, count, lba, any::<bool>()).prop_map(
        |(command, feature, count, lba, is_48_bit)| Taskfile {
            command,
            feature,
            count,
            lba,
            is_48_bit,
        },
    )
}

fn admin_command() -> impl Strategy<Value = AdminCommand> {
    let opcode = prop_oneof![any::<u8>(), prop::sample::select(vec![0x02, 0x06, 0x80, 0x84])];
    let nsid = prop_oneof![any::<u32>(), 0_u32..3, Just(u32::MAX)];
    let cdw10 = prop_oneof![any::<u32>(), 0_u32..16, (0_u32..8).prop_map(|ses| ses << 9 | 1)];
    (opcode, nsid, cdw10, any::<[u32; 5]>()).prop_map(|(opcode, nsid, cdw10, rest)| {
        let [cdw11, cdw12, cdw13, cdw14, cdw15] = rest;
        AdminCommand { opcode, nsid, cdw10: [cdw10, cdw11, cdw12, cdw13, cdw14, cdw15] }
    })
}

/// Calls `send` with data of that length in one direction or the other.
fn with_data(direction: u8, length: usize, send: impl FnOnce(Transfer<'_>)) {
    let mut data = vec![0x5a; length];
    match direction {
        0 => send(Transfer::None),
        1 => send(Transfer::Out(&data)),
        _ => send(Transfer::In(&mut data)),
    }
}

fn still_stands(drive: &SimDrive) {
    drive.power_cut();
    drive.power_on();
    assert!(drive.n_old_sectors() <= N_SECTORS);
    assert_eq!(drive.identified().identity, drive.identity().unwrap());
}

proptest! {
    #[test]
    fn no_taskfile_brings_it_down(
        commands in prop::collection::vec((taskfile(), 0_u8..3, prop_oneof![Just(512_usize), 0_usize..1025]), 1..20)
    ) {
        let drive = of_kind(Kind::Ata(capable_ata()));
        for (taskfile, direction, length) in commands {
            with_data(direction, length, |transfer| {
                // Success and refusal are both fine; only panics are looked for.
                let _answer = drive.ata("any", &taskfile, transfer, ata::SHORT);
            });
        }
        still_stands(&drive);
    }

    #[test]
    fn no_admin_command_brings_it_down(
        commands in prop::collection::vec((admin_command(), 0_u8..3, 0_usize..5000), 1..20)
    ) {
        let drive = of_kind(Kind::Nvme(capable_nvme()));
        for (command, direction, length) in commands {
            with_data(direction, length, |transfer| {
                let _answer = drive.nvme("any", &command, transfer, drive::nvme::SHORT);
            });
        }
        still_stands(&drive);
    }
}

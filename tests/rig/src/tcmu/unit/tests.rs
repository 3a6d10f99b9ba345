use drive::ata::AtaCommand;
use drive::sim::{AtaDevice, Kind};
use drive::{Sense, Taskfile};
use proptest::prelude::*;
use protocol::{ByteLen, DriveIdentity, SectorSize};

use super::*;

const SIZE: u64 = 1 << 20;

fn unit(format: SenseFormat) -> LogicalUnit {
    let identity = DriveIdentity {
        model: "SIMULATED SSD".to_owned(),
        serial: "UNIT0001".to_owned(),
        wwn: Some("5000c500a1b2c3d4".to_owned()),
        size: ByteLen(SIZE),
    };
    let device = AtaDevice { block_erase: true, security: true, ..AtaDevice::default() };
    let sectors = SectorSize::try_from(512).unwrap();
    let drive = SimDrive::with(identity, sectors, Kind::Ata(device));
    drive.fill_with_old_data();
    LogicalUnit::new(drive, format).unwrap()
}

fn check(cdb: &[u8], data_len: usize, expected: &[u8]) {
    let response = unit(SenseFormat::Descriptor).execute(cdb, &vec![0; data_len]);
    assert_eq!(response.status, GOOD, "{cdb:02x?}: {response:02x?}");
    assert!(response.data_in.starts_with(expected), "{cdb:02x?}: {response:02x?}");
}

#[test]
fn the_drive_shows_itself_as_a_disk() {
    check(&[0; 6], 0, &[]);
    check(&[0x12, 0, 0, 0, 36, 0], 36, b"\x00\x00\x06\x02\x5b\x00\x00\x02ATA     SIMULATED SSD   ");
    check(&[0x12, 1, 0x80, 0, 24, 0], 24, b"\x00\x80\x00\x14UNIT0001            ");
    check(
        &[0x12, 1, 0x83, 0, 16, 0],
        16,
        b"\x00\x83\x00\x54\x01\x03\x00\x08\x50\x00\xc5\x00\xa1\xb2\xc3\xd4",
    );
    check(&[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8, &[0, 0, 0x07, 0xff, 0, 0, 2, 0]);
    let capacity = [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0];
    check(&capacity, 32, &[0, 0, 0, 0, 0, 0, 0x07, 0xff, 0, 0, 2, 0]);
    check(&[0x1a, 0, 8, 0, 255, 0], 255, &[23, 0, 0, 0, 8, 18, 4]);
    check(&[0x5a, 0, 8, 0, 0, 0, 0, 0, 255, 0], 255, &[0, 26, 0, 0, 0, 0, 0, 0, 8, 18, 4]);
}

#[test]
fn sectors_are_written_and_read_within_the_drive() {
    let unit = unit(SenseFormat::Descriptor);
    let data = vec![0x5a; 1024];
    let written = unit.execute(&[0x2a, 0, 0, 0, 0, 7, 0, 0, 2, 0], &data);
    assert_eq!((written.status, unit.drive.peek(7 * 512, 4)[0] == 0x5a), (GOOD, false), "cached");
    assert_eq!(unit.execute(&[0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[]).status, GOOD);
    assert_eq!(unit.drive.peek(7 * 512, 1024), data);
    let read = unit.execute(&[0x88, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0], &[0; 1024]);
    assert_eq!((read.status, read.data_in), (GOOD, data));
    let beyond = unit.execute(&[0x28, 0, 0, 0, 0x07, 0xff, 0, 0, 2, 0], &[0; 1024]);
    let sense = Sense::parse(&beyond.sense).unwrap();
    assert_eq!((beyond.status, sense.key, sense.asc), (CHECK_CONDITION, 5, 0x21));
}

/// SAT-4 section 12.2.2 by hand: SANITIZE DEVICE, without data, registers wanted.
fn sanitize(feature: u8, key: u32) -> [u8; 16] {
    let [key3, key2, key1, key0] = key.to_be_bytes();
    [0x85, 7, 0x20, 0, feature, 0, 0, key3, key0, 0, key1, 0, key2, 0x40, 0xb4, 0]
}

#[test]
fn registers_come_back_in_either_format() {
    for (format, is_whole) in [(SenseFormat::Descriptor, true), (SenseFormat::Fixed, false)] {
        let unit = unit(format);
        let erase = unit.execute(&sanitize(0x12, 0x426b_4572), &[]);
        assert_eq!(erase.status, CHECK_CONDITION);
        let status = unit.execute(&sanitize(0, 0), &[]);
        let sense = Sense::parse(&status.sense).unwrap();
        assert_eq!((sense.key, sense.asc, sense.ascq), (1, 0, 0x1d));
        let registers = sense.ata.unwrap();
        assert_eq!((registers.is_whole, registers.count & 0x4000 != 0), (is_whole, is_whole));
        // Refused: why is told in either format, as far as there is room for it.
        let freeze = [0x85, 6, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0xf5, 0];
        unit.execute(&freeze, &[]);
        let refused = unit.execute(&sanitize(0x99, 0), &[]);
        let sense = Sense::parse(&refused.sense).unwrap();
        let error = sense.ata.map(|registers| (registers.error, registers.status));
        assert_eq!((sense.key, error), (0xb, Some((4, 0x51))));
    }
}

#[test]
fn data_must_be_as_long_as_the_command_says() {
    let unit = unit(SenseFormat::Descriptor);
    let identify = [0x85, 8, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x40, 0xec, 0];
    let whole = unit.execute(&identify, &[0; 512]);
    assert_eq!((whole.status, whole.data_in.len()), (GOOD, 512));
    let short = unit.execute(&identify, &[0; 511]);
    assert_eq!(Sense::parse(&short.sense).unwrap().asc, 0x24);
    assert_eq!(unit.passed(), [0xec, 0xec]);
    // What production would send is among what is understood here; the ring adds zeros.
    let Taskfile { command, .. } = AtaCommand::SecurityErasePrepare.taskfile();
    let prepare = [0x85, 6, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, command, 0, 0, 0, 0, 0];
    assert_eq!(Sense::parse(&unit.execute(&prepare, &[]).sense).unwrap().key, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_command_brings_it_down(
        opcode in prop_oneof![
            Just(0x85_u8), Just(0x12), Just(0x1a), Just(0x5a), Just(0x28), Just(0x8a), Just(0x9e), any::<u8>(),
        ],
        rest in proptest::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 0..32),
        sectors in 0_usize..4,
        odd in 0_usize..3,
        is_fixed in any::<bool>(),
    ) {
        let format = if is_fixed { SenseFormat::Fixed } else { SenseFormat::Descriptor };
        let cdb: Vec<u8> = std::iter::once(opcode).chain(rest).collect();
        let data = vec![0; sectors * 512 + odd];
        let response = unit(format).execute(&cdb, &data);
        prop_assert!(response.data_in.len() <= data.len());
        prop_assert!(response.sense.len() <= sys::tcmu::SENSE_LEN);
        prop_assert_eq!(response.status == CHECK_CONDITION, Sense::parse(&response.sense).is_some());
    }
}

use drive::sim::{Kind, NvmeDevice, SimDrive};
use proptest::prelude::*;
use protocol::{ByteLen, DriveIdentity, SectorSize};

use super::super::command::COMMAND_LEN;
use super::*;

const NQN: &str = "nqn.2026-11.example.rehome:test";
const ENABLE: &[(usize, u8)] = &[(0, 0x7f), (44, 0x14), (48, 1)];

fn subsystem() -> Arc<Subsystem> {
    let identity = DriveIdentity {
        model: "MODEL".to_owned(),
        serial: "SERIAL".to_owned(),
        wwn: None,
        size: ByteLen(1 << 20),
    };
    let device = NvmeDevice { block: true, format: true, ..NvmeDevice::default() };
    let sector_size = SectorSize::try_from(512).unwrap();
    let drive = SimDrive::with(identity, sector_size, Kind::Nvme(device));
    Arc::new(Subsystem::new(NQN.to_owned(), drive))
}

/// A command of these bytes, with command id 9 and its data in the capsule.
fn command(fields: &[(usize, u8)], data: &[u8]) -> FromHost {
    let mut entry = [0; COMMAND_LEN];
    entry[2] = 9;
    for &(at, value) in fields {
        entry[at] = value;
    }
    if !data.is_empty() {
        entry[32..36].copy_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
    }
    FromHost::Command { entry, data: data.to_vec() }
}

fn connect(queue: u8, controller: u16) -> FromHost {
    let mut data = [0; 1024];
    data[16..18].copy_from_slice(&controller.to_le_bytes());
    data[256..256 + NQN.len()].copy_from_slice(NQN.as_bytes());
    command(&[(0, 0x7f), (4, 1), (42, queue), (44, 31)], &data)
}

/// The status of the only response.
fn status(units: &[ToHost]) -> Status {
    match units {
        [ToHost::Response(completion)] | [ToHost::Data { .. }, ToHost::Response(completion)] => {
            assert_eq!(completion.command_id, 9);
            completion.status
        }
        other => panic!("{other:?}"),
    }
}

fn fresh(subsystem: &Arc<Subsystem>) -> Queue {
    let mut queue = Queue::new(Arc::clone(subsystem));
    assert_eq!(queue.handle(FromHost::Initialize), Ok(vec![ToHost::Initialized]));
    queue
}

/// An enabled controller: its admin queue and one for I/O.
fn connected(subsystem: &Arc<Subsystem>) -> (Queue, Queue) {
    let (mut admin, mut io) = (fresh(subsystem), fresh(subsystem));
    assert_eq!(status(&admin.handle(connect(0, 0xffff)).unwrap()), Status::SUCCESS);
    assert_eq!(status(&io.handle(connect(1, 1)).unwrap()), Status::SEQUENCE_ERROR, "too early");
    assert_eq!(status(&admin.handle(command(ENABLE, &[])).unwrap()), Status::SUCCESS);
    assert_eq!(status(&io.handle(connect(1, 1)).unwrap()), Status::SUCCESS);
    (admin, io)
}

#[test]
fn a_queue_takes_nothing_before_its_time() {
    let subsystem = subsystem();
    let mut queue = Queue::new(Arc::clone(&subsystem));
    assert_eq!(queue.handle(command(&[], &[])), Err(QueueError::Order));
    let mut queue = fresh(&subsystem);
    assert_eq!(status(&queue.handle(command(&[(0, 6)], &[])).unwrap()), Status::SEQUENCE_ERROR);
    assert_eq!(status(&queue.handle(connect(1, 1)).unwrap()), Status::CONNECT_INVALID);
    assert_eq!(queue.handle(FromHost::Initialize), Err(QueueError::Order));
    assert_eq!(queue.handle(FromHost::Terminate { status: 2 }), Err(QueueError::HostTerminated(2)));
}

#[test]
fn identify_speaks_of_the_fabric_and_of_the_drive() {
    let subsystem = subsystem();
    let (mut admin, _io) = connected(&subsystem);
    let identify = command(&[(0, 6), (33, 16), (40, 1)], &[]);
    let units = admin.handle(identify).unwrap();
    assert_eq!(status(&units), Status::SUCCESS);
    let ToHost::Data { bytes, .. } = &units[0] else { panic!("{units:?}") };
    assert_eq!(&bytes[4..10], b"SERIAL");
    assert_eq!(bytes[78..80], [1, 0], "controller id");
    assert_eq!(&bytes[768..768 + NQN.len()], NQN.as_bytes());
}

#[test]
fn a_long_write_is_fetched_in_order() {
    let subsystem = subsystem();
    let (_admin, mut io) = connected(&subsystem);
    let write = command(&[(0, 1), (4, 1), (33, 4), (40, 3), (48, 1)], &[]);
    let asked = io.handle(write.clone()).unwrap();
    let [ToHost::ReadyToTransfer { command_id: 9, transfer_tag, length: 1024 }] = *asked else {
        panic!("{asked:?}")
    };
    let chunk = |offset, bytes: &[u8]| {
        FromHost::Data(Chunk { command_id: 9, transfer_tag, offset, bytes: bytes.to_vec() })
    };
    assert_eq!(io.handle(chunk(0, &[1; 512])), Ok(Vec::new()));
    assert_eq!(status(&io.handle(chunk(512, &[2; 512])).unwrap()), Status::SUCCESS);
    assert_eq!(status(&io.handle(command(&[(4, 1)], &[])).unwrap()), Status::SUCCESS, "flush");
    assert_eq!(subsystem.drive.peek(3 * 512, 1024), [[1; 512], [2; 512]].concat());
    let strays = [chunk(0, &[1; 512]), chunk(512, &[1; 512]), chunk(0, &[1; 1025])];
    for (number, stray) in strays.into_iter().enumerate() {
        let (_admin, mut io) =
            connected(&Arc::new(Subsystem::new(NQN.to_owned(), subsystem.drive.clone())));
        if number > 0 {
            io.handle(write.clone()).unwrap();
        }
        let refused = io.handle(stray);
        assert!(matches!(refused, Err(QueueError::StrayData { .. })), "{number}: {refused:?}");
    }
}

#[test]
fn a_drive_without_power_ends_its_connections() {
    let subsystem = subsystem();
    let (mut admin, mut io) = connected(&subsystem);
    subsystem.drive.power_cut();
    let read = command(&[(0, 2), (4, 1), (33, 2)], &[]);
    assert_eq!(io.handle(read), Err(QueueError::Gone));
    let identify = command(&[(0, 6), (33, 16), (40, 1)], &[]);
    assert_eq!(admin.handle(identify), Err(QueueError::Gone));
}

#[test]
fn what_lies_beyond_the_end_is_refused() {
    let subsystem = subsystem();
    let (_admin, mut io) = connected(&subsystem);
    for (fields, expected) in [
        (&[(0, 2), (4, 1), (33, 2), (41, 8)][..], Status::LBA_OUT_OF_RANGE),
        (&[(0, 2), (4, 1), (33, 2), (47, 0xff)], Status::LBA_OUT_OF_RANGE),
        (&[(0, 8), (4, 1), (41, 7), (48, 0xff), (49, 0xff)], Status::LBA_OUT_OF_RANGE),
        (&[(0, 2), (4, 1), (33, 4)], Status::DATA_LENGTH_INVALID),
        (&[(0, 2), (4, 2), (33, 2)], Status::INVALID_NAMESPACE),
        (&[(0, 0x7c), (4, 1)], Status::INVALID_OPCODE),
    ] {
        assert_eq!(status(&io.handle(command(fields, &[])).unwrap()), expected, "{fields:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the commands, a queue answers each at most once or ends, and never panics.
    #[test]
    fn no_commands_bring_it_down(
        entries in proptest::collection::vec(
            (any::<u8>(), proptest::collection::vec((0_usize..64, any::<u8>()), 0..8), 0_usize..600),
            1..12,
        ),
        is_io in any::<bool>(),
    ) {
        const OPCODES: [u8; 14] = [0, 1, 2, 6, 8, 9, 0x0a, 0x0c, 0x18, 0x7f, 0x80, 0x81, 0x84, 0x85];
        let subsystem = subsystem();
        let (admin, io) = connected(&subsystem);
        let mut queue = if is_io { io } else { admin };
        for (opcode, mut fields, data_len) in entries {
            fields.insert(0, (0, OPCODES[usize::from(opcode) % OPCODES.len()]));
            fields.insert(1, (4, 1));
            let Ok(units) = queue.handle(command(&fields, &vec![0; data_len])) else { break };
            let n_responses = units.iter().filter(|it| matches!(it, ToHost::Response(_))).count();
            prop_assert!(n_responses <= 1 && units.len() <= 2, "{units:?}");
        }
    }
}

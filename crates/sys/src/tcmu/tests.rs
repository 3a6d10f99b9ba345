//! A file plays the device: it is mapped as well, and the kernel's part is done by writing to it.

use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use proptest::prelude::*;

use super::*;

const REGION_LEN: usize = 8192;
const RING_AT: u32 = 128;
const RING_LEN: u32 = 1024;
const DATA_AT: u64 = 4096;

/// A device of which nothing is in use, and the other side's descriptor.
fn device() -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.set_len(REGION_LEN as u64).unwrap();
    // Waking the kernel is a write at the descriptor's position: here behind the region.
    file.seek(SeekFrom::End(0)).unwrap();
    let words = [VERSION.into(), u32::from(CAP_READ_LEN), RING_AT, RING_LEN];
    file.write_all_at(&[0; 128], 0).unwrap();
    file.write_all_at(&(words[0] | words[1] << 16).to_le_bytes(), 0).unwrap();
    file.write_all_at(&words[2].to_le_bytes(), 4).unwrap();
    file.write_all_at(&words[3].to_le_bytes(), 8).unwrap();
    file
}

fn open(file: &File) -> Result<Ring, RingError> {
    Ring::open(file.try_clone().unwrap(), NonZeroUsize::new(REGION_LEN).unwrap())
}

fn set_head(file: &File, head: u32) {
    file.write_all_at(&head.to_le_bytes(), 12).unwrap();
}

fn tail(file: &File) -> u32 {
    let mut tail = [0; 4];
    file.read_exact_at(&mut tail, 64).unwrap();
    u32::from_le_bytes(tail)
}

/// Puts a command with `data` in two pieces into the ring, 128 bytes long.
fn put_command(file: &File, at: u32, id: u16, cdb: &[u8; 16], data: &[u8]) {
    let entry = u64::from(RING_AT + at);
    let mut bytes = [0; 128];
    bytes[..4].copy_from_slice(&(128_u32 | OP_CMD).to_le_bytes());
    bytes[4..6].copy_from_slice(&id.to_le_bytes());
    bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
    bytes[24..32].copy_from_slice(&(entry + 112).to_le_bytes());
    let half = data.len() as u64 / 2;
    let places = [DATA_AT, half, DATA_AT + 1000, data.len() as u64 - half];
    for (at, place) in (48..).step_by(8).zip(places) {
        bytes[at..at + 8].copy_from_slice(&place.to_le_bytes());
    }
    bytes[112..].copy_from_slice(cdb);
    file.write_all_at(&bytes, entry).unwrap();
    let (first, second) = data.split_at(data.len() / 2);
    file.write_all_at(first, DATA_AT).unwrap();
    file.write_all_at(second, DATA_AT + 1000).unwrap();
}

#[test]
fn a_command_is_taken_and_answered() {
    let file = device();
    let mut ring = open(&file).unwrap();
    assert!(ring.next_request().unwrap().is_none());

    let cdb: [u8; 16] = *b"\x85pass-through-16";
    put_command(&file, 0, 7, &cdb, b"password");
    set_head(&file, 128);
    let request = ring.next_request().unwrap().unwrap();
    assert_eq!((request.cdb(), request.data_len()), (&cdb[..], 8));
    assert_eq!(ring.data_out(&request).unwrap(), b"password");

    let too_much = Response { data_in: vec![1; 9], ..Response::default() };
    let stale = ring.next_request().unwrap().unwrap();
    assert!(matches!(ring.complete(stale, &too_much), Err(RingError::TooLong { room: 8, .. })));
    let stale = ring.next_request().unwrap().unwrap();
    let answer = Response { status: 2, sense: vec![0x72, 0x0b], data_in: b"identi".to_vec() };
    ring.complete(request, &answer).unwrap();
    assert!(matches!(ring.complete(stale, &answer), Err(RingError::NotNext { id: 7 })));

    assert_eq!(tail(&file), 128);
    let mut entry = [0; 20];
    file.read_exact_at(&mut entry, RING_AT.into()).unwrap();
    assert_eq!(entry[7], UFLAG_READ_LEN);
    assert_eq!(entry[8..], [2, 0, 0, 0, 6, 0, 0, 0, 0x72, 0x0b, 0, 0]);
    let mut data = [0; 4];
    file.read_exact_at(&mut data, DATA_AT).unwrap();
    assert_eq!(&data, b"iden");
    file.read_exact_at(&mut data, DATA_AT + 1000).unwrap();
    assert_eq!(&data, b"tird");
    assert_eq!(file.metadata().unwrap().len(), REGION_LEN as u64 + 4, "the kernel was not woken");
}

#[test]
fn padding_and_unknown_entries_are_stepped_over() {
    let file = device();
    let mut ring = open(&file).unwrap();
    file.write_all_at(&(64_u32 | 5).to_le_bytes(), RING_AT.into()).unwrap();
    file.write_all_at(&(960_u32 | OP_PAD).to_le_bytes(), u64::from(RING_AT) + 64).unwrap();
    set_head(&file, 0);
    assert!(ring.next_request().unwrap().is_none());
    set_head(&file, 64);
    assert!(ring.next_request().unwrap().is_none());
    let mut flags = [0];
    file.read_exact_at(&mut flags, u64::from(RING_AT) + 7).unwrap();
    assert_eq!(flags, [UFLAG_UNKNOWN_OP]);
    set_head(&file, 0);
    assert!(ring.next_request().unwrap().is_none());
    assert_eq!(tail(&file), 0, "the ring was not gone round");
}

#[test]
fn another_layout_is_refused() {
    let file = device();
    file.write_all_at(&[3], 0).unwrap();
    assert!(matches!(open(&file), Err(RingError::Version { version: 3, .. })));
    let file = device();
    file.write_all_at(&u32::MAX.to_le_bytes(), 8).unwrap();
    assert!(matches!(open(&file), Err(RingError::Damaged { .. })));
}

proptest! {
    #[test]
    fn no_ring_brings_it_down(
        entries in proptest::collection::vec(any::<u8>(), RING_LEN as usize),
        len_op in prop_oneof![Just(129_u32), any::<u32>()],
        (iov_cnt, cdb_off, base, len) in (0_u32..6, 0_u64..400, 0_u64..9000, 0_u64..9000),
        head in 0..RING_LEN,
    ) {
        let file = device();
        let mut entries = entries;
        entries[..4].copy_from_slice(&len_op.to_le_bytes());
        entries[8..12].copy_from_slice(&iov_cnt.to_le_bytes());
        entries[12..16].fill(0);
        entries[24..32].copy_from_slice(&cdb_off.to_le_bytes());
        entries[48..56].copy_from_slice(&base.to_le_bytes());
        entries[56..64].copy_from_slice(&len.to_le_bytes());
        file.write_all_at(&entries, RING_AT.into()).unwrap();
        set_head(&file, head);
        let mut ring = open(&file).unwrap();
        while let Ok(Some(request)) = ring.next_request() {
            prop_assert!(request.data_len() <= REGION_LEN * 6);
            prop_assert_eq!(ring.data_out(&request).unwrap().len(), request.data_len());
            ring.complete(request, &Response::default()).unwrap();
        }
    }
}

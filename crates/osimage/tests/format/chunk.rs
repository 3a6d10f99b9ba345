//! Chunks that are not what the manifest says.

use proptest::prelude::*;
use rehome_osimage::chunk::{ChunkError, Decoder, Encoder};
use rehome_osimage::{ChunkId, ChunkRecord, Encoding, StoredHash};

fn encode(plain: &[u8]) -> (ChunkRecord, Vec<u8>) {
    let encoded = Encoder::new().unwrap().encode(plain).unwrap();
    (encoded.record, encoded.stored(plain).to_vec())
}

fn decode(record: &ChunkRecord, stored: &[u8]) -> Result<Vec<u8>, ChunkError> {
    let mut plain = vec![0; usize::try_from(record.plain_len).unwrap()];
    Decoder::new().unwrap().decode(record, stored, &mut plain).map(|()| plain)
}

/// A record that fits whatever bytes: what a signed manifest would say of a chunk that was made to hurt.
fn vouched(stored: &[u8], plain_len: u32, id: ChunkId) -> ChunkRecord {
    let stored_len = u32::try_from(stored.len()).unwrap();
    ChunkRecord {
        id,
        stored: StoredHash::of(stored),
        plain_len,
        stored_len,
        encoding: Encoding::Zstd,
    }
}

#[test]
fn a_chunk_that_was_changed_on_the_way_is_refused_before_it_is_decoded() {
    let (record, stored) = encode(&[7; 100_000]);
    assert_eq!(decode(&record, &stored).unwrap(), [7; 100_000]);
    let mut longer = stored.clone();
    longer.push(0);
    for changed in [&stored[..stored.len() - 1], &longer[..], &[]] {
        assert!(matches!(decode(&record, changed), Err(ChunkError::StoredLength { .. })));
    }
    for at in 0..stored.len() {
        let mut flipped = stored.clone();
        flipped[at] ^= 1;
        assert!(matches!(decode(&record, &flipped), Err(ChunkError::StoredHash { .. })));
    }
}

#[test]
fn a_frame_that_holds_more_than_was_promised_is_refused() {
    let bomb = zstd::bulk::compress(&vec![0; 256 << 20], 3).unwrap();
    let record = vouched(&bomb, 1 << 20, ChunkId::of(&vec![0; 1 << 20]));
    assert!(matches!(decode(&record, &bomb), Err(ChunkError::Frame { .. })));
}

#[test]
fn frames_that_are_not_what_was_promised_are_refused() {
    let frame = zstd::bulk::compress(&[1; 5000], 3).unwrap();
    let short = vouched(&frame, 6000, ChunkId::of(&[1; 6000]));
    assert!(matches!(decode(&short, &frame), Err(ChunkError::PlainLength { got: 5000, .. })));
    let other = vouched(&frame, 5000, ChunkId::of(&[2; 5000]));
    assert!(matches!(decode(&other, &frame), Err(ChunkError::Id { .. })));
    let garbage = vouched(b"not a frame", 5000, ChunkId::of(&[1; 5000]));
    assert!(matches!(decode(&garbage, b"not a frame"), Err(ChunkError::Frame { .. })));
    let cut = vouched(&frame[..frame.len() - 3], 5000, ChunkId::of(&[1; 5000]));
    assert!(matches!(decode(&cut, &frame[..frame.len() - 3]), Err(ChunkError::Frame { .. })));
}

#[test]
fn empty_and_oversized_chunks_are_not_made() {
    let mut encoder = Encoder::new().unwrap();
    for len in [0, (4 << 20) + 1] {
        assert!(
            matches!(encoder.encode(&vec![0; len]), Err(ChunkError::Length(got)) if got == len)
        );
    }
}

proptest! {
    #[test]
    fn what_was_encoded_decodes(
        pieces in prop::collection::vec((any::<u8>(), 1usize..5000), 1..20),
    ) {
        let plain: Vec<u8> = pieces.iter().flat_map(|(byte, len)| vec![*byte; *len]).collect();
        let (record, stored) = encode(&plain);
        prop_assert_eq!(decode(&record, &stored).unwrap(), plain);
    }

    #[test]
    fn noise_is_stored_as_it_is(plain in prop::collection::vec(any::<u8>(), 1..3000)) {
        let (record, stored) = encode(&plain);
        prop_assert!(stored.len() <= plain.len());
        if record.encoding == Encoding::Raw {
            prop_assert_eq!(&stored, &plain);
        }
        prop_assert_eq!(decode(&record, &stored).unwrap(), plain);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(stored in prop::collection::vec(any::<u8>(), 1..300)) {
        let record = vouched(&stored, 4096, ChunkId::of(&[0; 4096]));
        prop_assert!(decode(&record, &stored).is_err());
    }
}

//! Sense data in either format. Input: sense data.
#![no_main]

use drive::Sense;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(sense) = Sense::parse(bytes) else { return };
    assert!(sense.key < 16);
    let Some(registers) = sense.ata else { return };
    if registers.is_whole {
        assert!(registers.lba < 1 << 48);
    } else {
        assert!(registers.lba < 1 << 28 && registers.count < 1 << 8, "{registers:?}");
    }
    // The descriptor format alone has room for whole registers.
    assert!(!registers.is_whole || matches!(bytes[0] & 0x7f, 0x72 | 0x73));
});

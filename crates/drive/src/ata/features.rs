//! What an ATA drive can do by itself: IDENTIFY DEVICE, ACS-4 section 7.13; SANITIZE STATUS EXT, section 7.36.7.

use protocol::features::{
    AtaFeatures, AtaSanitize, AtaSecurity, EraseTime, Rotation, SanitizeState,
};
use sys::sg::{AtaError, IDENTIFY_DEVICE_LEN};
use sys::taskfile::Registers;

use super::Words;

/// Reads the erase features out of IDENTIFY DEVICE data. The state of sanitizing is another command's answer.
pub fn features(data: &[u8; IDENTIFY_DEVICE_LEN], state: SanitizeState) -> AtaFeatures {
    let words = Words::of(data);
    // Word 59 bit 12; FFFFh is what drives return that do not know the word.
    let word_59 = if words.word(59) == 0xffff { 0 } else { words.word(59) };
    let can = |bit: u16| word_59 & 0x1000 != 0 && word_59 & 1 << bit != 0;
    AtaFeatures {
        rotation: match words.word(217) {
            0x0001 => Rotation::NonRotating,
            rpm @ 0x0401..=0xfffe => Rotation::Rpm(rpm),
            _ => Rotation::NotReported,
        },
        encrypts_all: words.word(69) != 0xffff && words.word(69) & 0x0010 != 0,
        sanitize: AtaSanitize {
            crypto_scramble: can(13),
            block_erase: can(15),
            overwrite: can(14),
            state: if word_59 & 0x1000 == 0 { SanitizeState::Unknown } else { state },
        },
        security: security(&words),
    }
}

/// Whether SANITIZE STATUS EXT may be sent.
pub fn has_sanitize(data: &[u8; IDENTIFY_DEVICE_LEN]) -> bool {
    let word = Words::of(data).word(59);
    word != 0xffff && word & 0x1000 != 0
}

fn security(words: &Words<'_>) -> AtaSecurity {
    // Words 82 and 83 mean something where bits 15:14 of word 83 are 01.
    let is_valid = words.word(83) & 0xc000 == 0x4000;
    let status = match words.word(128) {
        0xffff => 0,
        word => word,
    };
    let is = |bit: u16| status & 1 << bit != 0;
    AtaSecurity {
        // A drive that only one of the two words calls capable is not taken at its word.
        supported: is(0) && is_valid && words.word(82) & 0x0002 != 0,
        enabled: is(1),
        locked: is(2),
        frozen: is(3),
        count_expired: is(4),
        enhanced: is(5),
        erase_time: erase_time(words.word(89)),
        enhanced_time: erase_time(words.word(90)),
    }
}

/// Words 89 and 90: units of two minutes, in 15 bits where bit 15 says so, else in 8; all ones means "longer".
fn erase_time(word: u16) -> EraseTime {
    let (units, most) =
        if word & 0x8000 != 0 { (word & 0x7fff, 0x7fff) } else { (word & 0xff, 0xff) };
    let seconds = |units: u16| u32::from(units) * 120;
    match units {
        0 => EraseTime::NotReported,
        units if units == most => EraseTime::LongerThan(seconds(most - 1)),
        units => EraseTime::Seconds(seconds(units)),
    }
}

/// The features with the state that the drive is in now: `ask` sends SANITIZE STATUS EXT, where the drive knows it.
///
/// # Errors
/// Passes on that nothing came back. A drive that refuses the question, because it is locked or frozen, is in a state that
/// is not known.
pub fn features_now(
    data: &[u8; IDENTIFY_DEVICE_LEN],
    ask: impl FnOnce() -> Result<Option<Registers>, AtaError>,
) -> Result<AtaFeatures, AtaError> {
    let state = if has_sanitize(data) {
        match sanitize_status(ask()) {
            Ok(state) => state,
            Err(AtaError::Refused { host: 0, .. }) => SanitizeState::Unknown,
            Err(error) => return Err(error),
        }
    } else {
        SanitizeState::Unknown
    };
    Ok(features(data, state))
}

/// What SANITIZE STATUS EXT answered, command by command.
///
/// # Errors
/// Passes on what is no answer to the question: the drive went away, or a bridge keeps COUNT(15:8) for itself.
pub fn sanitize_status(
    answer: Result<Option<Registers>, AtaError>,
) -> Result<SanitizeState, AtaError> {
    let registers = match answer {
        Ok(registers) => registers,
        // Aborted: LBA(7:0) tells why. 1 is "the operation failed"; the rest tells of features that are missing.
        Err(AtaError::Refused { sense: Some(sense), .. })
            if sense.ata.is_some_and(|ata| ata.error & 0x04 != 0) =>
        {
            return Ok(match sense.ata.map(|ata| ata.lba & 0xff) {
                Some(1) => SanitizeState::Failed,
                Some(3) => SanitizeState::Frozen,
                _ => SanitizeState::Unknown,
            });
        }
        Err(error) => return Err(error),
    };
    let Some(registers) = registers.filter(|registers| registers.is_whole) else {
        return Ok(SanitizeState::Unknown);
    };
    let [flags, _] = registers.count.to_be_bytes();
    let [.., progress_high, progress] = registers.lba.to_be_bytes();
    Ok(if flags & 0x40 != 0 {
        SanitizeState::Running(u16::from_be_bytes([progress_high, progress]))
    } else if flags & 0x20 != 0 {
        SanitizeState::Frozen
    } else {
        SanitizeState::Idle
    })
}

/// Whether SANITIZE STATUS EXT says that the latest operation was completed without error: COUNT bit 15. It is kept over
/// power cycles, so that an old one says so too.
pub fn has_completed(registers: Option<Registers>) -> bool {
    registers.is_some_and(|registers| registers.is_whole && registers.count & 0x8000 != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(words: &[(usize, u16)]) -> AtaFeatures {
        let mut data = [0; 512];
        for (index, word) in words {
            data[2 * index..2 * index + 2].copy_from_slice(&word.to_le_bytes());
        }
        features(&data, SanitizeState::Idle)
    }

    #[test]
    fn a_sata_ssd_with_everything_is_read() {
        let ssd = with(&[
            (59, 0xb000),
            (69, 0x0010),
            (82, 0x0002),
            (83, 0x4000),
            (89, 0x0001),
            (90, 0x8002),
            (128, 0x0029),
            (217, 1),
        ]);
        assert_eq!(ssd.rotation, Rotation::NonRotating);
        assert!(ssd.encrypts_all);
        let sanitize = ssd.sanitize;
        assert!(sanitize.block_erase && sanitize.crypto_scramble && !sanitize.overwrite);
        assert_eq!(sanitize.state, SanitizeState::Idle);
        let security = ssd.security;
        assert!(security.supported && security.frozen && security.enhanced && !security.enabled);
        assert_eq!(security.erase_time, EraseTime::Seconds(120));
        assert_eq!(security.enhanced_time, EraseTime::Seconds(240));
    }

    #[test]
    fn words_that_mean_nothing_give_nothing() {
        for word in [0, 0xffff] {
            let all: Vec<_> = (0..256).map(|index| (index, word)).collect();
            let none = with(&all);
            assert_eq!(none.rotation, Rotation::NotReported);
            assert!(!none.encrypts_all && !none.security.supported && !none.security.locked);
            assert!(!none.sanitize.block_erase);
            assert_eq!(none.sanitize.state, SanitizeState::Unknown);
        }
        // Word 128 alone is not enough.
        assert!(!with(&[(128, 1)]).security.supported);
    }

    #[test]
    fn times_come_in_two_formats_and_may_be_open_ended() {
        for (word, expected) in [
            (0x0000, EraseTime::NotReported),
            (0x8000, EraseTime::NotReported),
            (0x00fe, EraseTime::Seconds(30_480)),
            (0x00ff, EraseTime::LongerThan(30_480)),
            (0x7f01, EraseTime::Seconds(120)),
            (0x8100, EraseTime::Seconds(30_720)),
            (0xffff, EraseTime::LongerThan(3_931_920)),
        ] {
            assert_eq!(erase_time(word), expected, "{word:#06x}");
        }
    }

    #[test]
    fn the_status_is_in_the_high_byte_of_count() {
        let registers =
            |count, lba| Registers { count, lba, is_whole: true, ..Registers::default() };
        for (registers, expected) in [
            (registers(0, 0), SanitizeState::Idle),
            (registers(0x8000, 0xffff), SanitizeState::Idle),
            (registers(0x4000, 0x8000), SanitizeState::Running(0x8000)),
            (registers(0x2000, 0), SanitizeState::Frozen),
            (Registers { is_whole: false, ..registers(0x4000, 1) }, SanitizeState::Unknown),
        ] {
            assert_eq!(sanitize_status(Ok(Some(registers))).unwrap(), expected, "{registers:?}");
        }
        assert_eq!(sanitize_status(Ok(None)).unwrap(), SanitizeState::Unknown);
        for (lba, expected) in [
            (0, SanitizeState::Unknown),
            (1, SanitizeState::Failed),
            (2, SanitizeState::Unknown),
            (3, SanitizeState::Frozen),
        ] {
            let ata = Registers { error: 4, status: 0x51, lba, is_whole: true, count: 0 };
            let sense = Some(sys::sense::Sense { key: 0xb, asc: 0, ascq: 0x1d, ata: Some(ata) });
            let command = "SANITIZE STATUS EXT";
            let aborted = AtaError::Refused { command, status: 2, host: 0, driver: 8, sense };
            assert_eq!(sanitize_status(Err(aborted)).unwrap(), expected, "{lba}");
        }
    }

    proptest! {
        #[test]
        fn no_data_brings_it_down(bytes in proptest::collection::vec(any::<u8>(), 512)) {
            let data: &[u8; 512] = bytes.as_slice().try_into().unwrap();
            let features = features(data, SanitizeState::Idle);
            prop_assert!(has_sanitize(data) || features.sanitize.state == SanitizeState::Unknown);
        }
    }
}

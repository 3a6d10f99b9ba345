//! The recovery secret as people copy it: groups of letters and digits, with a checksum.

use super::{ALPHABET, RecoverySecret};

/// Bytes of the checksum: a slip goes unseen once in 16 million.
const CHECKSUM_LEN: usize = 3;
/// Characters in all: five bits each.
const LEN: usize = (32 + CHECKSUM_LEN) * 8 / 5;
/// Characters of a group.
const GROUP_LEN: usize = 4;

/// What is no secret on paper.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PaperError {
    #[error("a recovery secret has {LEN} letters and digits, but {0} were given")]
    Length(usize),
    #[error("no recovery secret has the character {0:?} in it")]
    Character(char),
    #[error(
        "the checksum does not fit: one of the characters is wrong, compare them with the sheet"
    )]
    Checksum,
}

impl RecoverySecret {
    /// The groups, in order.
    pub(crate) fn groups(&self) -> Vec<String> {
        let bytes = [self.0.as_slice(), &checksum(&self.0)].concat();
        let letters: Vec<char> = bytes
            .chunks_exact(5)
            .flat_map(|five| {
                let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
                (0..8).rev().map(move |i| char::from(ALPHABET[(bits >> (5 * i) & 31) as usize]))
            })
            .collect();
        letters.chunks(GROUP_LEN).map(|group| group.iter().collect()).collect()
    }

    /// Reads what a person typed: blanks, hyphens and small letters do not matter, nor does an O for a zero, an I or an
    /// L for a one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn typed(text: &str) -> Result<Self, PaperError> {
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let digits = letters.map(digit).collect::<Result<Vec<u64>, _>>()?;
        if digits.len() != LEN {
            return Err(PaperError::Length(digits.len()));
        }
        let bytes: Vec<u8> = digits
            .chunks_exact(8)
            .flat_map(|eight| {
                let bits = eight.iter().fold(0_u64, |bits, digit| bits << 5 | digit);
                let [_, _, _, bytes @ ..] = bits.to_be_bytes();
                bytes
            })
            .collect();
        let (secret, sum) = bytes.split_at(32);
        let secret: [u8; 32] = secret.try_into().map_err(|_| PaperError::Length(digits.len()))?;
        if checksum(&secret) == sum { Ok(Self(secret)) } else { Err(PaperError::Checksum) }
    }
}

fn digit(c: char) -> Result<u64, PaperError> {
    let plain = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let found = (0..).zip(ALPHABET).find(|(_, letter)| char::from(**letter) == plain);
    found.map(|(value, _)| value).ok_or(PaperError::Character(c))
}

fn checksum(secret: &[u8; 32]) -> [u8; CHECKSUM_LEN] {
    let digest = evidence::sha256(&[b"rehome recovery sheet ", secret.as_slice()].concat());
    let [one, two, three, ..] = *digest.as_bytes();
    [one, two, three]
}

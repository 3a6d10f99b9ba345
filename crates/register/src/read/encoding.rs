//! Which bytes are which letters. Polish offices have lived with three answers: UTF-8, Windows' CP1250 and ISO 8859-2.
//! The latter two differ in six Polish letters (ą, ś, ź and their capitals), and those decide.

use std::fmt;
use std::str::FromStr;

use encoding_rs::{ISO_8859_2, UTF_16BE, UTF_16LE, WINDOWS_1250};
use serde::Serialize;

use crate::read::ReadError;

/// How bytes are read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8, with a byte order mark or without.
    Utf8,
    /// UTF-16, least significant byte first.
    Utf16Le,
    /// UTF-16, most significant byte first.
    Utf16Be,
    /// Windows code page 1250.
    Cp1250,
    /// ISO 8859-2, "Latin 2".
    Iso8859_2,
}

impl Encoding {
    const NAMES: [(&'static str, Self); 5] = [
        ("utf-8", Self::Utf8),
        ("utf-16le", Self::Utf16Le),
        ("utf-16be", Self::Utf16Be),
        ("cp1250", Self::Cp1250),
        ("iso-8859-2", Self::Iso8859_2),
    ];
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Cp1250 => "CP1250",
            Self::Iso8859_2 => "ISO-8859-2",
        })
    }
}

/// Why a text names no encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected utf-8, utf-16le, utf-16be, cp1250 or iso-8859-2 as an encoding, got {0:?}")]
pub struct ParseEncodingError(String);

impl FromStr for Encoding {
    type Err = ParseEncodingError;
    fn from_str(text: &str) -> Result<Self, ParseEncodingError> {
        let name = text.to_ascii_lowercase();
        let found = Self::NAMES.iter().find(|(it, _)| *it == name);
        found.map(|(_, it)| *it).ok_or_else(|| ParseEncodingError(text.to_owned()))
    }
}

/// How sure an encoding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sureness {
    /// The file says so, or a person.
    Said,
    /// No other reading is possible, or every other gives the same text.
    Certain,
    /// All letters by which the readings differ speak for it.
    Likely,
    /// Most letters by which the readings differ speak for it, some against it: a look at the letters is due.
    Doubtful,
}

impl fmt::Display for Sureness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Said => "as the file or you say",
            Self::Certain => "certain",
            Self::Likely => "likely, by its Polish letters",
            Self::Doubtful => "doubtful: check the Polish letters",
        })
    }
}

/// Text and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) text: String,
    pub(super) encoding: Encoding,
    pub(super) sureness: Sureness,
}

/// The text of a file: by its byte order mark, else by what a person says, else by what it can only be.
pub(super) fn decode(bytes: &[u8], said: Option<Encoding>) -> Result<Decoded, ReadError> {
    let marks: [(&[u8], Encoding); 3] = [
        (b"\xEF\xBB\xBF", Encoding::Utf8),
        (b"\xFF\xFE", Encoding::Utf16Le),
        (b"\xFE\xFF", Encoding::Utf16Be),
    ];
    for (mark, encoding) in marks {
        if let Some(rest) = bytes.strip_prefix(mark) {
            return decode_as(rest, mark.len(), encoding, Sureness::Said);
        }
    }
    if let Some(encoding) = said {
        return decode_as(bytes, 0, encoding, Sureness::Said);
    }
    if bytes.contains(&0) {
        return Err(ReadError::Encoding {
            why: "it has zero bytes, as UTF-16 without its mark has",
        });
    }
    if std::str::from_utf8(bytes).is_ok() {
        return decode_as(bytes, 0, Encoding::Utf8, Sureness::Certain);
    }
    let (encoding, sureness) = by_polish_letters(bytes)?;
    decode_as(bytes, 0, encoding, sureness)
}

fn decode_as(
    bytes: &[u8],
    mark_len: usize,
    encoding: Encoding,
    sureness: Sureness,
) -> Result<Decoded, ReadError> {
    let text = match encoding {
        Encoding::Utf8 => std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|error| mark_len + error.valid_up_to()),
        Encoding::Utf16Le => utf_16(UTF_16LE, bytes, mark_len),
        Encoding::Utf16Be => utf_16(UTF_16BE, bytes, mark_len),
        // Every byte is a character in both.
        Encoding::Cp1250 => Ok(WINDOWS_1250.decode_without_bom_handling(bytes).0.into_owned()),
        Encoding::Iso8859_2 => Ok(ISO_8859_2.decode_without_bom_handling(bytes).0.into_owned()),
    };
    let text = text.map_err(|offset| ReadError::NotText { encoding, offset })?;
    Ok(Decoded { text, encoding, sureness })
}

/// The text, or the offset of the first half of a character that has no other half.
fn utf_16(
    encoding: &'static encoding_rs::Encoding,
    bytes: &[u8],
    mark_len: usize,
) -> Result<String, usize> {
    let whole = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    whole.map(std::borrow::Cow::into_owned).ok_or_else(|| {
        let unit = |pair: &[u8]| match pair {
            [a, b] if std::ptr::eq(encoding, UTF_16LE) => u16::from_le_bytes([*a, *b]),
            [a, b] => u16::from_be_bytes([*a, *b]),
            // An odd byte at the end: as good as a lone half.
            _ => 0xd800,
        };
        let good = char::decode_utf16(bytes.chunks(2).map(unit)).map_while(Result::ok);
        mark_len + 2 * good.map(char::len_utf16).sum::<usize>()
    })
}

const POLISH: &str = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ";

/// CP1250 or ISO 8859-2, by the bytes that they read differently.
fn by_polish_letters(bytes: &[u8]) -> Result<(Encoding, Sureness), ReadError> {
    let (mut for_cp1250, mut for_iso, mut undecided) = (0_u32, 0_u32, 0_u32);
    let (mut polish, mut foreign) = (0_u32, 0_u32);
    for (index, byte) in bytes.iter().copied().enumerate().filter(|(_, byte)| *byte >= 0x80) {
        let in_cp1250 = character(WINDOWS_1250, byte);
        let in_iso = character(ISO_8859_2, byte);
        let near = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at))
                .is_some_and(|it| it.is_ascii_alphabetic() || *it >= 0x80)
        };
        let in_word = near(index.checked_sub(1)) || near(index.checked_add(1));
        let is_letter = |it: char| in_word && POLISH.contains(it);
        match (is_letter(in_cp1250), is_letter(in_iso)) {
            (false, false) if in_cp1250.is_alphabetic() && in_iso.is_alphabetic() => foreign += 1,
            (false, false) => {}
            _ => polish += 1,
        }
        if in_cp1250 == in_iso {
            continue;
        }
        match (is_letter(in_cp1250), is_letter(in_iso)) {
            (true, false) => for_cp1250 += 1,
            (false, true) => for_iso += 1,
            // What ISO reads as control characters are quotation marks and dashes in CP1250.
            _ if in_iso.is_control() && !in_cp1250.is_control() => for_cp1250 += 1,
            _ => undecided += 1,
        }
    }
    if foreign > polish {
        return Err(ReadError::Encoding {
            why: "neither CP1250 nor ISO-8859-2 makes Polish words of its letters",
        });
    }
    match (for_cp1250, for_iso) {
        (0, 0) if undecided == 0 => Ok((Encoding::Cp1250, Sureness::Certain)),
        (1.., 0) => Ok((Encoding::Cp1250, Sureness::Likely)),
        (0, 1..) => Ok((Encoding::Iso8859_2, Sureness::Likely)),
        (cp1250, iso) if cp1250 / 4 >= iso.max(1) => Ok((Encoding::Cp1250, Sureness::Doubtful)),
        (cp1250, iso) if iso / 4 >= cp1250.max(1) => Ok((Encoding::Iso8859_2, Sureness::Doubtful)),
        _ => Err(ReadError::Encoding {
            why: "its letters speak for CP1250 as much as for ISO-8859-2",
        }),
    }
}

fn character(encoding: &'static encoding_rs::Encoding, byte: u8) -> char {
    let bytes = [byte];
    let text = encoding.decode_without_bom_handling(&bytes).0;
    text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANGRAM: &str = "Zażółć gęślą jaźń; LAPTOP BIUROWY ŁÓDŹ";

    fn encoded(encoding: &'static encoding_rs::Encoding, text: &str) -> Vec<u8> {
        encoding.encode(text).0.into_owned()
    }

    fn check(bytes: &[u8], expected: (&str, Encoding, Sureness)) {
        let decoded = decode(bytes, None).unwrap();
        assert_eq!((decoded.text.as_str(), decoded.encoding, decoded.sureness), expected);
    }

    #[test]
    fn encodings_are_told_apart() {
        use Encoding::{Cp1250, Iso8859_2, Utf8, Utf16Be, Utf16Le};
        use Sureness::{Certain, Likely, Said};
        let utf_16 = |text: &str, big: bool| -> Vec<u8> {
            let both = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(both).collect()
        };
        check(b"plain", ("plain", Utf8, Certain));
        check(PANGRAM.as_bytes(), (PANGRAM, Utf8, Certain));
        check(b"\xEF\xBB\xBFplain", ("plain", Utf8, Said));
        check(&utf_16(PANGRAM, false), (PANGRAM, Utf16Le, Said));
        check(&utf_16(PANGRAM, true), (PANGRAM, Utf16Be, Said));
        check(&encoded(WINDOWS_1250, PANGRAM), (PANGRAM, Cp1250, Likely));
        check(&encoded(ISO_8859_2, PANGRAM), (PANGRAM, Iso8859_2, Likely));
        // Not one letter that they read differently.
        check(&encoded(ISO_8859_2, "pokój żółty"), ("pokój żółty", Cp1250, Certain));
        check(&encoded(WINDOWS_1250, "pokój – 12”"), ("pokój – 12”", Cp1250, Likely));
    }

    #[test]
    fn what_cannot_be_told_is_asked() {
        let both = [encoded(WINDOWS_1250, "są źle"), encoded(ISO_8859_2, "są źle")].concat();
        // CP852, as of DOS: "Środki trwałe, książka".
        let dos: &[u8] =
            b"\x97rodki trwa\x88e, ksi\xa5\xbeka, \xa9\xa9\xa4\xe4 g\x86\x86 d\xab\xe3";
        let bare: Vec<u8> = "Nr;ą".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [&both, dos, &bare, b"5 \xb1 2"] {
            let refused = decode(bytes, None);
            assert!(matches!(refused, Err(ReadError::Encoding { .. })), "{refused:?}");
        }
        let said = decode(b"5 \xb1 2", Some(Encoding::Cp1250)).unwrap();
        assert_eq!((said.text.as_str(), said.sureness), ("5 ± 2", Sureness::Said));
    }

    #[test]
    fn what_is_no_text_is_refused_at_its_byte() {
        for (bytes, said, at) in [
            (&b"\xEF\xBB\xBFab\xFF"[..], None, 5),
            (b"\xFF\xFEa\0\x00\xD8b\0", None, 4),
            (b"\xFF\xFEa\0b", None, 4),
            (b"ab\xB1", Some(Encoding::Utf8), 2),
        ] {
            let refused = decode(bytes, said).unwrap_err();
            let ReadError::NotText { offset, .. } = refused else { panic!("{refused}") };
            assert_eq!(offset, at);
        }
    }
}

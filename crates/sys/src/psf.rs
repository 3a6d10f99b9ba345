//! PC Screen Fonts, versions 1 and 2: bytes in, glyphs and Unicode map out.
//!
//! Layout as documented by kbd's `psf.h` and the text "The PSF font formats" (Brouwer).

/// A console font: glyphs of one size and which characters they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PsfFont {
    /// Width of a glyph in pixels.
    pub width: u8,
    /// Height of a glyph in pixels, at most 32.
    pub height: u8,
    /// How many glyphs: at most 512, the most that the Linux console takes.
    pub n_glyphs: u16,
    /// The glyphs' rows one after another, each row filled up to whole bytes.
    pub bitmap: Vec<u8>,
    /// Character and the glyph that shows it.
    pub map: Vec<(u16, u16)>,
}

/// Why bytes are no font that the console takes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PsfError {
    /// Neither of the two magic numbers.
    #[error("not a PSF font (neither PSF1 nor PSF2 magic number)")]
    Magic,
    /// The file ends too early.
    #[error("PSF font cut short: {need} bytes needed, {got} there")]
    Short {
        /// How many bytes the header promises.
        need: usize,
        /// How many there are.
        got: usize,
    },
    /// More or larger glyphs than the console takes.
    #[error(
        "PSF font of {n_glyphs} glyphs, {width}x{height}: the console takes up to 512 of up to 32x32"
    )]
    Size {
        /// Number of glyphs.
        n_glyphs: u32,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The table of characters is no UTF-8.
    #[error("the Unicode table of the PSF font is no UTF-8 at glyph {glyph}")]
    Table {
        /// At which glyph.
        glyph: u16,
    },
}

const PSF1_MAGIC: [u8; 2] = [0x36, 0x04];
const PSF2_MAGIC: [u8; 4] = [0x72, 0xb5, 0x4a, 0x86];
const MAX_GLYPHS: u32 = 512;
const MAX_SIDE: u32 = 32;

impl PsfFont {
    /// Reads an uncompressed font file.
    pub fn parse(file: &[u8]) -> Result<Self, PsfError> {
        if let Some(rest) = file.strip_prefix(&PSF1_MAGIC) {
            parse_psf1(rest)
        } else if let Some(rest) = file.strip_prefix(&PSF2_MAGIC) {
            parse_psf2(file, rest)
        } else {
            Err(PsfError::Magic)
        }
    }

    /// Bytes of one row of a glyph.
    pub fn row_len(&self) -> usize {
        usize::from(self.width).div_ceil(8)
    }
}

fn parse_psf1(rest: &[u8]) -> Result<PsfFont, PsfError> {
    let &[mode, height, ref body @ ..] = rest else {
        return Err(PsfError::Short { need: 4, got: rest.len() + 2 });
    };
    let n_glyphs = if mode & 0x01 != 0 { 512 } else { 256 };
    let (mut font, table) = take_glyphs(body, 4, n_glyphs, 8, height.into())?;
    if mode & 0x06 != 0 {
        font.map = read_psf1_table(table, font.n_glyphs);
    }
    Ok(font)
}

fn parse_psf2(file: &[u8], rest: &[u8]) -> Result<PsfFont, PsfError> {
    const HEADER_LEN: usize = 32;
    let (words, _) = rest.as_chunks::<4>();
    let &[_version, header_len, flags, n_glyphs, _glyph_len, height, width, ..] = words else {
        return Err(PsfError::Short { need: HEADER_LEN, got: file.len() });
    };
    let [header_len, flags, n_glyphs, height, width] =
        [header_len, flags, n_glyphs, height, width].map(u32::from_le_bytes);
    let start = usize::try_from(header_len).unwrap_or(usize::MAX);
    let body = file.get(start..).ok_or(PsfError::Short { need: start, got: file.len() })?;
    let (mut font, table) = take_glyphs(body, start, n_glyphs, width, height)?;
    if flags & 0x01 != 0 {
        font.map = read_psf2_table(table, font.n_glyphs)?;
    }
    Ok(font)
}

/// Splits the glyphs off and leaves the table; `before` is the length of what came before `body`.
fn take_glyphs(
    body: &[u8],
    before: usize,
    n_glyphs: u32,
    width: u32,
    height: u32,
) -> Result<(PsfFont, &[u8]), PsfError> {
    let refused = PsfError::Size { n_glyphs, width, height };
    let in_range = (1..=MAX_GLYPHS).contains(&n_glyphs)
        && (1..=MAX_SIDE).contains(&width)
        && (1..=MAX_SIDE).contains(&height);
    let (Ok(count), Ok(columns), Ok(rows), true) =
        (u16::try_from(n_glyphs), u8::try_from(width), u8::try_from(height), in_range)
    else {
        return Err(refused);
    };
    let len = usize::from(count) * usize::from(rows) * usize::from(columns).div_ceil(8);
    let Some((bitmap, table)) = body.split_at_checked(len) else {
        return Err(PsfError::Short { need: before + len, got: before + body.len() });
    };
    let bitmap = bitmap.to_vec();
    Ok((PsfFont { width: columns, height: rows, n_glyphs: count, bitmap, map: Vec::new() }, table))
}

/// Little-endian UCS-2; FFFFh ends a glyph, FFFEh begins sequences, which the console cannot show.
fn read_psf1_table(table: &[u8], n_glyphs: u16) -> Vec<(u16, u16)> {
    let (codes, _) = table.as_chunks::<2>();
    let codes: Vec<u16> = codes.iter().map(|code| u16::from_le_bytes(*code)).collect();
    let per_glyph = codes.split(|&code| code == 0xffff);
    let singles = (0..n_glyphs).zip(per_glyph).flat_map(|(glyph, codes)| {
        codes.iter().take_while(|&&code| code != 0xfffe).map(move |&code| (code, glyph))
    });
    singles.collect()
}

/// UTF-8; FFh ends a glyph, FEh begins sequences. Characters beyond the basic plane are left out.
fn read_psf2_table(table: &[u8], n_glyphs: u16) -> Result<Vec<(u16, u16)>, PsfError> {
    let mut map = Vec::new();
    for (glyph, entry) in (0..n_glyphs).zip(table.split(|&byte| byte == 0xff)) {
        let singles = entry.split(|&byte| byte == 0xfe).next().unwrap_or_default();
        let text = std::str::from_utf8(singles).map_err(|_| PsfError::Table { glyph })?;
        let in_plane = text.chars().filter_map(|char| u16::try_from(u32::from(char)).ok());
        map.extend(in_plane.map(|code| (code, glyph)));
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn psf1(mode: u8, height: u8, table: &[u16]) -> Vec<u8> {
        let n_glyphs = if mode & 1 != 0 { 512 } else { 256 };
        let mut file = vec![0x36, 0x04, mode, height];
        file.extend(
            (0..n_glyphs).flat_map(|glyph: usize| vec![glyph.to_le_bytes()[0]; height.into()]),
        );
        file.extend(table.iter().flat_map(|code| code.to_le_bytes()));
        file
    }

    fn psf2(n_glyphs: u32, width: u32, height: u32, table: &[u8]) -> Vec<u8> {
        let glyph_len = width.div_ceil(8) * height;
        let mut file = PSF2_MAGIC.to_vec();
        for word in [0, 32, u32::from(!table.is_empty()), n_glyphs, glyph_len, height, width] {
            file.extend(word.to_le_bytes());
        }
        let len = usize::try_from(glyph_len * n_glyphs).unwrap();
        file.extend(std::iter::repeat_n(0x18, len));
        file.extend(table);
        file
    }

    #[test]
    fn psf1_gives_512_glyphs_and_their_characters() {
        let table = [0x41, 0xffff, 0x104, 0x105, 0xfffe, 0x41, 0x328, 0xffff];
        let font = PsfFont::parse(&psf1(3, 16, &table)).unwrap();
        assert_eq!((font.width, font.height, font.n_glyphs), (8, 16, 512));
        assert_eq!(font.bitmap[16..32], [1; 16]);
        assert_eq!(font.map, [(0x41, 0), (0x104, 1), (0x105, 1)]);
    }

    #[test]
    fn psf2_gives_wide_glyphs_and_their_characters() {
        let mut table = "Aą".as_bytes().to_vec();
        table.extend([0xfe, 0x41, 0xff]);
        table.extend("ź\u{1f600}".as_bytes());
        table.push(0xff);
        let font = PsfFont::parse(&psf2(2, 12, 24, &table)).unwrap();
        assert_eq!((font.row_len(), font.height, font.bitmap.len()), (2, 24, 96));
        assert_eq!(font.map, [(0x41, 0), (0x105, 0), (0x17a, 1)]);
    }

    #[test]
    fn what_the_console_cannot_take_is_refused() {
        let whole = psf1(0, 16, &[]);
        assert_eq!(PsfFont::parse(b"\x1f\x8b gzip"), Err(PsfError::Magic));
        assert!(matches!(PsfFont::parse(&whole[..3]), Err(PsfError::Short { need: 4, got: 3 })));
        assert_eq!(
            PsfFont::parse(&whole[..whole.len() - 1]),
            Err(PsfError::Short { need: 4100, got: 4099 })
        );
        for (n_glyphs, width, height) in [(0, 8, 16), (513, 8, 16), (256, 33, 16), (256, 8, 0)] {
            let refused = PsfFont::parse(&psf2(n_glyphs, width, height, &[]));
            assert_eq!(refused, Err(PsfError::Size { n_glyphs, width, height }));
        }
        assert_eq!(
            PsfFont::parse(&psf2(1, 8, 8, &[0xc5, 0xff])),
            Err(PsfError::Table { glyph: 0 })
        );
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..200), second in any::<bool>()) {
            let magic = if second { &PSF2_MAGIC[..] } else { &PSF1_MAGIC[..] };
            let _ = PsfFont::parse(&[magic, &bytes].concat());
        }
    }
}

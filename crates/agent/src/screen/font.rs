//! The font of the laptop's screen: our own, because the kernel's has no Polish letters.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use sys::psf::PsfFont;

use crate::roots::Roots;

const FONT: &str = "/lib/rehome/console.psf";
/// From this width on, pixels are too small for a font of 16 rows.
const WIDE_SCREEN: u32 = 1600;
/// The kernel takes glyphs of at most this height with this request.
const MAX_HEIGHT: u8 = 32;

/// Reads the font, doubled for a screen with many pixels.
pub(super) fn load(roots: &Roots) -> anyhow::Result<PsfFont> {
    let bytes = fs::read(FONT).with_context(|| format!("reading {FONT}"))?;
    let font = PsfFont::parse(&bytes).with_context(|| format!("reading {FONT}"))?;
    let wide = framebuffer_width(roots).is_some_and(|width| width >= WIDE_SCREEN);
    Ok(if wide && font.height <= MAX_HEIGHT / 2 { doubled(&font) } else { font })
}

/// Pixels in a line; none in the text mode of a BIOS.
fn framebuffer_width(roots: &Roots) -> Option<u32> {
    read_width(&roots.sys.join("class/graphics/fb0/virtual_size"))
}

fn read_width(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.split(',').next()?.trim().parse().ok()
}

/// Each pixel four times.
fn doubled(font: &PsfFont) -> PsfFont {
    let row_len = font.row_len();
    let mut large = PsfFont {
        width: font.width * 2,
        height: font.height * 2,
        bitmap: Vec::new(),
        ..font.clone()
    };
    let large_row_len = large.row_len();
    for row in font.bitmap.chunks(row_len) {
        let mut large_row = vec![0; large_row_len];
        for column in 0..usize::from(font.width) {
            let lit = row[column / 8] & (0x80 >> (column % 8)) != 0;
            for to in [2 * column, 2 * column + 1] {
                large_row[to / 8] |= if lit { 0x80 >> (to % 8) } else { 0 };
            }
        }
        large.bitmap.extend_from_slice(&large_row);
        large.bitmap.extend_from_slice(&large_row);
    }
    large
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_repeats_each_pixel_in_both_directions() {
        let font = PsfFont {
            width: 8,
            height: 2,
            n_glyphs: 1,
            bitmap: vec![0b1000_0001, 0b0110_0000],
            map: vec![(65, 0)],
        };
        let large = doubled(&font);
        assert_eq!((large.width, large.height, large.n_glyphs), (16, 4, 1));
        assert_eq!(large.bitmap, [0xc0, 0x03, 0xc0, 0x03, 0x3c, 0x00, 0x3c, 0x00]);
        assert_eq!(large.map, font.map);
    }

    #[test]
    fn widths_are_read_as_sysfs_writes_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "1920,1080\n").unwrap();
        assert_eq!(read_width(file.path()), Some(1920));
        fs::write(file.path(), "").unwrap();
        assert_eq!(read_width(file.path()), None);
    }
}

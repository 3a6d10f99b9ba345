//! The font of a virtual terminal: `linux/kd.h` (`KDFONTOP`, `PIO_UNIMAPCLR`, `PIO_UNIMAP`).
#![expect(unsafe_code, reason = "ioctl with pointers inside its argument")]

use std::os::fd::AsFd;

use nix::libc::{c_uint, c_ushort};

use crate::IoctlError;
use crate::ioctl::Request;
use crate::psf::PsfFont;

const KD_FONT_OP_SET: c_uint = 0;
/// Rows that `KD_FONT_OP_SET` expects per glyph, whatever its height.
const ROWS_PER_GLYPH: usize = 32;

/// `struct console_font_op`.
#[repr(C)]
struct ConsoleFontOp {
    op: c_uint,
    flags: c_uint,
    width: c_uint,
    height: c_uint,
    charcount: c_uint,
    data: *mut u8,
}
const _: () = assert!(size_of::<ConsoleFontOp>() == 32);

/// `struct unipair`.
#[repr(C)]
struct Unipair {
    unicode: c_ushort,
    fontpos: c_ushort,
}
const _: () = assert!(size_of::<Unipair>() == 4);

/// `struct unimapdesc`.
#[repr(C)]
struct Unimapdesc {
    entry_ct: c_ushort,
    entries: *mut Unipair,
}
const _: () = assert!(size_of::<Unimapdesc>() == 16);

/// `struct unimapinit`: advice on hash sizes, which the kernel ignores since 2.6.
#[repr(C)]
struct Unimapinit {
    advised_hashsize: c_ushort,
    advised_hashstep: c_ushort,
    advised_hashlevel: c_ushort,
}
const _: () = assert!(size_of::<Unimapinit>() == 6);

const KDFONTOP: Request = Request { name: "KDFONTOP", code: 0x4b72 };
const PIO_UNIMAP: Request = Request { name: "PIO_UNIMAP", code: 0x4b67 };
const PIO_UNIMAPCLR: Request = Request { name: "PIO_UNIMAPCLR", code: 0x4b68 };

/// Gives the terminal a font and its characters. `ENOTTY` where it is a serial line, `ENOSYS` under a dummy console.
pub fn set_font(terminal: &impl AsFd, font: &PsfFont) -> Result<(), IoctlError> {
    let mut glyphs = pad_rows(font);
    let mut operation = ConsoleFontOp {
        op: KD_FONT_OP_SET,
        flags: 0,
        width: font.width.into(),
        height: font.height.into(),
        charcount: font.n_glyphs.into(),
        data: glyphs.as_mut_ptr(),
    };
    // SAFETY: `data` points to charcount glyphs of 32 rows of whole bytes, which the kernel copies and does
    // not keep.
    unsafe { KDFONTOP.send(terminal, &raw mut operation) }?;

    let mut advice = Unimapinit { advised_hashsize: 0, advised_hashstep: 0, advised_hashlevel: 0 };
    // SAFETY: the kernel reads one unimapinit through the pointer, which is valid for the call.
    unsafe { PIO_UNIMAPCLR.send(terminal, &raw mut advice) }?;

    let mut pairs: Vec<Unipair> =
        font.map.iter().map(|&(unicode, fontpos)| Unipair { unicode, fontpos }).collect();
    // The count is 16 bits wide; a font of 512 glyphs stays far below.
    pairs.truncate(c_ushort::MAX.into());
    let entry_ct = c_ushort::try_from(pairs.len()).unwrap_or(c_ushort::MAX);
    let mut description = Unimapdesc { entry_ct, entries: pairs.as_mut_ptr() };
    // SAFETY: `entries` points to entry_ct pairs, which the kernel copies and does not keep.
    unsafe { PIO_UNIMAP.send(terminal, &raw mut description) }.map(drop)
}

/// The glyphs as the kernel wants them: each filled up with empty rows to 32.
fn pad_rows(font: &PsfFont) -> Vec<u8> {
    let glyph_len = font.row_len() * usize::from(font.height);
    let padded_len = font.row_len() * ROWS_PER_GLYPH;
    let mut padded = vec![0; padded_len * usize::from(font.n_glyphs)];
    for (to, from) in padded.chunks_mut(padded_len).zip(font.bitmap.chunks(glyph_len)) {
        to[..from.len()].copy_from_slice(from);
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn font() -> PsfFont {
        PsfFont { width: 12, height: 2, n_glyphs: 2, bitmap: (1..=8).collect(), map: vec![(65, 1)] }
    }

    #[test]
    fn glyphs_are_filled_up_to_32_rows() {
        let padded = pad_rows(&font());
        assert_eq!(padded.len(), 2 * 32 * 2);
        assert_eq!(padded[..5], [1, 2, 3, 4, 0]);
        assert_eq!(padded[64..69], [5, 6, 7, 8, 0]);
    }

    #[test]
    fn what_is_no_virtual_terminal_is_told_as_such() {
        let file = tempfile::tempfile().unwrap();
        assert!(set_font(&file, &font()).unwrap_err().is_unknown_request());
    }
}

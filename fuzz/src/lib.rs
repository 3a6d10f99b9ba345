//! What the fuzz targets share. The targets are `src/bin/*.rs`; `fuzz/run` builds and runs them.

#![forbid(unsafe_code)]

mod identity;
mod laptop;
mod plans;
mod round_trip;

pub use identity::check_identity;
pub use laptop::{MODEL, SERIAL, drive};
pub use plans::{planned, policy};
pub use round_trip::round_trip;

/// The first N bytes, and zeros where there are fewer: short inputs reach every field that stands near the front.
pub fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut data = [0; N];
    let n = bytes.len().min(N);
    data[..n].copy_from_slice(&bytes[..n]);
    data
}

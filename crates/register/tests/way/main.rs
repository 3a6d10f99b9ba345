//! The way of a register: from bytes that an office would hand in, or an attacker, to machines.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod joined;
mod libreoffice;
mod mapped;
mod offices;
mod workbook;

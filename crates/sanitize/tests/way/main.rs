//! The way from a ticket to evidence, on drives of every kind of honesty.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod by_drive;
mod by_drive_power;
mod by_hand;
mod consent;
mod faults;
mod lying_drives;
mod names;
mod passes;
mod power;
mod restart;
mod rig;
mod stopped;
mod swap;

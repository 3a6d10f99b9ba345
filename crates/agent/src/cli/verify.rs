//! `verify`: is every byte of a drive zero? An observation, never evidence.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use drive::ReadOnlyDrive;
use protocol::event::BadCause;
use sanitize::{Seen, Watch};

use super::progress::Meter;
use super::refused::Refused;
use super::{REFUSED, interrupt, judge, output, take_stock};
use crate::roots::Roots;

/// Ranges that are printed.
const SHOWN_RANGES: usize = 10;

/// What to look at.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The whole drive, as /dev/nvme0n1 or a link to it.
    #[arg(long, value_name = "NODE")]
    drive: PathBuf,
}

/// Reads all of the drive and says what it holds.
pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let roots = Roots::default();
    let inventory = take_stock(&roots)?;
    let unit = judge::find(&roots, &inventory, &options.drive)?;
    let identity = unit.identity.as_ref().map_err(|reason| {
        let label = unit.label();
        Refused(format!("{label}: nothing said of it could be bound to it: {reason}"))
    })?;
    if !unit.holds.is_empty() {
        let sentence = format!("{identity}: it is in use and may change while it is read: free it");
        return Err(Refused(sentence).into());
    }
    let stop = interrupt::flag()?;
    let drive = ReadOnlyDrive::open(&roots.devices(unit))?;
    let meter = Meter::new();
    let seen = sanitize::look(&drive, identity, Watch::new(&meter, &stop))
        .map_err(|failed| anyhow::anyhow!(failed.sentence()))?;
    output::print(&in_words(&seen))?;
    Ok(if seen.is_zero() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

/// What was seen, for people.
pub(super) fn in_words(seen: &Seen) -> String {
    let Seen { drive, read, ranges, n_ranges, bytes } = seen;
    if seen.is_zero() {
        return format!("{drive}: every byte is zero, all {} of them\n", read.0);
    }
    let mut text = format!(
        "{drive}: NOT all zero: {} bytes in whole sectors; ranges: {n_ranges}, the first:\n",
        bytes.0
    );
    for range in ranges.iter().take(SHOWN_RANGES) {
        let what = match range.cause {
            BadCause::ReadError => "cannot be read",
            BadCause::OldContent | BadCause::WriteError => "not zero",
        };
        text += &format!("  byte {}, {} bytes: {what}\n", range.offset, range.length.0);
    }
    let further = n_ranges.saturating_sub(ranges.len().min(SHOWN_RANGES) as u64);
    if further > 0 {
        text += &format!("  ... {further} more\n");
    }
    text
}

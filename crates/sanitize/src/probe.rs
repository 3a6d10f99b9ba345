//! Does the drive hold what it is given? Asked in milliseconds, before the hours of overwriting.
//!
//! A pass of zeros alone cannot tell a drive that wraps around, or that answers zeros to everything: so marked
//! sectors are written at the start, at every power of two and at the end, and must all come back. Fakes wrap at
//! a power of two, because they ignore the address lines above it.

use std::collections::BTreeSet;
use std::io;

use drive::{AlignedBuf, Drive};
use protocol::TicketId;

use crate::failed::FailureCause;
use crate::pass::is_gone;
use crate::watch::Watch;

/// Marks sectors, has the drive flush, and reads them back.
///
/// A sector that fails is passed over here: the overwriting pass meets it again and lists it.
pub(crate) fn probe(
    drive: &dyn Drive,
    ticket: TicketId,
    watch: Watch<'_>,
) -> Result<(), FailureCause> {
    let sector_len = drive.sector_size().bytes() as usize;
    let mut buffer = AlignedBuf::zeroed(sector_len);
    let mut marked = Vec::new();
    for offset in points(drive.size().0, sector_len as u64) {
        watch.go_on()?;
        mark(&mut buffer, ticket, offset);
        if succeeded(drive.write_at(offset, &buffer))? {
            marked.push(offset);
        }
    }
    drive.flush().map_err(FailureCause::Flush)?;
    drive.drop_caches().map_err(FailureCause::DropCaches)?;

    let mut expected = vec![0; sector_len];
    for offset in marked {
        mark(&mut expected, ticket, offset);
        buffer.fill(0);
        if succeeded(drive.read_at(offset, &mut buffer))? && *buffer != *expected {
            return Err(FailureCause::NotStored { offset });
        }
    }
    Ok(())
}

/// Whether that sector is one of those that are marked.
pub(crate) fn is_point(sector: u64, n_sectors: u64) -> bool {
    sector == 0 || sector.is_power_of_two() || sector + 1 == n_sectors
}

fn succeeded(result: io::Result<()>) -> Result<bool, FailureCause> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if is_gone(&error) => Err(FailureCause::Gone(error)),
        Err(_) => Ok(false),
    }
}

/// The first sector, those whose number is a power of two, and the last, as byte offsets.
fn points(size: u64, sector_len: u64) -> BTreeSet<u64> {
    let n_sectors = size / sector_len;
    let powers = (0..u64::BITS).map(|exponent| 1 << exponent);
    let sectors = [0].into_iter().chain(powers).chain(n_sectors.checked_sub(1));
    sectors.filter(|&sector| sector < n_sectors).map(|sector| sector * sector_len).collect()
}

/// A content that no other sector and no other run has: the ticket's random id and the offset, over and over.
fn mark(sector: &mut [u8], ticket: TicketId, offset: u64) {
    let mark = [&ticket.as_bytes()[..], &offset.to_le_bytes(), &(!offset).to_le_bytes()].concat();
    for (to, from) in sector.iter_mut().zip(mark.iter().cycle()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_and_every_power_of_two_are_marked() {
        for (n_sectors, expected) in [
            (0, vec![]),
            (1, vec![0]),
            (2, vec![0, 1]),
            (7, vec![0, 1, 2, 4, 6]),
            (8, vec![0, 1, 2, 4, 7]),
        ] {
            let points: Vec<u64> = points(n_sectors * 512, 512).into_iter().collect();
            let expected: Vec<u64> = expected.into_iter().map(|sector: u64| sector * 512).collect();
            assert_eq!(points, expected, "{n_sectors}");
        }
    }
}

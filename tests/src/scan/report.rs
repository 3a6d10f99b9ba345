//! What the scanner found.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use crate::marker::MARKER_LEN;

/// How many sightings a printed report lists.
const N_LISTED: usize = 20;

/// A marker, or a piece of one, on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Disk offset of the first byte, bytes.
    pub offset: u64,
    /// Length, bytes: 64 is a whole marker.
    pub len: usize,
    /// Which marker (its place in the list, from 0); one of them if several share the piece.
    pub marker: usize,
}

impl Sighting {
    /// Whether this is a marker from its first to its last byte.
    pub fn is_whole(&self) -> bool {
        self.len == MARKER_LEN
    }
}

/// What the scanner found on one disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanReport {
    /// Size of the disk, bytes.
    pub disk_len: u64,
    /// How many markers were looked for.
    pub n_markers: usize,
    /// Markers that are whole at the offset where they were planted.
    pub at_offset: Vec<usize>,
    /// Everything found anywhere, by offset: whole markers, and pieces outside of these.
    pub anywhere: Vec<Sighting>,
}

impl ScanReport {
    pub(super) fn new(
        disk_len: u64,
        n_markers: usize,
        at_offset: Vec<usize>,
        found: impl Iterator<Item = Sighting>,
    ) -> Self {
        let mut anywhere: Vec<Sighting> = Vec::new();
        let mut whole_until = 0;
        for sighting in found {
            // A piece inside a whole marker is that marker, seen through a neighbor's eyes.
            let end = sighting.offset + sighting.len as u64;
            if sighting.is_whole() {
                anywhere.retain(|other| {
                    other.is_whole() || other.offset + other.len as u64 <= sighting.offset
                });
                whole_until = end;
            } else if end <= whole_until {
                continue;
            }
            anywhere.push(sighting);
        }
        Self { disk_len, n_markers, at_offset, anywhere }
    }

    /// Distinct markers that are whole somewhere on the disk.
    pub fn n_whole(&self) -> usize {
        let whole = self.anywhere.iter().filter(|sighting| sighting.is_whole());
        whole.map(|sighting| sighting.marker).collect::<BTreeSet<_>>().len()
    }

    /// Pieces of at least 16 bytes that are no whole marker.
    pub fn n_fragments(&self) -> usize {
        self.anywhere.iter().filter(|sighting| !sighting.is_whole()).count()
    }

    /// Whether nothing at all was found.
    pub fn is_clean(&self) -> bool {
        self.at_offset.is_empty() && self.anywhere.is_empty()
    }

    /// The report for programs.
    pub fn to_json(&self) -> Value {
        let list = |sighting: &Sighting| json!({"offset": sighting.offset, "length": sighting.len, "marker": sighting.marker});
        json!({
            "disk_bytes": self.disk_len,
            "markers": self.n_markers,
            "found_at_offset": self.at_offset.len(),
            "found_whole": self.n_whole(),
            "found_fragments": self.n_fragments(),
            "sightings": self.anywhere.iter().map(list).collect::<Vec<_>>(),
        })
    }
}

impl Display for ScanReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} bytes scanned for {} markers: {} at their offsets, {} whole anywhere, {} fragments",
            self.disk_len,
            self.n_markers,
            self.at_offset.len(),
            self.n_whole(),
            self.n_fragments()
        )?;
        for sighting in self.anywhere.iter().take(N_LISTED) {
            let Sighting { offset, len, marker } = sighting;
            writeln!(f, "  offset {offset}: {len} bytes of marker {marker}")?;
        }
        if self.anywhere.len() > N_LISTED {
            writeln!(f, "  and {} more", self.anywhere.len() - N_LISTED)?;
        }
        Ok(())
    }
}

//! What this boot has seen to be zero.

use std::ops::Range;

/// Extents of one drive that were read and found to be zero in this boot, in bytes.
///
/// It lives in memory only: it cannot be copied, stored or sent, since a restart is a reason to look again.
#[derive(Debug, Default)]
pub struct ProvenZero {
    /// Ascending, disjoint, none empty.
    extents: Vec<Range<u64>>,
}

impl ProvenZero {
    pub(crate) fn whole(size: u64) -> Self {
        Self { extents: std::iter::once(0..size).filter(|all| !all.is_empty()).collect() }
    }

    /// Of extents that are ascending, disjoint and not empty.
    pub(crate) fn of(extents: Vec<Range<u64>>) -> Self {
        Self { extents }
    }

    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// The extents, ascending and disjoint, in bytes.
    pub fn extents(&self) -> &[Range<u64>] {
        &self.extents
    }

    /// Whether all of these bytes are proven. Nothing is proven of an empty range.
    pub fn covers(&self, range: &Range<u64>) -> bool {
        !range.is_empty()
            && self
                .extents
                .iter()
                .any(|extent| extent.start <= range.start && range.end <= extent.end)
    }

    /// To be told before anything is written there.
    pub fn forget(&mut self, range: &Range<u64>) {
        if range.is_empty() {
            return;
        }
        let before = |extent: &Range<u64>| extent.start..extent.end.min(range.start);
        let after = |extent: &Range<u64>| extent.start.max(range.end)..extent.end;
        let cut = self.extents.iter().flat_map(|extent| [before(extent), after(extent)]);
        self.extents = cut.filter(|extent| !extent.is_empty()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_no_longer_proven() {
        let mut proven = ProvenZero::whole(100);
        assert!(proven.covers(&(0..100)));
        assert!(!proven.covers(&(0..101)));
        proven.forget(&(10..20));
        proven.forget(&(15..30));
        proven.forget(&(90..200));
        proven.forget(&(50..50));
        for (range, expected) in [
            (0..10, true),
            (0..11, false),
            (10..11, false),
            (29..30, false),
            (30..90, true),
            (30..91, false),
            (99..100, false),
            (40..40, false),
        ] {
            assert_eq!(proven.covers(&range), expected, "{range:?}");
        }
        assert!(!ProvenZero::nothing().covers(&(0..1)));
        assert!(!ProvenZero::whole(0).covers(&(0..1)));
    }
}

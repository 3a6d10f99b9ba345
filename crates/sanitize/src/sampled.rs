//! Which parts of a drive a sampled verification reads: NIST SP 800-88r1 section 4.7.2.

use std::ops::Range;

use crate::numbers::Numbers;

/// Equal subsections of a drive; the standard asks for at least as many.
pub(crate) const N_SUBSECTIONS: u64 = 1000;

/// A stretch is at least one part in that many of its subsection: 5 %, and there are two in each.
const STRETCH_DIVISOR: u64 = 20;

/// The byte ranges to read: whole sectors, ascending, disjoint.
///
/// In each subsection two pseudo-random stretches that do not overlap, each at least 5 % of it; and the first and the last
/// sector. A drive with less than two sectors for each subsection is read whole. Whoever does not know `seed` cannot
/// foresee the ranges; it is random and new for each pass.
pub(crate) fn sampled(size: u64, sector_len: u64, seed: &[u8; 32]) -> Vec<Range<u64>> {
    let n_sectors = size / sector_len;
    if n_sectors < 2 * N_SUBSECTIONS {
        return std::iter::once(0..size).filter(|all| !all.is_empty()).collect();
    }
    let mut numbers = Numbers::new(seed, "sampled verification");
    let bounds = (0..N_SUBSECTIONS).map(|number| subsection(number, n_sectors));
    let mut sectors: Vec<Range<u64>> =
        bounds.flat_map(|subsection| stretches(&subsection, &mut numbers)).collect();
    if sectors.first().is_some_and(|first| first.start > 0) {
        sectors.insert(0, 0..1);
    }
    if sectors.last().is_some_and(|last| last.end < n_sectors) {
        sectors.push(n_sectors - 1..n_sectors);
    }
    sectors.into_iter().map(|range| range.start * sector_len..range.end * sector_len).collect()
}

/// Equal but for one sector where the drive cannot be divided evenly.
fn subsection(number: u64, n_sectors: u64) -> Range<u64> {
    let start = |number: u64| {
        let start = u128::from(n_sectors) * u128::from(number) / u128::from(N_SUBSECTIONS);
        u64::try_from(start).unwrap_or(n_sectors)
    };
    start(number)..start(number + 1)
}

/// Two stretches of a subsection of at least two sectors. What is left of it is spread before, between and after them.
fn stretches(subsection: &Range<u64>, numbers: &mut Numbers) -> [Range<u64>; 2] {
    let n_sectors = subsection.end - subsection.start;
    let length = n_sectors.div_ceil(STRETCH_DIVISOR);
    let left = n_sectors - 2 * length;
    let (one, other) = (numbers.below(left + 1), numbers.below(left + 1));
    let first = subsection.start + one.min(other);
    let second = subsection.start + one.max(other) + length;
    [first..first + length, second..second + length]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(n_sectors: u64, sector_len: u64, seed: &[u8; 32]) -> Result<(), TestCaseError> {
        let size = n_sectors * sector_len;
        let ranges = sampled(size, sector_len, seed);
        prop_assert!(ranges.iter().all(|range| !range.is_empty() && range.end <= size));
        prop_assert!(
            ranges.iter().all(|range| range.start % sector_len == 0 && range.end % sector_len == 0)
        );
        prop_assert!(
            ranges.windows(2).all(|pair| pair[0].end <= pair[1].start),
            "ascending, disjoint"
        );
        prop_assert_eq!(ranges.first().map(|first| first.start), Some(0));
        prop_assert_eq!(ranges.last().map(|last| last.end), Some(size));
        if n_sectors < 2 * N_SUBSECTIONS {
            prop_assert_eq!(ranges, vec![0..size]);
            return Ok(());
        }
        for number in 0..N_SUBSECTIONS {
            let subsection = subsection(number, n_sectors);
            let n_sectors = subsection.end - subsection.start;
            let of_it: Vec<u64> = ranges
                .iter()
                .map(|range| range.start / sector_len..range.end / sector_len)
                .filter(|range| subsection.start <= range.start && range.end <= subsection.end)
                .map(|range| range.end - range.start)
                .collect();
            let n_long = of_it.iter().filter(|&&length| length * 20 >= n_sectors).count();
            prop_assert!(n_long >= 2, "{} of {}: {:?}", number, n_sectors, of_it);
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_subsection_is_sampled_twice_and_both_ends_are_read(
            n_sectors in prop_oneof![1_u64..5_000, 1_u64..1 << 24, 1_u64..1 << 50],
            sector_len in prop_oneof![Just(512_u64), Just(4096)],
            seed in any::<[u8; 32]>(),
        ) {
            check(n_sectors, sector_len, &seed)?;
        }
    }

    #[test]
    fn about_a_tenth_is_read_and_another_seed_reads_elsewhere() {
        let size = 500_107_862_016;
        let ranges = sampled(size, 512, &[1; 32]);
        let read: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        assert!((size / 10..size / 10 + (4 << 20)).contains(&read), "{read}");
        let other = sampled(size, 512, &[2; 32]);
        let n_same = ranges.iter().filter(|range| other.contains(range)).count();
        assert!(n_same < 10, "{n_same}");
        assert!(sampled(0, 512, &[1; 32]).is_empty());
    }
}

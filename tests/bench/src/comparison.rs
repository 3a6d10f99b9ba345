//! One promise: how we do beside a peer, medians over all rounds.

use serde::Serialize;

use crate::measure::{Took, median};

/// A row of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) what: String,
    /// Beside whom.
    pub(crate) peer: &'static str,
    pub(crate) peer_bytes_per_second: f64,
    pub(crate) our_bytes_per_second: f64,
    /// Where the peer's rate is above this, it counts as this.
    counted_up_to: Option<f64>,
    /// The median of what the rounds gave, each by itself.
    pub(crate) ratio: f64,
    pub(crate) promised_ratio: f64,
    pub(crate) peer_cpu_seconds: f64,
    pub(crate) our_cpu_seconds: f64,
    /// Ours to the peer's, in the same way.
    pub(crate) cpu_ratio: f64,
    /// The most that it may be, where something is promised.
    pub(crate) promised_cpu_ratio: Option<f64>,
    #[serde(skip)]
    pairs: Vec<(f64, f64)>,
}

impl Comparison {
    /// Of what the peer took and we took in each round for as many bytes.
    pub(crate) fn of(
        what: &str,
        peer: &'static str,
        promised_ratio: f64,
        bytes: u64,
        took: &[(Took, Took)],
    ) -> Self {
        // A benchmark's few GiB are exact in a double.
        #[expect(clippy::cast_precision_loss)]
        let rate = |took: &Took| bytes as f64 / took.seconds;
        let pairs: Vec<(f64, f64)> =
            took.iter().map(|(theirs, ours)| (rate(theirs), rate(ours))).collect();
        let cpu_ratios = took.iter().map(|(theirs, ours)| ours.cpu_seconds / theirs.cpu_seconds);
        Self {
            what: what.to_owned(),
            peer,
            peer_bytes_per_second: median(pairs.iter().map(|(theirs, _)| *theirs)),
            our_bytes_per_second: median(pairs.iter().map(|(_, ours)| *ours)),
            counted_up_to: None,
            ratio: median(pairs.iter().map(|(theirs, ours)| ours / theirs)),
            promised_ratio,
            peer_cpu_seconds: median(took.iter().map(|(theirs, _)| theirs.cpu_seconds)),
            our_cpu_seconds: median(took.iter().map(|(_, ours)| ours.cpu_seconds)),
            cpu_ratio: median(cpu_ratios),
            promised_cpu_ratio: None,
            pairs,
        }
    }

    /// With the peer counted as no faster than that.
    pub(crate) fn up_to(self, limit: f64) -> Self {
        let ratio = median(self.pairs.iter().map(|(theirs, ours)| ours / theirs.min(limit)));
        Self { counted_up_to: Some(limit), ratio, ..self }
    }

    /// With no more than this part of the peer's processor time.
    pub(crate) fn with_cpu_ratio(self, promised: f64) -> Self {
        Self { promised_cpu_ratio: Some(promised), ..self }
    }

    /// Whether it is as promised.
    pub(crate) fn is_kept(&self) -> bool {
        self.ratio >= self.promised_ratio
            && self.promised_cpu_ratio.is_none_or(|promised| self.cpu_ratio <= promised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_of_speed_and_of_processor_time() {
        let took = |seconds, cpu_seconds| Took { seconds, cpu_seconds };
        for (theirs, ours, kept) in [
            (took(2.0, 2.0), took(2.0, 1.0), true),
            (took(2.0, 2.0), took(1.0, 0.1), true),
            (took(2.0, 2.0), took(2.1, 1.0), false),
            (took(2.0, 2.0), took(2.0, 1.1), false),
        ] {
            let rounds = [(theirs, ours); 3];
            let it = Comparison::of("pattern", "nwipe", 1.0, 1 << 20, &rounds).with_cpu_ratio(0.5);
            assert_eq!(it.is_kept(), kept, "{it:?}");
        }
        let slower = Comparison::of("zeros", "dd", 0.97, 400, &[(took(1.0, 0.0), took(2.0, 0.0))]);
        assert!(!slower.is_kept(), "{slower:?}");
        assert!(slower.up_to(200.0).is_kept());
    }
}

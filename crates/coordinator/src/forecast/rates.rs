//! How fast drives were here: what the journal's evidence says.

use std::collections::BTreeMap;

use protocol::event::{DriveEvidence, PassObservation};
use protocol::{DriveIdentity, Technique};

use crate::bench::Bench;

/// Measured rates of each model of drive, in bytes a second, and how long its own techniques took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rates(BTreeMap<String, Measured>);

#[derive(Debug, Clone, Default)]
struct Measured {
    write: Vec<u64>,
    read: Vec<u64>,
    /// By technique: the drive's size and the seconds that it took.
    own: BTreeMap<&'static str, Vec<(u64, u64)>>,
}

impl Rates {
    /// From the verifications that the bench knows.
    pub(crate) fn measured(bench: &Bench) -> Self {
        let mut rates = Self::default();
        let admissions = bench.machines().filter_map(|machine| machine.admission.as_ref());
        for verified in admissions.flat_map(|admission| admission.all_verifications()) {
            rates.note(&verified.evidence);
        }
        rates
    }

    /// Takes what was seen of one drive.
    pub(super) fn note(&mut self, evidence: &DriveEvidence) {
        let measured = self.0.entry(evidence.drive.model.clone()).or_default();
        measured.read.extend(rate(&evidence.verification));
        for seen in &evidence.techniques {
            match &seen.pass {
                Some(pass) => measured.write.extend(rate(pass)),
                None => {
                    let took = (evidence.drive.size.0, seen.duration_ms.div_ceil(1000));
                    measured.own.entry(seen.technique.name()).or_default().push(took);
                }
            }
        }
    }

    /// Bytes a second of an overwriting pass.
    pub(crate) fn write(&self, model: &str) -> Option<u64> {
        median(self.0.get(model)?.write.clone())
    }

    /// Bytes a second of a reading pass.
    pub(crate) fn read(&self, model: &str) -> Option<u64> {
        median(self.0.get(model)?.read.clone())
    }

    /// How long drives of this model and size took for a technique of their own, in seconds.
    pub(crate) fn own(&self, drive: &DriveIdentity, technique: Technique) -> Option<u64> {
        let took = self.0.get(&drive.model)?.own.get(technique.name())?;
        median(took.iter().filter(|it| it.0 == drive.size.0).map(|it| it.1).collect())
    }
}

/// Over the whole pass: the sum of what its hundredths show. None of one that was too short to tell.
fn rate(pass: &PassObservation) -> Option<u64> {
    let rate = u128::from(pass.bytes.0) * 1000 / u128::from(pass.duration_ms.max(1));
    u64::try_from(rate).ok().filter(|rate| *rate > 0 && pass.duration_ms > 0)
}

fn median(mut all: Vec<u64>) -> Option<u64> {
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

//! When a batch would be done, before it is armed: from the machines in sight, each by the plan that it would get. Pure.
//!
//! Every number says what it rests on: the drive's own estimate, what was measured here on the same model of drive, or an
//! assumption that stands in this file.

mod rates;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use protocol::features::{EraseFeatures, EraseTime};
use protocol::policy::Verification;
use protocol::{
    Bus, ByteLen, DriveUnit, Job, MachineNumber, Media, PlannedDrive, Technique, UnixMillis,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bench::{Bench, Machine};
use crate::clock;

pub(crate) use rates::Rates;

/// Until the first command: taking stock, plan, ticket. Assumed.
const START_S: u64 = 60;
/// Canaries and samples on platters: tens of thousands of short requests. Assumed.
const SEEKS_S: u64 = 300;
/// The same on flash. Assumed.
const SHORT_REQUESTS_S: u64 = 45;
/// A sampled reading pass reads so much of a drive: two stretches of 5 % in each part.
const SAMPLED_SHARE: u64 = 10;
/// And moves the heads 2,000 times. Assumed.
const SAMPLED_SEEKS_S: u64 = 30;
/// Throwing a key away. Assumed.
const KEY_ERASE_S: u64 = 10;
/// Flash that erases itself block by block and gives no estimate. Assumed.
const BLOCK_ERASE_S: u64 = 180;
/// Switching off and on, by a person, and the second look. Assumed.
const POWER_CYCLE_S: u64 = 300;
/// Growing the file system, settings, the first start. Assumed.
const SETTLING_S: u64 = 150;
/// Bytes a second that a gigabit network gives all machines together. Assumed.
const NETWORK_RATE: u64 = 110_000_000;

/// What a number rests on; of several the least certain counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Basis {
    /// The drive's own estimate.
    Drive,
    /// Measured here on drives of the same model.
    Measured,
    /// Assumed.
    Assumed,
}

/// A duration and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) seconds: u64,
    pub(crate) basis: Basis,
}

impl Span {
    const fn assumed(seconds: u64) -> Self {
        Self { seconds, basis: Basis::Assumed }
    }

    /// One after the other. What is small beside the rest decides nothing about what the sum rests on.
    fn then(self, next: Self) -> Self {
        let seconds = self.seconds.saturating_add(next.seconds);
        let counts = |part: &Self| part.seconds.saturating_mul(5) >= seconds;
        let basis = [self, next].iter().filter(|part| counts(part)).map(|part| part.basis).max();
        Self { seconds, basis: basis.unwrap_or(Basis::Assumed) }
    }
}

/// What an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImageLoad {
    /// Bytes that are written.
    pub(crate) data: ByteLen,
    /// Bytes that travel.
    pub(crate) stored: ByteLen,
}

/// What a machine would take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineTime {
    #[schema(value_type = u32, minimum = 1)]
    pub(crate) number: MachineNumber,
    /// Its slowest drive.
    pub(crate) drive: String,
    /// With every sector read afterwards, in seconds.
    pub(crate) full_seconds: u64,
    /// With NIST's sample read afterwards, in seconds.
    pub(crate) sampled_seconds: u64,
    /// What that mostly rests on.
    pub(crate) basis: Basis,
}

/// A machine that would get no ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unable {
    #[schema(value_type = u32, minimum = 1)]
    pub(crate) number: MachineNumber,
    /// Why.
    pub(crate) because: String,
}

/// When a batch would be done that was armed and picked now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forecast {
    /// The machines in sight, the slowest first, by what the policy demands.
    pub(crate) machines: Vec<MachineTime>,
    /// Those that would be refused.
    pub(crate) unable: Vec<Unable>,
    /// How many of the batch are not in sight; each is taken to be as slow as the slowest that is.
    pub(crate) not_in_sight: u32,
    /// How many the batch takes at a time; all if absent.
    pub(crate) ports: Option<u32>,
    /// What the policy demands to be read.
    #[schema(value_type = String)]
    pub(crate) verification: Verification,
    /// All of it, in seconds, with every sector read.
    pub(crate) full_seconds: u64,
    /// All of it, in seconds, with NIST's sample read.
    pub(crate) sampled_seconds: u64,
    /// When it would be done, by what the policy demands.
    #[schema(value_type = Option<u64>)]
    pub(crate) end: Option<UnixMillis>,
}

/// What is to be forecast.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) job: &'a Job,
    /// How many machines the batch takes.
    pub(crate) count: u32,
    /// How many ports there are.
    pub(crate) ports: Option<u32>,
    /// The job's image, if it has one.
    pub(crate) image: Option<ImageLoad>,
}

/// Answers it for machines in sight that nobody works on.
pub(crate) fn forecast<'a>(
    bench: &Bench,
    now: UnixMillis,
    machines: impl Iterator<Item = &'a Machine>,
    question: &Question<'_>,
) -> Forecast {
    let Question { job, count, ports, image } = *question;
    let rates = Rates::measured(bench);
    let (mut times, mut unable) = (Vec::new(), Vec::new());
    for machine in machines {
        let number = machine.number;
        let Some(inventory) = &machine.inventory else { continue };
        let locks = bench.locks().among(inventory);
        match plan::plan(machine.id, inventory, job, &locks) {
            Ok(plan) => {
                let load = (image.filter(|_| plan.image.is_some()), count);
                times.extend(machine_time(number, &plan.drives, &inventory.drives, &rates, load));
            }
            Err(refusals) => {
                let because = refusals.iter().map(|it| format!("{}: {}", it.what, it.sentence));
                let because = because.collect::<Vec<_>>().join("; ");
                unable.push(Unable { number, because });
            }
        }
    }
    let verification = job.policy.proof.verification;
    times.sort_by_key(|time| (Reverse(time.by(verification)), time.number));
    let in_sight = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let not_in_sight = count.saturating_sub(in_sight);
    let all = |verification| total(&times, verification, (count, not_in_sight), ports);
    let (full_seconds, sampled_seconds) = (all(Verification::Full), all(Verification::Sampled));
    let seconds = match verification {
        Verification::Full => full_seconds,
        Verification::Sampled => sampled_seconds,
    };
    let end = clock::after(now, std::time::Duration::from_secs(seconds));
    Forecast {
        end: (!times.is_empty()).then_some(end),
        machines: times,
        unable,
        not_in_sight,
        ports,
        verification,
        full_seconds,
        sampled_seconds,
    }
}

impl MachineTime {
    /// How long it takes with that much read, in seconds.
    pub(crate) fn by(&self, verification: Verification) -> u64 {
        match verification {
            Verification::Full => self.full_seconds,
            Verification::Sampled => self.sampled_seconds,
        }
    }
}

/// As many at a time as there are ports, the slowest first; a port that is free takes the next. No more machines than the
/// batch takes.
fn total(
    times: &[MachineTime],
    verification: Verification,
    (count, not_in_sight): (u32, u32),
    ports: Option<u32>,
) -> u64 {
    let mut each: Vec<u64> = times.iter().map(|time| time.by(verification)).collect();
    each.sort_unstable_by_key(|seconds| Reverse(*seconds));
    let Some(&slowest) = each.first() else { return 0 };
    each.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    // Who asks for more machines than there are ports can wait is told of hours, not of a long list.
    each.extend((0..not_in_sight.min(10_000)).map(|_| slowest));
    each.sort_unstable_by_key(|seconds| Reverse(*seconds));
    let n_ports = ports.map_or(each.len(), |ports| usize::try_from(ports).unwrap_or(usize::MAX));
    let n_ports = n_ports.clamp(1, each.len());
    let mut free: BinaryHeap<_> = (0..n_ports).map(|_| Reverse(0_u64)).collect();
    let mut end = 0;
    for seconds in each {
        let Some(Reverse(at)) = free.pop() else { break };
        end = end.max(at.saturating_add(seconds));
        free.push(Reverse(at.saturating_add(seconds)));
    }
    end
}

/// All drives at once, then the image on one of them.
fn machine_time(
    number: MachineNumber,
    drives: &[PlannedDrive],
    units: &[DriveUnit],
    rates: &Rates,
    (image, n_machines): (Option<ImageLoad>, u32),
) -> Option<MachineTime> {
    let time = |planned: &PlannedDrive| {
        let unit = units.iter().find(|unit| unit.identity.as_ref() == Ok(&planned.identity));
        let erase = erase_time(planned, unit, rates);
        let more = match image.filter(|_| planned.receives_image) {
            Some(image) => image_time(planned, unit, rates, image, n_machines),
            None => Span::assumed(0),
        };
        let with = |verification| {
            let read = read_time(planned, unit, rates, verification);
            Span::assumed(START_S).then(erase).then(read).then(more)
        };
        (with(Verification::Full), with(Verification::Sampled))
    };
    let each = drives.iter().map(|planned| (planned, time(planned)));
    let (planned, (full, sampled)) = each.max_by_key(|(_, (full, _))| full.seconds)?;
    Some(MachineTime {
        number,
        drive: planned.identity.to_string(),
        full_seconds: full.seconds,
        sampled_seconds: sampled.seconds,
        basis: match planned.proof.verification {
            Verification::Full => full.basis,
            Verification::Sampled => sampled.basis,
        },
    })
}

fn erase_time(planned: &PlannedDrive, unit: Option<&DriveUnit>, rates: &Rates) -> Span {
    let by_drive = planned.techniques.iter().any(|technique| technique.is_by_drive());
    let before = match (by_drive, planned.media) {
        (false, _) => 0,
        (true, Media::Magnetic) => SEEKS_S,
        (true, Media::Flash) => SHORT_REQUESTS_S,
    };
    let passes = planned.techniques.iter().map(|technique| {
        if technique.is_by_drive() {
            own_time(*technique, planned, unit, rates)
        } else {
            over(planned.identity.size.0, rates.write(&planned.identity.model), planned, unit)
        }
    });
    passes.fold(Span::assumed(before), Span::then)
}

/// By what was measured here on this model, by the drive's own estimate, or by what such a technique usually takes.
fn own_time(
    technique: Technique,
    planned: &PlannedDrive,
    unit: Option<&DriveUnit>,
    rates: &Rates,
) -> Span {
    if let Some(seconds) = rates.own(&planned.identity, technique) {
        return Span { seconds, basis: Basis::Measured };
    }
    match unit.map_or(EraseTime::NotReported, |unit| estimate(technique, &unit.features)) {
        EraseTime::Seconds(seconds) | EraseTime::LongerThan(seconds) => {
            return Span { seconds: seconds.into(), basis: Basis::Drive };
        }
        EraseTime::NotReported => {}
    }
    match (technique, planned.media) {
        (
            Technique::AtaSanitizeCryptoScramble
            | Technique::NvmeSanitizeCryptoErase
            | Technique::NvmeFormatCrypto,
            _,
        ) => Span::assumed(KEY_ERASE_S),
        (Technique::AtaSanitizeOverwrite | Technique::NvmeSanitizeOverwrite, _)
        | (_, Media::Magnetic) => over(planned.identity.size.0, None, planned, unit),
        (_, Media::Flash) => Span::assumed(BLOCK_ERASE_S),
    }
}

/// The drive's own estimate: ATA words 89 and 90, the NVMe Sanitize Status log.
fn estimate(technique: Technique, features: &EraseFeatures) -> EraseTime {
    match (features, technique) {
        (EraseFeatures::Ata(ata), Technique::AtaSecurityErase) => ata.security.erase_time,
        (EraseFeatures::Ata(ata), Technique::AtaSecurityEraseEnhanced) => {
            ata.security.enhanced_time
        }
        (EraseFeatures::Nvme(nvme), Technique::NvmeSanitizeBlockErase) => nvme.sanitize.block_time,
        (EraseFeatures::Nvme(nvme), Technique::NvmeSanitizeCryptoErase) => {
            nvme.sanitize.crypto_time
        }
        (EraseFeatures::Nvme(nvme), Technique::NvmeSanitizeOverwrite) => {
            nvme.sanitize.overwrite_time
        }
        _ => EraseTime::NotReported,
    }
}

fn read_time(
    planned: &PlannedDrive,
    unit: Option<&DriveUnit>,
    rates: &Rates,
    verification: Verification,
) -> Span {
    // What was sanitized by earlier work is only sampled.
    if planned.techniques.is_empty() {
        return Span::assumed(SHORT_REQUESTS_S);
    }
    let (size, rate) = (planned.identity.size.0, rates.read(&planned.identity.model));
    let read = match (verification, planned.media) {
        (Verification::Full, _) => over(size, rate, planned, unit),
        (Verification::Sampled, media) => {
            let seeks = if media == Media::Magnetic { SAMPLED_SEEKS_S } else { 0 };
            over(size / SAMPLED_SHARE, rate, planned, unit).then(Span::assumed(seeks))
        }
    };
    let cycle = if planned.proof.power_cycle { POWER_CYCLE_S } else { 0 };
    read.then(Span::assumed(cycle))
}

/// Fetched by all machines over one network, written, read back, set up.
fn image_time(
    planned: &PlannedDrive,
    unit: Option<&DriveUnit>,
    rates: &Rates,
    image: ImageLoad,
    n_machines: u32,
) -> Span {
    let model = &planned.identity.model;
    let network = image.stored.0.saturating_mul(u64::from(n_machines)) / NETWORK_RATE;
    let written = over(image.data.0, rates.write(model), planned, unit);
    let written = if written.seconds < network { Span::assumed(network) } else { written };
    let read = over(image.data.0, rates.read(model), planned, unit);
    written.then(read).then(Span::assumed(SETTLING_S))
}

/// Bytes at a rate that was measured, or at what such drives usually do.
fn over(
    bytes: u64,
    measured: Option<u64>,
    planned: &PlannedDrive,
    unit: Option<&DriveUnit>,
) -> Span {
    let (rate, basis) = match measured {
        Some(rate) => (rate, Basis::Measured),
        None => (usual_rate(planned.media, unit.map(|unit| unit.bus)), Basis::Assumed),
    };
    Span { seconds: bytes.div_ceil(rate.max(1)), basis }
}

/// Bytes a second over all of a drive, from the outer edge to the inner one. Assumed.
fn usual_rate(media: Media, bus: Option<Bus>) -> u64 {
    match (media, bus) {
        (Media::Magnetic, _) => 80_000_000,
        (Media::Flash, Some(Bus::Nvme)) => 900_000_000,
        (Media::Flash, Some(Bus::Ata)) => 350_000_000,
        (Media::Flash, _) => 100_000_000,
    }
}

#[cfg(test)]
mod tests;

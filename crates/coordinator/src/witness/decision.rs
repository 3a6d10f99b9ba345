//! Who may hold, release and look. Pure.

use protocol::{AgentKey, DriveIdentity, MachineId, MachineNumber, PersonId, SectorSize};

use crate::admission::AdmissionError;
use crate::bench::{Bench, Machine};
use crate::event::Happening;

/// Where a look goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The machine.
    pub(crate) machine: MachineId,
    /// The agent that holds it.
    pub(crate) agent: AgentKey,
    /// One of its verified drives.
    pub(crate) drive: DriveIdentity,
    /// That drive's logical sector size.
    pub(crate) sector_size: SectorSize,
}

/// A person asks for a hold. Up to the last verification of the last drive it is certain to be heeded: only then does the
/// agent ask whether it may go on.
pub(crate) fn hold(
    bench: &Bench,
    number: MachineNumber,
    by: PersonId,
) -> Result<Vec<Happening>, AdmissionError> {
    let machine = find(bench, number)?;
    let admission = machine.admission.as_ref().filter(|it| it.finished.is_none());
    let admission = admission
        .ok_or_else(|| refuse(number, "it is admitted to no work that could be held".to_owned()))?;
    if !admission.job.kind.writes() {
        let why = format!("{} work verifies no drive", admission.job.kind.word());
        return Err(refuse(number, why));
    }
    if admission.held {
        return Ok(Vec::new());
    }
    if admission.is_proven() {
        let why = "its drives are all verified and it goes on: a hold is asked for before that, or when the batch is \
                   armed";
        return Err(refuse(number, why.to_owned()));
    }
    Ok(vec![Happening::HoldAsked { machine: machine.id, by }])
}

/// A person lets a machine go on.
pub(crate) fn release(
    bench: &Bench,
    number: MachineNumber,
    by: PersonId,
) -> Result<Happening, AdmissionError> {
    let machine = find(bench, number)?;
    let held = machine.admission.as_ref().is_some_and(|it| it.held && it.finished.is_none());
    if held {
        Ok(Happening::HoldReleased { machine: machine.id, by })
    } else {
        Err(refuse(number, "nobody holds it".to_owned()))
    }
}

/// Where to look: `drive` is a serial number, needed where there are several.
pub(crate) fn target(
    bench: &Bench,
    number: MachineNumber,
    drive: Option<&str>,
    (sector, count): (u64, u32),
) -> Result<Target, AdmissionError> {
    let machine = find(bench, number)?;
    let refuse = |why: String| refuse(number, why);
    let admission = machine.admission.as_ref().filter(|it| it.holds());
    let admission = admission.ok_or_else(|| refuse(not_holding(machine).to_owned()))?;
    let planned = admission.accepted_plan().into_iter().flat_map(|plan| &plan.drives);
    let wanted: Vec<_> = planned
        .clone()
        .filter(|it| drive.is_none_or(|serial| it.identity.serial == serial))
        .collect();
    let serials: Vec<_> = planned.map(|it| it.identity.serial.as_str()).collect();
    let [planned] = wanted[..] else {
        let serials = serials.join(", ");
        return Err(refuse(format!("say which drive by its serial number: {serials}")));
    };
    let n_sectors = planned.identity.size.0 / u64::from(planned.sector_size.bytes());
    if sector.checked_add(u64::from(count)).is_none_or(|end| end > n_sectors) {
        return Err(refuse(format!(
            "{} has {n_sectors} sectors, counted from 0; {count} from {sector} are not there",
            planned.identity
        )));
    }
    let (drive, sector_size) = (planned.identity.clone(), planned.sector_size);
    Ok(Target { machine: machine.id, agent: admission.agent, drive, sector_size })
}

fn not_holding(machine: &Machine) -> &'static str {
    match &machine.admission {
        Some(it) if it.held && it.finished.is_none() => {
            "it does not hold yet: its drives are not all verified"
        }
        _ => "it does not hold: nobody asked for that, or it was released",
    }
}

fn find(bench: &Bench, number: MachineNumber) -> Result<&Machine, AdmissionError> {
    bench.numbered(number).ok_or_else(|| refuse(number, "nobody has seen it".to_owned()))
}

fn refuse(number: MachineNumber, why: String) -> AdmissionError {
    AdmissionError::Machine { number, why }
}

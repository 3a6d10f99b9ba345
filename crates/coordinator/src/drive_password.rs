//! An agent asks for the password of a drive. Pure.

use protocol::{AgentKey, DriveIdentity, Sha256Digest, Technique, UnixMillis};

use crate::bench::{Bench, Machine};
use crate::directive::over;
use crate::enrollment::Rules;
use crate::event::Happening;

/// Why it is not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotGiven {
    #[error("no password is given: {0}")]
    NoWork(String),
    #[error("no password is given: this agent has used no ticket for {0}")]
    NotConsented(DriveIdentity),
    #[error("no password is given: the plan neither locks nor unlocks {0}")]
    NotNeeded(DriveIdentity),
}

/// Decides on a request of `agent`, which is enrolled as `machine`. Given is the password only for a drive that the plan
/// names, of which this agent used the ticket, and only where that plan needs one. What is recorded says by which
/// `secret` it follows, and is on disk before the agent can lock anything.
pub(crate) fn give(
    bench: &Bench,
    now: UnixMillis,
    machine: &Machine,
    agent: AgentKey,
    drive: &DriveIdentity,
    (secret, rules): (Sha256Digest, Rules),
) -> (Vec<Happening>, Result<(), NotGiven>) {
    if let Err(why) = entitled(bench, now, machine, agent, drive, rules) {
        return (Vec::new(), Err(why));
    }
    // An agent whose answer was lost asks again.
    let given = bench.locks().is_given(machine.id, drive, secret);
    let happening =
        Happening::DrivePasswordGiven { machine: machine.id, drive: drive.clone(), secret };
    ((!given).then_some(happening).into_iter().collect(), Ok(()))
}

fn entitled(
    bench: &Bench,
    now: UnixMillis,
    machine: &Machine,
    agent: AgentKey,
    drive: &DriveIdentity,
    rules: Rules,
) -> Result<(), NotGiven> {
    let admission = machine.admission.as_ref().filter(|it| it.is_open_to(&agent));
    let admission = admission
        .ok_or_else(|| NotGiven::NoWork("this agent is not admitted to any work".to_owned()))?;
    if let Some(why) = over(bench, now, admission, rules) {
        return Err(NotGiven::NoWork(why));
    }
    // The plan under which data was last destroyed may be one of an earlier boot.
    let consent = admission.accepted_consent().filter(|it| it.ticket.agent == agent);
    let mut drives = consent.iter().flat_map(|it| &it.plan.drives);
    let planned = drives
        .find(|planned| planned.identity == *drive)
        .ok_or_else(|| NotGiven::NotConsented(drive.clone()))?;
    let locks = planned.techniques.iter().copied().any(Technique::takes_password);
    if locks || planned.unlock { Ok(()) } else { Err(NotGiven::NotNeeded(drive.clone())) }
}

#[cfg(test)]
mod tests;

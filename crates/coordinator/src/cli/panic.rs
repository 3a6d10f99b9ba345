//! `rehome panic`

use anyhow::{Context as _, Result};
use clap::Args;

use super::{Asker, whoami};
use crate::admin::client::post;
use crate::admin::{PanicRequest, StoppedMachine};
use crate::console::say;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Take it back: tickets may be given again; each machine that was stopped has to be picked again
    #[arg(long)]
    over: bool,
    /// Who says so [default: the user's name]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(super) async fn run(asker: &Asker, options: Options) -> Result<()> {
    let Options { reason: because, over, by } = options;
    let (by, request) = (by.unwrap_or_else(whoami), PanicRequest { because });
    if over {
        let answer = post(&asker.data, "/panic/over", &by, &request).await?;
        let sentence = "it is over; each machine that was stopped waits until it is picked again";
        return asker.said(&answer, sentence);
    }
    let answer = post(&asker.data, "/panic", &by, &request).await?;
    if asker.json {
        return asker.show(&answer);
    }
    let machines: Vec<StoppedMachine> =
        serde_json::from_slice(&answer).context("reading the answer")?;
    say("all machines are told to stop: no ticket is given any more, and nothing is written")?;
    machines.iter().map(sentence).try_for_each(|line| say(&line))?;
    Ok(say("`rehome machine list` shows what each does; `rehome panic --over` takes this back")?)
}

/// What has to be known of one machine.
fn sentence(machine: &StoppedMachine) -> String {
    let StoppedMachine { number, heard, unstoppable } = machine;
    let drives = unstoppable.join(", ");
    match (heard, unstoppable.is_empty()) {
        (true, true) => format!("machine {number}: stops before its next command that writes"),
        (true, false) => format!(
            "machine {number}: {drives} erases itself by its firmware, and nothing can stop that; leave it plugged in"
        ),
        (false, _) => format!(
            "machine {number}: is not heard, so it cannot be told; if it must stop, switch it off by hand"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_stopped_is_said_of_each_machine() {
        for (heard, unstoppable, words) in [
            (true, vec![], "machine 07: stops before"),
            (true, vec!["DISK (serial 1)".to_owned()], "DISK (serial 1) erases itself"),
            (false, vec![], "is not heard"),
        ] {
            let number = "7".parse::<std::num::NonZeroU32>().map(protocol::MachineNumber).unwrap();
            let said = sentence(&StoppedMachine { number, heard, unstoppable });
            assert!(said.contains(words), "{said}");
        }
    }
}

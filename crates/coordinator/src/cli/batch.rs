//! `rehome batch ...`

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use protocol::{BatchId, JobKind, LotId, MachineNumber};
use serde::Deserialize;

use super::forecast::lines;
use super::{Asker, whoami};
use crate::admin::client::{get, post, tell};
use crate::admin::{ArmRequest, Armed, KindName};
use crate::console::{say, table};
use crate::policies;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Let machines be admitted for some time
    Arm {
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// How many machines it takes
        #[arg(long, value_name = "N")]
        count: u32,
        /// For how long, as 90m, 4h or 2d
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        time: Duration,
        /// What is done to each machine
        #[arg(long)]
        kind: KindName,
        /// Image to install: its name, or the beginning of its id
        #[arg(long)]
        image: Option<String>,
        /// Locale of the installed system
        #[arg(long, default_value = "en_US.UTF-8")]
        locale: String,
        /// What is demanded of sanitizing: a name from `rehome policy list`, or a file
        #[arg(long, value_name = "NAME|FILE", default_value = "default")]
        policy: String,
        /// Hold each machine once its drives are verified, until a person has looked and released it
        #[arg(long)]
        witness: bool,
        /// The first machine of each model goes on to its booted desktop; the others are erased and wait until a person
        /// says that the model works
        #[arg(long)]
        first_of_model: bool,
        /// Arm nothing: show when it would be done, the slowest machine, and what each verification costs in time
        #[arg(long)]
        dry_run: bool,
        /// The lot that it works on [default: the only open one]
        #[arg(long, value_name = "LOT")]
        lot: Option<LotId>,
    },
    /// All batches
    List,
    /// End a batch: no further machines, no further tickets
    Disarm {
        batch: BatchId,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
struct Row {
    id: BatchId,
    by: String,
    count: u32,
    admitted: Vec<MachineNumber>,
    disarmed: bool,
    armed: bool,
    job: JobKind,
    policy: String,
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    let data = &asker.data;
    match command {
        Command::Arm {
            by,
            count,
            time,
            kind,
            image,
            locale,
            policy,
            witness,
            first_of_model,
            dry_run,
            lot,
        } => {
            // Read here: the file is the person's, not that of the user who serves.
            let policy = policies::find(&policy)?;
            let by = by.unwrap_or_else(whoami);
            let seconds = time.as_secs();
            let request = ArmRequest {
                count,
                seconds,
                kind,
                image,
                locale,
                policy,
                witness,
                first_of_model,
                lot,
            };
            let forecast = post(data, "/batches/forecast", &by, &request).await?;
            if dry_run && asker.json {
                return asker.show(&forecast);
            }
            if !asker.json {
                let forecast = serde_json::from_slice(&forecast).context("reading the forecast")?;
                lines(&forecast).iter().try_for_each(|line| say(line))?;
            }
            if dry_run {
                return Ok(say("nothing was armed")?);
            }
            let answer = post(data, "/batches", &by, &request).await?;
            let Armed { batch } = serde_json::from_slice(&answer)?;
            asker.said(&answer, &format!("armed: {batch}"))
        }
        Command::List => list(asker, &get(data, "/batches").await?),
        Command::Disarm { batch, by } => {
            let by = by.unwrap_or_else(whoami);
            let path = format!("/batches/{batch}/disarm");
            let answer = tell(data, &path, &by).await?;
            asker.said(&answer, &format!("disarmed: {batch}"))
        }
    }
}

fn list(asker: &Asker, answer: &[u8]) -> Result<()> {
    if asker.json {
        return asker.show(answer);
    }
    let rows: Vec<Row> = serde_json::from_slice(answer).context("reading the answer")?;
    let cells = rows.into_iter().map(|row| {
        let state = match (row.disarmed, row.armed) {
            (true, _) => "disarmed",
            (false, true) => "armed",
            (false, false) => "over",
        };
        let kind = row.job.word();
        let taken = format!("{}/{}", row.admitted.len(), row.count);
        [row.id.to_string(), state.to_owned(), taken, kind.to_owned(), row.policy, row.by]
    });
    let cells: Vec<_> = cells.collect();
    if cells.is_empty() {
        return Ok(say("no batch was ever armed")?);
    }
    Ok(table(["BATCH", "STATE", "TAKEN", "KIND", "POLICY", "BY"], &cells)?)
}

/// A number and its unit: `s`, `m`, `h` or `d`.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a time such as 90m, 4h or 2d");
    let unit = match text.chars().last().ok_or_else(bad)? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        for (text, seconds) in
            [("90m", Some(5_400)), ("4h", Some(14_400)), ("2d", Some(172_800)), ("30s", Some(30))]
        {
            assert_eq!(duration(text).ok().map(|it| it.as_secs()), seconds, "{text}");
        }
        for bad in ["", "4", "h", "-1h", "4 h", "99999999999999999d", "4ż"] {
            assert!(duration(bad).is_err(), "{bad:?} was taken");
        }
    }
}

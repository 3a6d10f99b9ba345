//! `rehome recovery ...`

use std::io::Read as _;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use protocol::MachineNumber;

use super::{Asker, whoami};
use crate::admin::client::{get, post};
use crate::admin::{AdoptRequest, AdoptedLock};
use crate::calendar::utc;
use crate::console::{say, table};
use crate::data_dir::DataDir;
use crate::journal::Journal;
use crate::recovery::{RecoverySecret, Restored};

/// What is asked of a serving coordinator.
const ADOPTED: &str = "/recovery/adopted";
/// More than any sheet holds, in bytes.
const MAX_TYPED_LEN: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the secret, for a sheet of paper that is locked away
    Show,
    /// Read the secret from standard input, as it stands on the sheet; stop `rehome serve` before
    Restore,
    /// Print the password of a drive, for a person who has it on a dock
    Password {
        /// Model, as the drive names itself (`hdparm -I`, without blanks at its ends)
        #[arg(long)]
        model: String,
        /// Serial number, likewise
        #[arg(long)]
        serial: String,
    },
    /// Say that a drive's lock is ours although the journal here does not know it: an earlier installation locked it,
    /// and its secret was restored here before. Plans may name the drive then, and its password is tried
    Adopt {
        /// Model, as the drive names itself and as its refusal shows it
        #[arg(long)]
        model: String,
        /// Serial number, likewise
        #[arg(long)]
        serial: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Drives whose locks were adopted
    List,
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    match command {
        Command::Show => show(asker),
        Command::Restore => restore(asker),
        Command::Adopt { model, serial, because, by } => {
            let by = by.unwrap_or_else(whoami);
            let request = AdoptRequest { model, serial, because };
            let answer = post(&asker.data, ADOPTED, &by, &request).await?;
            let lock = serde_json::from_slice(&answer).context("reading the answer")?;
            asker.said(&answer, &adopted(&lock))
        }
        Command::List => list(asker, &get(&asker.data, ADOPTED).await?),
        Command::Password { model, serial } => {
            let secret = RecoverySecret::read(&asker.data)?;
            let password = String::from(secret.password(model.trim(), serial.trim())?);
            let answer = serde_json::json!({ "password": &password }).to_string();
            asker.said(answer.as_bytes(), &password)
        }
    }
}

fn show(asker: &Asker) -> Result<()> {
    let groups = RecoverySecret::read(&asker.data)?.groups();
    if asker.json {
        let answer = serde_json::json!({ "secret": groups.join(" ") });
        return asker.show(answer.to_string().as_bytes());
    }
    say("The recovery secret of this site. Copy it onto paper and lock the sheet away.")?;
    say("")?;
    for line in groups.chunks(groups.len().div_ceil(2)) {
        say(&format!("    {}", line.join(" ")))?;
    }
    say("")?;
    for line in [
        "What it is for: a disk that erases itself is locked with a password while it does so. If the power fails",
        "then, it stays locked, and every such password follows from this secret and from model and serial number",
        "of the disk. The coordinator that locked it knows it by its journal and finishes the erase by itself, in",
        "whatever laptop the disk is. If that journal is lost: `rehome recovery restore` brings the secret into a new",
        "data directory. A coordinator there does not know which disks are ours and leaves them alone, until a person",
        "says of one by `rehome recovery adopt` that it is; then it is opened and erased as any other. Or",
        "`rehome recovery password` prints the password of one disk, by which a person unlocks it on a dock and",
        "switches the password off (`hdparm --user-master u --security-unlock`, then `--security-disable`).",
        "Without the secret such a disk is scrap.",
        "Whoever has it can unlock those disks. Its last five characters are a checksum against slips of the pen.",
    ] {
        say(line)?;
    }
    Ok(())
}

fn adopted(AdoptedLock { drive, machines, .. }: &AdoptedLock) -> String {
    let seen = if machines.is_empty() {
        "no machine has shown a drive of this name yet: compare model and serial number with its refusal, letter by \
         letter"
            .to_owned()
    } else {
        let machines = numbers(machines);
        format!(
            "seen in machine {machines}, which asks for its plan again by itself while it waits for one"
        )
    };
    format!("the lock of {drive} counts as ours from now on; {seen}")
}

fn numbers(machines: &[MachineNumber]) -> String {
    let machines: Vec<_> = machines.iter().map(ToString::to_string).collect();
    machines.join(", ")
}

fn list(asker: &Asker, answer: &[u8]) -> Result<()> {
    if asker.json {
        return asker.show(answer);
    }
    let locks: Vec<AdoptedLock> = serde_json::from_slice(answer).context("reading the answer")?;
    if locks.is_empty() {
        return Ok(say("no drive's lock was ever adopted")?);
    }
    let cells = locks.into_iter().map(|AdoptedLock { drive, machines, by, because, at }| {
        [drive.model, drive.serial, numbers(&machines), utc(at), by, because]
    });
    let cells: Vec<_> = cells.collect();
    Ok(table(["MODEL", "SERIAL", "SEEN IN", "ADOPTED", "BY", "BECAUSE"], &cells)?)
}

fn restore(asker: &Asker) -> Result<()> {
    let mut text = String::new();
    let typed = std::io::stdin().lock().take(MAX_TYPED_LEN).read_to_string(&mut text);
    typed.context("failed to read the secret from standard input")?;
    let secret = RecoverySecret::typed(&text).map_err(crate::recovery::RecoveryError::from)?;
    // Nobody may give out passwords meanwhile.
    let data = DataDir::open(&asker.data)?;
    let locks = Journal::locks_at(&data.join("journal.db"))?;
    let (code, sentence) = match secret.restore(data.path(), &locks)? {
        Restored::Written => ("written", "the recovery secret is in the data directory now"),
        Restored::Same => ("same", "this recovery secret was in the data directory already"),
    };
    let answer = serde_json::json!({ "restored": code }).to_string();
    asker.said(answer.as_bytes(), sentence)
}

//! `rehome certificate ...` and `rehome verify`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use evidence::certificate::Facts;
use protocol::event::DriveEvidence;
use protocol::policy::Verification;
use protocol::{PlannedDrive, SiteKey};

use super::machine::Number;
use super::{Asker, Verdict};
use crate::admin::client::get;
use crate::console::{say, say_json};
use crate::policies::digest;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What a machine's certificate says
    Show { number: Number },
    /// The certificate itself, to be kept and checked anywhere
    Export {
        number: Number,
        /// Where to [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    let fetch = async |Number(number): Number| {
        get(&asker.data, &format!("/machines/{}/certificate", number.0)).await
    };
    match command {
        Command::Show { number } => {
            let file = fetch(number).await?;
            let key = asker.data.join("site.pub");
            let facts = evidence::certificate::verify(&file, &read_key(&key)?)?;
            print(&facts, asker.json)
        }
        Command::Export { number, out } => {
            let file = fetch(number).await?;
            match out {
                None => Ok(say_json(std::str::from_utf8(&file)?.trim_end())?),
                Some(path) => std::fs::write(&path, &file)
                    .with_context(|| format!("failed to write {}", path.display())),
            }
        }
    }
}

/// Checks a certificate with nothing but the site's public key.
pub(super) fn verify(key: &Path, file: &Path, json: bool) -> Result<Verdict> {
    let key = read_key(key)?;
    let bytes =
        std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    match evidence::certificate::verify(&bytes, &key) {
        Ok(facts) => {
            print(&facts, json)?;
            Ok(Verdict::Done)
        }
        Err(failure) => {
            say(&format!("refused: {:#}", anyhow::Error::new(failure)))?;
            Ok(Verdict::Refused)
        }
    }
}

pub(super) fn read_key(path: &Path) -> Result<SiteKey> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to read the site's public key {}", path.display()))?;
    text.trim().parse().with_context(|| format!("{} holds no public key", path.display()))
}

/// What was done to a drive, how it was proven, and what that does not prove.
fn print_drive(planned: &PlannedDrive, evidence: &DriveEvidence) -> Result<()> {
    let techniques: Vec<_> = evidence.techniques.iter().map(|it| it.technique.name()).collect();
    say(&format!("  {}: {:?} by {}", evidence.drive, evidence.claim, techniques.join(", then ")))?;
    for reason in &planned.reasons {
        let code = serde_json::to_value(reason)?;
        say(&format!("    not more: {}", code.as_str().unwrap_or_default()))?;
    }
    if let Some(canaries) = &evidence.canaries {
        say(&format!("    {} canaries placed, {} found", canaries.placed, canaries.found))?;
    }
    if let Some(old) = &evidence.old_content {
        say(&format!(
            "    of {} sectors sampled before, {} changed, {} were uniform already, {} survived",
            old.sampled, old.changed, old.same_uniform, old.same
        ))?;
    }
    let read = evidence.verification.bytes;
    match evidence.method {
        Verification::Full => say(&format!("    all {read} read back"))?,
        Verification::Sampled => say(&format!("    a sample of {read} read back"))?,
    }
    if planned.proof.power_cycle {
        // Whether the power was really off in between nobody measures.
        say("    looked at again in a later boot")?;
    }
    Ok(())
}

fn print(facts: &Facts, json: bool) -> Result<()> {
    if json {
        return Ok(say_json(&serde_json::to_string(facts)?)?);
    }
    say(&format!("machine {} of {}: the certificate holds", facts.number, facts.site_name))?;
    say(&format!("  policy: {}, SHA-256 {}", facts.policy.name, digest(&facts.policy)?))?;
    for (planned, drive) in facts.plan.drives.iter().zip(&facts.drives) {
        print_drive(planned, &drive.evidence)?;
    }
    match facts.installed {
        Some(image) => say(&format!("  installed: image {image}"))?,
        None => say("  nothing was installed")?,
    }
    Ok(())
}

//! `rehome certificate ...`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use evidence::certificate::Facts;
use protocol::event::DriveEvidence;
use protocol::policy::Verification;
use protocol::{MachineNumber, PlannedDrive};
use serde_json::json;

use super::Asker;
use super::machine::Number;
use super::verify::read_keys;
use crate::admin::client::{ClientError, get};
use crate::console::{say, say_json, tell};
use crate::policies::digest;
use crate::verify_page::VERIFY_PAGE;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What a machine's certificate says
    Show { number: Number },
    /// The certificate itself, to be kept and checked anywhere
    Export {
        #[arg(required_unless_present = "all")]
        number: Option<Number>,
        /// Of every machine that has earned one, with site.pub and the page verify.html that checks them in a browser
        #[arg(long, conflicts_with = "number", requires = "out")]
        all: bool,
        /// Where to: a file [default: standard output], or with --all a folder
        #[arg(long, value_name = "PATH")]
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
            let key = asker.data.join(crate::site::PUBLIC);
            let facts = evidence::certificate::verify(&file, &read_keys(&key)?)?;
            print(&facts, asker.json)
        }
        Command::Export { number: Some(number), out, .. } => {
            let file = fetch(number).await?;
            match out {
                None => Ok(say_json(std::str::from_utf8(&file)?.trim_end())?),
                Some(path) => write(&path, &file),
            }
        }
        Command::Export { number: None, out: Some(out), .. } => export_all(asker, &out).await,
        Command::Export { number: None, out: None, .. } => {
            bail!("name a machine, or --all and a folder with --out")
        }
    }
}

/// Writes every certificate that was earned, and what is needed to check them, into a folder.
async fn export_all(asker: &Asker, out: &Path) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("failed to make {}", out.display()))?;
    let machines = get(&asker.data, "/machines").await?;
    let machines: Vec<serde_json::Value> = serde_json::from_slice(&machines)?;
    let numbers = machines.iter().map(|it| serde_json::from_value(it["number"].clone()));
    let numbers = numbers.collect::<Result<Vec<MachineNumber>, _>>().context("reading the list")?;
    let mut written = Vec::new();
    let mut without = Vec::new();
    for number in numbers {
        match get(&asker.data, &format!("/machines/{}/certificate", number.0)).await {
            Ok(file) => {
                let name = format!("machine-{number}.json");
                write(&out.join(&name), &file)?;
                written.push(name);
            }
            Err(ClientError::Refused(why)) => without.push((number, why)),
            Err(error) => return Err(error.into()),
        }
    }
    let key = asker.data.join(crate::site::PUBLIC);
    let key = std::fs::read(&key).with_context(|| format!("failed to read {}", key.display()))?;
    write(&out.join(crate::site::PUBLIC), &key)?;
    write(&out.join("verify.html"), VERIFY_PAGE.html.as_bytes())?;
    for (_, why) in &without {
        tell(why);
    }
    let none: Vec<_> =
        without.iter().map(|(number, why)| json!({ "number": number, "why": why })).collect();
    let answer = json!({ "written": written, "without": none }).to_string();
    asker.said(
        answer.as_bytes(),
        &format!(
            "{} certificates, site.pub and verify.html are in {}; {} machines have none",
            written.len(),
            out.display(),
            without.len()
        ),
    )
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    std::fs::write(path, content).with_context(|| format!("failed to write {}", path.display()))
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

/// All that a certificate says.
pub(super) fn print(facts: &Facts, json: bool) -> Result<()> {
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

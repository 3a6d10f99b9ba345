//! `rehome certificate ...`

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
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

/// Makes or replaces a file for everybody to read: on a full disk, or when the power goes, the one that was there stays.
fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let replace = || -> std::io::Result<()> {
        let everybody = std::fs::Permissions::from_mode(0o666);
        let mut file = tempfile::Builder::new()
            .prefix(".rehome-export-")
            .permissions(everybody)
            .tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        std::fs::File::open(folder)?.sync_all()
    };
    replace().with_context(|| format!("failed to write {}", path.display()))
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
    say(&format!("  certificate ID: {}", facts.id().grouped()))?;
    say(&format!("  policy: {}, SHA-256 {}", facts.policy.name, digest(&facts.policy)?))?;
    for (planned, drive) in facts.plan.drives.iter().zip(&facts.drives) {
        print_drive(planned, &drive.evidence)?;
        if let Some(notice) = &drive.notice {
            let (length, sha256) = (notice.length.0, notice.sha256);
            say(&format!("    then a boot notice in the first {length} bytes, SHA-256 {sha256}"))?;
        }
    }
    match facts.installed {
        Some(image) => say(&format!("  installed: image {image}"))?,
        None => say("  nothing was installed")?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_takes_anothers_place_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("machine-01.json"), folder.path().join("old"));
        write(&path, b"the good one").unwrap();
        // The same file by another name: whoever writes into it changes both.
        std::fs::hard_link(&path, &old).unwrap();
        write(&path, b"a new one").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a new one");
        assert_eq!(std::fs::read(&old).unwrap(), b"the good one", "it was written over");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o400, 0o400);
        std::fs::create_dir(folder.path().join("taken")).unwrap();
        write(&folder.path().join("taken"), b"x").unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing half is left");
    }
}

//! `rehome certificate ...` and `rehome verify`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use evidence::certificate::Facts;
use protocol::SiteKey;

use super::machine::Number;
use super::{Asker, Verdict};
use crate::admin::client::get;
use crate::console::{say, say_json};

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

fn read_key(path: &Path) -> Result<SiteKey> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to read the site's public key {}", path.display()))?;
    text.trim().parse().with_context(|| format!("{} holds no public key", path.display()))
}

fn print(facts: &Facts, json: bool) -> Result<()> {
    if json {
        return Ok(say_json(&serde_json::to_string(facts)?)?);
    }
    say(&format!("machine {} of {}: the certificate holds", facts.number, facts.site_name))?;
    for drive in &facts.drives {
        let evidence = &drive.evidence;
        say(&format!(
            "  {}: {}, all {} read back",
            evidence.drive,
            match evidence.claim {
                protocol::Claim::Clear => "Clear",
                protocol::Claim::Purge => "Purge",
            },
            evidence.verification.bytes
        ))?;
    }
    match facts.installed {
        Some(image) => say(&format!("  installed: image {image}"))?,
        None => say("  nothing was installed")?,
    }
    Ok(())
}

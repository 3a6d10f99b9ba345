//! `rehome policy ...`

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::Verdict;
use crate::config::Language;
use crate::console::{say, say_json, table};
use crate::policies::{self, PolicyError, SHIPPED, Shipped, digest};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The policies that come with Rehome
    List,
    /// What a policy means, in plain words
    Show {
        /// Its name
        name: String,
        /// In which language
        #[arg(long, value_name = "LANGUAGE", default_value = "en")]
        lang: Language,
        /// The policy itself instead, to be copied and changed
        #[arg(long)]
        file: bool,
    },
    /// Check a policy of your own; exits with 0 if it may be used, with 1 and every problem if not
    Check { file: PathBuf },
}

/// Needs no coordinator.
pub(super) fn run(command: &Command, json: bool) -> Result<Verdict> {
    match command {
        Command::List => list(json).map(|()| Verdict::Done),
        Command::Show { name, lang, file } => {
            let shipped =
                Shipped::named(name).ok_or_else(|| PolicyError::NoSuch { name: name.clone() })?;
            if json {
                say_json(&serde_json::to_string(&shipped.policy()?)?)?;
            } else {
                let text = if *file { shipped.file } else { shipped.explanation(*lang) };
                text.lines().try_for_each(say)?;
            }
            Ok(Verdict::Done)
        }
        Command::Check { file } => check(file, json),
    }
}

fn list(json: bool) -> Result<()> {
    let policies = SHIPPED.iter().map(Shipped::policy).collect::<Result<Vec<_>, _>>()?;
    if json {
        return Ok(say_json(&serde_json::to_string(&policies)?)?);
    }
    let rows = policies.into_iter().map(|policy| {
        let rule = |rule: protocol::policy::Rule| {
            let then = rule.then.map(|then| format!(", then {}", then.name())).unwrap_or_default();
            format!("{:?}{then}", rule.at_least)
        };
        [policy.name, rule(policy.flash), rule(policy.magnetic)]
    });
    let rows: Vec<_> = rows.collect();
    Ok(table(["POLICY", "FLASH AT LEAST", "DISKS AT LEAST"], &rows)?)
}

fn check(file: &std::path::Path, json: bool) -> Result<Verdict> {
    match policies::read(file) {
        Ok(policy) if json => {
            say_json(&serde_json::to_string(&policy)?)?;
            Ok(Verdict::Done)
        }
        Ok(policy) => {
            say(&format!(
                "{} may be used: `rehome batch arm --policy {}`",
                policy.name,
                file.display()
            ))?;
            say(&format!("certificates will say: {}, SHA-256 {}", policy.name, digest(&policy)?))?;
            Ok(Verdict::Done)
        }
        Err(PolicyError::Refused { problems, .. }) => {
            if json {
                say_json(&serde_json::json!({ "problems": problems }).to_string())?;
            } else {
                problems.iter().try_for_each(|problem| say(&format!("refused: {problem}")))?;
            }
            Ok(Verdict::Refused)
        }
        Err(error) => Err(error).context("nothing was checked"),
    }
}

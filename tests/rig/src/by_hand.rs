//! The production agent's stages by hand, on QEMU's own NVMe drive: what a person at a bench types.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::scenario::Scenario;

/// Where the test outside puts the program.
const AGENT: &str = "/bin/rehome-agent";
const NODE: &str = "/dev/nvme0n1";
const SECOND_NODE: &str = "/dev/nvme0n2";
/// As the test outside names the drive.
const SERIAL: &str = "HAND0001";
const EVIDENCE: &str = "/evidence.json";
/// Somebody's data: long enough to be in more than one request.
const OLD_LEN: usize = 5 << 20;

/// In the order in which they run: the last one destroys what the others need.
pub const ALL: &[Scenario] = &[
    Scenario::new("hand-plan", plan),
    Scenario::new("hand-wrong-serial", wrong_serial),
    Scenario::new("hand-other-policy", overwrite_instead),
    Scenario::new("hand-sanitize", sanitize),
];

/// The same for a unit of two namespaces.
pub const NAMESPACES: &[Scenario] = &[Scenario::new("hand-namespaces", sanitize_namespaces)];

fn plan() -> anyhow::Result<String> {
    let old = write_old_data()?;
    let said = agent(&["plan"])?;
    let text = String::from_utf8_lossy(&said.stdout);
    ensure!(said.status.success(), "plan ended with {}: {text}", said.status);
    for part in [SERIAL, "NVMe Format: user data erase", "Purge"] {
        ensure!(text.contains(part), "the plan lacks {part:?}: {text}");
    }
    ensure!(read(OLD_LEN)? == old, "to plan has changed the drive");
    Ok("planned Format, to claim Purge; touched nothing".to_owned())
}

fn wrong_serial() -> anyhow::Result<String> {
    let old = write_old_data()?;
    let said = agent(&["sanitize", "--drive", NODE, "--serial", "HAND0002"])?;
    let complaint = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.code() == Some(1), "it ended with {}: {complaint}", said.status);
    ensure!(complaint.contains(SERIAL), "it does not name the drive: {complaint}");
    ensure!(read(OLD_LEN)? == old, "a refusal has changed the drive");
    Ok("refused, and every byte is as it was".to_owned())
}

/// The same drive under the policy that only overwrites.
fn overwrite_instead() -> anyhow::Result<String> {
    let said = agent(&["plan", "--policy", "overwrite-only"])?;
    let text = String::from_utf8_lossy(&said.stdout);
    for part in ["overwrite with zeros", "Clear", "flash"] {
        ensure!(text.contains(part), "the plan lacks {part:?}: {text}");
    }
    let said = agent(&["plan", "--policy", "lax"])?;
    ensure!(!said.status.success(), "a policy that nobody knows was planned with");
    Ok("planned overwriting, to claim Clear; an unknown policy was refused".to_owned())
}

fn sanitize() -> anyhow::Result<String> {
    write_old_data()?;
    let words = ["sanitize", "--drive", NODE, "--serial", SERIAL, "--evidence", EVIDENCE];
    let said = agent(&words)?;
    let complaint = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "sanitize ended with {}: {complaint}", said.status);
    let step: Value = serde_json::from_slice(&fs::read(EVIDENCE)?).context("reading evidence")?;
    let technique = &step["techniques"][0]["technique"];
    let canaries = &step["canaries"];
    ensure!(technique == "nvme-format-user-data" && step["claim"] == "purge", "{step}");
    ensure!(canaries["placed"] == 10_000 && canaries["found"] == 0, "{canaries}");
    ensure!(step["old_content"]["same"] == 0 && step["zeros"] == step["drive"]["size"], "{step}");
    ensure!(read(OLD_LEN)?.iter().all(|&byte| byte == 0), "the drive is not zero");
    let verified = agent(&["verify", "--drive", NODE])?;
    ensure!(verified.status.success(), "verify ended with {}", verified.status);
    Ok(format!("{technique}, claim purge, {} canaries and none found", canaries["placed"]))
}

/// A unit of two namespaces: named by one of them, it is erased with both.
fn sanitize_namespaces() -> anyhow::Result<String> {
    for node in [NODE, SECOND_NODE] {
        write_old_data_to(node)?;
    }
    let said = agent(&["plan", "--json"])?;
    let plan: Value = serde_json::from_slice(&said.stdout).context("reading the plan")?;
    ensure!(plan.to_string().contains("\"more_namespaces\":1"), "{plan}");
    let words = ["sanitize", "--drive", SECOND_NODE, "--serial", SERIAL, "--evidence", EVIDENCE];
    let said = agent(&words)?;
    let complaint = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "sanitize ended with {}: {complaint}", said.status);
    let step: Value = serde_json::from_slice(&fs::read(EVIDENCE)?).context("reading evidence")?;
    ensure!(step["canaries"]["found"] == 0 && step["zeros"] == step["drive"]["size"], "{step}");
    let commands = step["techniques"][0]["commands"].to_string();
    for namespace in ["namespace 1 ", "namespace 2 "] {
        ensure!(commands.contains(namespace), "{namespace}was not formatted: {commands}");
    }
    for node in [NODE, SECOND_NODE] {
        ensure!(read_from(node, OLD_LEN)?.iter().all(|&byte| byte == 0), "{node} is not zero");
    }
    let verified = agent(&["verify", "--drive", NODE])?;
    ensure!(verified.status.success(), "verify ended with {}", verified.status);
    Ok(format!("{} of two namespaces, both formatted", step["drive"]["size"]))
}

fn agent(words: &[&str]) -> anyhow::Result<Output> {
    Command::new(AGENT).args(words).output().with_context(|| format!("starting {AGENT}"))
}

fn write_old_data() -> anyhow::Result<Vec<u8>> {
    write_old_data_to(NODE)
}

fn write_old_data_to(node: &str) -> anyhow::Result<Vec<u8>> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !fs::exists(node)? {
        ensure!(Instant::now() < deadline, "there is no {node}");
        sleep(Duration::from_millis(100));
    }
    let old: Vec<u8> = (0..OLD_LEN / 8).flat_map(|n| (n as u64 | 1 << 40).to_le_bytes()).collect();
    let mut drive = OpenOptions::new().write(true).open(node)?;
    drive.write_all(&old)?;
    drive.sync_all()?;
    Ok(old)
}

fn read(length: usize) -> anyhow::Result<Vec<u8>> {
    read_from(NODE, length)
}

fn read_from(node: &str, length: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    File::open(node)?.read_exact(&mut bytes)?;
    Ok(bytes)
}

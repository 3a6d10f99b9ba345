//! PID 1 of the rigs' guest: runs one set of scenarios, says on a serial port what came out, switches off.

#![forbid(unsafe_code)]

use std::fs::OpenOptions;

use anyhow::{Context as _, bail};
use rig::{by_hand, guest, nvme_tcp, scenario, tcmu};

/// Where the lines go: a serial port of their own, since the kernel's messages would break into them on its console.
const REPORT: &str = "/dev/ttyS1";

fn main() {
    if let Err(error) = run() {
        // The test outside shows the console when its lines are missing.
        eprintln!("RIG FAIL start: {error:#}");
    }
    match guest::power_off() {
        Ok(never) => match never {},
        Err(error) => eprintln!("RIG FAIL end: {error:#}"),
    }
}

fn run() -> anyhow::Result<()> {
    guest::start()?;
    let scenarios = match guest::wanted_set()?.as_str() {
        "nvme" => nvme_tcp::scenarios::ALL,
        "ata" => tcmu::scenarios::ALL,
        "hand" => by_hand::ALL,
        "namespaces" => by_hand::NAMESPACES,
        other => bail!("there is no set of scenarios {other:?}"),
    };
    // Closing it waits until all of it is sent.
    let report = OpenOptions::new().write(true).open(REPORT);
    let report = report.with_context(|| format!("opening {REPORT}"))?;
    scenario::run_all(scenarios, report).with_context(|| format!("writing to {REPORT}"))
}

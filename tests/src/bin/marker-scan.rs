//! `marker-scan MARKERS DISK`: what of the planted data is still on the disk?
//!
//! Exit codes: 0 nothing found, 1 survivors found, 2 the scan failed.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use workshop::marker::read_list;
use workshop::{ScanReport, scan};

const USAGE: &str = "usage: marker-scan [--json] MARKERS DISK
  MARKERS  a line per marker: decimal offset, space, 128 hex digits
  DISK     raw disk image or block device; only read
exit code: 0 nothing found, 1 survivors found, 2 the scan failed";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(report) if report.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("marker-scan: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &[String]) -> Result<ScanReport> {
    let (json, paths) = match args.split_first() {
        Some((flag, rest)) if flag == "--json" => (true, rest),
        _ => (false, args),
    };
    let [list, disk] = paths else { bail!("two files expected\n{USAGE}") };
    let report = scan(Path::new(disk), &read_list(Path::new(list))?)?;
    if json {
        println!("{:#}", report.to_json());
    } else {
        print!("{report}");
    }
    Ok(report)
}

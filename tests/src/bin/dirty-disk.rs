//! `dirty-disk DISK MARKERS [SIZE_MIB [SEED]]`: makes a retired laptop's drive as a raw image.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use workshop::DirtyDisk;

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dirty-disk: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let (disk, list, rest) = match args {
        [disk, list, rest @ ..] if rest.len() <= 2 => (disk, list, rest),
        _ => bail!("usage: dirty-disk DISK MARKERS [SIZE_MIB [SEED]]; both files are made anew"),
    };
    let mut dirty = DirtyDisk::default();
    if let Some(size_mib) = rest.first() {
        dirty.size = size_mib.parse::<u64>().context("SIZE_MIB is no number")? << 20;
    }
    if let Some(seed) = rest.get(1) {
        dirty.seed = seed.parse().context("SEED is no number")?;
    }
    let markers = dirty.make(Path::new(disk), Path::new(list))?;
    println!("{disk}: {} bytes, {} markers", dirty.size, markers.len());
    Ok(())
}

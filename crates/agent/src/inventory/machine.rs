//! Processor and memory.

use std::fs;

use anyhow::{Context as _, bail};
use protocol::ByteLen;
use protocol::inventory::Cpu;

use crate::roots::Roots;

/// The processor, by `/proc/cpuinfo`.
pub(super) fn cpu(roots: &Roots) -> anyhow::Result<Cpu> {
    let path = roots.proc.join("cpuinfo");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let values = |key: &'static str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .filter(move |(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim())
    };
    let model = values("model name").next().unwrap_or("unknown").to_owned();
    Ok(Cpu { model, threads: u32::try_from(values("processor").count())? })
}

/// Memory that the kernel can use: `MemTotal` of `/proc/meminfo`.
pub(super) fn memory(roots: &Roots) -> anyhow::Result<ByteLen> {
    let path = roots.proc.join("meminfo");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    // `kB` are units of 1,024 bytes there (proc(5)).
    let kibibytes = total.and_then(|rest| rest.trim().strip_suffix("kB"));
    match kibibytes.and_then(|number| number.trim().parse::<u64>().ok()) {
        Some(kibibytes) => Ok(ByteLen(kibibytes * 1024)),
        None => bail!("{} has no MemTotal in kB", path.display()),
    }
}

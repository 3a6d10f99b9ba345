//! What stands on a simulated drive's medium, beside what the kernel reads of it.

use anyhow::{Context as _, ensure};
use drive::sim::SimDrive;
use drive::{AlignedBuf, Drive};

const CHUNK_LEN: usize = 1 << 20;

/// Nothing of the old data is left, and what the kernel reads is what stands on the medium.
pub(crate) fn must_be_erased(sim: &SimDrive, drive: &dyn Drive) -> anyhow::Result<()> {
    let n_old = sim.n_old_sectors();
    ensure!(n_old == 0, "{n_old} sectors still hold old data");
    must_agree(sim, drive)
}

/// What the kernel reads is what stands on the medium.
pub(crate) fn must_agree(sim: &SimDrive, drive: &dyn Drive) -> anyhow::Result<()> {
    drive.drop_caches().context("dropping caches")?;
    let mut buffer = AlignedBuf::zeroed(CHUNK_LEN);
    let size = sim.size().0;
    ensure!(size.is_multiple_of(CHUNK_LEN as u64), "{size} bytes are not whole chunks");
    for offset in (0..size).step_by(CHUNK_LEN) {
        drive.read_at(offset, &mut buffer).with_context(|| format!("reading at {offset}"))?;
        ensure!(
            sim.peek(offset, CHUNK_LEN) == *buffer,
            "the kernel reads at {offset} what does not stand there"
        );
    }
    Ok(())
}

//! A hold: a person wants to see for themselves that verified drives are empty, before anything new is written.
//!
//! Here the agent writes nothing and records nothing. It reads the sectors that it is asked for and says what is there.

use std::time::Duration;

use anyhow::{Context as _, bail};
use drive::{AlignedBuf, Drive};
use protocol::Stage;
use protocol::witness::{
    LookAnswer, LookRequest, MAX_LOOK_SECTORS, SectorBytes, Seen, WitnessReply,
};

use super::blocking;
use super::client::Refused;
use super::drives::Clean;
use super::job::Job;
use crate::screen::Sentence;

const ASK_EVERY: Duration = Duration::from_secs(1);

/// Waits for as long as a person holds the machine. `None`: the work is not this agent's any more, nothing was written
/// since verification.
///
/// The coordinator is asked anew, however long that takes: what it answered to a heartbeat may be older than the hold.
pub(crate) async fn wait_for_release(
    job: &Job,
    mut clean: Vec<Clean>,
) -> anyhow::Result<Option<Vec<Clean>>> {
    loop {
        job.stop.check()?;
        match job.client.witness().await {
            Ok(WitnessReply::GoOn {}) => return Ok(Some(clean)),
            Ok(WitnessReply::Wait { first }) => {
                let first = first.map(|first| first.to_string());
                job.status.enter(Stage::Verify, Sentence::AwaitsVerdict(first));
            }
            Ok(WitnessReply::Hold { looks }) => {
                job.status.enter(Stage::Verify, Sentence::Held);
                for request in looks {
                    clean = answer(job, clean, request).await?;
                }
            }
            Err(error) => {
                tracing::warn!(target: "verify", "may this machine go on? {error:#}");
                job.status.hint(Some(format!("{error:#}")));
                if is_final(&error) {
                    return Ok(None);
                }
            }
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Looks and tells. An answer that does not arrive is asked for again.
async fn answer(job: &Job, clean: Vec<Clean>, request: LookRequest) -> anyhow::Result<Vec<Clean>> {
    let look = request.look;
    let looked = move || {
        let seen = see(&clean, &request);
        Ok((clean, seen))
    };
    let (clean, seen) = blocking(looked).await?;
    if let Err(error) = job.client.look(&LookAnswer { look, seen }).await {
        tracing::warn!(target: "verify", "a look was not handed in: {error:#}");
    }
    Ok(clean)
}

fn is_final(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(Refused::is_final)
}

fn see(clean: &[Clean], request: &LookRequest) -> Seen {
    let wanted = clean.iter().find(|clean| clean.evidence.drive == request.drive);
    let read = match wanted {
        Some(clean) => read(clean.drive.as_ref(), request),
        None => Err(anyhow::anyhow!("{} is not one of the verified drives", request.drive)),
    };
    match read {
        Ok(bytes) => Seen::Content { bytes },
        Err(error) => Seen::Unreadable { sentence: format!("{error:#}") },
    }
}

/// Reads from the drive itself, which says once more who it is.
fn read(drive: &dyn Drive, request: &LookRequest) -> anyhow::Result<SectorBytes> {
    let LookRequest { drive: wanted, sector, count, .. } = request;
    if !(1..=MAX_LOOK_SECTORS).contains(count) {
        bail!("a look shows 1 to {MAX_LOOK_SECTORS} sectors, not {count}");
    }
    let sector_size = drive.sector_size().bytes();
    let n_sectors = drive.size().0 / u64::from(sector_size);
    let end = sector.checked_add(u64::from(*count)).filter(|end| *end <= n_sectors);
    if end.is_none() {
        bail!("{count} sectors from {sector}: {wanted} has {n_sectors}, counted from 0");
    }
    let here = drive.identity().with_context(|| format!("asking {wanted} who it is"))?;
    if here != *wanted {
        bail!("{here} answers in the place of {wanted}");
    }
    let reading = || format!("reading {count} sectors of {wanted} from sector {sector}");
    let mut buffer = AlignedBuf::zeroed(usize::try_from(u64::from(sector_size * count))?);
    let offset = sector * u64::from(sector_size);
    sanitize::read_sectors(drive, offset, &mut buffer).with_context(reading)?;
    Ok(SectorBytes::try_from(&buffer[..])?)
}

#[cfg(test)]
mod tests {
    use drive::sim::{Access, Fault, SimDrive};
    use protocol::{ByteLen, DriveIdentity, Nonce, SectorSize};

    use super::*;

    const N_SECTORS: u64 = 64;

    fn identity(serial: &str) -> DriveIdentity {
        let (model, serial) = ("TEST DISK".to_owned(), serial.to_owned());
        DriveIdentity { model, serial, wwn: None, size: ByteLen(N_SECTORS * 4096) }
    }

    #[test]
    fn what_is_asked_for_is_read_and_nothing_beyond_it() {
        let drive = SimDrive::new(identity("1"), SectorSize::try_from(4096).unwrap());
        drive.plant(9 * 4096 + 7, b"old");
        drive.add_fault(Fault { sectors: 20..21, access: Access::Read, times: None });
        for (serial, sector, count, expected) in [
            ("1", 0, 1, Ok((4096, None))),
            ("1", 9, 1, Ok((4096, Some(7)))),
            ("1", 8, 8, Ok((8 * 4096, Some(4096 + 7)))),
            ("1", N_SECTORS - 1, 1, Ok((4096, None))),
            ("1", N_SECTORS - 1, 2, Err("has 64, counted from 0")),
            ("1", N_SECTORS, 1, Err("has 64, counted from 0")),
            ("1", u64::MAX, 1, Err("has 64, counted from 0")),
            ("1", 0, 0, Err("1 to 8 sectors")),
            ("1", 0, 9, Err("1 to 8 sectors")),
            ("2", 0, 1, Err("in the place of")),
            ("1", 20, 1, Err("reading 1 sectors")),
        ] {
            let look = Nonce::from_bytes([1; 32]);
            let request = LookRequest { look, drive: identity(serial), sector, count };
            let seen = read(&drive, &request).map_err(|error| format!("{error:#}"));
            match (seen, expected) {
                (Ok(bytes), Ok((len, first))) => {
                    assert_eq!(bytes.as_bytes().len(), len);
                    assert_eq!(bytes.as_bytes().iter().position(|byte| *byte != 0), first);
                }
                (Err(error), Err(words)) => assert!(error.contains(words), "{error}"),
                (seen, _) => panic!("{serial} {sector} {count}: {seen:?}"),
            }
        }
    }
}

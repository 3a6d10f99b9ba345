//! From an open drive to evidence, by the code that does it on a laptop.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;
use drive::Drive;
use protocol::api::VerifiedBefore;
use protocol::event::DriveEvidence;
use protocol::policy::{Proof, Verification};
use protocol::{
    ByteLen, Claim, DrivePassword, Media, PlannedDrive, Sha256Digest, Technique, TicketId,
};
use sanitize::{ConsentedDrive, Doing, Failed, Patience, Secrets, Target, Watch};

/// Canaries that are placed.
pub const CANARIES: u32 = 1000;
/// What a drive that takes a password for its erase gets.
const PASSWORD: &str = "RigRigRigRigRigRigRigRigRigRig26";
/// Simulated drives have no minutes to spend, but a kernel that lost one takes seconds to find it again.
const PATIENCE: Patience = Patience {
    poll: Duration::from_millis(500),
    stall: Duration::from_secs(30),
    give_up: Duration::from_secs(60),
};

/// Sanitizes a drive of flash by this technique and verifies all of it.
///
/// # Errors
/// When the drive cannot be planned for. How it fails after that is the inner result.
pub fn sanitize_and_verify(
    drive: Box<dyn Drive>,
    technique: Technique,
) -> anyhow::Result<Result<DriveEvidence, Box<Failed>>> {
    let consent = consent(&*drive, technique)?;
    let mut secrets = Secrets::new([9; 32]);
    if consent.takes_password() {
        secrets = secrets.with_password(DrivePassword::try_from(PASSWORD.to_owned())?);
    }
    let (stop, progress) = (AtomicBool::new(false), |_: Doing, _: ByteLen, _: ByteLen| {});
    let watch = Watch::new(&progress, &stop).with_patience(PATIENCE);
    let verified = Target::claim(drive, consent)
        .and_then(|target| target.sanitize(secrets, watch))
        .and_then(|sanitized| sanitized.verify(watch));
    Ok(verified.map(|verified| verified.into_parts().1))
}

/// Looks again, after a restart, at a drive of which there is evidence.
///
/// # Errors
/// When the drive cannot be planned for. How it fails after that is the inner result.
pub fn confirm(
    drive: Box<dyn Drive>,
    evidence: DriveEvidence,
) -> anyhow::Result<Result<DriveEvidence, Box<Failed>>> {
    let technique = evidence.techniques.first().context("evidence without a technique")?.technique;
    let consent = consent(&*drive, technique)?;
    let record = Sha256Digest::from_bytes([7; 32]);
    let (stop, progress) = (AtomicBool::new(false), |_: Doing, _: ByteLen, _: ByteLen| {});
    let watch = Watch::new(&progress, &stop).with_patience(PATIENCE);
    let confirmed = Target::claim(drive, consent).and_then(|target| {
        target.confirm(
            VerifiedBefore { evidence, record, seen_again: false, was_off: true },
            &[],
            &[8; 32],
            watch,
        )
    });
    Ok(confirmed.map(|verified| verified.into_parts().1))
}

fn consent(drive: &dyn Drive, technique: Technique) -> anyhow::Result<ConsentedDrive> {
    let identity = drive.identity().context("identifying it to plan for it")?;
    let serial = identity.serial.clone();
    let planned = PlannedDrive {
        identity,
        sector_size: drive.sector_size(),
        more_namespaces: 0,
        media: Media::Flash,
        unlock: false,
        techniques: vec![technique],
        proof: Proof { canaries: CANARIES, verification: Verification::Full, power_cycle: false },
        claim: Claim::Purge,
        reasons: Vec::new(),
        receives_image: false,
        leaves_notice: false,
        proven_by: None,
    };
    // Nobody is there to type it, and nothing that is anybody's is at stake.
    Ok(ConsentedDrive::by_hand(&planned, &serial, TicketId::from_bytes([6; 16]))?)
}

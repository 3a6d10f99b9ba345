//! A plan, a ticket and a dirty drive.

use std::sync::atomic::AtomicBool;

use drive::sim::SimDrive;
use protocol::plan::ClaimReason;
use protocol::{
    AgentKey, BatchId, ByteLen, Claim, DriveIdentity, MachineId, Nonce, Plan, PlannedDrive,
    SectorSize, Sha256Digest, Stage, Technique, Ticket, TicketId, UnixMillis,
};
use sanitize::{
    Consent, ConsentContext, ConsentedDrive, Failed, Target, UsedTickets, Verified, Watch,
};

/// Sectors of 4 KiB keep the simulated drives quick: three whole requests and a part of one.
pub(crate) const SIZE: u64 = 13 << 20;

pub(crate) fn sector_size(bytes: u32) -> SectorSize {
    SectorSize::try_from(bytes).unwrap()
}

pub(crate) fn identity(serial: &str, size: u64) -> DriveIdentity {
    let (model, serial) = ("SIMULATED DISK".to_owned(), serial.to_owned());
    DriveIdentity { model, serial, wwn: Some("5000c500a1b2c3d4".into()), size: ByteLen(size) }
}

pub(crate) fn dirty_drive(serial: &str, size: u64) -> SimDrive {
    let drive = SimDrive::new(identity(serial, size), sector_size(4096));
    drive.fill_with_old_data();
    drive
}

pub(crate) fn planned(identity: DriveIdentity) -> PlannedDrive {
    PlannedDrive {
        identity,
        sector_size: sector_size(4096),
        technique: Technique::OverwriteZeros,
        claim: Claim::Clear,
        reasons: vec![ClaimReason::RemappedSectors],
        receives_image: true,
    }
}

pub(crate) fn plan(drives: &[DriveIdentity]) -> Plan {
    Plan {
        machine: MachineId::from_bytes([1; 16]),
        batch: BatchId::from_bytes([2; 16]),
        drives: drives.iter().cloned().map(planned).collect(),
        image: None,
        left_alone: Vec::new(),
    }
}

pub(crate) fn digest() -> Sha256Digest {
    Sha256Digest::from_bytes([5; 32])
}

pub(crate) fn context() -> ConsentContext {
    ConsentContext {
        machine: MachineId::from_bytes([1; 16]),
        agent: AgentKey::from_bytes([3; 32]),
        nonce: Nonce::from_bytes([4; 32]),
        now: UnixMillis(1_500),
    }
}

pub(crate) fn ticket() -> Ticket {
    Ticket {
        ticket: TicketId::from_bytes([6; 16]),
        machine: MachineId::from_bytes([1; 16]),
        agent: AgentKey::from_bytes([3; 32]),
        plan: digest(),
        nonce: Nonce::from_bytes([4; 32]),
        issued_at: UnixMillis(1_000),
        expires_at: UnixMillis(2_000),
    }
}

pub(crate) fn consent(drives: &[DriveIdentity]) -> Consent {
    let mut used = UsedTickets::default();
    Consent::from_ticket(&ticket(), &plan(drives), &digest(), &context(), &mut used).unwrap()
}

pub(crate) fn consented(identity: &DriveIdentity) -> ConsentedDrive {
    consent(std::slice::from_ref(identity)).into_drives().remove(0)
}

pub(crate) fn silent(_: Stage, _: ByteLen, _: ByteLen) {}

/// The whole way, for the drive that the consent is for.
pub(crate) fn sanitize(
    drive: &SimDrive,
    identity: &DriveIdentity,
) -> Result<Verified, Box<Failed>> {
    let stop = AtomicBool::new(false);
    let watch = Watch::new(&silent, &stop);
    let target = Target::claim(Box::new(drive.clone()), consented(identity))?;
    target.overwrite(watch)?.verify(watch)
}

/// Whether any byte of the medium is not zero.
pub(crate) fn is_dirty(drive: &SimDrive, size: u64) -> bool {
    let medium = drive.peek(0, usize::try_from(size).unwrap());
    medium.iter().any(|&byte| byte != 0)
}

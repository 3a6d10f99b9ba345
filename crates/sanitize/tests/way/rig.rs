//! A plan, a ticket and a dirty drive.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use drive::sim::{AtaDevice, Kind, Leaves, NvmeDevice, SimDrive};
use protocol::event::{DriveEvidence, PassObservation, TechniqueObservation};
use protocol::plan::ClaimReason;
use protocol::policy::{Proof, Verification};
use protocol::{
    AgentKey, BatchId, ByteLen, Claim, DriveIdentity, DrivePassword, EraseFeatures, MachineId,
    Media, Nonce, Plan, PlannedDrive, SectorSize, Sha256Digest, Technique, Ticket, TicketId,
    UnixMillis,
};
use sanitize::{
    Consent, ConsentContext, ConsentedDrive, Doing, Failed, Patience, Secrets, Target, UsedTickets,
    Verified, Watch,
};

/// Sectors of 4 KiB keep the simulated drives quick: three whole requests and a part of one.
pub(crate) const SIZE: u64 = 13 << 20;

pub(crate) const PROOF: Proof =
    Proof { canaries: 1000, verification: Verification::Full, power_cycle: false };

pub(crate) fn secrets() -> Secrets {
    Secrets::new([9; 32])
}

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
        more_namespaces: 0,
        media: Media::Magnetic,
        unlock: false,
        techniques: vec![Technique::OverwriteZeros],
        proof: PROOF,
        claim: Claim::Clear,
        reasons: vec![ClaimReason::RemappedSectors],
        receives_image: true,
        leaves_notice: false,
        proven_by: None,
    }
}

pub(crate) fn plan(drives: &[DriveIdentity]) -> Plan {
    Plan {
        machine: MachineId::from_bytes([1; 16]),
        batch: BatchId::from_bytes([2; 16]),
        policy: "overwrite-only".to_owned(),
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

/// The overwriting pass of a drive that was only overwritten.
pub(crate) fn overwrite(evidence: &DriveEvidence) -> &PassObservation {
    let [TechniqueObservation { pass: Some(pass), .. }] = &evidence.techniques[..] else {
        panic!("{evidence:?}")
    };
    pass
}

pub(crate) fn silent(_: Doing, _: ByteLen, _: ByteLen) {}

/// The whole way, for the drive that the consent is for.
pub(crate) fn sanitize(
    drive: &SimDrive,
    identity: &DriveIdentity,
) -> Result<Verified, Box<Failed>> {
    let stop = AtomicBool::new(false);
    let watch = Watch::new(&silent, &stop);
    let target = Target::claim(Box::new(drive.clone()), consented(identity))?;
    target.sanitize(secrets(), watch)?.verify(watch)
}

/// Whether any byte of the medium is not zero.
pub(crate) fn is_dirty(drive: &SimDrive, size: u64) -> bool {
    let medium = drive.peek(0, usize::try_from(size).unwrap());
    medium.iter().any(|&byte| byte != 0)
}

/// A drive that erases itself, as it comes to us.
pub(crate) struct Eraser {
    pub(crate) drive: SimDrive,
    pub(crate) planned: PlannedDrive,
}

pub(crate) const PASSWORD: &str = "abcdefghijkmnpqrstuvwxyz23456789";

/// Sectors of 512 bytes, of which there are enough for 10,000 canaries and old content between them.
pub(crate) const ERASER_SIZE: u64 = 13 << 20;

impl Eraser {
    /// Full of old data, and planned for that technique as flash.
    pub(crate) fn new(kind: Kind, techniques: &[Technique]) -> Self {
        Self::sized(kind, techniques, ERASER_SIZE, 10_000)
    }

    pub(crate) fn sized(kind: Kind, techniques: &[Technique], size: u64, canaries: u32) -> Self {
        let identity = identity("ERASER", size);
        let drive = SimDrive::with(identity.clone(), sector_size(512), kind);
        drive.fill_with_old_data();
        let planned = PlannedDrive {
            sector_size: sector_size(512),
            more_namespaces: 0,
            media: Media::Flash,
            techniques: techniques.to_vec(),
            proof: Proof { canaries, ..PROOF },
            ..planned(identity)
        };
        Self { drive, planned }
    }

    /// The whole way, as it would be planned now, with a patience of milliseconds.
    pub(crate) fn sanitize(&self) -> Result<Verified, Box<Failed>> {
        self.sanitize_watched(&silent)
    }

    pub(crate) fn sanitize_watched(
        &self,
        progress: &dyn sanitize::Progress,
    ) -> Result<Verified, Box<Failed>> {
        self.sanitize_until(progress, &AtomicBool::new(false))
    }

    /// Likewise, until `stop` is true.
    pub(crate) fn sanitize_until(
        &self,
        progress: &dyn sanitize::Progress,
        stop: &AtomicBool,
    ) -> Result<Verified, Box<Failed>> {
        let watch = Watch::new(progress, stop).with_patience(PATIENCE);
        let mut planned = self.planned.clone();
        planned.unlock = has_password(&self.drive);
        let run = TicketId::from_bytes([7; 16]);
        let consent = ConsentedDrive::by_hand(&planned, "ERASER", run).unwrap();
        let secrets = secrets().with_password(password());
        Target::claim(Box::new(self.drive.clone()), consent)?
            .sanitize(secrets, watch)?
            .verify(watch)
    }
}

pub(crate) const PATIENCE: Patience = Patience {
    poll: Duration::from_micros(1),
    stall: Duration::from_millis(20),
    give_up: Duration::from_millis(80),
};

pub(crate) fn password() -> DrivePassword {
    DrivePassword::try_from(PASSWORD.to_owned()).unwrap()
}

fn has_password(drive: &SimDrive) -> bool {
    match drive.identified().features {
        EraseFeatures::Ata(features) => features.security.enabled,
        EraseFeatures::Nvme(_) | EraseFeatures::None {} => false,
    }
}

/// Every technique by which a drive erases itself, with a drive that knows it.
pub(crate) fn erasers() -> Vec<Eraser> {
    by_drive().map(|technique| Eraser::new(knowing(technique), &[technique])).collect()
}

/// The same with drives of few sectors, for those who run through every command.
pub(crate) fn small_eraser(index: usize) -> Option<Eraser> {
    let technique = by_drive().nth(index)?;
    Some(Eraser::sized(knowing(technique), &[technique], 1 << 20, 200))
}

fn by_drive() -> impl Iterator<Item = Technique> {
    Technique::ALL.into_iter().filter(|technique| technique.is_by_drive())
}

fn knowing(technique: Technique) -> Kind {
    let (ata, nvme) = devices();
    if technique.name().starts_with("ata") { Kind::Ata(ata) } else { Kind::Nvme(nvme) }
}

/// An SSD of either kind that knows every command.
pub(crate) fn devices() -> (AtaDevice, NvmeDevice) {
    let ata = AtaDevice {
        rotation: 1,
        crypto_scramble: true,
        block_erase: true,
        overwrite: true,
        security: true,
        enhanced: true,
        word_89: 1,
        word_90: 1,
        after_erase: Leaves::Pattern([0x33, 0xcc, 0x55, 0xaa]),
        ..AtaDevice::default()
    };
    let nvme = NvmeDevice {
        format: true,
        format_crypto: true,
        crypto: true,
        block: true,
        overwrite: true,
        after_erase: Leaves::Random(5),
        ..NvmeDevice::default()
    };
    (ata, nvme)
}

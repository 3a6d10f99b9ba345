//! Writes fuzz/seeds anew: what the simulated drives say, the policies that we ship, and evidence of each kind.
//! Run it in the repository's root: `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.

use std::error::Error;
use std::path::Path;

use drive::ata::{self, AtaCommand};
use drive::nvme;
use drive::sim::{AtaDevice, Kind, NvmeDevice, SimDrive};
use protocol::drive::DriveIdentity;
use protocol::event::{
    CanaryEvidence, CommandObservation, DeviceReport, DriveEvidence, OldContentEvidence,
    PassObservation, TechniqueObservation, Zone,
};
use protocol::plan::{Claim, Technique};
use protocol::policy::Verification;
use protocol::{ByteLen, SectorSize, Sha256Digest, UnixMillis};

type Failure = Box<dyn Error>;

const SIZE: ByteLen = ByteLen(128 << 30);

fn main() -> Result<(), Failure> {
    ata("disk", AtaDevice::default(), None)?;
    ata("ssd", solid_state(), Some(AtaCommand::BlockErase))?;
    let frozen = AtaDevice { frozen: true, ..solid_state() };
    ata("frozen", frozen, Some(AtaCommand::SanitizeFreezeLock))?;
    nvme()?;
    sense()?;
    for policy in plan::policy::builtin() {
        seed("policy", &policy.name, &serde_json::to_vec(&policy)?)?;
    }
    for name in ["register_utf8.csv", "register_cp1250.csv", "register.xlsx"] {
        // The files that a register's tests read, under the byte for "nothing is said about it".
        let file = std::fs::read(Path::new("crates/register/tests/libreoffice").join(name))?;
        seed("register_file", name, &[&[0], file.as_slice()].concat())?;
    }
    seed("drive_evidence", "overwritten", &serde_json::to_vec(&overwritten())?)?;
    seed("drive_evidence", "erased", &serde_json::to_vec(&erased())?)
}

fn seed(target: &str, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let directory = Path::new("fuzz/seeds").join(target);
    std::fs::create_dir_all(&directory)?;
    Ok(std::fs::write(directory.join(name), bytes)?)
}

fn identity() -> DriveIdentity {
    let (model, serial) = (rehome_fuzz::MODEL.to_owned(), rehome_fuzz::SERIAL.to_owned());
    DriveIdentity { model, serial, wwn: Some("5000c500a1b2c3d4".to_owned()), size: SIZE }
}

fn solid_state() -> AtaDevice {
    AtaDevice {
        rotation: 1,
        encrypts_all: true,
        crypto_scramble: true,
        block_erase: true,
        overwrite: true,
        security: true,
        enhanced: true,
        word_89: 1,
        word_90: 0x8002,
        ..AtaDevice::default()
    }
}

/// What it says of itself, and of sanitizing after that command.
fn ata(name: &str, device: AtaDevice, command: Option<AtaCommand<'_>>) -> Result<(), Failure> {
    let drive = SimDrive::with(identity(), SectorSize::try_from(512)?, Kind::Ata(device));
    let data = ata::identify_device(&drive)?;
    seed("ata_identify", name, &[&[0], &data[..]].concat())?;
    let Some(command) = command else { return Ok(()) };
    command.send(&drive, ata::SHORT)?;
    let answer = AtaCommand::SanitizeStatus.send(&drive, ata::SHORT)?;
    let answer = answer.ok_or("SANITIZE STATUS EXT without registers")?;
    let [head, tail] = [&[0x80, answer.error, answer.status][..], &answer.lba.to_be_bytes()];
    seed("ata_sanitize_status", name, &[head, &answer.count.to_be_bytes(), tail].concat())
}

/// No more of each structure than fields are read from.
fn nvme() -> Result<(), Failure> {
    let device = NvmeDevice {
        format: true,
        format_crypto: true,
        crypto: true,
        block: true,
        overwrite: true,
        estimate: 60,
        ..NvmeDevice::default()
    };
    let drive = SimDrive::with(identity(), SectorSize::try_from(4096)?, Kind::Nvme(device));
    let log = nvme::sanitize_log(&drive)?;
    let first = drive::Drive::namespaces(&drive).first().copied();
    let (controller, namespace) = (nvme::identify(&drive, None)?, nvme::identify(&drive, first)?);
    seed("nvme_controller", "ssd", &[&[0], &log[..32], &controller[..528]].concat())?;
    seed("nvme_namespace", "ssd", &namespace[..384])?;
    seed("nvme_sanitize_log", "ssd", &log[..32])
}

/// A refused SANITIZE STATUS EXT ("the operation failed") in both formats.
fn sense() -> Result<(), Failure> {
    let descriptor = [
        0x72, 0x0b, 0, 0, 0, 0, 0, 0x0e, 0x09, 0x0c, 0x01, 0x04, 0, 0, 0, 1, 0, 0, 0, 0, 0x40, 0x51,
    ];
    let fixed = [0x70, 0, 0x0b, 0x04, 0x51, 0x40, 0, 10, 0, 1, 0, 0, 0, 0x1d, 0, 0, 0, 0];
    for (name, bytes) in [("descriptor", &descriptor[..]), ("fixed", &fixed)] {
        seed("sense", name, bytes)?;
        seed("ata_sanitize_status", name, &[&[0x02], bytes].concat())?;
    }
    Ok(())
}

fn overwritten() -> DriveEvidence {
    DriveEvidence {
        drive: identity(),
        techniques: vec![TechniqueObservation {
            technique: Technique::OverwriteZeros,
            duration_ms: 600_000,
            pass: Some(pass()),
            commands: Vec::new(),
        }],
        claim: Claim::Clear,
        canaries: None,
        old_content: None,
        method: Verification::Full,
        verification: pass(),
        zeros: SIZE,
        before: vec![report()],
        after: vec![report()],
        verified_at: UnixMillis(1_790_000_000_000),
    }
}

fn erased() -> DriveEvidence {
    let command = CommandObservation {
        name: "BLOCK ERASE EXT".to_owned(),
        request: "command b4h feature 0012h count 0000h lba 0000426b4572h".to_owned(),
        answer: "status 50h error 00h count 8000h lba 000000000000h".to_owned(),
        duration_ms: 12,
    };
    DriveEvidence {
        techniques: vec![TechniqueObservation {
            technique: Technique::AtaSanitizeBlockErase,
            duration_ms: 30_000,
            pass: None,
            commands: vec![command],
        }],
        claim: Claim::Purge,
        canaries: Some(CanaryEvidence {
            placed: 10_000,
            map: Sha256Digest::from_bytes([7; 32]),
            found: 0,
            miss_probability_e9: 45_174,
        }),
        old_content: Some(OldContentEvidence {
            sampled: 1_000,
            changed: 900,
            same_uniform: 100,
            same: 0,
        }),
        ..overwritten()
    }
}

fn pass() -> PassObservation {
    let zones = vec![Zone { rate: ByteLen(200_000_000), worst_request_ms: 30 }; 2];
    PassObservation { bytes: SIZE, duration_ms: 600_000, retries: 0, worst_request_ms: 30, zones }
}

fn report() -> DeviceReport {
    DeviceReport { name: "IDENTIFY DEVICE".to_owned(), data: "QAD/Pw==".to_owned() }
}

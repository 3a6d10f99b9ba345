//! What each of our policies makes of each kind of drive: `matrix.md`, which SPECIFICATION.md quotes, line by line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod laptop;

use std::collections::BTreeSet;
use std::fmt::Write;

use laptop::{MACHINE, ata, drive, laptop};
use protocol::BatchId;
use protocol::drive::{Bus, DriveUnit};
use protocol::features::{
    AtaFeatures, EraseFeatures, EraseTime, NvmeFeatures, NvmeSanitize, Rotation, SanitizeState,
};
use protocol::job::{Job, JobKind};
use protocol::plan::{Plan, Refusal};
use protocol::policy::Policy;
use rehome_plan::policy;

/// "+": one after the other. In brackets: why the claim is not a higher one.
const MATRIX: &str = include_str!("matrix.md");

const DISK: Rotation = Rotation::Rpm(5400);
const SSD: Rotation = Rotation::NonRotating;

/// The drives of the table in its order, and whether the journal says that a password of ours was given out.
fn drives() -> Vec<(&'static str, DriveUnit, bool)> {
    let unlocked = [disks(), solid_state(), nvme_drives()].concat();
    unlocked.into_iter().map(|(name, drive)| (name, drive, false)).chain(locked()).collect()
}

fn disks() -> Vec<(&'static str, DriveUnit)> {
    let frozen_sanitize = |d: &mut AtaFeatures| {
        (d.sanitize.overwrite, d.sanitize.state) = (true, SanitizeState::Frozen);
    };
    vec![
        ("HDD, no erase command", ata(DISK, |_| ())),
        ("HDD, SANITIZE overwrite", ata(DISK, |d| d.sanitize.overwrite = true)),
        ("HDD, enhanced SECURITY ERASE", ata(DISK, enhanced)),
        ("HDD, normal SECURITY ERASE only", ata(DISK, |d| d.security.supported = true)),
        ("HDD, crypto scramble, always encrypts", ata(DISK, |d| scramble(d, true))),
        ("HDD, crypto scramble, encryption unknown", ata(DISK, |d| scramble(d, false))),
        ("HDD, enhanced SECURITY ERASE frozen", ata(DISK, |d| frozen(d, true))),
        ("HDD, normal SECURITY ERASE frozen", ata(DISK, |d| frozen(d, false))),
        ("HDD, SANITIZE frozen", ata(DISK, frozen_sanitize)),
        (
            "HDD, SANITIZE failed before",
            ata(DISK, |d| {
                (d.sanitize.overwrite, d.sanitize.state) = (true, SanitizeState::Failed);
            }),
        ),
        ("ATA, kernel says rotating, drive does not say, no erase command", untold(true, |_| ())),
        ("ATA, kernel says rotating, drive does not say, SECURITY ERASE", untold(true, enhanced)),
        (
            "ATA, kernel says rotating, drive does not say, SANITIZE overwrite",
            untold(true, |d| d.sanitize.overwrite = true),
        ),
        ("ATA, kernel says flash, drive does not say, SECURITY ERASE", untold(false, enhanced)),
        (
            "ATA, drive does not say, crypto scramble, always encrypts",
            untold(true, |d| scramble(d, true)),
        ),
        ("USB-bridged HDD", DriveUnit { bus: Bus::Usb, ..ata(DISK, enhanced) }),
    ]
}

fn solid_state() -> Vec<(&'static str, DriveUnit)> {
    let block_erase = |state| {
        ata(SSD, |d| {
            enhanced(d);
            (d.sanitize.block_erase, d.sanitize.state) = (true, state);
        })
    };
    vec![
        ("SATA SSD, no erase command", ata(SSD, |_| ())),
        ("SATA SSD, SANITIZE block erase", block_erase(SanitizeState::Idle)),
        ("SATA SSD, crypto scramble, always encrypts", ata(SSD, |d| scramble(d, true))),
        ("SATA SSD, crypto scramble, encryption unknown", ata(SSD, |d| scramble(d, false))),
        ("SATA SSD, SECURITY ERASE only", ata(SSD, enhanced)),
        ("SATA SSD, SECURITY ERASE only, frozen", ata(SSD, |d| frozen(d, true))),
        (
            "SATA SSD, SANITIZE block erase, SECURITY frozen",
            ata(SSD, |d| {
                frozen(d, true);
                d.sanitize.block_erase = true;
            }),
        ),
        ("SATA SSD, SANITIZE frozen", block_erase(SanitizeState::Frozen)),
        ("SATA SSD, SANITIZE running", block_erase(SanitizeState::Running(655))),
        ("SATA SSD, SANITIZE failed before", block_erase(SanitizeState::Failed)),
        ("SATA SSD, SANITIZE status unreadable", block_erase(SanitizeState::Unknown)),
    ]
}

fn nvme_drives() -> Vec<(&'static str, DriveUnit)> {
    use SanitizeState::{Failed, Idle, Running, Unknown};
    let block = |state| nvme(|d| (d.sanitize.block, d.sanitize.state) = (true, state));
    vec![
        ("NVMe, neither Sanitize nor Format", nvme(|d| d.sanitize.state = Unknown)),
        ("NVMe, Sanitize block erase", block(Idle)),
        ("NVMe, Sanitize overwrite", nvme(|d| d.sanitize.overwrite = true)),
        ("NVMe, Sanitize crypto erase only", nvme(|d| d.sanitize.crypto = true)),
        (
            "NVMe, Sanitize crypto erase, and Format",
            nvme(|d| (d.sanitize.crypto, d.format) = (true, true)),
        ),
        ("NVMe, Format only", nvme(|d| (d.format, d.sanitize.state) = (true, Unknown))),
        ("NVMe, Sanitize running", block(Running(655))),
        ("NVMe, Sanitize failed before", block(Failed)),
        (
            "NVMe, Format, Sanitize failed before",
            nvme(|d| (d.format, d.sanitize.state) = (true, Failed)),
        ),
        ("NVMe that would not say", drive("A", 128)),
    ]
}

fn locked() -> Vec<(&'static str, DriveUnit, bool)> {
    let disk = |change: fn(&mut AtaFeatures)| {
        ata(DISK, |d| {
            enhanced(d);
            (d.security.enabled, d.security.locked) = (true, true);
            change(d);
        })
    };
    let ssd = ata(SSD, |d| {
        d.sanitize.block_erase = true;
        (d.security.enabled, d.security.locked) = (true, true);
    });
    vec![
        ("HDD, locked by us", disk(|_| ()), true),
        ("HDD, password of ours, not locked", disk(|d| d.security.locked = false), true),
        ("HDD, locked by us, frozen", disk(|d| d.security.frozen = true), true),
        ("HDD, locked by us, count expired", disk(|d| d.security.count_expired = true), true),
        ("SATA SSD, SANITIZE block erase, locked by us", ssd.clone(), true),
        ("HDD, locked by a stranger", disk(|_| ()), false),
        ("HDD, password of a stranger, not locked", disk(|d| d.security.locked = false), false),
        ("SATA SSD, SANITIZE block erase, locked by a stranger", ssd, false),
    ]
}

/// An early solid state drive, or a disk, that leaves word 217 out.
fn untold(rotational: bool, change: impl FnOnce(&mut AtaFeatures)) -> DriveUnit {
    DriveUnit { rotational, ..ata(Rotation::NotReported, change) }
}

fn enhanced(drive: &mut AtaFeatures) {
    (drive.security.supported, drive.security.enhanced) = (true, true);
}

fn frozen(drive: &mut AtaFeatures, is_enhanced: bool) {
    (drive.security.supported, drive.security.enhanced) = (true, is_enhanced);
    drive.security.frozen = true;
}

fn scramble(drive: &mut AtaFeatures, encrypts_all: bool) {
    (drive.sanitize.crypto_scramble, drive.encrypts_all) = (true, encrypts_all);
}

fn nvme(change: impl FnOnce(&mut NvmeFeatures)) -> DriveUnit {
    let mut features = NvmeFeatures {
        format: false,
        format_erases_all: false,
        format_crypto: false,
        sanitize: NvmeSanitize {
            crypto: false,
            block: false,
            overwrite: false,
            state: SanitizeState::Idle,
            block_time: EraseTime::NotReported,
            crypto_time: EraseTime::NotReported,
            overwrite_time: EraseTime::NotReported,
        },
    };
    change(&mut features);
    DriveUnit { features: EraseFeatures::Nvme(features), ..drive("A", 128) }
}

fn planned(drive: &DriveUnit, ours: bool, policy: Policy) -> Result<Plan, Vec<Refusal>> {
    let job = Job { batch: BatchId::from_bytes([3; 16]), kind: JobKind::Wipe {}, policy };
    let our_locks: BTreeSet<_> = drive.identity.iter().filter(|_| ours).cloned().collect();
    // Beside a plain disk, which every policy takes: a machine of nothing but USB drives would have no plan.
    let mut plain = ata(DISK, |_| ());
    plain.identity.as_mut().unwrap().serial = "Z".to_owned();
    rehome_plan::plan(MACHINE, &laptop(vec![drive.clone(), plain]), &job, &our_locks)
}

/// As in policies and records: the kebab-case of the wire.
fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

fn cell(drive: &DriveUnit, ours: bool, policy: Policy) -> String {
    let plan = match planned(drive, ours, policy) {
        Ok(plan) => plan,
        Err(refusals) => {
            let codes: Vec<_> = refusals.iter().map(|refusal| word(refusal.code)).collect();
            return format!("refused: {}", codes.join(", "));
        }
    };
    if let Some(left_alone) = plan.left_alone.first() {
        return format!("left alone: {}", word(left_alone.code));
    }
    let planned = &plan.drives[0];
    assert_eq!(Ok(&planned.identity), drive.identity.as_ref());
    let mut text = String::from(if planned.unlock { "unlock + " } else { "" });
    let techniques: Vec<_> = planned.techniques.iter().map(word).collect();
    write!(text, "{}: **{}**", techniques.join(" + "), word(planned.claim)).unwrap();
    if !planned.reasons.is_empty() {
        let reasons: Vec<_> = planned.reasons.iter().map(word).collect();
        write!(text, " ({})", reasons.join(", ")).unwrap();
    }
    text
}

#[test]
fn every_kind_of_drive_under_every_policy() {
    let names = policy::builtin().map(|policy| policy.name);
    let mut table =
        vec![format!("| drive | {} |", names.join(" | ")), "|---|---|---|---|".to_owned()];
    for (name, drive, ours) in drives() {
        let cells = policy::builtin().map(|policy| cell(&drive, ours, policy));
        table.push(format!("| {name} | {} |", cells.join(" | ")));
    }
    for (found, expected) in table.iter().zip(MATRIX.lines()) {
        assert_eq!(found, expected, "the table is now:\n{}", table.join("\n"));
    }
    assert_eq!(table.len(), MATRIX.lines().count(), "the table is now:\n{}", table.join("\n"));
}

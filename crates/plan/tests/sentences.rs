//! Refusals of drives, word for word: a technician acts on them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod laptop;

use std::collections::BTreeSet;

use laptop::{MACHINE, ata, drive, laptop};
use protocol::drive::DriveUnit;
use protocol::features::{AtaFeatures, Rotation, SanitizeState};
use protocol::job::{Job, JobKind};
use protocol::plan::{Claim, RefusalCode, Technique};
use protocol::{BatchId, Policy};
use rehome_plan::policy;

const DISK: Rotation = Rotation::Rpm(5400);
const SSD: Rotation = Rotation::NonRotating;

fn check(drive: &DriveUnit, ours: bool, policy: Policy, code: RefusalCode, sentence: &str) {
    let our_locks: BTreeSet<_> = drive.identity.iter().filter(|_| ours).cloned().collect();
    let job = Job { batch: BatchId::from_bytes([3; 16]), kind: JobKind::Wipe {}, policy };
    let inventory = laptop(vec![drive.clone()]);
    let refusals = rehome_plan::plan(MACHINE, &inventory, &job, &our_locks).unwrap_err();
    let found: Vec<_> = refusals.iter().map(|r| (r.code, r.sentence.as_str())).collect();
    assert_eq!(found, [(code, sentence)]);
}

#[test]
fn what_a_policy_demands_in_vain() {
    let unreachable = |drive: &DriveUnit, policy, sentence| {
        check(drive, false, policy, RefusalCode::PolicyUnreachable, sentence);
    };
    unreachable(
        &ata(SSD, |d| {
            (d.sanitize.block_erase, d.sanitize.state) = (true, SanitizeState::Frozen);
        }),
        policy::default(),
        "policy default demands Purge for flash, which this drive cannot reach: SANITIZE block \
         erase: frozen until the drive loses power; SANITIZE crypto scramble: the drive does not \
         offer it; unplug the drive while the machine runs, plug it in again, and pick the machine \
         again (only a 2.5-inch SATA drive, never an M.2 card; after switching off and on the \
         firmware would freeze it again), or choose a policy that is content with Clear, or take \
         the drive out to be destroyed",
    );
    unreachable(
        &ata(SSD, |d| d.sanitize.crypto_scramble = true),
        policy::default(),
        "policy default demands Purge for flash, which this drive cannot reach: SANITIZE block \
         erase: the drive does not offer it; SANITIZE crypto scramble: not enough, because the \
         drive does not say that it has always encrypted everything; choose a policy that is \
         content with Clear, or take the drive out to be destroyed",
    );
    unreachable(
        &drive("A", 128),
        policy::default(),
        "policy default demands Purge for flash, which this drive cannot reach: NVMe Sanitize \
         block erase, NVMe Format with user data erase, NVMe Sanitize overwrite: the drive does \
         not offer it; choose a policy that is content with Clear, or take the drive out to be \
         destroyed",
    );
    unreachable(
        &ata(DISK, |d| (d.sanitize.overwrite, d.sanitize.state) = (true, SanitizeState::Failed)),
        policy::overwrite_only(),
        "policy overwrite-only demands Clear for magnetic disks, which this drive cannot reach: \
         overwriting with zeros: refused by the drive, because an earlier sanitize failed and it \
         takes nothing but another one; choose a policy that allows a sanitize command which the \
         drive offers, or take the drive out to be destroyed",
    );
    unreachable(
        &DriveUnit {
            rotational: false,
            ..ata(Rotation::NotReported, |d| d.sanitize.block_erase = true)
        },
        policy::default(),
        "policy default demands Purge for flash, which this drive cannot reach: SANITIZE block \
         erase: not enough, because the drive does not say whether it is flash or a disk; SANITIZE \
         crypto scramble: the drive does not offer it; choose a policy that is content with Clear, \
         or take the drive out to be destroyed",
    );
    let mut strict = policy::default();
    strict.name = "strict".to_owned();
    strict.magnetic.techniques = vec![Technique::AtaSecurityEraseEnhanced];
    strict.magnetic.at_least = Claim::Purge;
    unreachable(
        &ata(DISK, |d| {
            (d.security.supported, d.security.enhanced) = (true, true);
            d.security.frozen = true;
        }),
        strict,
        "policy strict demands Purge for magnetic disks, which this drive cannot reach: enhanced \
         SECURITY ERASE: frozen by the machine's firmware until the drive loses power; put the \
         drive into a machine whose firmware does not freeze it, or choose a policy that is \
         content with Clear, or take the drive out to be destroyed",
    );
}

#[test]
fn passwords() {
    let locked = |change: fn(&mut AtaFeatures)| {
        ata(DISK, |d| {
            d.security.supported = true;
            (d.security.enabled, d.security.locked) = (true, true);
            change(d);
        })
    };
    for (drive, ours, code, sentence) in [
        (
            locked(|_| ()),
            false,
            RefusalCode::LockedByStranger,
            "it is locked with a password that is not known here as ours; if an earlier \
             coordinator of this site locked it, restore its secret and say so by `rehome recovery \
             adopt`; else take the password off with the former owner's, or take the drive out",
        ),
        (
            locked(|d| d.security.locked = false),
            false,
            RefusalCode::LockedByStranger,
            "it has a password that is not known here as ours, though it is unlocked now, and would \
             lock itself again; if an earlier coordinator of this site locked it, restore its \
             secret and say so by `rehome recovery adopt`; else take the password off in the \
             firmware setup with the former owner's, or take the drive out",
        ),
        (
            locked(|d| (d.security.frozen, d.security.count_expired) = (true, true)),
            true,
            RefusalCode::PasswordCountExpired,
            "it is locked with our password, but has seen too many wrong ones since power-on; \
             switch the machine off and on",
        ),
        (
            locked(|d| (d.security.frozen, d.security.locked) = (true, false)),
            true,
            RefusalCode::FrozenWhileLocked,
            "it holds our password from an erase that was cut short, and the machine's firmware \
             has frozen its security commands; switch the machine off and on, and where that does \
             not help, put the drive into another machine and boot that",
        ),
    ] {
        for policy in policy::builtin() {
            check(&drive, ours, policy, code, sentence);
        }
    }
}

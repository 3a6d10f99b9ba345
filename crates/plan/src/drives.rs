//! The fate of one drive.

use std::collections::BTreeSet;

use protocol::drive::{Bus, DriveIdentity, DriveUnit, Hold};
use protocol::plan::{PlannedDrive, Refusal, RefusalCode};
use protocol::policy::Policy;

use crate::Proven;
use crate::choice::choose;
use crate::lock::unlock;
use crate::media::media;

/// What becomes of a drive.
pub(crate) enum Fate {
    /// It will be sanitized.
    Planned(PlannedDrive),
    /// A rule protects it.
    LeftAlone(Refusal),
    /// It holds data and cannot be worked on.
    Refused(Refusal),
}

/// Protections first: what protects a drive must hold whatever else is wrong with it.
pub(crate) fn fate(
    drive: &DriveUnit,
    policy: &Policy,
    our_locks: &BTreeSet<DriveIdentity>,
) -> Fate {
    if let Some((code, sentence)) = protection(drive) {
        return Fate::LeftAlone(refusal(drive, code, sentence));
    }
    match worked_on(drive, policy, our_locks) {
        Ok(planned) => Fate::Planned(planned),
        Err((code, sentence)) => Fate::Refused(refusal(drive, code, &sentence)),
    }
}

/// The fate of a drive where work only installs. Whoever owned what may be on it is not asked, so nothing but proof will do.
pub(crate) fn fate_of_proven(drive: &DriveUnit, proven: &Proven) -> Fate {
    if let Some((code, sentence)) = protection(drive) {
        return Fate::LeftAlone(refusal(drive, code, sentence));
    }
    match as_proven(drive, proven) {
        Ok(planned) => Fate::Planned(planned),
        Err((code, sentence)) => Fate::Refused(refusal(drive, code, &sentence)),
    }
}

fn as_proven(drive: &DriveUnit, proven: &Proven) -> Result<PlannedDrive, (RefusalCode, String)> {
    if let Some(obstacle) = obstacle(drive) {
        return Err(obstacle);
    }
    let identity = named(drive)?;
    unlock(drive, false)?;
    let unproven = |why: &str| {
        let sentence = format!(
            "it is not proven sanitized: {why}; nothing is written to it; arm refurbish, which sanitizes first"
        );
        (RefusalCode::NotProven, sentence)
    };
    let planned = match proven.get(identity) {
        Some(Ok(planned)) => planned,
        Some(Err(why)) => return Err(unproven(why)),
        None => return Err(unproven("no finished work of this journal sanitized it")),
    };
    let as_then = planned.identity == *identity
        && planned.sector_size == drive.sector_size
        && planned.more_namespaces as usize == drive.more_namespaces.len();
    if !as_then || planned.proven_by.is_none() {
        return Err(unproven("its sectors or namespaces are not as they were then"));
    }
    // Of the earlier plan only what says how it was proven; what is done now is decided now.
    let (unlock, receives_image, leaves_notice) = (false, false, false);
    Ok(PlannedDrive { unlock, receives_image, leaves_notice, ..planned.clone() })
}

/// The name of a drive that can be read whole; a kernel that refuses to write to it is no obstacle.
pub(crate) fn readable(drive: &DriveUnit) -> Result<&DriveIdentity, Refusal> {
    let unlocked = || {
        obstacle(&DriveUnit { read_only: false, bus: Bus::Ata, ..drive.clone() })
            .map_or(Ok(()), Err)?;
        let identity = named(drive)?;
        unlock(drive, false)?;
        Ok(identity)
    };
    unlocked().map_err(|(code, sentence): (RefusalCode, String)| refusal(drive, code, &sentence))
}

fn named(drive: &DriveUnit) -> Result<&DriveIdentity, (RefusalCode, String)> {
    drive.identity.as_ref().map_err(|reason| {
        let sentence =
            format!("it does not say who it is ({reason}), so no plan can name it; take it out");
        (RefusalCode::NoIdentity, sentence)
    })
}

fn worked_on(
    drive: &DriveUnit,
    policy: &Policy,
    our_locks: &BTreeSet<DriveIdentity>,
) -> Result<PlannedDrive, (RefusalCode, String)> {
    if let Some(obstacle) = obstacle(drive) {
        return Err(obstacle);
    }
    let identity = named(drive)?;
    let unlock = unlock(drive, our_locks.contains(identity))?;
    let media = media(drive);
    let choice = choose(drive, media, policy)
        .map_err(|sentence| (RefusalCode::PolicyUnreachable, sentence))?;
    Ok(PlannedDrive {
        identity: identity.clone(),
        sector_size: drive.sector_size,
        more_namespaces: u32::try_from(drive.more_namespaces.len()).unwrap_or(u32::MAX),
        media,
        unlock,
        techniques: choice.techniques,
        proof: policy.proof,
        claim: choice.claim,
        reasons: choice.reasons,
        receives_image: false,
        leaves_notice: false,
        proven_by: None,
    })
}

/// Whether a rule keeps the drive from ever being planned: boot medium, removable, USB, network.
pub fn is_protected(drive: &DriveUnit) -> bool {
    protection(drive).is_some()
}

fn protection(drive: &DriveUnit) -> Option<(RefusalCode, &'static str)> {
    if drive.holds.contains(&Hold::BootMedium) {
        return Some((RefusalCode::BootMedium, "the appliance was started from it"));
    }
    if drive.bus == Bus::Network {
        return Some((RefusalCode::Network, "it lives on a network or in memory"));
    }
    if drive.bus == Bus::Usb || drive.removable {
        return Some((RefusalCode::Removable, "removable and USB drives are never wiped"));
    }
    None
}

fn obstacle(drive: &DriveUnit) -> Option<(RefusalCode, String)> {
    if drive.read_only {
        let sentence = "the kernel refuses to write to it; look for a write-protect switch or \
                        replace the drive";
        return Some((RefusalCode::ReadOnly, sentence.to_owned()));
    }
    if !drive.holds.is_empty() {
        let holds: Vec<_> = drive.holds.iter().map(hold).collect();
        return Some((RefusalCode::InUse, format!("it is in use: {}", holds.join(", "))));
    }
    if drive.other_namespaces > 0 {
        let sentence = format!(
            "it has {} more namespaces, for which the kernel shows no device; attach or delete them \
             with nvme-cli, or take the drive out",
            drive.other_namespaces
        );
        return Some((RefusalCode::OtherNamespaces, sentence));
    }
    match drive.bus {
        Bus::Ata | Bus::Nvme => None,
        Bus::Scsi | Bus::Mmc | Bus::Virtio | Bus::Other => Some((
            RefusalCode::UnknownBus,
            "no technique is proven yet for drives attached this way; take it out".to_owned(),
        )),
        Bus::Usb | Bus::Network => None, // Protected above.
    }
}

fn hold(hold: &Hold) -> String {
    match hold {
        Hold::BootMedium => "the appliance was started from it".to_owned(),
        Hold::Mounted => "mounted".to_owned(),
        Hold::Held(names) => format!("held by {names}"),
        Hold::Swap => "used as swap".to_owned(),
    }
}

fn refusal(drive: &DriveUnit, code: RefusalCode, sentence: &str) -> Refusal {
    Refusal { what: drive.label(), code, sentence: sentence.to_owned() }
}

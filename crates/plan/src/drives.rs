//! The fate of one drive.

use protocol::drive::{Bus, DriveUnit, Hold};
use protocol::plan::{Claim, ClaimReason, PlannedDrive, Refusal, RefusalCode, Technique};

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
pub(crate) fn fate(drive: &DriveUnit, technique: Technique) -> Fate {
    if let Some((code, sentence)) = protection(drive) {
        return Fate::LeftAlone(refusal(drive, code, sentence));
    }
    if let Some((code, sentence)) = obstacle(drive) {
        return Fate::Refused(refusal(drive, code, &sentence));
    }
    match &drive.identity {
        Err(reason) => Fate::Refused(refusal(
            drive,
            RefusalCode::NoIdentity,
            &format!("it does not say who it is ({reason}), so no plan can name it; take it out"),
        )),
        Ok(identity) => Fate::Planned(PlannedDrive {
            identity: identity.clone(),
            sector_size: drive.sector_size,
            technique,
            claim: Claim::Clear,
            reasons: vec![if drive.rotational {
                ClaimReason::RemappedSectors
            } else {
                ClaimReason::FlashOverprovisioning
            }],
            receives_image: false,
        }),
    }
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
            "it has {} more namespaces, which overwriting this one would leave behind; it needs \
             the drive's own sanitize command",
            drive.other_namespaces
        );
        return Some((RefusalCode::OtherNamespaces, sentence));
    }
    match drive.bus {
        Bus::Ata | Bus::Nvme => None,
        Bus::Scsi | Bus::Mmc | Bus::Virtio | Bus::Other => Some((
            RefusalCode::UnknownBus,
            "overwriting is not yet proven for drives attached this way; take it out".to_owned(),
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

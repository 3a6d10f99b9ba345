//! What a drive stores on, and what may be claimed where it does not say.

use protocol::claim::claim;
use protocol::drive::{Bus, DriveUnit};
use protocol::features::{EraseFeatures, Rotation};
use protocol::plan::{Claim, ClaimReason, Media, Technique};

/// What the drive stores on: by its own word (ATA IDENTIFY DEVICE word 217), and only where it has none by the
/// kernel's, which guesses "rotating" where it was told nothing. There are no NVMe disks in laptops.
///
/// A disk with a flash cache turns, and counts as magnetic.
pub fn media(drive: &DriveUnit) -> Media {
    let by_kernel = if drive.rotational { Media::Magnetic } else { Media::Flash };
    told(drive).unwrap_or(by_kernel)
}

/// The drive's own word.
pub(crate) fn told(drive: &DriveUnit) -> Option<Media> {
    match &drive.features {
        EraseFeatures::Nvme(_) => Some(Media::Flash),
        EraseFeatures::Ata(ata) => match ata.rotation {
            Rotation::NonRotating => Some(Media::Flash),
            Rotation::Rpm(_) => Some(Media::Magnetic),
            Rotation::NotReported => None,
        },
        EraseFeatures::None {} => (drive.bus == Bus::Nvme).then_some(Media::Flash),
    }
}

/// What may be claimed of techniques on this drive. Early solid state drives leave word 217 out: where the drive does
/// not say what it stores on, only what holds for flash and for disks alike is claimed, with the reasons of both.
pub(crate) fn claim_of(
    drive: &DriveUnit,
    techniques: &[Technique],
    encrypts_all: bool,
) -> Option<(Claim, Vec<ClaimReason>)> {
    let of = |media| claim(media, techniques, encrypts_all);
    let Some(media) = told(drive) else {
        let ((on_flash, mut reasons), (on_disk, more)) = (of(Media::Flash)?, of(Media::Magnetic)?);
        reasons.extend(more);
        reasons.sort_unstable();
        reasons.dedup();
        return Some((on_flash.min(on_disk), reasons));
    };
    of(media)
}

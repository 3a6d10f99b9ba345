//! Which drive receives the image.

use protocol::ByteLen;
use protocol::plan::{Media, PlannedDrive, Refusal, RefusalCode};

/// Images can be placed on such drives only, so far.
const IMAGE_SECTOR_SIZE: u32 = 512;

/// The index of the drive for the image: flash before magnetic, then the smallest that holds it. The order is
/// total because planned drives differ in identity, so both sides choose the same one.
pub(crate) fn choose(planned: &[PlannedDrive], image_min_size: ByteLen) -> Result<usize, Refusal> {
    planned
        .iter()
        .enumerate()
        .filter(|(_, drive)| drive.sector_size.bytes() == IMAGE_SECTOR_SIZE)
        .filter(|(_, drive)| drive.identity.size >= image_min_size)
        // It is written to one block device, and read by the firmware from one.
        .filter(|(_, drive)| drive.more_namespaces == 0)
        .min_by_key(|(_, drive)| {
            (drive.media == Media::Magnetic, drive.identity.size, &drive.identity)
        })
        .map(|(i, _)| i)
        .ok_or_else(|| {
            let largest = planned.iter().map(|drive| drive.identity.size).max();
            Refusal {
                what: "the image".to_owned(),
                code: RefusalCode::NoImageTarget,
                sentence: format!(
                    "it needs a drive of at least {image_min_size} with {IMAGE_SECTOR_SIZE}-byte \
                     sectors and a single namespace, but the largest here has {}; \
                     choose a smaller image, a larger drive, or a batch that only wipes",
                    largest.unwrap_or_default()
                ),
            }
        })
}

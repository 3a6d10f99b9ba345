//! Evidence of a drive as it comes over the wire, and whether it is believed. Input: JSON of `DriveEvidence`.
#![no_main]

use evidence::certificate::implausible;
use libfuzzer_sys::fuzz_target;
use protocol::SectorSize;
use protocol::event::DriveEvidence;
use protocol::plan::{Media, PlannedDrive};
use protocol::policy::Proof;

/// Of a drive that erased itself, and of one that was overwritten.
const SEEDS: [&[u8]; 2] = [
    include_bytes!("../../seeds/drive_evidence/erased"),
    include_bytes!("../../seeds/drive_evidence/overwritten"),
];

fuzz_target!(init: SEEDS.into_iter().for_each(must_be_believed), |json: &[u8]| {
    let Some(evidence) = rehome_fuzz::round_trip::<DriveEvidence>(json) else { return };
    let planned = as_if_planned(&evidence);
    if implausible(&planned, &evidence).is_none() {
        believed(&evidence);
    }
});

/// From evidence that is refused at once, no change leads to anything that is worth a look.
fn must_be_believed(json: &[u8]) {
    let evidence = serde_json::from_slice(json).expect("a seed is evidence");
    assert_eq!(implausible(&as_if_planned(&evidence), &evidence), None, "a seed is not believed");
}

/// The plan that fits best, so that only what was observed can speak against it.
fn as_if_planned(evidence: &DriveEvidence) -> PlannedDrive {
    let placed = evidence.canaries.as_ref().map_or(10_000, |canaries| canaries.placed);
    let canaries = u32::try_from(placed).unwrap_or(u32::MAX);
    PlannedDrive {
        identity: evidence.drive.clone(),
        sector_size: SectorSize::try_from(512).expect("512 is a sector size"),
        more_namespaces: 0,
        media: Media::Flash,
        unlock: false,
        techniques: evidence.techniques.iter().map(|observed| observed.technique).collect(),
        proof: Proof { canaries, verification: evidence.method, power_cycle: false },
        claim: evidence.claim,
        reasons: Vec::new(),
        receives_image: false,
        leaves_notice: false,
        proven_by: None,
    }
}

/// What must be true of everything that is believed.
fn believed(evidence: &DriveEvidence) {
    let by_drive = evidence.techniques.iter().any(|observed| observed.technique.is_by_drive());
    let size = evidence.drive.size;
    assert!(!evidence.techniques.is_empty(), "nothing was done");
    assert!(!by_drive || evidence.canaries.is_some() && evidence.old_content.is_some());
    assert!(evidence.canaries.as_ref().is_none_or(|canaries| canaries.found == 0));
    assert!(evidence.old_content.is_none_or(|old| old.same == 0 && old.changed <= old.sampled));
    assert!(evidence.zeros <= evidence.verification.bytes && evidence.verification.bytes <= size);
    for observed in &evidence.techniques {
        assert!(observed.technique.is_by_drive() != observed.pass.is_some(), "{observed:?}");
        assert!(observed.pass.as_ref().is_none_or(|pass| pass.bytes == size), "{observed:?}");
    }
}

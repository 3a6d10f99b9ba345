//! What an agent observes of a drive on which everything works.

use protocol::event::{
    CanaryEvidence, CommandObservation, DeviceReport, DriveEvidence, OldContentEvidence,
    PassObservation, TechniqueObservation,
};
use protocol::policy::Verification;
use protocol::{ByteLen, PlannedDrive, Sha256Digest, Technique, UnixMillis};

/// Of each of the planned techniques.
pub(crate) fn techniques(planned: &PlannedDrive) -> Vec<TechniqueObservation> {
    planned.techniques.iter().map(|technique| observed(*technique, planned.identity.size)).collect()
}

fn observed(technique: Technique, size: ByteLen) -> TechniqueObservation {
    let command = technique.command_name().map(|name| CommandObservation {
        name: name.into(),
        request: "00".into(),
        answer: "done".into(),
        duration_ms: 1,
    });
    TechniqueObservation {
        technique,
        duration_ms: 9_000,
        pass: command.is_none().then(|| pass(size)),
        commands: command.into_iter().collect(),
    }
}

fn pass(bytes: ByteLen) -> PassObservation {
    PassObservation {
        bytes,
        duration_ms: 9_000,
        retries: 0,
        worst_request_ms: 12,
        zones: Vec::new(),
    }
}

fn report() -> DeviceReport {
    DeviceReport { name: "Identify Controller".into(), data: "AAAA".into() }
}

/// Of the whole drive, verified.
pub(crate) fn evidence(planned: &PlannedDrive, verified_at: UnixMillis) -> DriveEvidence {
    let size = planned.identity.size;
    let sectors = size.0 / u64::from(planned.sector_size.bytes());
    let by_drive = planned.techniques.iter().any(|it| it.is_by_drive());
    let canaries = CanaryEvidence {
        placed: u64::from(planned.proof.canaries).min(sectors),
        map: Sha256Digest::from_bytes([7; 32]),
        found: 0,
        miss_probability_e9: 45_174,
    };
    let old = OldContentEvidence { sampled: 4_096, changed: 4_000, same_uniform: 96, same: 0 };
    let read = match planned.proof.verification {
        Verification::Full => size,
        Verification::Sampled => ByteLen(size.0.div_ceil(10)),
    };
    DriveEvidence {
        drive: planned.identity.clone(),
        techniques: techniques(planned),
        claim: planned.claim,
        canaries: by_drive.then_some(canaries),
        old_content: by_drive.then_some(old),
        method: planned.proof.verification,
        verification: pass(read),
        zeros: read,
        before: vec![report()],
        after: vec![report()],
        verified_at,
    }
}

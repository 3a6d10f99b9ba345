//! A small journal of foreign events with an agent's chain between them, and what is certified over it.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use protocol::drive::DriveIdentity;
use protocol::event::{
    CanaryEvidence, CommandObservation, DeviceReport, DriveEvidence, OldContentEvidence,
    PassObservation, Step, TechniqueObservation,
};
use protocol::inventory::{MachineIdentity, Product};
use protocol::plan::{Claim, ClaimReason, Media, PlannedDrive, Technique};
use protocol::policy::{Proof, Rule, Verification};
use protocol::{
    AgentKey, BatchId, ByteLen, MachineId, MachineNumber, Plan, Policy, SectorSize, SiteKey,
    TicketId, UnixMillis,
};
use rehome_evidence::certificate::{CertifiedDrive, Facts, IssueError, issue};
use rehome_evidence::chain::ChainWriter;
use rehome_evidence::merkle::Log;
use rehome_evidence::{SigningKey, SiteKeys, sha256};

pub(crate) const MACHINE: MachineId = MachineId::from_bytes([1; 16]);

pub(crate) struct Case {
    pub(crate) site: SigningKey,
    pub(crate) keys: SiteKeys,
    pub(crate) facts: Facts,
    pub(crate) log: Log,
    pub(crate) leaves: Vec<(u64, String)>,
}

pub(crate) const SIZE: ByteLen = ByteLen(3 << 30);
pub(crate) const ZEROS: [Technique; 1] = [Technique::OverwriteZeros];
/// The drive erases itself, then zeros are written over it.
pub(crate) const BOTH: [Technique; 2] = [Technique::NvmeFormatUserData, Technique::OverwriteZeros];

pub(crate) fn pass() -> PassObservation {
    PassObservation {
        bytes: SIZE,
        duration_ms: 9,
        retries: 0,
        worst_request_ms: 1,
        zones: Vec::new(),
    }
}

pub(crate) fn observed(technique: Technique) -> TechniqueObservation {
    let command = CommandObservation {
        name: technique.command_name().unwrap_or_default().into(),
        request: "opcode 80h namespace 1 cdw10 00000200h".into(),
        answer: "status 0, dword 0 00000000h".into(),
        duration_ms: 7,
    };
    let by_drive = technique.is_by_drive();
    TechniqueObservation {
        technique,
        duration_ms: 9,
        pass: (!by_drive).then(pass),
        commands: by_drive.then_some(command).into_iter().collect(),
    }
}

pub(crate) fn evidence() -> DriveEvidence {
    evidence_of(&ZEROS)
}

/// What is seen when these techniques work.
pub(crate) fn evidence_of(techniques: &[Technique]) -> DriveEvidence {
    let by_drive = techniques.iter().any(|it| it.is_by_drive());
    let canaries = CanaryEvidence {
        placed: 10_000,
        map: sha256(b"places"),
        found: 0,
        miss_probability_e9: 45_174,
    };
    let old = OldContentEvidence { sampled: 4096, changed: 4000, same_uniform: 96, same: 0 };
    DriveEvidence {
        drive: DriveIdentity {
            model: "Sample disk".into(),
            serial: "S3-0001".into(),
            wwn: None,
            size: SIZE,
        },
        techniques: techniques.iter().map(|it| observed(*it)).collect(),
        claim: if by_drive { Claim::Purge } else { Claim::Clear },
        canaries: by_drive.then_some(canaries),
        old_content: by_drive.then_some(old),
        method: Verification::Full,
        verification: pass(),
        zeros: SIZE,
        before: reports(by_drive),
        after: reports(by_drive),
        verified_at: UnixMillis(5),
    }
}

fn reports(by_drive: bool) -> Vec<DeviceReport> {
    let report = DeviceReport { name: "Identify Controller".into(), data: "AAAA".into() };
    by_drive.then_some(report).into_iter().collect()
}

/// The plan that asks for just that.
pub(crate) fn planned(evidence: &DriveEvidence) -> PlannedDrive {
    PlannedDrive {
        identity: evidence.drive.clone(),
        sector_size: SectorSize::try_from(512).unwrap(),
        more_namespaces: 0,
        media: Media::Flash,
        unlock: false,
        techniques: evidence.techniques.iter().map(|it| it.technique).collect(),
        proof: Proof { canaries: 10_000, verification: evidence.method, power_cycle: false },
        claim: evidence.claim,
        reasons: vec![ClaimReason::FlashOverprovisioning],
        receives_image: false,
        leaves_notice: false,
        proven_by: None,
    }
}

/// The policy that plans just that.
fn policy(plan: &Plan) -> Policy {
    let planned = &plan.drives[0];
    let (techniques, then) = match planned.techniques[..] {
        [first, then] => (vec![first], Some(then)),
        _ => (planned.techniques.clone(), None),
    };
    let rule = Rule { techniques, then, at_least: Claim::Clear };
    let (name, proof) = (plan.policy.clone(), planned.proof);
    Policy { name, flash: rule.clone(), magnetic: rule, proof }
}

/// A journal of foreign events with one agent's chain between them.
pub(crate) fn case(steps: impl Fn(protocol::Sha256Digest) -> Vec<Step>) -> Case {
    case_of(|_| (), steps)
}

/// The same with another plan.
pub(crate) fn case_of(
    change: impl Fn(&mut Plan),
    steps: impl Fn(protocol::Sha256Digest) -> Vec<Step>,
) -> Case {
    let site = SigningKey::from_seed([8; 32]).unwrap();
    let agent = SigningKey::from_seed([9; 32]).unwrap();
    let evidence = evidence();
    let mut plan = Plan {
        machine: MACHINE,
        batch: BatchId::from_bytes([2; 16]),
        policy: "ours".into(),
        drives: vec![planned(&evidence)],
        image: None,
        left_alone: Vec::new(),
    };
    change(&mut plan);
    let agent_key = AgentKey::from_bytes(agent.public());
    let mut writer = ChainWriter::start(MACHINE, agent_key);
    let (mut log, mut leaves, mut record) = (Log::default(), Vec::new(), None);
    log.push(b"{\"kind\":\"something-else\"}");
    for step in steps(sha256(&serde_json::to_vec(&plan).unwrap())) {
        let envelope = writer.append(step.clone(), UnixMillis(4), 0, &agent).unwrap();
        if matches!(step, Step::Verified(_)) {
            record = Some(envelope.digest().unwrap());
        }
        let leaf = format!("{{\"kind\":\"agent-record\",\"envelope\":{}}}", envelope.to_json());
        leaves.push((log.len(), leaf.clone()));
        log.push(leaf.as_bytes());
        log.push(b"{\"kind\":\"in-between\"}");
    }
    let facts = Facts {
        site: SiteKey::from_bytes(site.public()),
        site_name: "Town hall".into(),
        machine: MACHINE,
        number: MachineNumber(NonZeroU32::MIN),
        batch: plan.batch,
        identity: MachineIdentity {
            uuid: None,
            system_serial: Some("LAP-0001".into()),
            board_serial: None,
            chassis_serial: None,
            macs: BTreeSet::new(),
        },
        product: Product { vendor: None, name: None, version: None, chassis_type: None },
        policy: policy(&plan),
        plan,
        agents: vec![agent_key],
        drives: vec![CertifiedDrive {
            evidence,
            record: record.unwrap_or(sha256(b"none")),
            notice: None,
        }],
        installed: None,
        completed_at: UnixMillis(1_790_000_000_000),
        simulated: false,
    };
    Case { keys: facts.site.into(), site, facts, log, leaves }
}

pub(crate) fn started() -> Step {
    Step::SanitizeStarted { drive: evidence().drive, techniques: ZEROS.into() }
}

pub(crate) fn good_steps(plan: protocol::Sha256Digest) -> Vec<Step> {
    vec![
        Step::TicketAccepted { ticket: TicketId::from_bytes([5; 16]), plan },
        started(),
        Step::Verified(evidence()),
        Step::Finished {},
    ]
}

pub(crate) fn issue_case(case: Case) -> Result<String, IssueError> {
    issue(case.facts, case.leaves, &case.log, &case.site, &case.keys)
}

pub(crate) fn refused(case: Case) -> String {
    match issue_case(case).unwrap_err() {
        IssueError::Unsound(failure) => failure.to_string(),
        other => other.to_string(),
    }
}

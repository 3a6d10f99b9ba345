//! What agent and coordinator say to one another over TLS.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /agent/v1/time` | | [`UnixMillis`] |
//! | `POST /agent/v1/enroll` | DSSE envelope over [`Enrollment`], signed by the agent's key | [`Enrolled`] |
//! | `POST /agent/v1/heartbeat` | [`Heartbeat`] | [`Directive`] |
//! | `POST /agent/v1/plan` | [`PlanRequest`] | [`PlanReply`] |
//! | `POST /agent/v1/drive-password` | [`DrivePasswordRequest`] | [`DrivePasswordReply`] |
//! | `GET /agent/v1/verified/{record}` | | [`DriveEvidence`] of one of [`Directive::Work::verified_before`] |
//! | `GET /agent/v1/witness` | | [`crate::witness::WitnessReply`] |
//! | `POST /agent/v1/look` | [`crate::witness::LookAnswer`] | `null` |
//! | `POST /agent/v1/records` | a list of DSSE envelopes over [`crate::AgentRecord`] | [`RecordsAccepted`] |
//! | `GET /agent/v1/image/{id}` | | DSSE envelope over the image's manifest |
//!
//! All but the first two carry `Authorization: Bearer` with [`Enrolled::session`].
//! Chunks travel over plain HTTP as `GET /chunk/{stored}`: they are addressed by content under a signed manifest.

use serde::{Deserialize, Serialize};

use crate::drive::DriveIdentity;
use crate::event::{BootNotice, DriveEvidence};
use crate::ids::{AgentKey, MachineId, MachineNumber, Nonce, Sha256Digest};
use crate::inventory::Inventory;
use crate::job::Job;
use crate::password::DrivePassword;
use crate::plan::{Plan, PlannedDrive, Refusal};
use crate::stage::Stage;
use crate::units::ByteLen;

/// DSSE payload type of [`Enrollment`].
pub const ENROLLMENT_TYPE: &str = "application/vnd.rehome.enrollment.v1+json";
/// DSSE payload type of [`crate::AgentRecord`].
pub const RECORD_TYPE: &str = "application/vnd.rehome.record.v1+json";
/// DSSE payload type of [`crate::Ticket`].
pub const TICKET_TYPE: &str = "application/vnd.rehome.ticket.v1+json";

/// An agent introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrollment {
    /// The key of this boot, which also signs the envelope.
    pub agent: AgentKey,
    /// The agent's version.
    pub version: String,
    /// What it sees.
    pub inventory: Inventory,
    /// Whether the machine is made up. A coordinator takes either simulated machines or real ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
}

/// The coordinator's answer to an [`Enrollment`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// The machine that the coordinator takes this to be.
    pub machine: MachineId,
    /// The number that the screen shows.
    pub number: MachineNumber,
    /// Secret of this session, 64 hexadecimal digits.
    pub session: String,
}

/// Sent every second or so. Not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Where the machine is.
    pub stage: Stage,
    /// One plain sentence of what it does.
    pub sentence: String,
    /// How far, where that can be counted.
    pub progress: Option<Progress>,
    /// The drives that erase themselves at this moment: nothing can stop them, no person and no agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erasing_themselves: Vec<DriveIdentity>,
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Bytes done.
    pub done: ByteLen,
    /// Bytes in all.
    pub total: ByteLen,
    /// Bytes per second over the last seconds.
    pub rate: ByteLen,
}

/// What the coordinator wants of the machine.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, a second apart: a box would save nothing"
)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "directive", deny_unknown_fields)]
pub enum Directive {
    /// Stay and ask again.
    Wait {
        /// What it is waiting for, for the screen.
        reason: String,
    },
    /// Admitted: compute the plan of this job and ask for a ticket.
    Work {
        /// The job.
        job: Job,
        /// Drives that the coordinator's journal holds as verified within this job, after a restart. Named only: the
        /// evidence is fetched once.
        verified_before: Vec<EarlierRecord>,
        /// The drives of this machine for which a password was ever given out, to whichever machine they were in then:
        /// where one is locked, it may be with our password. As they name themselves now.
        our_locks: Vec<DriveIdentity>,
    },
    /// A person stopped everything: send no further command that writes or erases, stay, and ask again. Work that was
    /// begun does not go on by itself, whatever is said later: it begins anew with the next [`Directive::Work`].
    Stop {
        /// Why, for the screen.
        reason: String,
    },
    /// Nothing to do here: restart into the machine's own disk.
    LocalDisk {
        /// Why.
        reason: String,
        /// Whether another laptop waits for this one's port.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        next: bool,
    },
}

/// The record of an earlier verification within the same job, as each heartbeat's answer names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierRecord {
    /// The drive.
    pub drive: DriveIdentity,
    /// Digest of the record's signed bytes, by which its evidence is asked for.
    pub record: Sha256Digest,
    /// As of [`VerifiedBefore::seen_again`].
    pub seen_again: bool,
    /// As of [`VerifiedBefore::was_off`].
    pub was_off: bool,
    /// Where it was not this job that verified the drive, but finished work before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_work: Option<Box<EarlierWork>>,
}

/// Finished work that proves a drive sanitized, for a job that only installs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierWork {
    /// As the drive is to be planned: by what it was sanitized, never to be again.
    pub planned: PlannedDrive,
    /// The notice that the work left on it: those sectors are not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<BootNotice>,
    /// Whether a boot of this job has confirmed it already. From then on an image may lie on it.
    pub confirmed: bool,
}

/// A drive that was verified in an earlier boot of the same job. It does not travel: see [`EarlierRecord`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBefore {
    /// The evidence as it stands in the journal.
    pub evidence: DriveEvidence,
    /// Digest of that record's signed bytes.
    pub record: Sha256Digest,
    /// Whether a later boot has looked at it and found it as it was verified. From then on an image may lie on it, and
    /// a look that finds something else is no wonder.
    pub seen_again: bool,
    /// Whether the last that was heard of the boot before this one is that it switches the machine off.
    pub was_off: bool,
}

impl VerifiedBefore {
    /// The drive.
    pub fn drive(&self) -> &DriveIdentity {
        &self.evidence.drive
    }
}

/// The agent shows what it would do and asks for consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// Freshness: the ticket must repeat it.
    pub nonce: Nonce,
    /// A new look at the machine, after probing has settled.
    pub inventory: Inventory,
    /// What the agent would do, or why it would not.
    pub plan: Result<Plan, Vec<Refusal>>,
}

/// The coordinator's answer to a [`PlanRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reply", deny_unknown_fields)]
pub enum PlanReply {
    /// Both sides computed the same plan; here is the consent.
    Ticket {
        /// DSSE envelope over [`crate::Ticket`], signed by the site key, as JSON text.
        envelope: String,
        /// One-time token for the installed system's first boot, 64 hexadecimal digits.
        first_boot_token: String,
        /// Where the first boot reports, as `http://ADDRESS:PORT/booted`.
        first_boot_url: String,
        /// Host name of the installed system.
        host_name: String,
    },
    /// No consent.
    Refused {
        /// Why, and what to do next.
        refusals: Vec<Refusal>,
    },
}

/// The agent is about to lock a drive that erases itself, or to unlock one that an interrupted erase left locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrivePasswordRequest {
    /// The drive, as the accepted plan names it.
    pub drive: DriveIdentity,
}

/// The coordinator's answer to a [`DrivePasswordRequest`]: by then its journal holds that the password was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrivePasswordReply {
    /// The password of this drive, and of no other. Always the same one.
    pub password: DrivePassword,
}

/// How far the journal holds an agent's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordsAccepted {
    /// The next sequence number that the coordinator expects.
    pub next: u64,
}

/// The body of every refusal of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiError {
    /// What went wrong and what to do next.
    pub error: String,
}

/// What the coordinator puts into `site.cpio` as `/rehome/site.json`: all that an agent knows beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    /// Name of the site, for the screen.
    pub name: String,
    /// IPv4 address of the coordinator.
    pub address: std::net::Ipv4Addr,
    /// Port of the agent API (TLS).
    pub api_port: u16,
    /// Port of boot files and chunks (plain HTTP).
    pub http_port: u16,
    /// SHA-256 of the coordinator's TLS public key (SubjectPublicKeyInfo, DER).
    pub tls_key: Sha256Digest,
    /// The site's public key: signs tickets, manifests and certificates.
    pub site_key: crate::ids::SiteKey,
}

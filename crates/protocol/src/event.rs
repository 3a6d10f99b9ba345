//! What an agent observed, step by step. Steps are never lost; progress (in heartbeats) may be.

use serde::{Deserialize, Serialize};

use crate::drive::DriveIdentity;
use crate::ids::{AgentKey, CertificateId, ImageId, MachineId, Sha256Digest, TicketId};
use crate::inventory::Inventory;
use crate::plan::{Claim, Refusal, Technique};
use crate::policy::Verification;
use crate::stage::Stage;
use crate::units::{ByteLen, UnixMillis};

/// One link of an agent's chain. Sent as a DSSE envelope signed by the agent's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRecord {
    /// The machine.
    pub machine: MachineId,
    /// The agent, by the key of this boot: a chain belongs to one boot.
    pub agent: AgentKey,
    /// Position in the chain, from 0.
    pub sequence: u64,
    /// SHA-256 of the previous record's signed bytes; of the agent's key for the first.
    pub previous: Sha256Digest,
    /// When, by the agent's clock as set from the coordinator.
    pub at: UnixMillis,
    /// Milliseconds since the kernel started: the order of things, whatever the clock says.
    pub uptime_ms: u64,
    /// What happened.
    pub step: Step,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step", deny_unknown_fields)]
pub enum Step {
    /// A ticket was checked and used up; from here on data is destroyed.
    TicketAccepted {
        /// The ticket.
        ticket: TicketId,
        /// Digest of the plan it covers.
        plan: Sha256Digest,
    },
    /// The drive said through the open descriptor who it is, and sanitizing began.
    SanitizeStarted {
        /// The drive.
        drive: DriveIdentity,
        /// How, one after the other.
        techniques: Vec<Technique>,
    },
    /// The drive took all of the techniques; nothing is claimed yet.
    Sanitized {
        /// The drive.
        drive: DriveIdentity,
        /// What was observed of each.
        observed: Vec<TechniqueObservation>,
    },
    /// The drive sanitizes itself and its progress has stood still for longer than it should. It is still waited for.
    Stalled {
        /// The drive.
        drive: DriveIdentity,
        /// Where it stands still, and for how long.
        sentence: String,
    },
    /// A separate pass read the drive and found what the technique must leave.
    Verified(DriveEvidence),
    /// Sanitizing or verifying failed. No certificate comes of it.
    SanitizeFailed {
        /// The drive.
        drive: DriveIdentity,
        /// In which stage.
        stage: Stage,
        /// Sector ranges that could not be written, read or verified, byte offset and length; the first 1,000.
        bad_ranges: Vec<BadRange>,
        /// The commands that were sent to it last, where it was to erase itself.
        commands: Vec<CommandObservation>,
        /// One sentence with the numbers and what to do next.
        sentence: String,
    },
    /// After a restart the coordinator's record of an earlier verification was confirmed by a fresh look.
    VerificationConfirmed {
        /// The drive.
        drive: DriveIdentity,
        /// The earlier record, by the digest of its signed bytes.
        record: Sha256Digest,
        /// Sectors sampled outside the image's data, all found as verified.
        sectors_sampled: u64,
    },
    /// After a restart a fresh look did not confirm an earlier verification: the drive is sanitized again.
    VerificationNotConfirmed {
        /// The drive.
        drive: DriveIdentity,
        /// What was seen.
        sentence: String,
    },
    /// All chunks of the image are on the drive, read back and equal; the drive does not boot yet.
    ImageWritten {
        /// The drive.
        drive: DriveIdentity,
        /// The image.
        image: ImageId,
        /// Bytes fetched.
        fetched: ByteLen,
        /// Bytes written.
        written: ByteLen,
        /// Bytes read back and compared by hash.
        read_back: ByteLen,
        /// How long, in milliseconds.
        duration_ms: u64,
    },
    /// The file system was grown and the machine's own settings written.
    Personalized {
        /// The drive.
        drive: DriveIdentity,
        /// Host name that was set.
        host_name: String,
        /// Size of the grown root file system.
        root_size: ByteLen,
        /// SHA-256 of the one-time token of the first boot.
        first_boot_token: Sha256Digest,
    },
    /// Partition tables and the first MiB are on the drive: it boots from here on.
    MadeBootable {
        /// The drive.
        drive: DriveIdentity,
        /// What became of the firmware's boot entry, in words. Never fatal: the removable path stays.
        boot_entry: String,
    },
    /// What a look at the machine found, once no more devices appeared: all that work asks for which only takes stock.
    Inventoried {
        /// What was seen.
        inventory: Box<Inventory>,
    },
    /// A drive was read and nothing was written to it: what work found that only verifies. It claims nothing.
    DriveLookedAt(DriveLook),
    /// A notice for whoever starts the machine was written to a drive that was verified before, and read back.
    NoticeWritten(BootNotice),
    /// The machine switches itself off, so that the next look meets drives with fresh power. The last word of its boot.
    PoweringOff {},
    /// All that was planned is done.
    Finished {},
    /// The agent will not do something.
    Refused {
        /// What and why.
        refusals: Vec<Refusal>,
    },
    /// A person stopped everything, and the agent heard it: from here on it sent no command that writes or erases.
    Stopped {
        /// In which stage.
        stage: Stage,
        /// What was under way, in one sentence.
        sentence: String,
    },
    /// Something went wrong that a person must look at.
    Failed {
        /// In which stage.
        stage: Stage,
        /// One sentence: operation, thing, numbers, what to do next.
        sentence: String,
    },
    /// A former agent process of this same boot died.
    AgentDied {
        /// How: exit status or signal.
        how: String,
    },
}

/// A pass over a drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassObservation {
    /// Bytes covered.
    pub bytes: ByteLen,
    /// How long, in milliseconds.
    pub duration_ms: u64,
    /// Requests that failed at first and succeeded when cut into smaller ones.
    pub retries: u64,
    /// The slowest request, in milliseconds.
    pub worst_request_ms: u64,
    /// The drive in 100 equal parts, in its order: the surface test. Empty where the pass did not go over all of it.
    pub zones: Vec<Zone>,
}

/// One hundredth of a drive, as a pass met it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Bytes a second, over the time that its requests took.
    pub rate: ByteLen,
    /// The slowest request that began in it, in milliseconds.
    pub worst_request_ms: u64,
}

/// What was observed of one technique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TechniqueObservation {
    /// Which.
    pub technique: Technique,
    /// How long, in milliseconds, waiting included.
    pub duration_ms: u64,
    /// The overwriting pass; none where the drive did it by itself.
    pub pass: Option<PassObservation>,
    /// Every command that was sent for it, in order; of like ones that only ask for progress, the first and the last.
    pub commands: Vec<CommandObservation>,
}

/// A command and what came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandObservation {
    /// Its name in the standard, as `SANITIZE STATUS EXT` or `Format NVM`.
    pub name: String,
    /// What was sent: the fields that matter, in hexadecimal. Never a password.
    pub request: String,
    /// What came back: registers, status, or the error.
    pub answer: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// A byte range of a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BadRange {
    /// Where it starts.
    pub offset: u64,
    /// How long it is.
    pub length: ByteLen,
    /// Why it is bad.
    pub cause: BadCause,
}

/// Why a range is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BadCause {
    /// The drive refused to write it.
    WriteError,
    /// The drive refused to read it.
    ReadError,
    /// It holds something other than what was written.
    OldContent,
}

/// What was seen of one drive, enough to judge a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriveEvidence {
    /// The drive, as it named itself before the first write and after the last read.
    pub drive: DriveIdentity,
    /// How it was sanitized, one after the other.
    pub techniques: Vec<TechniqueObservation>,
    /// What may be claimed.
    pub claim: Claim,
    /// Canaries that were on the medium before the drive erased itself; none where it was only overwritten.
    pub canaries: Option<CanaryEvidence>,
    /// The content from before, sampled; none where it was only overwritten.
    pub old_content: Option<OldContentEvidence>,
    /// How much was read afterwards.
    pub method: Verification,
    /// The reading pass.
    pub verification: PassObservation,
    /// Bytes that were read and are zero.
    pub zeros: ByteLen,
    /// What the drive said of itself before the first command.
    pub before: Vec<DeviceReport>,
    /// What it said after the last.
    pub after: Vec<DeviceReport>,
    /// When verification ended.
    pub verified_at: UnixMillis,
}

/// Bytes that a boot notice takes: the first 64 sectors of 512 bytes.
pub const NOTICE_LEN: u64 = 32 << 10;

/// A notice on a wiped drive, from its first byte on. A later look finds other content than zeros there, and this is it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootNotice {
    /// The drive.
    pub drive: DriveIdentity,
    /// The certificate that it names.
    pub certificate: CertificateId,
    /// How many bytes it takes: [`NOTICE_LEN`].
    pub length: ByteLen,
    /// SHA-256 of them all.
    pub sha256: Sha256Digest,
}

/// What was seen of a drive by somebody who had no part in erasing it, if anybody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriveLook {
    /// The drive, as it named itself before the first read and after the last.
    pub drive: DriveIdentity,
    /// How much of it was to be read.
    pub method: Verification,
    /// Bytes that were read.
    pub read: ByteLen,
    /// How long that took, in milliseconds.
    pub duration_ms: u64,
    /// The byte that all of it should be, by its last sector: zero where that sector is not one byte over and over.
    pub filling: u8,
    /// The ranges that are not, or cannot be read: byte offset and length, whole sectors; the first 1,000.
    pub ranges: Vec<BadRange>,
    /// How many there are, listed or not.
    pub n_ranges: u64,
    /// Their length together.
    pub bytes: ByteLen,
    /// SHA-256 of the first [`NOTICE_LEN`] bytes; none where the drive is smaller or they cannot be read.
    pub head: Option<Sha256Digest>,
    /// When the look ended.
    pub looked_at: UnixMillis,
}

impl DriveLook {
    /// Whether as much was read as the method demands, and all of it is one byte over and over.
    pub fn is_blank(&self) -> bool {
        let (read, size) = (u128::from(self.read.0), u128::from(self.drive.size.0));
        let enough = match self.method {
            Verification::Full => read == size,
            // NIST SP 800-88r1 section 4.7.2: at least a tenth of the medium.
            Verification::Sampled => read <= size && read * 10 >= size,
        };
        enough && self.n_ranges == 0 && self.ranges.is_empty()
    }

    /// Whether nothing else stands on it than this notice, which is as it was written.
    pub fn is_blank_but_for(&self, notice: &BootNotice) -> bool {
        let within = |range: &BadRange| {
            let end = range.offset.checked_add(range.length.0);
            range.cause == BadCause::OldContent && end.is_some_and(|end| end <= notice.length.0)
        };
        let nothing_else = Self { n_ranges: 0, ranges: Vec::new(), ..self.clone() };
        notice.drive == self.drive
            && notice.length.0 == NOTICE_LEN
            && self.head == Some(notice.sha256)
            && self.n_ranges == self.ranges.len() as u64
            && self.ranges.iter().all(within)
            && self.filling == 0
            && nothing_else.is_blank()
    }
}

/// Sectors that were written with a content that nobody else could know, and looked for afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryEvidence {
    /// How many were written and read back before the erase.
    pub placed: u64,
    /// SHA-256 of their sector numbers, ascending, eight bytes each, most significant first.
    pub map: Sha256Digest,
    /// How many were found afterwards, where they had been or anywhere else. Only zero is evidence.
    pub found: u64,
    /// Had one sector in a thousand survived, evenly spread, the probability that none of these was among them: in
    /// units of 10^-9, rounded up.
    pub miss_probability_e9: u64,
}

/// Pseudo-random sectors of the content from before, compared by a keyed digest whose key was never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldContentEvidence {
    /// How many sectors could be read before.
    pub sampled: u64,
    /// How many hold something else now.
    pub changed: u64,
    /// How many are as before, but were a few bytes over and over already: never written, or left so by an erase.
    pub same_uniform: u64,
    /// How many still hold what they held. Only zero is evidence.
    pub same: u64,
}

/// A data structure that the drive returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceReport {
    /// Its name in the standard, as `IDENTIFY DEVICE` or `Sanitize Status`.
    pub name: String,
    /// All of its bytes, in base64.
    pub data: String,
}

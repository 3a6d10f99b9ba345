//! What the journal holds: every decision and every record, one event each.

use std::collections::BTreeSet;

use evidence::{Envelope, Rotation};
use protocol::{
    AgentKey, BatchId, DriveIdentity, Inventory, JobKind, LotId, MachineId, MachineIdentity,
    MachineNumber, PersonId, Plan, Policy, Refusal, Sha256Digest, SiteKey, TicketId, UnixMillis,
};
use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::drive_name::DriveName;
use crate::first_of_model::Model;
use crate::lots::LotEvent;
use crate::protection::Mark;

/// One row of the journal, one leaf of its Merkle tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JournalEvent {
    /// When, by the coordinator's clock; never before the event it follows, but where a person accepted an earlier
    /// clock.
    pub(crate) at: UnixMillis,
    /// What happened.
    #[serde(flatten)]
    pub(crate) happening: Happening,
}

/// What happened. People appear as random ids; their names live in a side table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(crate) enum Happening {
    /// The journal was begun, for the site with this key. Always the first event, never again.
    Founded {
        site: SiteKey,
        /// Whether its machines are made up: then nothing in it proves anything.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        simulated: bool,
    },
    /// An agent introduced a machine that nobody had seen before.
    MachineSeen { machine: MachineId, number: MachineNumber, identity: MachineIdentity },
    /// Some parts of a machine's identity are another machine's, others contradict it.
    IdentityConflict { machine: MachineId, with: MachineId, what: String },
    /// A person looked at conflicts and says that the machine may be worked on.
    ConflictSettled {
        machine: MachineId,
        by: PersonId,
        /// The machines that it was compared with; absent in old journals, where it settled all conflicts there were.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<BTreeSet<MachineId>>,
    },
    /// An agent enrolled, or enrolled again because it sees something else now.
    Enrolled { machine: MachineId, agent: AgentKey, version: String, inventory: Inventory },
    /// A person armed a batch.
    BatchArmed {
        batch: BatchId,
        by: PersonId,
        until: UnixMillis,
        count: u32,
        job: JobKind,
        policy: Policy,
        /// Whether each of its machines is held once its drives are verified.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        witness: bool,
        /// The lot that it works on; none in journals from before there were lots.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lot: Option<LotId>,
        /// Whether the first machine of each model goes first, and the others wait for a person's word on it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        first_of_model: bool,
    },
    /// A machine goes on to its image as the first of its model in the batch, or after the one before it failed.
    FirstOfModel { machine: MachineId, batch: BatchId, model: Model },
    /// A person says whether a model works with what the batch installs: then the others of it go on, or stay as they are.
    ModelJudged {
        batch: BatchId,
        model: Model,
        works: bool,
        by: PersonId,
        /// Why, in the person's words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        because: String,
    },
    /// A person ended a batch: its machines get no further tickets.
    BatchDisarmed { batch: BatchId, by: PersonId },
    /// A person says that what bears this mark is never touched.
    Protected {
        mark: Mark,
        by: PersonId,
        /// Why, in the person's words.
        because: String,
    },
    /// A person says that it may be touched again.
    Unprotected { mark: Mark, by: PersonId, because: String },
    /// A person did or said something about a lot.
    Lot(LotEvent),
    /// A person stopped everything: from here on there is no ticket, and every agent that asks is told to stop.
    Panicked {
        by: PersonId,
        /// Why, in the person's words, if there was time for any.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        because: String,
    },
    /// A person lets tickets be given again. What was stopped goes on only when it is picked again.
    PanicOver {
        by: PersonId,
        /// Why, in the person's words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        because: String,
    },
    /// A machine was admitted to a batch; the admission binds it to one agent key.
    Admitted { machine: MachineId, batch: BatchId, agent: AgentKey, how: AdmittedHow },
    /// Work on a machine must not go on before a person has looked.
    AttentionNeeded { machine: MachineId, sentence: String },
    /// No ticket was given.
    PlanRefused { machine: MachineId, agent: AgentKey, refusals: Vec<Refusal> },
    /// The site consented to a plan.
    TicketIssued {
        machine: MachineId,
        ticket: TicketId,
        plan: Plan,
        envelope: Envelope,
        first_boot_token: Sha256Digest,
    },
    /// The site gave an agent the password of a drive, which may be locked with it from here on. Never the password
    /// itself: it follows from the recovery secret.
    DrivePasswordGiven {
        machine: MachineId,
        drive: DriveIdentity,
        /// Which recovery secret it follows from; see [`crate::recovery::RecoverySecret::check_value`].
        secret: Sha256Digest,
    },
    /// A person says that a drive's lock is ours: a coordinator before this one gave its password out. It may be wrong, so
    /// it names no recovery secret; which one the password follows from is known once it is given out here.
    LockAdopted {
        drive: DriveName,
        by: PersonId,
        /// Why, in the person's words.
        because: String,
    },
    /// A person has the machine wait, once its drives are verified and before anything new is written to them.
    HoldAsked { machine: MachineId, by: PersonId },
    /// A person lets it go on.
    HoldReleased { machine: MachineId, by: PersonId },
    /// A person looked at some sectors of a held machine's drive. Never the bytes: where a drive has failed, they may be
    /// somebody's data.
    Looked {
        machine: MachineId,
        by: PersonId,
        drive: DriveIdentity,
        /// The first sector.
        sector: u64,
        /// How many sectors.
        count: u32,
        saw: Saw,
    },
    /// An agent reported a step: its own signed words.
    AgentRecord { envelope: Envelope },
    /// A person says that the clock is right as it is now, although it jumped or is behind the journal.
    ClockAccepted {
        by: PersonId,
        /// Why, in the person's words.
        because: String,
        /// What the time was until then.
        before: UnixMillis,
    },
    /// A name was put into the side table under a random id. Never the name itself: a salted hash of it, which means
    /// nothing once name and salt are deleted.
    PersonNamed { person: PersonId, commitment: Sha256Digest },
    /// A person's name was deleted from the side table for good.
    PersonForgotten {
        person: PersonId,
        by: PersonId,
        /// Why, in the words of who did it.
        because: String,
    },
    /// The site's key handed over to a new one, by the word of both.
    KeyRotated {
        by: PersonId,
        /// Why, in the person's words.
        because: String,
        rotation: Rotation,
    },
    /// Somebody may log in from here on. By nobody: the first user, or the users' file was restored.
    UserAdded {
        person: PersonId,
        role: Role,
        /// Which password: SHA-256 of its salted hash in the users' file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<Sha256Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PersonId>,
    },
    /// A user's role or password is another one.
    UserChanged {
        person: PersonId,
        /// The role from here on.
        role: Role,
        /// Whether the password was changed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        password: bool,
        /// Which password from here on, as in `UserAdded`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<Sha256Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PersonId>,
    },
    /// Somebody may no longer log in.
    UserRemoved {
        person: PersonId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PersonId>,
    },
    /// Somebody logged in.
    LoggedIn { person: PersonId },
    /// Somebody logged out.
    LoggedOut { person: PersonId },
    /// Logins were refused: so many since the event before of this kind.
    LoginsRefused {
        count: u32,
        /// The users whose names were tried, with wrong passwords.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        persons: BTreeSet<PersonId>,
    },
    /// A person took a machine's certificate along.
    CertificateExported { machine: MachineId, by: PersonId },
    /// The installed system reported its first boot.
    Booted { machine: MachineId, first_boot_token: Sha256Digest },
}

/// What a look showed, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "saw")]
pub(crate) enum Saw {
    /// Bytes with this SHA-256.
    Content {
        sha256: Sha256Digest,
        /// Whether all of them are zero.
        zero: bool,
    },
    /// The sectors could not be read, in the agent's words.
    Unreadable { sentence: String },
}

/// How a machine came to be admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub(crate) enum AdmittedHow {
    /// A person picked it, looking at its number.
    Picked { by: PersonId },
    /// By itself: full DHCP mode on an interface declared isolated.
    Automatic,
    /// The same machine with the same drives came back in the middle of its job.
    Resumed,
    /// A person picked it again after everything was stopped: the same work on the same drives goes on.
    Continued { by: PersonId },
}

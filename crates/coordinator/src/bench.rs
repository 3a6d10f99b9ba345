//! The bench: what follows from the journal's events. Pure; the same events give the same bench.

mod admission;
mod batch;
mod drives;
mod floor;
mod fold;
mod locks;
mod machine;
mod people;
mod proof;
mod state;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use evidence::chain::ChainError;
use evidence::site_keys::SiteKeysError;
use evidence::{EnvelopeError, SiteKeys};
use protocol::{
    AgentKey, BatchId, Inventory, LotId, MachineId, MachineIdentity, MachineNumber, PersonId,
    Sha256Digest, SiteKey, UnixMillis,
};

pub(crate) use admission::{Admission, Consent, Verified};
pub(crate) use batch::Batch;
pub(crate) use drives::{Gone, internal_drives};
pub(crate) use locks::{Adopted, Locks, Ours};
pub(crate) use machine::{AgentBoot, Machine};
pub(crate) use people::People;
pub(crate) use proof::{Proof, Proofs};
pub(crate) use state::MachineState;

use crate::access::Role;
use crate::clock;
use crate::drive_name::DriveName;
use crate::lots::Lot;
use crate::lots::lot::StepError;
use crate::panic::Panic;
use crate::protection::{Mark, Protected};

/// Why an event cannot follow those before it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldError {
    #[error("the journal does not begin with its founding, or was founded twice")]
    Founding,
    #[error("machine {0} was never seen")]
    UnknownMachine(MachineId),
    #[error("machine {0} or its number {1} is there already")]
    MachineTwice(MachineId, MachineNumber),
    #[error("batch {0} was never armed, or was armed twice")]
    Batch(BatchId),
    #[error("{0} is protected already, or was never")]
    Mark(Mark),
    #[error("lot {0} cannot take this step: {1}")]
    Lot(LotId, StepError),
    #[error("everything is stopped already, or nothing was")]
    Panic,
    #[error("machine {0} is not admitted")]
    NotAdmitted(MachineId),
    #[error("the lock of {0} is ours already")]
    LockTwice(DriveName),
    #[error("person {0} was named already")]
    PersonTwice(PersonId),
    #[error("person {0} was never named, or the name was deleted already")]
    NoName(PersonId),
    #[error("agent {agent} never enrolled as machine {machine}")]
    UnknownAgent { machine: MachineId, agent: AgentKey },
    #[error("user {0} is there already, or was never added")]
    User(PersonId),
    #[error("an agent's record does not join its chain")]
    Chain(#[source] ChainError),
    #[error("a rotation of the site's key does not follow")]
    Rotation(#[source] SiteKeysError),
    #[error("an agent's record cannot be read")]
    Envelope(#[source] EnvelopeError),
}

/// How long after its batch begun work still goes on by itself: a power cut over night, not a machine that somebody
/// found again and uses.
const WORK_GOES_ON: Duration = Duration::from_secs(24 * 3600);

/// All machines and batches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bench {
    site: Option<SiteKeys>,
    simulated: bool,
    last_at: UnixMillis,
    n_events: u64,
    // Shared between the writer's bench and the published one: a copy costs only the machines that changed.
    machines: BTreeMap<MachineId, Arc<Machine>>,
    batches: BTreeMap<BatchId, Batch>,
    locks: Locks,
    lots: BTreeMap<LotId, Arc<Lot>>,
    people: People,
    protected: BTreeMap<Mark, Protected>,
    panic: Option<Panic>,
    users: BTreeMap<PersonId, Role>,
    /// Which password each of them has, where an event said it.
    passwords: BTreeMap<PersonId, Sha256Digest>,
}

impl Bench {
    /// The site that the journal belongs to, by its present key; none before the first event.
    pub(crate) fn site(&self) -> Option<SiteKey> {
        self.site.as_ref().map(SiteKeys::present)
    }

    /// Its keys since the journal began; none before the first event.
    pub(crate) fn site_keys(&self) -> Option<&SiteKeys> {
        self.site.as_ref()
    }

    /// Whether its machines are made up.
    pub(crate) fn simulated(&self) -> bool {
        self.simulated
    }

    /// When the last event happened.
    pub(crate) fn last_at(&self) -> UnixMillis {
        self.last_at
    }

    /// All machines.
    pub(crate) fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values().map(Arc::as_ref)
    }

    /// A machine.
    pub(crate) fn machine(&self, id: &MachineId) -> Option<&Machine> {
        self.machines.get(id).map(Arc::as_ref)
    }

    /// The machine with this number on its screen.
    pub(crate) fn numbered(&self, number: MachineNumber) -> Option<&Machine> {
        self.machines().find(|machine| machine.number == number)
    }

    /// The number for the next new machine.
    pub(crate) fn next_number(&self) -> MachineNumber {
        let last = self.machines().map(|machine| machine.number.0).max();
        MachineNumber(last.map_or(NonZeroU32::MIN, |number| number.saturating_add(1)))
    }

    /// All batches.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.values()
    }

    /// A batch.
    pub(crate) fn batch(&self, id: &BatchId) -> Option<&Batch> {
        self.batches.get(id)
    }

    /// The batches that still admit machines, the one that ends first in front.
    pub(crate) fn armed(&self, now: UnixMillis) -> Vec<&Batch> {
        let mut armed: Vec<_> = self.batches().filter(|batch| batch.admits(now)).collect();
        armed.sort_by_key(|batch| (batch.until, batch.id));
        armed
    }

    /// Whether a batch is armed that could take a machine which was only observed: not the one that did so.
    pub(crate) fn is_awaited(&self, machine: &Machine, now: UnixMillis) -> bool {
        let own = machine.admission.as_ref().map(|it| it.job.batch);
        machine.was_only_observed() && self.armed(now).iter().any(|batch| Some(batch.id) != own)
    }

    /// Whether machines may still need what a batch's job names: it gives tickets, or work of it is under way.
    pub(crate) fn is_needed(&self, batch: &Batch, now: UnixMillis) -> bool {
        let under_way = |machine: &Machine| {
            let admission = machine.admission.as_ref().filter(|_| machine.is_unfinished());
            admission.is_some_and(|it| it.job.batch == batch.id && it.accepted_plan().is_some())
        };
        batch.gives_tickets(now) || (!batch.disarmed && self.machines().any(under_way))
    }

    /// Whether work that began may no longer go on without a person: its installed system has been in use, or nobody
    /// knows any more what the machine has been used for.
    pub(crate) fn is_stale(&self, admission: &Admission, now: UnixMillis) -> bool {
        let long_ago = |batch: &Batch| clock::after(batch.until, WORK_GOES_ON) <= now;
        admission.finished.is_none()
            && admission.has_begun()
            && (admission.booted.is_some() || self.batch(&admission.job.batch).is_none_or(long_ago))
    }

    /// Whether there is something to do for a machine that comes back: its work began and may go on, or may begin.
    pub(crate) fn has_work(&self, machine: &Machine, now: UnixMillis) -> bool {
        let admission = machine.admission.as_ref().filter(|_| machine.is_unfinished());
        admission.is_some_and(|it| {
            let open = self.batch(&it.job.batch).is_some_and(|batch| batch.gives_tickets(now));
            (it.has_begun() || open) && !self.is_stale(it, now)
        })
    }

    /// All lots.
    pub(crate) fn lots(&self) -> impl Iterator<Item = &Lot> {
        self.lots.values().map(Arc::as_ref)
    }

    /// All lots, to be looked at when the bench has gone on.
    pub(crate) fn shared_lots(&self) -> BTreeMap<LotId, Arc<Lot>> {
        self.lots.clone()
    }

    /// A lot.
    pub(crate) fn lot(&self, id: &LotId) -> Option<&Lot> {
        self.lots.get(id).map(Arc::as_ref)
    }

    /// Who may log in, as far as the journal was told.
    pub(crate) fn users(&self) -> &BTreeMap<PersonId, Role> {
        &self.users
    }

    /// SHA-256 of the hash of a user's password, as the last event said that named one.
    pub(crate) fn password_of(&self, user: &PersonId) -> Option<&Sha256Digest> {
        self.passwords.get(user)
    }

    /// Who stopped everything, while it is so.
    pub(crate) fn panic(&self) -> Option<&Panic> {
        self.panic.as_ref()
    }

    /// The drives whose lock may be ours.
    pub(crate) fn locks(&self) -> &Locks {
        &self.locks
    }

    /// Everything that is never touched.
    pub(crate) fn all_protected(&self) -> impl Iterator<Item = (&Mark, &Protected)> {
        self.protected.iter()
    }

    /// Why what says this of itself is never touched, if a person said so.
    pub(crate) fn protection(
        &self,
        who: &MachineIdentity,
        inventory: Option<&Inventory>,
    ) -> Option<String> {
        let mut found = self.protected.iter().filter(|(mark, _)| mark.fits(who, inventory));
        let (mark, it) = found.next()?;
        Some(format!("{mark} is protected ({}), so it is never touched", it.because))
    }

    /// Who protects it, if it is.
    pub(crate) fn protected(&self, mark: &Mark) -> Option<&Protected> {
        self.protected.get(mark)
    }

    /// Everybody to whose name the journal is committed.
    pub(crate) fn people(&self) -> &People {
        &self.people
    }

    /// The machine whose installed system holds this one-time token.
    pub(crate) fn by_first_boot_token(&self, token: &Sha256Digest) -> Option<&Machine> {
        self.machines().find(|machine| machine.installed_with(token).is_some())
    }
}

#[cfg(test)]
mod tests;

//! A batch: machines that one person armed together.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{BatchId, Job, LotId, MachineId, PersonId, UnixMillis};

use crate::first_of_model::{Model, Standing};

/// What a person armed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Its id.
    pub(crate) id: BatchId,
    /// The lot that it works on; none in journals from before there were lots.
    pub(crate) lot: Option<LotId>,
    /// What is done to each machine.
    pub(crate) job: Job,
    /// Who armed it.
    pub(crate) by: PersonId,
    /// When.
    pub(crate) armed_at: UnixMillis,
    /// From when on it gives no tickets.
    pub(crate) until: UnixMillis,
    /// How many machines it takes.
    pub(crate) count: u32,
    /// Whether each of its machines is held once its drives are verified.
    pub(crate) witness: bool,
    /// Whether the first machine of each model goes first, and the others wait for a person's word on it.
    pub(crate) first_of_model: bool,
    /// What is known of the models, where it matters.
    pub(crate) models: BTreeMap<Model, Standing>,
    /// Those it took.
    pub(crate) admitted: BTreeSet<MachineId>,
    /// Whether a person ended it.
    pub(crate) disarmed: bool,
}

impl Batch {
    pub(super) fn new(
        job: Job,
        by: PersonId,
        armed_at: UnixMillis,
        until: UnixMillis,
        count: u32,
    ) -> Self {
        let admitted = BTreeSet::new();
        Self {
            id: job.batch,
            lot: None,
            job,
            by,
            armed_at,
            until,
            count,
            witness: false,
            first_of_model: false,
            models: BTreeMap::new(),
            admitted,
            disarmed: false,
        }
    }

    /// Whether a person has said that this model works.
    pub(crate) fn works(&self, model: &Model) -> bool {
        let verdict = self.models.get(model).and_then(|standing| standing.verdict.as_ref());
        verdict.is_some_and(|verdict| verdict.works)
    }

    /// How many further machines it takes.
    pub(crate) fn places_left(&self) -> u32 {
        let taken = u32::try_from(self.admitted.len()).unwrap_or(u32::MAX);
        self.count.saturating_sub(taken)
    }

    /// Whether it takes a further machine.
    pub(crate) fn admits(&self, now: UnixMillis) -> bool {
        !self.disarmed && now < self.until && self.places_left() > 0
    }

    /// Whether it gives tickets to machines that it took.
    pub(crate) fn gives_tickets(&self, now: UnixMillis) -> bool {
        !self.disarmed && now < self.until
    }
}

//! What concerns many machines at once: everything stops, and who of a model goes first.

use std::sync::Arc;

use protocol::{BatchId, MachineId, UnixMillis};

use super::{Bench, FoldError};
use crate::first_of_model::{Model, Verdict};
use crate::panic::Halted;

impl Bench {
    /// The one that went first until now waits again, if it was to go on.
    pub(super) fn goes_first(
        &mut self,
        machine: &MachineId,
        batch: &BatchId,
        model: &Model,
    ) -> Result<(), FoldError> {
        let of = self.batches.get_mut(batch).ok_or(FoldError::Batch(*batch))?;
        let before = of.models.entry(model.clone()).or_default().first.replace(*machine);
        if let Some(before) = before.filter(|before| before != machine) {
            let work = self.work(&before)?;
            work.waits_for_model |= work.job.batch == *batch && work.finished.is_none();
        }
        self.work(machine)?.waits_for_model = false;
        Ok(())
    }

    /// The others of the model go on, or wait. The first of it is not stopped by a no: it may be half installed.
    pub(super) fn judge_model(
        &mut self,
        batch: &BatchId,
        model: &Model,
        verdict: Verdict,
    ) -> Result<(), FoldError> {
        let of = self.batches.get_mut(batch).ok_or(FoldError::Batch(*batch))?;
        let standing = of.models.entry(model.clone()).or_default();
        let (works, first) = (verdict.works, standing.first);
        standing.verdict = Some(verdict);
        for machine in self.machines.values_mut().filter(|it| it.is_unfinished()) {
            let ours = machine.admission.as_ref().is_some_and(|it| it.job.batch == *batch);
            if !ours || machine.model() != *model || (!works && first == Some(machine.id)) {
                continue;
            }
            if let Some(admission) = &mut Arc::make_mut(machine).admission {
                admission.waits_for_model = !works;
            }
        }
        Ok(())
    }

    /// All work that is not finished stops; that stands in each machine's history.
    pub(super) fn halt(&mut self, index: u64, at: UnixMillis) {
        for machine in self.machines.values_mut().filter(|machine| machine.is_unfinished()) {
            let machine = Arc::make_mut(machine);
            let in_order = machine.attention_reasons().is_empty();
            machine.witnessed.push(index);
            if let Some(admission) = &mut machine.admission {
                admission.halted = Some(Halted { at, in_order });
            }
        }
    }
}

//! The first machine of each model: it goes on to its booted desktop, the others of that model wait, erased and checked,
//! until a person says that the model works with the new system. The decisions are pure.
//!
//! The agent asks between verification and image, as it does for a hold; what it is answered is decided in the journal,
//! so that two machines never both go first.

use std::fmt;

use protocol::inventory::Product;
use protocol::{BatchId, MachineId, MachineNumber, PersonId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::bench::{Batch, Bench, Machine, MachineState};
use crate::event::Happening;

/// What is taken for alike: maker and product name, as SMBIOS gives them. Not the version, where some makers keep a
/// revision and Lenovo a nicer name: rather one machine too many goes first than one too few.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    maker: String,
    product: String,
}

impl Model {
    /// Of a machine whose firmware says this of itself; may be nothing.
    pub(crate) fn of(product: Option<&Product>) -> Self {
        let text = |part: Option<&Option<String>>| {
            part.and_then(Option::as_deref).unwrap_or_default().trim().to_owned()
        };
        let (maker, product) = (product.map(|it| &it.vendor), product.map(|it| &it.name));
        Self { maker: text(maker), product: text(product) }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.maker.as_str(), self.product.as_str()];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { f.write_str("unknown") } else { f.write_str(&parts.join(" ")) }
    }
}

/// What is known of a model in a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The machine that goes first, or went.
    pub(crate) first: Option<MachineId>,
    /// A person's word on it, the last one.
    pub(crate) verdict: Option<Verdict>,
}

/// A person's word on a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether it works.
    pub(crate) works: bool,
    /// Whose word.
    pub(crate) by: PersonId,
    /// Why, in the person's words; may be empty.
    pub(crate) because: String,
    /// When.
    pub(crate) at: UnixMillis,
}

/// Whether a machine whose drives are all verified goes on to its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gate {
    /// It does.
    Open,
    /// It does once this is in the journal: it is the first of its model.
    Goes(Box<Happening>),
    /// It waits for a person; this one goes first, or went.
    Shut { first: Option<MachineNumber> },
}

/// Decides on a machine that asks.
pub(crate) fn gate(bench: &Bench, machine: &Machine) -> Gate {
    let Some(admission) = machine.admission.as_ref().filter(|it| it.waits_for_model) else {
        return Gate::Open;
    };
    let Some(batch) = bench.batch(&admission.job.batch) else { return Gate::Shut { first: None } };
    let model = machine.model();
    let standing = batch.models.get(&model);
    let first = standing.and_then(|it| it.first).and_then(|first| bench.machine(&first));
    let number = first.map(|first| first.number);
    let refused = standing.and_then(|it| it.verdict.as_ref()).is_some_and(|it| !it.works);
    let taken = first.is_some_and(|first| first.id != machine.id && stands(first, batch));
    if refused || taken || !admission.is_proven() {
        return Gate::Shut { first: number };
    }
    let goes = Happening::FirstOfModel { machine: machine.id, batch: batch.id, model };
    Gate::Goes(Box::new(goes))
}

/// Whether the first of a model may still show that it works: it is done, or on its way and in order.
fn stands(first: &Machine, batch: &Batch) -> bool {
    let ours = first.admission.as_ref().filter(|it| it.job.batch == batch.id);
    ours.is_some_and(|it| it.finished.is_some() || first.attention_reasons().is_empty())
}

/// A person's word on a model.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    /// Whose.
    pub(crate) by: PersonId,
    /// The model's name, as it is shown.
    pub(crate) model: String,
    /// In which batch; the only one that asks for it if absent.
    pub(crate) batch: Option<BatchId>,
    /// Whether it works.
    pub(crate) works: bool,
    /// Why.
    pub(crate) because: String,
}

/// Why a person's word is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelError {
    #[error(
        "no batch in which the first machine of each model goes first has taken a machine of model {0:?}; `rehome model list` shows them"
    )]
    NoSuch(String),
    #[error("{0} batches have machines of model {1:?}; say which one with --batch")]
    Several(usize, String),
}

/// Takes a person's word.
pub(crate) fn judge(bench: &Bench, word: Word) -> Result<Vec<Happening>, ModelError> {
    let Word { by, model: name, batch, works, because } = word;
    let asked =
        bench.batches().filter(|it| it.first_of_model && batch.is_none_or(|id| it.id == id));
    let found: Vec<_> = asked
        .filter_map(|batch| {
            let mut models = models_of(bench, batch);
            let model = models.find(|model| model.to_string().eq_ignore_ascii_case(name.trim()))?;
            Some((batch.id, model))
        })
        .collect();
    match &found[..] {
        [] => Err(ModelError::NoSuch(name)),
        [(batch, model)] => {
            let because = because.trim().to_owned();
            let (batch, model) = (*batch, model.clone());
            Ok(vec![Happening::ModelJudged { batch, model, works, by, because }])
        }
        several => Err(ModelError::Several(several.len(), name)),
    }
}

/// The models of the machines that a batch took.
fn models_of<'a>(bench: &'a Bench, batch: &'a Batch) -> impl Iterator<Item = Model> + 'a {
    batch.admitted.iter().filter_map(|id| bench.machine(id)).map(Machine::model)
}

/// A model in a batch, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelRow {
    pub(crate) batch: BatchId,
    pub(crate) model: Model,
    /// The machine that goes first, or went, and where it stands.
    pub(crate) first: Option<(MachineNumber, MachineState)>,
    pub(crate) verdict: Option<Verdict>,
    /// The machines that wait, by number.
    pub(crate) waiting: Vec<MachineNumber>,
}

impl ModelRow {
    /// Whether the first has reported from its installed system.
    pub(crate) fn has_booted(&self) -> bool {
        self.first.as_ref().is_some_and(|(_, state)| *state == MachineState::Booted)
    }
}

/// Every model of every batch in which the first goes first.
pub(crate) fn rows(bench: &Bench) -> Vec<ModelRow> {
    let batches = bench.batches().filter(|batch| batch.first_of_model);
    batches.flat_map(|batch| rows_of(bench, batch)).collect()
}

/// Those of one batch.
pub(crate) fn rows_of(bench: &Bench, batch: &Batch) -> Vec<ModelRow> {
    let models: std::collections::BTreeSet<_> = models_of(bench, batch).collect();
    let row = |model: Model| {
        let standing = batch.models.get(&model);
        let first = standing.and_then(|it| it.first).and_then(|first| bench.machine(&first));
        let machines = batch.admitted.iter().filter_map(|id| bench.machine(id));
        let mut waiting: Vec<_> = machines
            .filter(|it| it.model() == model)
            .filter(|it| it.admission.as_ref().is_some_and(|it| it.awaits_verdict()))
            .map(|it| it.number)
            .collect();
        waiting.sort_unstable();
        ModelRow {
            batch: batch.id,
            first: first.map(|it| (it.number, it.state(true))),
            verdict: standing.and_then(|it| it.verdict.clone()),
            waiting,
            model,
        }
    };
    models.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests;

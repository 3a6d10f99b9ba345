//! What people are shown of machines and batches: journal and last word put together.

use std::collections::BTreeMap;

use protocol::api::Progress;
use protocol::inventory::Product;
use protocol::{
    AgentKey, BatchId, Inventory, JobKind, MachineId, MachineIdentity, MachineNumber, PersonId,
    Plan, Stage, UnixMillis,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::bench::{Batch, Bench, Machine};
use crate::event::AdmittedHow;
use crate::live::{Live, TraceLine, is_recent};

/// A row of the bench.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MachineView {
    #[schema(value_type = u32, minimum = 1)]
    pub(crate) number: MachineNumber,
    #[schema(value_type = String)]
    pub(crate) id: MachineId,
    /// Name of the state.
    pub(crate) state: &'static str,
    /// The state in a sentence.
    pub(crate) sentence: String,
    /// The stage that the agent names, while it is heard.
    #[schema(value_type = Option<String>)]
    pub(crate) stage: Option<Stage>,
    /// What the agent says it does.
    pub(crate) doing: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub(crate) progress: Option<Progress>,
    pub(crate) remaining_seconds: Option<u64>,
    /// Drives that erase themselves at this moment: nothing can stop them.
    pub(crate) unstoppable: Vec<String>,
    /// Drives whose former content is not proven gone.
    pub(crate) data_still_there: Vec<String>,
    /// Vendor and model.
    pub(crate) model: String,
    pub(crate) drives: Vec<String>,
    /// The key's fingerprint, as on the machine's screen.
    pub(crate) fingerprint: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(crate) batch: Option<BatchId>,
    /// Whether the agent was heard within the last seconds.
    pub(crate) heard: bool,
    #[schema(value_type = Option<u64>)]
    pub(crate) last_heard: Option<UnixMillis>,
}

/// All that is known of a machine.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MachineDetail {
    #[serde(flatten)]
    pub(crate) row: MachineView,
    #[schema(value_type = u64)]
    pub(crate) first_seen: UnixMillis,
    #[schema(value_type = Object)]
    pub(crate) identity: MachineIdentity,
    pub(crate) attention: Vec<String>,
    /// Whether a person has it wait, now or once its drives are verified.
    pub(crate) held: bool,
    #[schema(value_type = Option<Object>)]
    pub(crate) inventory: Option<Inventory>,
    #[schema(value_type = Option<Object>)]
    pub(crate) admitted: Option<AdmittedHow>,
    #[schema(value_type = Option<Object>)]
    pub(crate) plan: Option<Plan>,
    #[schema(value_type = Option<u64>)]
    pub(crate) finished: Option<UnixMillis>,
    #[schema(value_type = Option<u64>)]
    pub(crate) booted: Option<UnixMillis>,
    pub(crate) boots: Vec<BootView>,
    /// The last network boots, by address.
    #[schema(value_type = BTreeMap<String, Vec<Object>>)]
    pub(crate) boot_trace: BTreeMap<String, Vec<TraceLine>>,
}

/// One boot of the appliance.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct BootView {
    #[schema(value_type = String)]
    pub(crate) agent: AgentKey,
    pub(crate) version: String,
    #[schema(value_type = u64)]
    pub(crate) at: UnixMillis,
    pub(crate) records: usize,
}

/// A batch.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct BatchView {
    #[schema(value_type = String)]
    pub(crate) id: BatchId,
    /// The name of who armed it, or the bare id where the name is gone.
    pub(crate) by: String,
    #[schema(value_type = u64)]
    pub(crate) armed_at: UnixMillis,
    #[schema(value_type = u64)]
    pub(crate) until: UnixMillis,
    pub(crate) count: u32,
    #[schema(value_type = Vec<u32>)]
    pub(crate) admitted: Vec<MachineNumber>,
    pub(crate) disarmed: bool,
    /// Whether it admits further machines.
    pub(crate) armed: bool,
    /// Whether machines may still need its image.
    pub(crate) needed: bool,
    #[schema(value_type = Object)]
    pub(crate) job: JobKind,
    /// Name of its policy.
    pub(crate) policy: String,
    /// Whether each of its machines is held once its drives are verified.
    pub(crate) witness: bool,
    /// Whether the first machine of each model goes first, and the others wait for a person's word on it.
    pub(crate) first_of_model: bool,
}

/// A machine as a row.
pub(crate) fn machine(
    bench: &Bench,
    live: &Live,
    now: UnixMillis,
    machine: &Machine,
) -> MachineView {
    let state = machine.state(!bench.armed(now).is_empty());
    let word = live.last_word(&machine.id);
    let heard = word.as_ref().is_some_and(|word| is_recent(word, now));
    let last_heard = word.as_ref().map(|word| word.at);
    let heartbeat = word.filter(|_| heard).map(|word| word.heartbeat);
    let erasing = heartbeat.iter().flat_map(|it| &it.erasing_themselves);
    let unstoppable = erasing.map(ToString::to_string).collect();
    let progress = heartbeat.as_ref().and_then(|it| it.progress);
    let product = machine.inventory.as_ref().map(|inventory| &inventory.product);
    let model = product.map(model);
    let drives = machine.inventory.iter().flat_map(|inventory| &inventory.drives);
    MachineView {
        number: machine.number,
        id: machine.id,
        state: state.name(),
        sentence: state.sentence(),
        stage: heartbeat.as_ref().map(|it| it.stage),
        doing: heartbeat.map(|it| it.sentence),
        progress,
        unstoppable,
        remaining_seconds: progress.and_then(remaining),
        data_still_there: machine.data_still_there(),
        model: model.unwrap_or_default(),
        drives: drives.map(protocol::DriveUnit::label).collect(),
        fingerprint: machine.agent().map(|agent| agent.fingerprint()),
        batch: machine.admission.as_ref().map(|admission| admission.job.batch),
        heard,
        last_heard,
    }
}

/// Vendor and model, as on the lid.
pub(crate) fn model(product: &Product) -> String {
    let parts = [&product.vendor, &product.name, &product.version];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// A machine with all that is known.
pub(crate) fn detail(
    bench: &Bench,
    live: &Live,
    now: UnixMillis,
    known: &Machine,
) -> MachineDetail {
    let admission = known.admission.as_ref();
    let boots = known.boots.iter().map(|boot| BootView {
        agent: boot.agent,
        version: boot.version.clone(),
        at: boot.at,
        records: boot.records.len(),
    });
    let macs = known.identity.macs.iter().map(ToString::to_string);
    MachineDetail {
        row: machine(bench, live, now, known),
        first_seen: known.first_seen,
        identity: known.identity.clone(),
        attention: known.attention_reasons(),
        held: admission.is_some_and(|it| it.held),
        inventory: known.inventory.clone(),
        admitted: admission.map(|it| it.how.clone()),
        plan: admission.and_then(|it| it.consents.last()).map(|consent| consent.plan.clone()),
        finished: admission.and_then(|it| it.finished),
        booted: admission.and_then(|it| it.booted),
        boots: boots.collect(),
        boot_trace: macs.map(|mac| (mac.clone(), live.boot_trace(&mac))).collect(),
    }
}

/// A person's name, or the bare id where the name is gone. `names` are those still on record.
pub(crate) fn name_of(names: &[(PersonId, String)], id: PersonId) -> String {
    let known = names.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone());
    known.unwrap_or_else(|| id.to_string())
}

/// A batch. `names` are those of people still on record.
pub(crate) fn batch(
    bench: &Bench,
    now: UnixMillis,
    batch: &Batch,
    names: &[(PersonId, String)],
) -> BatchView {
    let numbers = batch.admitted.iter().filter_map(|id| bench.machine(id));
    BatchView {
        id: batch.id,
        by: name_of(names, batch.by),
        armed_at: batch.armed_at,
        until: batch.until,
        count: batch.count,
        admitted: numbers.map(|machine| machine.number).collect(),
        disarmed: batch.disarmed,
        armed: batch.admits(now),
        needed: bench.is_needed(batch, now),
        job: batch.job.kind.clone(),
        policy: batch.job.policy.name.clone(),
        witness: batch.witness,
        first_of_model: batch.first_of_model,
    }
}

fn remaining(progress: Progress) -> Option<u64> {
    progress.total.0.saturating_sub(progress.done.0).checked_div(progress.rate.0)
}

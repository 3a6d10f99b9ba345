//! The certificate of a machine: a pure view of the journal, with its proof.

use evidence::SiteKeys;
use evidence::certificate::{CertifiedDrive, Facts, IssueError, issue};
use protocol::{MachineNumber, UnixMillis};

use crate::bench::{AgentBoot, Bench, Machine};
use crate::coordinator::Coordinator;
use crate::journal::JournalError;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("nobody has seen machine {0}")]
    Unknown(MachineNumber),
    #[error("machine {number} gets no certificate: {why}")]
    NotEarned { number: MachineNumber, why: String },
    #[error("machine {number} gets no certificate now, as the journal cannot be read or written")]
    Journal {
        number: MachineNumber,
        #[source]
        source: JournalError,
    },
    #[error("making the certificate of machine {number}")]
    Issue {
        number: MachineNumber,
        #[source]
        source: IssueError,
    },
}

/// Makes the certificate's file.
///
/// # Errors
/// When the machine has not earned one, with the reason.
pub(crate) fn certificate(
    coordinator: &Coordinator,
    number: MachineNumber,
) -> Result<String, CertificateError> {
    let (facts, indices, log, keys) = {
        let published = coordinator.journal.published();
        let machine = published.bench.numbered(number).ok_or(CertificateError::Unknown(number))?;
        let (facts, indices) = facts(coordinator, &published.bench, machine)
            .map_err(|why| CertificateError::NotEarned { number, why })?;
        (facts, indices, published.log.clone(), site_keys(coordinator))
    };
    let leaves = coordinator
        .journal
        .bodies(&indices)
        .map_err(|source| CertificateError::Journal { number, source })?;
    let file = issue(facts, leaves, &log, &coordinator.site.key, &keys)
        .map_err(|source| CertificateError::Issue { number, source })?;
    // What a certificate leads to is kept before anybody has it: a journal that loses its end is found out by it.
    coordinator
        .journal
        .keep_checkpoint(&coordinator.site.key)
        .map_err(|source| CertificateError::Journal { number, source })?;
    Ok(file)
}

/// The line of the site's keys: the content of `site.pub`.
pub(crate) fn site_keys(coordinator: &Coordinator) -> SiteKeys {
    let published = coordinator.journal.published();
    published.bench.site_keys().cloned().unwrap_or_else(|| coordinator.site.public().into())
}

/// What is certified, and the journal's indices of the records it rests on.
fn facts(
    coordinator: &Coordinator,
    bench: &Bench,
    machine: &Machine,
) -> Result<(Facts, Vec<u64>), String> {
    let admission = machine.sanitizing_work().ok_or_else(|| match &machine.admission {
        None => "it was never admitted".to_owned(),
        Some(work) => format!("{} work sanitizes no drive", work.job.kind.word()),
    })?;
    let completed_at: UnixMillis = admission.finished.ok_or("its work is not finished")?;
    if let Some(reason) = machine.attention_reasons().into_iter().next() {
        return Err(reason);
    }
    let consent = admission.accepted_consent().ok_or("no ticket of it was used")?;
    let plan = &consent.plan;
    let drives = plan.drives.iter().map(|planned| {
        let verified = admission.verified.get(&planned.identity);
        let verified = verified.ok_or_else(|| format!("{} is not verified", planned.identity))?;
        // A system that was installed later is no contradiction.
        let later = machine.works().filter(|work| work.at > admission.at && work.job.kind.writes());
        if admission.left_zero(&planned.identity)
            && later.count() == 0
            && let Some(found) = bench.found_otherwise(&planned.identity, admission.at)
        {
            return Err(format!("{}: {found}", planned.identity));
        }
        Ok(CertifiedDrive {
            evidence: verified.evidence.clone(),
            record: verified.record,
            notice: admission.notices.get(&planned.identity).cloned(),
        })
    });
    let drives = drives.collect::<Result<Vec<_>, String>>()?;
    let worked =
        |boot: &&AgentBoot| admission.agents.contains(&boot.agent) && !boot.records.is_empty();
    let boots: Vec<_> = machine.boots.iter().filter(worked).collect();
    let mut indices: Vec<u64> =
        boots.iter().flat_map(|boot| boot.records.iter().copied()).collect();
    indices.sort_unstable();
    let facts = Facts {
        site: coordinator.site.public(),
        site_name: coordinator.config.site_name.clone(),
        machine: machine.id,
        number: machine.number,
        batch: admission.job.batch,
        identity: machine.identity.clone(),
        product: consent.product.clone(),
        plan: plan.clone(),
        policy: admission.job.policy.clone(),
        agents: boots.iter().map(|boot| boot.agent).collect(),
        drives,
        // The end of the work was believed only after the planned image was made bootable.
        installed: plan.image,
        completed_at,
        simulated: coordinator.site.simulated,
    };
    Ok((facts, indices))
}

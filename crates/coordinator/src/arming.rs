//! Arming and disarming, whichever way a person says it: what is asked for is held against the images there are,
//! decided, and journaled.

use std::sync::Arc;
use std::time::Duration;

use osimage::{Manifest, NotInstallable};
use protocol::{BatchId, ImageId, Job, JobKind, LotId, PersonId, Policy};

use crate::admission::{self, AdmissionError, Terms, split};
use crate::bench::Machine;
use crate::coordinator::Coordinator;
use crate::disk_space::DiskSpaceError;
use crate::forecast::{Forecast, ImageLoad, Question, forecast};
use crate::images::{ImageError, ImageStore};
use crate::journal::JournalError;
use crate::live::is_recent;
use crate::lots;
use crate::policies::{self, PolicyError};
use crate::random::{self, RandomError};

/// What a person wants armed.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Who.
    pub(crate) by: PersonId,
    /// How many machines it takes.
    pub(crate) count: u32,
    /// For how long.
    pub(crate) time: Duration,
    /// What for.
    pub(crate) work: WantedWork,
    /// What is demanded of sanitizing.
    pub(crate) policy: Policy,
    /// Whether each machine is held once its drives are verified, for a person to look.
    pub(crate) witness: bool,
    /// Whether the first machine of each model goes first, and the others wait for a person's word on it.
    pub(crate) first_of_model: bool,
    /// The lot that it works on; the only open one if absent.
    pub(crate) lot: Option<LotId>,
}

/// What is to be done to each machine.
#[derive(Debug)]
pub(crate) enum WantedWork {
    /// Drives are wiped and left empty.
    Wipe,
    /// Stock is taken and recorded.
    Inventory,
    /// Drives are read.
    Verify,
    /// A drive that is proven sanitized already gets an image.
    Image {
        /// Which.
        image: WantedImage,
        /// Locale of the installed system.
        locale: String,
    },
    /// Drives are wiped and one gets an image.
    Refurbish {
        /// Which.
        image: WantedImage,
        /// Locale of the installed system.
        locale: String,
    },
}

impl WantedWork {
    /// Whether a drive gets an image.
    pub(crate) const fn installs(&self) -> bool {
        matches!(self, Self::Refurbish { .. } | Self::Image { .. })
    }
}

/// How a person says which image.
#[derive(Debug)]
pub(crate) enum WantedImage {
    /// By its name, or the beginning of its id.
    Named(String),
    /// Chosen from a list.
    Chosen(ImageId),
}

/// Why nothing was armed, or a batch not ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArmError {
    #[error(
        "simulated machines have small drives of memory that no image fits on; arm without an image"
    )]
    Simulated,
    #[error(
        "a batch that installs nothing has no first machine of a model that could show anything; leave --first-of-model out"
    )]
    NothingToShow,
    #[error("a locale looks like pl_PL.UTF-8")]
    Locale,
    #[error(transparent)]
    Image(ImageError),
    #[error("image {name} is not armed, because no laptop could be given it: {why}")]
    NotInstallable { name: String, why: NotInstallable },
    #[error(transparent)]
    Policy(PolicyError),
    #[error(transparent)]
    Admission(AdmissionError),
    #[error(transparent)]
    Disk(DiskSpaceError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error("looking the image up was not finished")]
    Interrupted(#[source] tokio::task::JoinError),
}

/// Arms a batch. An image that no agent could install, or of which chunks are missing, is refused here: once a machine
/// is wiped it is too late.
///
/// # Errors
/// When what is asked for is impossible, or nothing can be recorded.
pub(crate) async fn arm(coordinator: &Arc<Coordinator>, wish: Wish) -> Result<BatchId, ArmError> {
    let Wish { by, count, time, work, policy, witness, first_of_model, lot } = wish;
    if first_of_model && !work.installs() {
        return Err(ArmError::NothingToShow);
    }
    may_install(coordinator, &work)?;
    policies::check(&policy).map_err(ArmError::Policy)?;
    coordinator.disk.check().map_err(ArmError::Disk)?;
    let images = coordinator.images.clone();
    let job = tokio::task::spawn_blocking(move || job(&images, work)).await;
    let job = job.map_err(ArmError::Interrupted)??;
    let batch = BatchId::from_bytes(random::bytes()?);
    let decide = move |bench: &_, now| {
        split(lots::decide::which(bench, lot).map_err(AdmissionError::from).and_then(|lot| {
            let terms = Terms { job, policy, witness, first_of_model, lot };
            admission::arm(now, batch, by, time, count, terms).map(|it| vec![it])
        }))
    };
    let decided = coordinator.journal.grant(decide).await?;
    decided.map(|()| batch).map_err(ArmError::Admission)
}

fn may_install(coordinator: &Coordinator, work: &WantedWork) -> Result<(), ArmError> {
    if coordinator.site.simulated && work.installs() {
        return Err(ArmError::Simulated);
    }
    Ok(())
}

/// When the batch would be done, if it was armed now and the machines in sight were picked. Nothing is armed.
///
/// # Errors
/// When what is asked for is impossible.
pub(crate) async fn preview(
    coordinator: &Arc<Coordinator>,
    (work, policy): (WantedWork, Policy),
    count: u32,
) -> Result<Forecast, ArmError> {
    may_install(coordinator, &work)?;
    policies::check(&policy).map_err(ArmError::Policy)?;
    let images = coordinator.images.clone();
    let job = tokio::task::spawn_blocking(move || {
        let kind = job(&images, work)?;
        let manifest = kind.image().map(|(image, ..)| images.show(image)).transpose();
        let manifest = manifest.map_err(ArmError::Image)?;
        let load = |it: &Manifest| ImageLoad { data: it.data_len(), stored: it.stored_len() };
        let image = manifest.as_ref().map(load);
        Ok::<_, ArmError>((kind, image))
    });
    let (kind, image) = job.await.map_err(ArmError::Interrupted)??;
    // The plan is made for nobody: no batch has this id.
    let job = Job { batch: BatchId::from_bytes([0; 16]), kind, policy };
    let (published, now) = (coordinator.journal.published(), coordinator.journal.now());
    let bench = &published.bench;
    let in_sight = |machine: &&Machine| {
        let word = coordinator.live.last_word(&machine.id);
        // Work that writes nothing has no plan that a time could be taken from.
        let free = job.kind.writes() && !machine.is_unfinished() && !machine.is_finished();
        free && machine.protected().is_none() && word.is_some_and(|word| is_recent(&word, now))
    };
    let ports = coordinator.config.ports;
    let question = Question { job: &job, count, ports, image };
    Ok(forecast(bench, now, bench.machines().filter(in_sight), &question))
}

/// Ends a batch.
///
/// # Errors
/// When there is none, or nothing can be recorded.
pub(crate) async fn disarm(
    coordinator: &Arc<Coordinator>,
    batch: BatchId,
    by: PersonId,
) -> Result<(), ArmError> {
    let decide = move |bench: &_, _| {
        split(admission::disarm(bench, batch, by).map(|it| it.into_iter().collect()))
    };
    coordinator.journal.decide(decide).await?.map_err(ArmError::Admission)
}

/// The job that is asked for, with its image looked up and looked at.
fn job(images: &ImageStore, work: WantedWork) -> Result<JobKind, ArmError> {
    let sanitizes = matches!(work, WantedWork::Refurbish { .. });
    let (image, locale) = match work {
        WantedWork::Wipe => return Ok(JobKind::Wipe {}),
        WantedWork::Inventory => return Ok(JobKind::InventoryOnly {}),
        WantedWork::Verify => return Ok(JobKind::VerifyOnly {}),
        WantedWork::Refurbish { image, locale } | WantedWork::Image { image, locale } => {
            (image, locale)
        }
    };
    if !is_locale(&locale) {
        return Err(ArmError::Locale);
    }
    let manifest = match image {
        WantedImage::Chosen(image) => images.show(image),
        WantedImage::Named(wanted) => images.find(&wanted).and_then(|image| images.show(image)),
    };
    let manifest = manifest.map_err(ArmError::Image)?;
    installable(&manifest)?;
    images.check_present(&manifest).map_err(ArmError::Image)?;
    let image_min_size = manifest.document().min_disk_size;
    let image = manifest.id();
    Ok(match sanitizes {
        true => JobKind::Refurbish { image, image_min_size, locale },
        false => JobKind::ImageOnly { image, image_min_size, locale },
    })
}

fn installable(manifest: &Manifest) -> Result<(), ArmError> {
    let name = || manifest.document().name.clone();
    manifest.check_installable().map_err(|why| ArmError::NotInstallable { name: name(), why })
}

/// Language, country and encoding, as `locale -a` writes them.
fn is_locale(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-@".contains(c);
    !text.is_empty() && text.len() <= 32 && text.chars().all(plain)
}

//! Who takes part: one laptop in QEMU with all that belongs to it, and laptops of the test's own that speak the agents'
//! protocol with believable timing. `rehome-agent simulate` will not do here: what it says is marked as simulated, and no
//! coordinator takes simulated laptops beside real ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use protocol::api::{Heartbeat, Progress, RecordsAccepted};
use protocol::event::{BadCause, BadRange};
use protocol::{
    ByteLen, Directive, Inventory, Job, JobKind, MacAddr, Plan, PlannedDrive, Stage, Step, Ticket,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::coordinator::Coordinator;
use crate::hardware;
use crate::laptop::{Laptop, ok};

/// Between two heartbeats.
const BEAT: Duration = Duration::from_secs(1);
/// Steps in which a drive is seen to be worked on.
const TENTHS: u64 = 5;

const MODELS: [(&str, &str); 4] = [
    ("Dell Inc.", "Latitude E6420"),
    ("HP", "ProBook 6560b"),
    ("LENOVO", "ThinkPad T420"),
    ("FUJITSU", "LIFEBOOK E751"),
];

/// What becomes of a laptop's drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Works,
    /// It cannot be written in one place.
    Fails,
}

/// The laptop of this number.
pub(crate) fn inventory(n: u8) -> Inventory {
    let mut inventory = hardware::laptop(n);
    let (vendor, name) = MODELS[usize::from(n) % MODELS.len()];
    (inventory.product.vendor, inventory.product.name) = (Some(vendor.into()), Some(name.into()));
    let mac = MacAddr([0x00, 0x21, 0xcc, 0x5e, 0x17, n]);
    inventory.identity.macs = [mac].into();
    inventory.identity.system_serial = Some(format!("5CG{}", 8_301_110 + 37 * u32::from(n)));
    inventory.boot.boot_mac = Some(mac);
    inventory.nics[0].mac = mac;
    inventory
}

/// Its serial number.
pub(crate) fn serial(inventory: &Inventory) -> String {
    inventory.identity.system_serial.clone().unwrap()
}

/// Maker and model.
pub(crate) fn model(inventory: &Inventory) -> String {
    let product = &inventory.product;
    format!("{} {}", product.vendor.as_deref().unwrap(), product.name.as_deref().unwrap())
}

/// Switches all of them on and lets them live until `over`.
pub(crate) async fn live(
    laptops: Vec<(Laptop, Fate)>,
    at: Arc<Coordinator>,
    over: Arc<AtomicBool>,
) {
    let mut all = JoinSet::new();
    for (laptop, fate) in laptops {
        let (at, over) = (at.clone(), over.clone());
        all.spawn(async move {
            let stop = async {
                while !over.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(200)).await;
                }
            };
            tokio::select! { () = life(laptop, &at, fate) => {}, () = stop => {} }
        });
    }
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
}

async fn life(mut laptop: Laptop, at: &Coordinator, fate: Fate) {
    laptop.enroll(at).await;
    let job = loop {
        match say(&laptop, at, Stage::Plan, "waiting for a person", None).await {
            Directive::Work { job, .. } => break job,
            Directive::Wait { .. } | Directive::LocalDisk { .. } => sleep(BEAT).await,
            Directive::Stop { reason } => panic!("nobody pressed that button: {reason}"),
        }
    };
    let request = laptop.request(&job, 1);
    let (ticket, token) = laptop.ticket(at, &request).await.unwrap();
    let plan = request.plan.unwrap();
    if fate == Fate::Fails {
        fail(&mut laptop, at, &ticket, &plan).await;
        loop {
            say(&laptop, at, Stage::Sanitize, "a drive failed", None).await;
            sleep(BEAT).await;
        }
    }
    laptop.wipe(&ticket, &plan);
    let drive = plan.drives.iter().find(|it| it.receives_image).unwrap();
    install(&mut laptop, &job, drive, &token);
    hand_in(&laptop, at, drive).await;
    boot(at, &token).await;
}

/// Notes what happens when an image is installed.
fn install(laptop: &mut Laptop, job: &Job, planned: &PlannedDrive, token: &str) {
    let JobKind::Refurbish { image, image_min_size, .. } = &job.kind else {
        panic!("another job: {job:?}")
    };
    let drive = planned.identity.clone();
    laptop.note(Step::ImageWritten {
        drive: drive.clone(),
        image: *image,
        fetched: ByteLen(200 << 20),
        written: *image_min_size,
        read_back: *image_min_size,
        duration_ms: 61_000,
    });
    laptop.note(Step::Personalized {
        drive: drive.clone(),
        host_name: format!("laptop-{}", laptop.number()),
        root_size: ByteLen(2 << 30),
        first_boot_token: evidence::sha256(token.as_bytes()),
    });
    laptop.note(Step::MadeBootable { drive, boot_entry: "set first".into() });
    laptop.note(Step::Finished {});
}

/// Hands in the records one by one, with what the screen shows in between.
async fn hand_in(laptop: &Laptop, at: &Coordinator, planned: &PlannedDrive) {
    let size = planned.identity.size;
    for record in &laptop.records {
        let _: RecordsAccepted = ok(&laptop.send(at, std::slice::from_ref(record)).await);
        let stage = match at_work(laptop, record) {
            Some(stage) => stage,
            None => continue,
        };
        for tenth in 0..TENTHS {
            let done = ByteLen(size.0 / TENTHS * tenth);
            let progress = Progress { done, total: size, rate: ByteLen(480 << 20) };
            say(laptop, at, stage, "at work", Some(progress)).await;
            sleep(BEAT).await;
        }
    }
}

/// What a laptop is busy with after this record.
fn at_work(laptop: &Laptop, record: &evidence::Envelope) -> Option<Stage> {
    let record: protocol::AgentRecord =
        record.open(protocol::api::RECORD_TYPE, laptop.agent().as_bytes()).unwrap();
    match record.step {
        Step::SanitizeStarted { .. } => Some(Stage::Sanitize),
        Step::Sanitized { .. } => Some(Stage::Verify),
        Step::Verified(_) => Some(Stage::Image),
        Step::ImageWritten { .. } => Some(Stage::Personalize),
        _ => None,
    }
}

/// A drive that cannot be written in one place: no certificate comes of it.
async fn fail(laptop: &mut Laptop, at: &Coordinator, ticket: &Ticket, plan: &Plan) {
    let planned = &plan.drives[0];
    let drive = planned.identity.clone();
    let bad = BadRange { offset: 1 << 30, length: ByteLen(4096), cause: BadCause::WriteError };
    laptop.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
    let techniques = planned.techniques.clone();
    laptop.note(Step::SanitizeStarted { drive: drive.clone(), techniques });
    laptop.note(Step::SanitizeFailed {
        drive,
        stage: Stage::Sanitize,
        bad_ranges: vec![bad],
        commands: Vec::new(),
        sentence: "4096 bytes at byte 1073741824 cannot be written; take the drive out".into(),
    });
    let _: RecordsAccepted = ok(&laptop.send(at, &laptop.records).await);
}

async fn say(
    laptop: &Laptop,
    at: &Coordinator,
    stage: Stage,
    sentence: &str,
    progress: Option<Progress>,
) -> Directive {
    let sentence = sentence.into();
    let heartbeat = Heartbeat { stage, sentence, progress, erasing_themselves: Vec::new() };
    ok(&laptop.post(at, "/agent/v1/heartbeat", &heartbeat).await)
}

/// The installed system starts and says so.
async fn boot(at: &Coordinator, token: &str) {
    sleep(3 * BEAT).await;
    let mut stream = TcpStream::connect(at.http()).await.unwrap();
    let request = format!("POST /booted/{token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

//! The coordinator's disk gets short: nothing new is begun, what has begun goes on, and everybody is told.

use hyper::{Method, StatusCode};
use protocol::api::RecordsAccepted;
use protocol::{Directive, Step};

use crate::coordinator::Coordinator;
use crate::full_disk::on_a_small_disk;
use crate::hardware::laptop;
use crate::laptop::{Laptop, ok, refusal, talk};
use crate::monitoring::{monitors_token, samples};

/// Leaves less room than must be free, and enough for all records of this test.
fn get_short_of_room(bench: &Coordinator) -> std::path::PathBuf {
    let filler = bench.path().join("filler");
    std::fs::write(&filler, vec![0; 8_500_000]).unwrap();
    filler
}

async fn ready(bench: &Coordinator) -> StatusCode {
    talk(bench, Method::GET, "/health/ready", None, Vec::new()).await.0
}

/// A laptop that was picked.
async fn picked(bench: &Coordinator, n: u8) -> Laptop {
    let mut machine = Laptop::booted(laptop(n));
    machine.enroll(bench).await;
    bench.pick(n.into());
    machine
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_is_begun_and_what_has_begun_is_finished() {
    let bench = on_a_small_disk(12_000, &["--min-free-mb", "5"]);
    assert_eq!(ready(&bench).await, StatusCode::OK);
    bench.arm_wipe(3);
    let (mut begun, waiting) = (picked(&bench, 1).await, picked(&bench, 2).await);
    let job = begun.job(&bench).await;
    let request = begun.request(&job, 7);
    let (ticket, _) = begun.ticket(&bench, &request).await.unwrap();
    begun.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
    let _: RecordsAccepted = ok(&begun.send(&bench, &begun.records).await);

    let filler = get_short_of_room(&bench);
    assert_eq!(ready(&bench).await, StatusCode::SERVICE_UNAVAILABLE);
    let why = bench
        .refused(&["batch", "arm", "--by", "Ola", "--count", "1", "--for", "4h", "--kind", "wipe"]);
    for word in ["free", "below 5.00 MB", "rehome image remove", "goes on"] {
        assert!(why.contains(word), "{word:?} is missing: {why}");
    }
    let Directive::Wait { reason } = waiting.heartbeat(&bench).await else { panic!("begun") };
    assert!(reason.contains("disk is nearly full"), "{reason}");
    let asked = waiting.request(&job, 8);
    let refused = refusal(&waiting.post(&bench, "/agent/v1/plan", &asked).await, 409);
    assert!(refused.contains("disk is nearly full"), "{refused}");
    let token = monitors_token(&bench);
    let page = talk(&bench, Method::GET, "/metrics", Some(&token), Vec::new());
    let said = samples(std::str::from_utf8(&page.await.1).unwrap());
    assert!(said["rehome_disk_free_bytes"] < said["rehome_disk_min_free_bytes"], "{said:?}");
    assert_eq!(said["rehome_ready"], 0.0);

    // The power went, and it comes back: a new ticket for what was begun.
    let mut again = Laptop::booted(laptop(1));
    again.enroll(&bench).await;
    let request = again.request(&again.job(&bench).await, 9);
    let (ticket, _) = again.ticket(&bench, &request).await.unwrap();
    again.wipe(&ticket, &request.plan.unwrap());
    again.note(Step::Finished {});
    let _: RecordsAccepted = ok(&again.send(&bench, &again.records).await);
    assert_eq!(bench.state(1), "finished");

    std::fs::remove_file(filler).unwrap();
    assert_eq!(ready(&bench).await, StatusCode::OK);
    let request = waiting.request(&waiting.job(&bench).await, 10);
    waiting.ticket(&bench, &request).await.unwrap();
}

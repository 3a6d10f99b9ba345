//! Clients that take their time: each is closed within bounds, and nobody else waits for it.

use std::time::{Duration, Instant};

use crate::coordinator::Coordinator;
use crate::hardware::laptop;
use crate::laptop::Laptop;
use crate::wire::{Port, Wire, connect};

/// As `http::HEAD_TIME` and `http::REQUEST_TIME` say, and what a busy test machine may add.
const HEAD: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(30);
const SLACK: Duration = Duration::from_secs(15);

/// Sends a byte now and then until the other side has had enough; how long that took, and the status if one came.
async fn drip(mut wire: Wire, begin: &str) -> (Duration, Option<u16>) {
    let started = Instant::now();
    wire.send(begin.as_bytes()).await.unwrap();
    loop {
        tokio::select! {
            reply = wire.reply() => return (started.elapsed(), reply.map(|it| it.status)),
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
        if wire.send(b"a").await.is_err() {
            return (started.elapsed(), None);
        }
    }
}

fn within((took, status): (Duration, Option<u16>), limit: Duration, expected: &[Option<u16>]) {
    assert!(expected.contains(&status), "{status:?}");
    assert!(took < limit + SLACK, "it took {took:?}");
    assert!(took + Duration::from_secs(1) > limit, "closed after {took:?} already");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_drips_is_closed_and_the_others_are_served_meanwhile() {
    let bench = Coordinator::start(&[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    let session = &machine.enrolled.as_ref().unwrap().session;
    let body = "Host: rehome\r\nContent-Length: 5000\r\n";
    let form = format!(
        "{body}Content-Type: application/x-www-form-urlencoded\r\nOrigin: https://rehome\r\n"
    );
    let post = |path: &str, more: &str| format!("POST {path} HTTP/1.1\r\n{more}\r\n");
    let open = |port| Wire::open(&bench, port);
    let (tls, clear) = (Port::Tls, Port::Clear);
    let head = "GET /api/v1/status HTTP/1.1\r\nHost: rehome\r\nX-Slow: ";
    let agents = format!("{body}Authorization: Bearer {session}\r\n");

    let others = async {
        let until = Instant::now() + REQUEST;
        let mut slowest = Duration::ZERO;
        while Instant::now() < until {
            let asked = Instant::now();
            machine.heartbeat(&bench).await;
            slowest = slowest.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        slowest
    };
    let handshake = async {
        let started = Instant::now();
        let mut silent = Wire::over(connect(&bench, tls, [127, 0, 0, 1]).await);
        silent.closed().await;
        (started.elapsed(), None)
    };
    let idle = async {
        let mut wire = open(tls).await;
        wire.send(b"GET /health/live HTTP/1.1\r\nHost: rehome\r\n\r\n").await.unwrap();
        assert_eq!(wire.reply().await.unwrap().status, 200);
        let started = Instant::now();
        wire.closed().await;
        (started.elapsed(), None)
    };
    let (program, page, agent, first) = (
        post("/api/v1/login", body),
        post("/login", &form),
        post("/agent/v1/heartbeat", &agents),
        post("/agent/v1/enroll", body),
    );
    let dripped = async {
        tokio::join!(
            drip(open(tls).await, head),
            drip(open(clear).await, "GET /site.cpio HTTP/1.1\r\nX-Slow: "),
            drip(open(tls).await, &program),
            drip(open(tls).await, &page),
            drip(open(tls).await, &agent),
            drip(open(tls).await, &first),
        )
    };
    let (slowest, silent, idle, dripped) = tokio::join!(others, handshake, idle, dripped);
    assert!(slowest < Duration::from_secs(5), "others waited for {slowest:?}");
    within(silent, HEAD, &[None]);
    within(idle, HEAD, &[None]);
    let (api_head, clear_head, program, page, agent, first) = dripped;
    for head in [api_head, clear_head] {
        within(head, HEAD, &[None, Some(408)]);
    }
    for body in [program, page, agent, first] {
        within(body, REQUEST, &[Some(408)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_gets_so_many_connections_and_others_still_get_theirs() {
    const PER_ADDRESS: usize = 32;
    let bench = Coordinator::start(&[]);
    for port in [Port::Clear, Port::Tls] {
        let mut held = Vec::new();
        for _ in 0..PER_ADDRESS {
            held.push(connect(&bench, port, [127, 0, 0, 2]).await);
        }
        let mut one_more = Wire::over(connect(&bench, port, [127, 0, 0, 2]).await);
        let started = Instant::now();
        one_more.closed().await;
        assert!(started.elapsed() < HEAD / 2, "{port:?}: it was let in");
        let mut other = Wire::open_from(&bench, port, [127, 0, 0, 3]).await;
        other.send(b"GET /nothing HTTP/1.1\r\nHost: rehome\r\n\r\n").await.unwrap();
        assert_eq!(other.reply().await.unwrap().status, 404, "{port:?}");
        drop(held);
    }
}

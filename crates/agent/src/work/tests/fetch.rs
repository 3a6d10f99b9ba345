//! Chunks from the real coordinator, over a cable that is pulled, damaged and missing ones.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::anyhow;

use super::super::fetch::{Taken, Wanted, fetch_all};
use super::OUTAGE;
use super::cable::Cable;
use super::coordinator::{Coordinator, PATIENCE};

const CHUNK_LEN: usize = 64 << 10;
const N_CHUNKS: usize = 12;

/// Fetches `wanted` and gives every chunk that arrives to `take`.
fn fetch(
    from: &Cable,
    wanted: &[Wanted],
    take: impl Fn(usize, &[u8]) -> Taken + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, from.port()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let all = fetch_all(address, wanted.into(), Arc::new(move |i, bytes| Ok(take(i, bytes))));
    runtime.block_on(async { tokio::time::timeout(PATIENCE, all).await.unwrap() })
}

/// A coordinator with `N_CHUNKS` chunks, and a cable to its plain port.
fn stocked() -> (Coordinator, Cable, Vec<Wanted>) {
    let bench = Coordinator::start();
    let cable = Cable::to(SocketAddrV4::new(Ipv4Addr::LOCALHOST, bench.site.http_port));
    let chunks = (0..N_CHUNKS).map(|i| {
        let stored = format!("{i:064x}");
        bench.store_chunk(&stored, &content(i));
        Wanted { stored, len: CHUNK_LEN }
    });
    let chunks = chunks.collect();
    (bench, cable, chunks)
}

fn content(chunk: usize) -> Vec<u8> {
    vec![u8::try_from(chunk).unwrap(); CHUNK_LEN]
}

#[test]
fn an_outage_in_the_middle_costs_time_and_no_chunk() {
    let (_bench, cable, wanted) = stocked();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let (seen, pulled) = (taken.clone(), cable.clone());
    let fetched = fetch(&cable, &wanted, move |i, bytes| {
        assert!(bytes == content(i), "chunk {i} is not what is stored");
        let mut seen = seen.lock().unwrap();
        seen.push(i);
        if seen.len() == 3 {
            pulled.pull(true);
            let back = pulled.clone();
            std::thread::spawn(move || {
                std::thread::sleep(OUTAGE + Duration::from_secs(8));
                back.pull(false);
            });
        }
        Taken::Written
    });
    fetched.unwrap();
    let mut taken = taken.lock().unwrap().clone();
    taken.sort_unstable();
    assert_eq!(taken, (0..N_CHUNKS).collect::<Vec<_>>(), "each once");
}

#[test]
fn a_damaged_chunk_is_fetched_anew_and_one_that_stays_so_needs_a_person() {
    let (_bench, cable, wanted) = stocked();
    for (n_damaged, n_attempts, whole) in [(2, 3, true), (u32::MAX, 5, false)] {
        let attempts = Arc::new(Mutex::new(0));
        let counted = attempts.clone();
        let fetched = fetch(&cable, &wanted[..1], move |_, _| {
            let mut attempts = counted.lock().unwrap();
            *attempts += 1;
            if *attempts <= n_damaged {
                Taken::Damaged(anyhow!("bits fell over"))
            } else {
                Taken::Written
            }
        });
        assert_eq!((*attempts.lock().unwrap(), fetched.is_ok()), (n_attempts, whole));
        if let Err(error) = fetched {
            let why = error.to_string();
            assert!(why.contains("chunk 0") && why.contains("bits fell over"), "{why}");
        }
    }
}

#[test]
fn a_chunk_that_is_missing_or_too_long_is_never_taken() {
    let (bench, cable, _) = stocked();
    let long = "ff".repeat(32);
    bench.store_chunk(&long, &vec![0; CHUNK_LEN + 1]);
    for (stored, word) in [("ee".repeat(32), "404"), (long, "longer than 65536 bytes")] {
        let wanted = [Wanted { stored, len: CHUNK_LEN }];
        let fetched = fetch(&cable, &wanted, |i, _| panic!("chunk {i} was taken"));
        let why = fetched.unwrap_err().to_string();
        assert!(why.contains(word) && why.contains("rehome image check"), "{why}");
    }
}

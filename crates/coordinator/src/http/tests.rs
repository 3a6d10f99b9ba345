//! Readers that are slow, dead, or only slow.

use std::fs::File;
use std::io::{Seek, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::converse;
use super::file_body::{BLOCK_LEN, FileBody};
use super::impatient::Impatient;
use crate::metrics::Counted;

const FILE_LEN: usize = 4 << 20;
/// What the connection itself holds.
const PIPE_LEN: usize = 16 * 1024;

/// A client and the connection that serves it one file.
struct Reader {
    client: DuplexStream,
    connection: JoinHandle<()>,
    /// Shares its position with the one that is served.
    file: File,
    _stop: watch::Sender<bool>,
}

impl Reader {
    /// Has asked for the file and read the head of the answer.
    async fn ask(patience: Duration) -> Self {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![0x5a; FILE_LEN]).unwrap();
        file.rewind().unwrap();
        let served = Arc::new(file.try_clone().unwrap());
        let serve = move || async move {
            let file = tokio::fs::File::from_std(served.try_clone().unwrap());
            Response::new(Body::new(FileBody::new(file, FILE_LEN as u64, Counted::default())))
        };
        let (mut client, server) = tokio::io::duplex(PIPE_LEN);
        let (stop, stopping) = watch::channel(false);
        let router = Router::new().route("/", get(serve));
        let server = Impatient::new(server, patience);
        let connection = tokio::spawn(converse(server, None, router, stopping));
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.contains(&format!("content-length: {FILE_LEN}\r\n")), "{head}");
        Self { client, connection, file, _stop: stop }
    }

    fn read_from_disk(&mut self) -> u64 {
        self.file.stream_position().unwrap()
    }
}

#[tokio::test]
async fn a_reader_that_takes_nothing_holds_little_and_is_closed() {
    let patience = Duration::from_millis(300);
    let mut reader = Reader::ask(patience).await;
    tokio::time::sleep(patience / 2).await;
    // The pipe, hyper's 64 KiB, what it flushes with them, and what is read ahead.
    let held = reader.read_from_disk();
    assert!(held <= (PIPE_LEN + 4 * BLOCK_LEN) as u64, "{held} bytes are held for it");
    assert!(!reader.connection.is_finished());
    let ended = tokio::time::timeout(Duration::from_secs(20), &mut reader.connection).await;
    ended.expect("the connection was never closed").unwrap();
    let mut rest = Vec::new();
    reader.client.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() < FILE_LEN, "only what was under way arrives");
}

#[tokio::test]
async fn a_reader_that_is_only_slow_gets_all_of_it() {
    let patience = Duration::from_millis(400);
    let mut reader = Reader::ask(patience).await;
    let (mut got, asked) = (0, Instant::now());
    let mut block = vec![0; FILE_LEN / 16];
    for _ in 0..16 {
        tokio::time::sleep(patience / 8).await;
        reader.client.read_exact(&mut block).await.unwrap();
        assert!(block.iter().all(|byte| *byte == 0x5a));
        got += block.len();
    }
    assert_eq!(got, FILE_LEN);
    assert!(asked.elapsed() > patience, "it took longer than one pause may");
    assert_eq!(reader.client.read(&mut block).await.unwrap(), 0);
}

#[tokio::test]
async fn a_file_that_became_shorter_is_not_passed_off_as_whole() {
    let mut reader = Reader::ask(Duration::from_secs(20)).await;
    reader.file.set_len((FILE_LEN / 2) as u64).unwrap();
    let mut rest = Vec::new();
    // Either the connection is reset or it just ends; the length was announced.
    drop(reader.client.read_to_end(&mut rest).await);
    assert!(rest.len() <= FILE_LEN / 2);
}

//! What a wiped laptop says when somebody switches it on: the notice, started by real firmware.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use protocol::CertificateId;
use sanitize::Notice;

/// Emulated without KVM, on a machine that others use too.
const PATIENCE: Duration = Duration::from_secs(240);

const ID: CertificateId =
    CertificateId::from_bytes([0x1a, 0x2b, 0x3c, 0x4d, 0x5e, 0x6f, 0x70, 0x81]);

/// Starts a laptop of this firmware from a disk that holds the notice and nothing else, and waits until its console has
/// said all of these words.
fn check(firmware: &[&str], with_program: bool, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk.raw");
    let site = "Warsztat Zażółć".to_owned();
    let notice = Notice { day: "2026-11-23".into(), site, certificate: ID, with_program };
    std::fs::write(&disk, notice.bytes()).unwrap();
    std::fs::File::options().write(true).open(&disk).unwrap().set_len(64 << 20).unwrap();
    let mut laptop = Command::new("qemu-system-x86_64")
        .args(["-nodefaults", "-nographic", "-no-reboot", "-m", "256", "-net", "none"])
        .args(["-serial", "stdio", "-monitor", "none"])
        .args(firmware)
        .arg("-drive")
        .arg(format!("file={},format=raw,if=ide,readonly=off", disk.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let console = follow(laptop.stdout.take().unwrap());
    let (mut said, deadline) = (String::new(), Instant::now() + PATIENCE);
    while !words.iter().all(|word| said.contains(word)) {
        let left = deadline.saturating_duration_since(Instant::now());
        match console.recv_timeout(left) {
            Ok(more) => said += &more,
            Err(_) => break,
        }
    }
    laptop.kill().unwrap();
    laptop.wait().unwrap();
    for word in words {
        assert!(said.contains(word), "{word:?} was not said: {said:?}");
    }
}

/// What comes out of there, piece by piece.
fn follow(mut console: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = console.read(&mut buffer) {
            if send.send(String::from_utf8_lossy(&buffer[..n]).into_owned()).is_err() {
                return;
            }
        }
    });
    receive
}

const WORDS: [&str; 5] = [
    "This disk was sanitized on 2026-11-23 by Warsztat Zazolc.",
    "Certificate ID: 1a2b-3c4d-5e6f-7081",
    "There is no operating system on it.",
    "Ten dysk zostal trwale wyczyszczony 2026-11-23: Warsztat Zazolc.",
    "Nie ma na nim systemu operacyjnego.",
];

#[test]
fn a_bios_and_uefi_firmware_say_what_became_of_the_disk() {
    // One after the other: two cores.
    check(&["-machine", "pc,graphics=off", "-vga", "std"], false, &WORDS);
    check(&["-machine", "pc", "-bios", "OVMF.fd"], true, &WORDS);
}

//! TFTP: what is negotiated and refused, and that the file arrives whole over any network.

#![expect(clippy::unwrap_used, reason = "helpers of tests are not #[test] themselves")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use rehome_netboot::tftp::{End, Incoming, Progress, Request, Transfer, classify};

fn request(text: &str) -> Request {
    match classify(&read(text)) {
        Incoming::Read(request) => request,
        other => panic!("{text}: {other:?}"),
    }
}

/// A read request; `|` stands for NUL.
fn read(text: &str) -> Vec<u8> {
    let mut datagram = vec![0, 1];
    datagram.extend(text.replace('|', "\0").bytes());
    datagram
}

fn content(len: usize) -> Arc<[u8]> {
    (0..len).map(|at| (at.wrapping_mul(31) >> 3).to_le_bytes()[0]).collect()
}

fn ack(block: u16) -> Vec<u8> {
    let [high, low] = block.to_be_bytes();
    vec![0, 4, high, low]
}

/// Block numbers of the data packets in `progress`.
fn blocks(progress: &Progress) -> Vec<u16> {
    progress
        .packets
        .iter()
        .filter(|packet| packet[1] == 3)
        .map(|packet| u16::from_be_bytes([packet[2], packet[3]]))
        .collect()
}

#[test]
fn options_are_granted_within_limits() {
    let check = |text: &str, expected: &str| {
        let (_, progress) = Transfer::start(&request(text), content(41_000), Instant::now());
        assert_eq!(progress.packets.len(), 1, "{text}");
        let packet = &progress.packets[0];
        let answer = match packet[1] {
            3 => format!("data of {}", packet.len() - 4),
            _ => String::from_utf8_lossy(&packet[2..]).replace('\0', "|"),
        };
        assert_eq!(answer, expected, "{text}");
    };
    check("core.0|octet|", "data of 512");
    check("core.0|OCTET|", "data of 512");
    // OVMF 2022.11, shim 16.1, GRUB 2.12, in this order.
    check("f|octet|tsize|0|blksize|1468|windowsize|4|", "blksize|1468|tsize|41000|windowsize|4|");
    check("f|octet|blksize|512|windowsize|4|", "blksize|512|windowsize|4|");
    check("f|octet|blksize|1024|tsize|0|", "blksize|1024|tsize|41000|");
    check("f|octet|blksize|65464|windowsize|64|", "blksize|1468|windowsize|16|");
    check("f|octet|BLKSIZE|8|", "blksize|8|");
    check("f|octet|timeout|3|", "timeout|3|");
    // Nonsense is left out, and data comes at once when nothing is left.
    check("f|octet|blksize|7|windowsize|0|timeout|0|", "data of 512");
    check("f|octet|blksize|-1|multicast||timeout|256|", "data of 512");
    check("f|octet|blksize|999999999999999999999|", "data of 512");
}

#[test]
fn only_read_requests_in_octet_mode_are_taken() {
    let check = |datagram: &[u8], expected: Option<u8>| match (classify(datagram), expected) {
        (Incoming::Refuse { reply, .. }, Some(code)) => {
            assert_eq!(reply[..4], [0, 5, 0, code], "{datagram:?}");
            assert_eq!(reply.last(), Some(&0));
        }
        (Incoming::Ignore, None) => {}
        (other, _) => panic!("{datagram:?}: {other:?}"),
    };
    check(b"\0\x02core.0\0octet\0", Some(2));
    check(b"\0\x01core.0\0netascii\0", Some(4));
    check(b"\0\x01core.0\0", Some(4));
    check(b"\0\x01core.0", Some(4));
    check(b"\0\x01\0octet\0", Some(4));
    check(b"\0\x01\xff\xfe\0octet\0", Some(4));
    check(b"\0\x01", Some(4));
    check(&read(&format!("{}|octet|", "x".repeat(513))), Some(4));
    check(b"\x01\0", Some(4));
    check(b"\0\x09", Some(4));
    // Never an answer to an error, nor to packets of transfers that are over.
    check(b"\0\x05\0\x08done\0", None);
    check(b"\0\x04\0\x01", None);
    check(b"\0\x03\0\x01data", None);
    check(b"\0\x06", None);
    check(b"\0", None);
    check(b"", None);
}

#[test]
fn an_error_of_the_client_ends_the_transfer() {
    let check = |text: &str, answers: &[&[u8]], expected: End| {
        let now = Instant::now();
        let (mut transfer, mut progress) = Transfer::start(&request(text), content(5000), now);
        for answer in answers {
            progress = transfer.packet(answer, now);
        }
        assert_eq!(progress, Progress { packets: vec![], end: Some(expected) }, "{text}");
    };
    let aborted = |code, message: &str| End::Aborted { code, message: message.to_owned() };
    check("f|octet|tsize|0|", &[b"\0\x05\0\x08User aborted\0"], End::OptionsRead);
    check("f|octet|tsize|0|", &[b"\0\x05\0\0TFTP Aborted\0"], End::OptionsRead);
    check("f|octet|tsize|0|", &[&ack(0), b"\0\x05\0\x08\0"], End::OptionsRead);
    check("f|octet|", &[b"\0\x05\0\x03disk full\0"], aborted(3, "disk full"));
    check("f|octet|", &[&ack(1), b"\0\x05\0\0"], aborted(0, ""));
}

#[test]
fn retransmission_backs_off_and_gives_up() {
    let mut now = Instant::now();
    let (mut transfer, _) = Transfer::start(&request("f|octet|"), content(5000), now);
    let mut waits = Vec::new();
    loop {
        let wait = transfer.deadline() - now;
        assert_eq!(transfer.tick(now + wait / 2), Progress::default(), "too early");
        now += wait;
        waits.push(wait.as_secs());
        let progress = transfer.tick(now);
        if progress.end == Some(End::GaveUp) {
            break;
        }
        assert_eq!(blocks(&progress), [1]);
    }
    assert_eq!(waits, [1, 2, 4, 8, 8, 8, 8]);
    assert_eq!(transfer.confirmed_bytes(), 0);
}

#[test]
fn repeated_acknowledgments_do_not_multiply_packets() {
    let now = Instant::now();
    let (mut transfer, _) = Transfer::start(&request("f|octet|"), content(5000), now);
    assert_eq!(blocks(&transfer.packet(&ack(1), now)), [2]);
    assert_eq!(blocks(&transfer.packet(&ack(1), now)), [0; 0]);
    for never_sent in [3, 7, u16::MAX] {
        assert_eq!(transfer.packet(&ack(never_sent), now), Progress::default(), "{never_sent}");
    }
    assert_eq!(transfer.confirmed_bytes(), 512);
    let text = "f|octet|blksize|512|windowsize|4|";
    let (mut transfer, _) = Transfer::start(&request(text), content(5000), now);
    assert_eq!(blocks(&transfer.packet(&ack(0), now)), [1, 2, 3, 4]);
    assert_eq!(blocks(&transfer.packet(&ack(2), now)), [3, 4, 5, 6], "lost in the middle");
    assert_eq!(blocks(&transfer.packet(&ack(2), now)), [3, 4, 5, 6], "lost at the beginning");
    assert_eq!(blocks(&transfer.packet(&ack(2), now)), [0; 0], "only once");
    assert_eq!(blocks(&transfer.packet(&ack(6), now)), [7, 8, 9, 10]);
    assert_eq!(transfer.packet(&ack(10), now).end, Some(End::Finished));
}

/// A client by the book over a network that loses, doubles and reorders as `fates` says; then the
/// network is good. Returns what it received.
fn deliver(text: &str, content: &Arc<[u8]>, fates: &[u8]) -> Vec<u8> {
    let mut now = Instant::now();
    let (mut transfer, progress) = Transfer::start(&request(text), Arc::clone(content), now);
    let mut client = Client::new(text);
    let mut fates = fates.iter();
    let mut to_client = progress.packets;
    loop {
        let mut to_server = Vec::new();
        for packet in suffer(to_client, &mut fates) {
            to_server.extend(client.receive(&packet));
        }
        to_client = Vec::new();
        for packet in suffer(to_server, &mut fates) {
            let progress = transfer.packet(&packet, now);
            to_client.extend(progress.packets);
            match progress.end {
                Some(End::Finished) => return client.received,
                Some(other) => panic!("{other:?}"),
                None => {}
            }
        }
        if to_client.is_empty() {
            now = transfer.deadline();
            let progress = transfer.tick(now);
            assert_eq!(progress.end, None);
            to_client = progress.packets;
        }
    }
}

/// A fate for each packet: lost, doubled, sent to the end of the queue, or delivered.
fn suffer<'a>(packets: Vec<Vec<u8>>, fates: &mut impl Iterator<Item = &'a u8>) -> Vec<Vec<u8>> {
    let (mut delivered, mut late) = (Vec::new(), Vec::new());
    for packet in packets {
        match fates.next() {
            Some(0..=2) => {}
            Some(3..=5) => delivered.extend([packet.clone(), packet]),
            Some(6..=8) => late.push(packet),
            _ => delivered.push(packet),
        }
    }
    delivered.extend(late);
    delivered
}

struct Client {
    received: Vec<u8>,
    block_len: usize,
    window: u64,
    last: u64,
    done: bool,
}

impl Client {
    fn new(text: &str) -> Self {
        let option = |name: &str| {
            let mut parts = text.split('|').skip_while(|part| *part != name);
            parts.nth(1).and_then(|value| value.parse().ok())
        };
        Self {
            received: Vec::new(),
            block_len: option("blksize").unwrap_or(512),
            window: option("windowsize").unwrap_or(1).try_into().unwrap(),
            last: 0,
            done: false,
        }
    }

    fn receive(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        if packet[1] == 6 {
            return (self.last == 0).then(|| ack(0));
        }
        let number = u16::from_be_bytes([packet[2], packet[3]]);
        let expected = u16::try_from((self.last + 1) & 0xffff).unwrap();
        let current = u16::try_from(self.last & 0xffff).unwrap();
        if number != expected || self.done {
            // A gap or an echo: say where we are.
            return Some(ack(current));
        }
        self.last += 1;
        self.received.extend(&packet[4..]);
        self.done = packet.len() - 4 < self.block_len;
        (self.done || self.last.is_multiple_of(self.window)).then(|| ack(expected))
    }
}

#[test]
fn block_numbers_roll_over() {
    let content = content(8 * 70_000 + 3);
    assert!(deliver("f|octet|blksize|8|", &content, &[]) == *content);
    assert!(deliver("f|octet|blksize|8|windowsize|16|", &content, &[]) == *content);
}

proptest! {
    #[test]
    fn the_file_arrives_whole(
        len in 0..12_000_usize,
        options in prop::sample::select(vec![
            "f|octet|",
            "f|octet|blksize|100|",
            "f|octet|blksize|1000|tsize|0|",
            "f|octet|blksize|128|windowsize|4|",
            "f|octet|blksize|64|windowsize|16|tsize|0|timeout|2|",
        ]),
        fates in vec(0..20_u8, 0..300),
    ) {
        // Six losses in a row make the server give up, rightly: not what is tested here.
        let mut run = 0;
        let fates: Vec<u8> = fates.into_iter().map(|fate| {
            run = if fate <= 2 { run + 1 } else { 0 };
            if run > 2 { 19 } else { fate }
        }).collect();
        let content = content(len);
        prop_assert!(deliver(options, &content, &fates) == *content);
    }

    #[test]
    fn any_datagrams_are_survived(
        opening in vec(any::<u8>(), 0..200),
        datagrams in vec((vec(prop_oneof![0..9_u8, any::<u8>()], 0..12), 0..3000_u64), 0..40),
    ) {
        drop(classify(&opening));
        let mut now = Instant::now();
        let text = "f|octet|windowsize|3|";
        let (mut transfer, _) = Transfer::start(&request(text), content(3000), now);
        for (datagram, millis) in datagrams {
            now += Duration::from_millis(millis);
            let progress = transfer.packet(&datagram, now);
            prop_assert!(progress.packets.len() <= 3);
            if progress.end.is_some() || transfer.tick(now).end.is_some() {
                break;
            }
        }
    }
}

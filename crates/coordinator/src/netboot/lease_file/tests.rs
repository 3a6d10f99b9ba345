use std::path::Path;

use ::netboot::responder::{AddressPlan, BootFiles, Config, Mode};

use super::*;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 1);
const HOUR: Duration = Duration::from_secs(3600);
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const ONE: MacAddress = MacAddress([0x52, 0x54, 0, 0x76, 0, 0x01]);
const OTHER: MacAddress = MacAddress([0x52, 0x54, 0, 0x76, 0, 0x81]);

fn lease(host: u8, mac: Option<MacAddress>, remaining: Duration) -> KeptLease {
    KeptLease { address: Ipv4Addr::new(10, 76, 0, host), mac, remaining }
}

fn held(host: u8) -> KeptLease {
    lease(host, None, Duration::MAX)
}

fn responder() -> Responder {
    let boot_files = BootFiles::standard(SERVER, 80).unwrap();
    let mode = Mode::Full(AddressPlan::proposed(SERVER, 24).unwrap());
    Responder::new(Config { server: SERVER, boot_files, mode })
}

/// Who has what after a start with the file at `path`.
fn restored(path: &Path) -> Vec<(u8, Option<MacAddress>)> {
    let mut responder = responder();
    LeaseFile::new(path.to_owned()).restore(&mut responder);
    let leases = responder.leases(Instant::now());
    leases.iter().map(|lease| (lease.address.octets()[3], lease.mac)).collect()
}

#[test]
fn leases_come_back_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases.json");
    assert_eq!(restored(&path), [], "the first start");
    let file = LeaseFile::new(path.clone());
    file.keep(|| vec![lease(225, Some(ONE), HOUR)]);
    file.keep(|| vec![lease(225, Some(ONE), HOUR), lease(226, Some(OTHER), HOUR), held(230)]);
    assert_eq!(restored(&path), [(225, Some(ONE)), (226, Some(OTHER)), (230, None)]);
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["leases.json"]);
}

#[test]
fn times_are_those_of_the_clock() {
    let text = encode(&[lease(225, Some(ONE), HOUR)], NOW).unwrap();
    for (passed, remaining) in [
        (Duration::ZERO, HOUR),
        (HOUR / 4, HOUR / 4 * 3),
        (HOUR, Duration::ZERO),
        (3 * HOUR, Duration::ZERO),
    ] {
        let content = Content::parse(&text, clock::after(NOW, passed));
        assert_eq!(content.damage, [""; 0]);
        assert_eq!(content.leases, [lease(225, Some(ONE), remaining)], "after {passed:?}");
    }
}

#[test]
fn damage_is_named_and_its_addresses_are_held_back() {
    const GOOD: &str =
        r#"{"address":"10.76.0.225","mac":"52:54:00:76:00:01","until":1700003600000}"#;
    let good = lease(225, Some(ONE), HOUR);
    let cases: [(String, Vec<KeptLease>, &[&str]); 8] = [
        (format!("[{GOOD}]"), vec![good], &[]),
        (
            format!(r#"[{{"address":"10.76.0.226","mac":"52:54","until":1}},{GOOD}]"#),
            vec![held(226), good],
            &["52:54", "nobody gets 10.76.0.226"],
        ),
        (
            format!(r#"[{GOOD},{{"address":"10.76.0.226","until":1700003600000}}]"#),
            vec![good, held(226)],
            &["missing field `mac`", "nobody gets 10.76.0.226"],
        ),
        (
            format!(r#"[{GOOD},{{"address":"10.76.0.2266","mac":null,"until":1700003600000}}]"#),
            vec![good],
            &["10.76.0.2266", "no address is legible"],
        ),
        (format!("[{GOOD},7]"), vec![good], &["the lease 7 is damaged"]),
        (
            // Cut off, as by a disk that lost its last write.
            format!(r#"[{GOOD},{{"address":"10.76.0.226","mac":"52:54"#),
            vec![held(225), held(226)],
            &["EOF", "nobody gets 10.76.0.225, 10.76.0.226"],
        ),
        ("\0\0\0\0".to_owned(), vec![], &["the leases are damaged", "no address is legible"]),
        (String::new(), vec![], &["the leases are damaged", "no address is legible"]),
    ];
    for (text, leases, words) in cases {
        let content = Content::parse(text.as_bytes(), NOW);
        assert_eq!(content.leases, leases, "{text}");
        assert_eq!(content.damage.len(), usize::from(!words.is_empty()), "{text}");
        for word in words {
            assert!(content.damage[0].contains(word), "{word}: {}", content.damage[0]);
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_or_written_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases.json");
    fs::create_dir(&path).unwrap();
    assert_eq!(restored(&path), []);
    let file = LeaseFile::new(path.clone());
    let keep = || file.keep(|| vec![lease(225, Some(ONE), HOUR)]);
    keep();
    assert!(*file.failing.lock().unwrap());
    assert!(!path.with_extension("new").exists(), "what is left takes room");
    keep();
    fs::remove_dir(&path).unwrap();
    keep();
    assert!(!*file.failing.lock().unwrap());
    assert_eq!(restored(&path), [(225, Some(ONE))]);
}

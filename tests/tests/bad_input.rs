//! What people, networks and disks do wrong: each ends in one clear sentence and the right exit code, and nothing
//! is lost.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use workshop::coordinator::{PAPERS, rehome_binary};
use workshop::curl::curl;
use workshop::process::run;
use workshop::site::{appliance, new_site};
use workshop::{Bench, Coordinator, CoordinatorSpec, LogTail, Process, Workshop};

#[path = "bad_input/malformed.rs"]
mod malformed;

const OURS: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 1);
/// Exit code of what was asked for and refused.
const REFUSED: i32 = 1;
/// Exit code of what could not be done.
const FAILED: i32 = 2;
/// A program that another test just started holds the sockets of all of us until it runs; by then it does.
const CHILDREN_RUN: Duration = Duration::from_millis(200);

fn open() -> Workshop {
    Workshop::open(&Bench::for_laptops(0)).unwrap()
}

fn serve<'a>(workshop: &'a Workshop, data: &Path, dhcp: &str) -> Coordinator<'a> {
    new_site(data).unwrap();
    let args = ["--dhcp", dhcp].map(str::to_owned).to_vec();
    let spec = CoordinatorSpec { data: data.to_owned(), appliance: appliance().unwrap(), args };
    let mut coordinator = Coordinator::start(workshop, spec).unwrap();
    coordinator.wait_serving().unwrap();
    coordinator
}

/// A command that must end with `code` and one sentence with all of `words`; returns the sentence.
fn refused(command: &mut Command, code: i32, words: &[&str]) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
    let sentences: Vec<_> = said.lines().filter(|line| line.starts_with("rehome: ")).collect();
    assert_eq!(sentences.len(), 1, "one sentence: {said}");
    assert_eq!(said.lines().last(), Some(sentences[0]), "it stands last: {said}");
    for word in words {
        assert!(sentences[0].contains(word), "{word:?} is missing: {said}");
    }
    sentences[0].to_owned()
}

/// `rehome serve` that should not get far.
fn serve_command(workshop: &Workshop, wrap: &[&str], data: &Path, args: &[&str]) -> Command {
    let mut command = workshop.command("timeout");
    command.arg("60").args(wrap).arg(rehome_binary().unwrap()).arg("serve");
    command.arg("--data").arg(data).arg("--appliance").arg(appliance().unwrap());
    command.args(["--interface", "br0"]).args(args);
    command
}

fn rehome(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(rehome_binary().unwrap());
    command.arg("--data").arg(data).args(args);
    command
}

/// Names and contents of the small files in a directory.
fn content(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.is_file()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

const ARM: [&str; 11] =
    ["batch", "arm", "--by", "Test", "--count", "1", "--for", "1h", "--kind", "wipe", "--json"];

#[test]
fn a_start_that_cannot_be_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let data = dir.path().join("site");
    new_site(&data).unwrap();
    let before = content(&data);
    let start = |args: &[&str], words: &[&str]| {
        refused(&mut serve_command(&workshop, &[], &data, args), FAILED, words)
    };

    let toml = data.join("rehome.toml");
    let path = toml.display().to_string();
    for (text, words) in [
        ("site_name = \"x\"\nnonsense = 1\n", ["nonsense", "line 2"]),
        ("http_port = \"eighty\"\n", ["eighty", "line 1"]),
        ("dhcp = \n", ["line 1", "rehome.toml"]),
    ] {
        fs::write(&toml, text).unwrap();
        start(&["--dhcp", "off"], &[&path, words[0], words[1]]);
    }
    fs::remove_file(&toml).unwrap();

    let taken = |port: u16| workshop.within(|| Ok(TcpListener::bind((OURS, port))?)).unwrap();
    for (port, key) in [(80, "http_port"), (443, "api_port")] {
        let taken = taken(port);
        let named = format!("10.76.0.1:{port}");
        start(&["--dhcp", "off"], &[&named, "stop it", key]);
        start(&["--dhcp", "full"], &[&format!("port {port}/tcp"), "another program", "ss -tlpn"]);
        drop(taken);
        std::thread::sleep(CHILDREN_RUN);
    }
    for port in [67, 69, 4011] {
        let bound =
            || Ok(UdpSocket::bind((if port == 69 { OURS } else { Ipv4Addr::UNSPECIFIED }, port))?);
        let taken = workshop.within(bound).unwrap();
        start(&["--dhcp", "full"], &[&format!("port {port}/udp"), "another program", "stop it"]);
        drop(taken);
        std::thread::sleep(CHILDREN_RUN);
    }
    start(&["--dhcp", "off", "--address", "10.76.0.200"], &["10.76.0.200"]);
    let mut nowhere = serve_command(&workshop, &[], &data, &["--dhcp", "off"]);
    nowhere.args(["--lease-first", "10.76.0.5"]);
    refused(&mut nowhere, FAILED, &["lease_last"]);

    let after: Vec<_> = content(&data).into_iter().filter(|it| before.contains(it)).collect();
    let kept = |it: &&(PathBuf, Vec<u8>)| !it.0.ends_with("lock");
    assert!(before.iter().filter(kept).eq(after.iter().filter(kept)), "a refused start changed it");
}

#[test]
fn a_data_directory_that_is_none_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let check = |data: &Path, words: &[&str]| {
        // Root without the right to ignore permissions, as an ordinary user is.
        let wrap = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"];
        let off = ["--dhcp", "off"];
        refused(&mut serve_command(&workshop, &wrap, data, &off), FAILED, words);
        let mut list = Command::new(wrap[0]);
        list.args(&wrap[1..]).arg(rehome_binary().unwrap()).arg("--data").arg(data);
        refused(list.args(["image", "list"]), FAILED, words);
    };
    let name = |name: &str| {
        let path = dir.path().join(name);
        (path.display().to_string(), path)
    };

    let (text, file) = name("file");
    fs::write(&file, "a letter").unwrap();
    check(&file, &[&text, "is not a directory", "--data"]);
    assert_eq!(fs::read(&file).unwrap(), b"a letter");

    let (text, closed) = name("closed");
    new_site(&closed).unwrap();
    let before = content(&closed);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    check(&closed, &[&text, "cannot read", "--data"]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(content(&closed), before);

    let (text, theirs) = name("theirs");
    fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::chown(&theirs, Some(12_345), None).unwrap();
    check(&theirs, &[&text, "user 12345", "--data"]);

    let (text, photos) = name("photos");
    fs::create_dir(&photos).unwrap();
    fs::set_permissions(&photos, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(photos.join("holiday.jpg"), "beach").unwrap();
    check(&photos, &[&text, "holiday.jpg", "--data"]);
    assert_eq!(content(&photos).len(), 1, "nothing was added");
}

#[test]
fn a_second_coordinator_on_the_same_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let data = dir.path().join("site");
    let mut coordinator = serve(&workshop, &data, "off");
    coordinator.papers().unwrap();
    coordinator.cli(&ARM).unwrap();
    let words = ["another rehome is serving", "site", "--data"];
    let args = ["--dhcp", "off", "--http-port", "8080", "--api-port", "8443"];
    refused(&mut serve_command(&workshop, &[], &data, &args), FAILED, &words);
    assert!(coordinator.is_running().unwrap());
    let batches = coordinator.cli_json(&["batch", "list", "--json"]).unwrap();
    assert_eq!(batches.as_array().map(Vec::len), Some(1), "{batches}");
    coordinator.kill().unwrap();
    refused(&mut coordinator.command(&ARM), FAILED, &["serve is not running", "rehome serve"]);
}

/// A small disk that only processes of the holder's mount namespace have, and the coordinator on it.
struct SmallDisk<'a> {
    workshop: &'a Workshop,
    mount: PathBuf,
    holder: Process,
}

impl<'a> SmallDisk<'a> {
    fn mount(workshop: &'a Workshop, dir: &Path, size: &str) -> Self {
        let mount = dir.join("disk");
        fs::create_dir(&mount).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={size},mode=700 small {} && echo mounted && exec sleep 600",
            mount.display()
        );
        let mut command = workshop.command("unshare");
        let command = command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
        let mut holder = workshop.start("holder", command).unwrap();
        LogTail::new(holder.log())
            .wait_any(&["mounted"], Duration::from_secs(10), || {
                Ok(holder.ended()?.map(|status| status.to_string()))
            })
            .unwrap();
        Self { workshop, mount, holder }
    }

    /// The disk as the host sees it.
    fn path(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.pid()));
        root.join(self.mount.strip_prefix("/").unwrap())
    }

    fn serve(&self, round: &str) -> Process {
        let mut command = self.workshop.command("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.pid()));
        command.arg(rehome_binary().unwrap()).arg("serve").arg("--data").arg(&self.mount);
        command.args(["--interface", "br0", "--dhcp", "off", "--min-free-mb", "0"]);
        let mut process = self.workshop.start(round, &mut command).unwrap();
        LogTail::new(process.log())
            .wait_any(&["nothing is touched before"], Duration::from_secs(60), || {
                Ok(process.ended()?.map(|status| status.to_string()))
            })
            .unwrap();
        process
    }

    /// Takes every last byte; gives back the file that has them, under a name that new file systems have too.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("lost+found");
        let mut filler = fs::File::create(&path).unwrap();
        while filler.write(&[0x55; 4096]).is_ok() {}
        path
    }

    /// Ids of the batches in the order in which they were armed.
    fn batches(&self) -> Vec<Value> {
        let text = run(&mut rehome(&self.path(), &["batch", "list", "--json"])).unwrap();
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        rows.into_iter().map(|row| row["id"].clone()).collect()
    }

    fn arm(&self) -> Value {
        let armed = run(&mut rehome(&self.path(), &ARM)).unwrap();
        serde_json::from_str::<Value>(&armed).unwrap()["batch"].clone()
    }
}

#[test]
fn a_full_disk_refuses_and_forgets_nothing() {
    let (dir, workshop) = (tempfile::tempdir().unwrap(), open());
    let disk = SmallDisk::mount(&workshop, dir.path(), "4m");
    let mut serving = disk.serve("first");
    run(&mut rehome(&disk.path(), &PAPERS)).unwrap();
    let first = disk.arm();
    assert_eq!(disk.batches(), std::slice::from_ref(&first));

    let filler = disk.fill();
    // The first few may still fit into what the journal has already; a refusal must come, and must be one.
    let mut recorded = vec![first];
    let sentence = loop {
        let mut arm = rehome(&disk.path(), &ARM);
        let output = arm.output().unwrap();
        if !output.status.success() {
            break refused(
                &mut arm,
                REFUSED,
                &["journal.db is full", "no event was written", "make room"],
            );
        }
        let armed: Value = serde_json::from_slice(&output.stdout).unwrap();
        recorded.push(armed["batch"].clone());
        assert!(recorded.len() < 2000, "the disk never fills up");
    };
    println!("refused after {} batches: {sentence}", recorded.len());
    assert_eq!(disk.batches(), recorded, "a refused batch is armed, or a recorded one is not");
    run(&mut rehome(&disk.path(), &["status"])).unwrap();

    fs::remove_file(&filler).unwrap();
    recorded.push(disk.arm());
    assert_eq!(disk.batches(), recorded, "it goes on once there is room");

    serving.kill().unwrap();
    let _serving = disk.serve("second");
    assert_eq!(disk.batches(), recorded, "all that was answered is there after a kill");
}

#[test]
fn a_start_on_a_full_disk_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let disk = SmallDisk::mount(&workshop, dir.path(), "1m");
    let filler = disk.fill();
    let mut command = workshop.command("nsenter");
    command.arg(format!("--mount=/proc/{}/ns/mnt", disk.holder.pid())).args(["timeout", "60"]);
    command.arg(rehome_binary().unwrap()).arg("serve").arg("--data").arg(&disk.mount);
    let command = command.args(["--interface", "br0", "--dhcp", "off"]);
    refused(command, FAILED, &["cannot write", "disk", "full"]);
    fs::remove_file(&filler).unwrap();
    let _serving = disk.serve("second");
}

#[test]
fn malformed_requests_are_refused_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let data = dir.path().join("site");
    let mut coordinator = serve(&workshop, &data, "off");
    let station = workshop.add_station("client", Some("10.76.0.9/24")).unwrap();
    let events = || coordinator.cli_json(&["status", "--json"]).unwrap()["events"].clone();
    let before = events();
    let big = dir.path().join("big.json");
    fs::write(&big, vec![b' '; 3 << 20]).unwrap();
    let big = format!("@{}", big.display());
    // Its length is not announced; refused at its last byte, so that nothing is on its way any more.
    let larger = dir.path().join("larger.json");
    fs::write(&larger, vec![b' '; (2 << 20) + 1]).unwrap();
    let larger = format!("@{}", larger.display());
    let binary = dir.path().join("binary");
    fs::write(&binary, b"\0\x01\xff\xfe").unwrap();
    let binary = format!("@{}", binary.display());
    let envelope = r#"{"payloadType":"application/vnd.rehome.enrollment.v1+json","payload":"e30=","signatures":[{"keyid":"","sig":"AAAA"}]}"#;
    let bearer = format!("Authorization: Bearer {}", "0".repeat(64));
    let session: [&str; 2] = ["-H", &bearer];
    let post = |path: &'static str, body: &str, more: &[&str]| {
        let url = format!("https://10.76.0.1/agent/v1/{path}");
        let answer = curl(&station, &[&["--data-binary", body, &url], more].concat()).unwrap();
        let sentence = answer.sentence().unwrap();
        assert!(sentence.split(' ').count() >= 3 && !sentence.contains('\n'), "{sentence:?}");
        (answer.status, sentence)
    };
    for (path, body, more, status) in [
        ("enroll", "", &[][..], 400),
        ("enroll", "{", &[], 400),
        ("enroll", "null", &[], 400),
        ("enroll", binary.as_str(), &[], 400),
        ("enroll", "{\"agent\":1}", &[], 400),
        ("enroll", envelope, &[], 400),
        ("enroll", big.as_str(), &["--expect100-timeout", "20"], 413),
        ("enroll", larger.as_str(), &["-H", "Transfer-Encoding: chunked", "-H", "Expect:"], 413),
        ("heartbeat", "{}", &[], 401),
        ("heartbeat", "{}", &session, 401),
        ("heartbeat", "{}", &["-H", "Authorization: Basic eDp5"], 401),
        ("plan", "{", &session, 401),
        ("records", "[]", &session, 401),
        ("records", "[]", &["-H", "Authorization: Bearer"], 401),
        ("nothing", "{}", &[], 404),
        ("time", "{}", &[], 405),
        ("heartbeat", "", &["-X", "GET"], 405),
        ("image/abc", "", &["-X", "GET"], 401),
        ("image/%ff", "", &["-X", "GET"], 401),
    ] {
        let (got, sentence) = post(path, body, more);
        assert_eq!(got, status, "{path} {body:.60}: {sentence}");
    }
    assert_eq!(events(), before, "something was recorded");

    for port in [80, 443] {
        for garbage in [
            &b"\x16\x03\x01\xff\xff"[..],
            b"GARBAGE\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            &[0xff; 70_000],
        ] {
            let broken = station.within(|| {
                let mut stream = TcpStream::connect((OURS, port))?;
                stream.set_read_timeout(Some(Duration::from_secs(15)))?;
                // The server may hang up in the middle; what counts is that it is still there afterwards.
                drop(stream.write_all(garbage));
                drop(stream.shutdown(std::net::Shutdown::Write));
                let mut answer = Vec::new();
                drop(stream.read_to_end(&mut answer));
                Ok(answer)
            });
            let answer = String::from_utf8_lossy(&broken.unwrap()).into_owned();
            assert!(!answer.contains(" 200 "), "{answer}");
        }
    }
    assert_eq!(curl(&station, &["https://10.76.0.1/agent/v1/time"]).unwrap().status, 200);
    assert_eq!(curl(&station, &["http://10.76.0.1/site.cpio"]).unwrap().status, 200);
    assert!(coordinator.is_running().unwrap());
    assert!(!fs::read_to_string(coordinator.log()).unwrap().contains("panicked"));
}

#[test]
fn malformed_datagrams_do_not_silence_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let mut coordinator = serve(&workshop, &dir.path().join("site"), "full");
    let station = workshop.add_station("client", Some("10.76.0.9/24")).unwrap();
    let datagrams = malformed::datagrams();
    station
        .within(|| {
            let socket = UdpSocket::bind((Ipv4Addr::new(10, 76, 0, 9), 0))?;
            for datagram in &datagrams {
                for port in [67, 69, 4011] {
                    socket.send_to(datagram, (OURS, port))?;
                }
                // Faster than any real flood is read, and slower than the sockets' buffers.
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        })
        .unwrap();
    assert!(coordinator.is_running().unwrap());
    let late = workshop.add_station("late", None).unwrap();
    let mut udhcpc = late.command("udhcpc");
    udhcpc.args(["-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true", "-t", "10", "-T", "1"]);
    let words = String::from_utf8_lossy(&udhcpc.output().unwrap().stderr).into_owned();
    assert!(words.contains("obtained from 10.76.0.1"), "{words}");
    let file = dir.path().join("fetched");
    let mut tftp = station.command("curl");
    run(tftp.args(["-sS", "-m", "30", "tftp://10.76.0.1/bootx64.efi", "-o"]).arg(&file)).unwrap();
    assert!(fs::read(file).unwrap() == fs::read(appliance().unwrap().join("bootx64.efi")).unwrap());
    assert!(!fs::read_to_string(coordinator.log()).unwrap().contains("panicked"));
}

#[test]
fn a_changed_chunk_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("site");
    new_site(&data).unwrap();
    run(&mut rehome(&data, &["image", "check"])).unwrap();
    let mut chunks = Vec::new();
    for folder in fs::read_dir(data.join("images/chunks")).unwrap() {
        let folder = fs::read_dir(folder.unwrap().path()).unwrap();
        chunks.extend(folder.map(|entry| entry.unwrap().path()));
    }
    chunks.sort();
    let path = &chunks[chunks.len() / 2];
    let name = path.file_name().unwrap().to_str().unwrap();
    let good = fs::read(path).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let shorter = good[..good.len() - 1].to_vec();
    for bad in [Some(flipped), Some(shorter), None] {
        // Never in place: the file is shared with the template by a hard link.
        fs::remove_file(path).unwrap();
        if let Some(bad) = &bad {
            fs::write(path, bad).unwrap();
        }
        let mut check = rehome(&data, &["image", "check"]);
        refused(&mut check, REFUSED, &["1 chunks", "add those images again"]);
        let said = String::from_utf8_lossy(&check.output().unwrap().stderr).into_owned();
        assert!(said.contains(name) && said.contains("needed by demo"), "{said}");
        if bad.is_none() {
            fs::write(path, "").unwrap();
        }
    }
    fs::write(path, good).unwrap();
    run(&mut rehome(&data, &["image", "check"])).unwrap();
}

#[test]
fn another_sites_manifest_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let (theirs, ours) = (dir.path().join("theirs"), dir.path().join("site"));
    new_site(&theirs).unwrap();
    // The same images under a key of its own.
    new_site(&ours).unwrap();
    for key in ["site.key", "site.pub", "tls.key"] {
        fs::remove_file(ours.join(key)).unwrap();
    }
    let manifests = fs::read_dir(theirs.join("images/manifests")).unwrap();
    let name = manifests.map(|entry| entry.unwrap().file_name()).next().unwrap();
    let name = name.to_str().unwrap();
    run(&mut rehome(&theirs, &["image", "list"])).unwrap();
    let words = [name, "not signed by this site's key", "import the image again"];
    refused(&mut rehome(&ours, &["image", "list"]), FAILED, &words);
    let mut check = rehome(&ours, &["image", "check"]);
    refused(&mut check, REFUSED, &["1 manifests"]);
    let said = String::from_utf8_lossy(&check.output().unwrap().stderr).into_owned();
    assert!(said.contains(name) && said.contains(words[1]), "{said}");

    let args = ["--dhcp", "off"].map(str::to_owned).to_vec();
    let spec = CoordinatorSpec { data: ours, appliance: appliance().unwrap(), args };
    let mut coordinator = Coordinator::start(&workshop, spec).unwrap();
    coordinator.wait_serving().unwrap();
    let mut arm = ARM.map(|word| if word == "wipe" { "refurbish" } else { word }).to_vec();
    arm.extend(["--image", "demo"]);
    refused(&mut coordinator.command(&arm), REFUSED, &["no image", "\"demo\"", "image list"]);
    let batches = coordinator.cli_json(&["batch", "list", "--json"]).unwrap();
    assert_eq!(batches.as_array().map(Vec::len), Some(0), "{batches}");
}

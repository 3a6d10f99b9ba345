//! Other people's programs as clients of the real coordinator: DHCP clients, TFTP clients, HTTP clients.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::ErrorKind::AddrInUse;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use netboot::MacAddress;
use netboot::dhcp::{MessageType, Op, Packet, code};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use workshop::coordinator::rehome_binary;
use workshop::curl::curl;
use workshop::site::{appliance, new_site};
use workshop::{Bench, Coordinator, CoordinatorSpec, ForeignDhcp, LogTail, Station, Workshop};

const OURS: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 1);
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 2);
const FULL: [&str; 3] = ["--dhcp", "full", "--isolated"];
/// Long enough for an answer that comes, short enough to wait for one that does not.
const LISTEN: Duration = Duration::from_secs(3);

fn open() -> Workshop {
    Workshop::open(&Bench::for_laptops(0)).unwrap()
}

fn serve<'a>(workshop: &'a Workshop, dir: &Path, args: &[&str]) -> Coordinator<'a> {
    let data = dir.join("site");
    new_site(&data).unwrap();
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let spec = CoordinatorSpec { data, appliance: appliance().unwrap(), args };
    let mut coordinator = Coordinator::start(workshop, spec).unwrap();
    coordinator.wait_serving().unwrap();
    coordinator
}

/// One lease by busybox: the address and the server's.
fn udhcpc(station: &Station) -> (Ipv4Addr, Ipv4Addr) {
    let mut command = station.command("udhcpc");
    command.args(["-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true", "-t", "10", "-T", "1"]);
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    let line = words.lines().find(|line| line.contains("obtained from")).unwrap();
    let (_, rest) = line.split_once("lease of ").unwrap();
    let (address, rest) = rest.split_once(" obtained from ").unwrap();
    let server = rest.split([',', ' ']).next().unwrap();
    (address.parse().unwrap(), server.parse().unwrap())
}

/// One lease by ISC's client, which remembers it in `dir`: with a memory it only confirms.
fn dhclient(workshop: &Workshop, station: &Station, dir: &Path, round: &str) -> Ipv4Addr {
    let mut command = station.command("dhclient");
    command.args(["-4", "-1", "-d", "-v", "-cf", "/dev/null", "-sf", "/bin/true"]);
    command.arg("-pf").arg(dir.join("dhclient.pid")).arg("-lf").arg(dir.join("dhclient.leases"));
    let mut process = workshop.start(&format!("dhclient-{round}"), command.arg("eth0")).unwrap();
    LogTail::new(process.log())
        .wait_any(&["bound to "], Duration::from_secs(30), || {
            Ok(process.ended()?.map(|status| status.to_string()))
        })
        .unwrap();
    process.kill().unwrap();
    let log = fs::read_to_string(process.log()).unwrap();
    let (_, rest) = log.split_once("bound to ").unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn full_mode_gives_every_client_an_address_of_its_own_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let mut coordinator = serve(&workshop, dir.path(), &FULL);
    let stations: Vec<_> = ["one", "two", "three", "isc"]
        .map(|label| workshop.add_station(label, None).unwrap())
        .into_iter()
        .collect();
    // In the range proposed for a /24 the first and the third compute to the same address: which of them has it, only
    // the table tells, and only if it is kept over the restart below.
    let macs = ["00:01", "01:02", "00:81", "01:04"];
    for (mac, station) in macs.iter().zip(&stations) {
        station.ip(&format!("link set eth0 address 52:54:00:76:{mac}")).unwrap();
    }
    let (isc, busybox) = stations.split_last().unwrap();
    let mut given = Vec::new();
    for station in busybox {
        let (address, server) = udhcpc(station);
        assert_eq!(server, OURS);
        given.push(address);
    }
    let after_first = u32::from(given[0]) + 1;
    assert_eq!(u32::from(given[2]), after_first, "they compute to different ones: choose others");
    given.push(dhclient(&workshop, isc, dir.path(), "first"));
    for (n, address) in given.iter().enumerate() {
        assert_eq!(address.octets()[..3], OURS.octets()[..3], "{given:?}");
        assert!(*address != OURS && !given[..n].contains(address), "{given:?}");
    }

    assert_eq!(dhclient(&workshop, isc, dir.path(), "second"), given[3]);
    let log = fs::read_to_string(workshop.run_dir().join("dhclient-second.log")).unwrap();
    assert!(!log.contains("DHCPDISCOVER"), "it confirms what it has: {log}");
    assert_eq!(udhcpc(&busybox[0]).0, given[0]);
    renewed_by_unicast(&workshop, &busybox[1], given[1]);

    coordinator.restart().unwrap();
    coordinator.wait_serving().unwrap();
    for n in [2, 0] {
        let (address, _) = udhcpc(&busybox[n]);
        assert_eq!(address, given[n], "a restart of the coordinator changed that of {n}");
    }
    assert_eq!(dhclient(&workshop, isc, dir.path(), "third"), given[3]);
}

/// A client that has its address asks the server directly for more time (RFC 2131, section 4.3.2).
fn renewed_by_unicast(workshop: &Workshop, station: &Station, expected: Ipv4Addr) {
    station.ip(&format!("addr add {expected}/24 dev eth0")).unwrap();
    let mut command = station.command("udhcpc");
    command.args(["-i", "eth0", "-n", "-f", "-s", "/bin/true", "-t", "10", "-T", "1"]);
    let mut process = workshop.start("renewing", &mut command).unwrap();
    let mut log = LogTail::new(process.log());
    let obtained = format!("lease of {expected} obtained from {OURS}");
    let mut wait = |process: &mut workshop::Process| {
        log.wait_any(&[&obtained], Duration::from_secs(20), || {
            Ok(process.ended()?.map(|status| status.to_string()))
        })
        .unwrap();
    };
    wait(&mut process);
    kill(Pid::from_raw(process.pid().try_into().unwrap()), Signal::SIGUSR1).unwrap();
    wait(&mut process);
    let words = fs::read_to_string(process.log()).unwrap();
    assert!(words.contains("renew"), "{words}");
}

/// A client that a person would call: what it says of itself.
#[derive(Debug, Clone, Copy)]
enum Client {
    Ordinary,
    Bios,
    Uefi,
}

fn request(kind: MessageType, client: Client) -> Packet {
    let mac = MacAddress([0x52, 0x54, 0, 0x76, 0, client as u8 + 1]);
    let mut packet = Packet::request(kind, 0x7650_0000 + u32::from(kind.number()), mac);
    packet.broadcast = true;
    let architecture = match client {
        Client::Ordinary => return packet,
        Client::Bios => 0_u8,
        Client::Uefi => 7,
    };
    let class = format!("PXEClient:Arch:{architecture:05}:UNDI:003016");
    packet.options.set(code::VENDOR_CLASS, class.as_bytes());
    packet.options.set(code::ARCHITECTURE, [0, architecture]);
    packet.options.set(code::INTERFACE, [1, 3, 16]);
    let uuid: [u8; 16] = *b"rehome-foreign-1";
    packet.options.set(code::MACHINE_ID, [&[0], uuid.as_slice()].concat());
    packet
}

/// The port of DHCP clients. A program that another test just started holds the sockets of all of us until it runs.
fn client_port() -> std::io::Result<UdpSocket> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 68)) {
            Err(error) if error.kind() == AddrInUse && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            bound => return bound,
        }
    }
}

/// Sends `packet` from a DHCP client's port and returns each reply with its server.
fn ask(station: &Station, to: (Ipv4Addr, u16), packet: &Packet) -> Vec<(Ipv4Addr, Packet)> {
    station
        .within(|| {
            let socket = client_port()?;
            socket.set_broadcast(true)?;
            socket.set_read_timeout(Some(Duration::from_millis(200)))?;
            socket.send_to(&packet.encode(), to)?;
            let (start, mut buffer, mut replies) = (Instant::now(), [0; 2048], Vec::new());
            while start.elapsed() < LISTEN {
                let Ok((len, _)) = socket.recv_from(&mut buffer) else { continue };
                let reply = Packet::parse(&buffer[..len])?;
                if reply.op == Op::Reply && reply.xid == packet.xid {
                    replies.push((reply.options.address(code::SERVER_ID).unwrap(), reply));
                }
            }
            Ok(replies)
        })
        .unwrap()
}

fn servers(replies: &[(Ipv4Addr, Packet)]) -> Vec<Ipv4Addr> {
    let mut servers: Vec<_> = replies.iter().map(|(server, _)| *server).collect();
    servers.sort();
    servers.dedup();
    servers
}

#[test]
fn proxy_mode_answers_network_boot_only_and_only_when_something_is_armed() {
    const BROADCAST: (Ipv4Addr, u16) = (Ipv4Addr::BROADCAST, 67);
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let dhcp = ForeignDhcp::start(&workshop, "10.76.0.2/24", "10.76.0.50", "10.76.0.99").unwrap();
    let coordinator = serve(&workshop, dir.path(), &["--dhcp", "proxy"]);
    let station = workshop.add_station("client", Some("10.76.0.9/24")).unwrap();
    station.ip("route add 255.255.255.255 dev eth0").unwrap();
    let discover = |client| ask(&station, BROADCAST, &request(MessageType::Discover, client));
    let boot_server = || ask(&station, (OURS, 4011), &request(MessageType::Request, Client::Uefi));

    // Nothing is armed: a PC that happens to boot from the network does not notice us.
    for client in [Client::Bios, Client::Uefi, Client::Ordinary] {
        assert_eq!(servers(&discover(client)), [ROUTER], "{client:?}");
    }
    assert!(boot_server().is_empty());
    assert_eq!(udhcpc(&station).1, ROUTER);

    coordinator.papers().unwrap();
    let words = "batch arm --by Test --count 1 --for 1h --kind wipe --json";
    let armed = coordinator.cli_json(&words.split(' ').collect::<Vec<_>>()).unwrap();
    for client in [Client::Bios, Client::Uefi] {
        let replies = discover(client);
        assert_eq!(servers(&replies), [OURS, ROUTER], "{client:?}");
        for (_, reply) in replies.iter().filter(|(server, _)| *server == OURS) {
            assert_eq!(reply.yiaddr, Ipv4Addr::UNSPECIFIED, "an address beside another server");
            let class = reply.options.get(code::VENDOR_CLASS).unwrap();
            assert!(class.starts_with(b"PXEClient"), "{reply:?}");
        }
    }
    let replies = boot_server();
    assert_eq!(servers(&replies), [OURS]);
    assert_eq!(replies[0].1.file.as_bytes(), b"bootx64.efi", "{replies:?}");
    // Everybody else goes on as if we were not there.
    assert_eq!(servers(&discover(Client::Ordinary)), [ROUTER]);
    assert_eq!(udhcpc(&station).1, ROUTER);

    let batch = armed["batch"].as_str().unwrap();
    coordinator.cli(&["batch", "disarm", batch, "--by", "Test"]).unwrap();
    assert_eq!(servers(&discover(Client::Bios)), [ROUTER]);
    assert!(boot_server().is_empty());
    drop(dhcp);
}

#[test]
fn full_mode_refuses_to_start_beside_another_server() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let _dhcp = ForeignDhcp::start(&workshop, "10.76.0.2/24", "10.76.0.50", "10.76.0.99").unwrap();
    let data = dir.path().join("site");
    new_site(&data).unwrap();
    let mut command = workshop.command("timeout");
    command.arg("60").arg(rehome_binary().unwrap()).arg("serve").arg("--data").arg(&data);
    command.arg("--appliance").arg(appliance().unwrap()).args(["--interface", "br0"]).args(FULL);
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{words}");
    let last = words.lines().last().unwrap();
    assert!(last.starts_with("rehome: full mode refuses to start on br0: 10.76.0.2"), "{words}");
    assert!(last.contains("use proxy mode"), "it says what to do: {words}");
    let station = workshop.add_station("client", None).unwrap();
    assert_eq!(udhcpc(&station).1, ROUTER);
}

#[test]
fn tftp_clients_get_the_very_file() {
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let _coordinator = serve(&workshop, dir.path(), &FULL);
    let station = workshop.add_station("client", Some("10.76.0.9/24")).unwrap();
    let original = fs::read(appliance().unwrap().join("bootx64.efi")).unwrap();
    let url = "tftp://10.76.0.1/bootx64.efi";
    let clients: [(&str, &[&str]); 7] = [
        ("curl", &["-sS", "-m", "60", "--tftp-no-options", url, "-o", "FILE"]),
        ("curl", &["-sS", "-m", "60", "--tftp-blksize", "1428", url, "-o", "FILE"]),
        ("atftp", &["-g", "-r", "bootx64.efi", "-l", "FILE", "10.76.0.1"]),
        (
            "atftp",
            &["--option", "blksize 1408", "-g", "-r", "bootx64.efi", "-l", "FILE", "10.76.0.1"],
        ),
        (
            "atftp",
            &[
                "--option",
                "blksize 1024",
                "--option",
                "windowsize 8",
                "-g",
                "-r",
                "bootx64.efi",
                "-l",
                "FILE",
                "10.76.0.1",
            ],
        ),
        ("tftp", &["-m", "binary", "10.76.0.1", "-c", "get", "bootx64.efi", "FILE"]),
        ("tftp", &["-m", "binary", "10.76.0.1", "-c", "get", "/bootx64.efi", "FILE"]),
    ];
    for (n, (program, args)) in clients.into_iter().enumerate() {
        let file = dir.path().join(format!("fetched-{n}"));
        let path = file.display().to_string();
        let args = args.iter().map(|arg| if *arg == "FILE" { path.as_str() } else { *arg });
        let output = station.command("timeout").args(["60", program]).args(args).output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
        let fetched = fs::read(&file).unwrap();
        assert!(fetched == original, "{n} {program} got {} bytes: {output:?}", fetched.len());
    }
    for (path, what) in [("missing.efi", "a missing file"), ("../site.key", "a key")] {
        let mut command = station.command("curl");
        command.args(["-sS", "-m", "20", "--path-as-is", &format!("tftp://10.76.0.1/{path}")]);
        let output = command.output().unwrap();
        // 68: the server said that there is no such file.
        assert_eq!(output.status.code(), Some(68), "{what}: {output:?}");
        assert_eq!(answer_to_one_request(&station, path), [0, 5, 0, 1], "{what}");
    }
    let secrets = secrets(&dir.path().join("site"));
    for path in served().chain(boot_files()) {
        let mut command = station.command("curl");
        command.args(["-sS", "-m", "60", "--tftp-blksize", "1428"]);
        let output = command.arg(format!("tftp://10.76.0.1/{path}")).output().unwrap();
        assert!([Some(0), Some(68)].contains(&output.status.code()), "{path}: {output:?}");
        assert_no_secret(&secrets, &output.stdout, &path);
    }
}

/// Operation and number of what TFTP answers to a single request. Firmware would ask again after some seconds, and so
/// would make up for a server that leaves it waiting.
fn answer_to_one_request(station: &Station, path: &str) -> [u8; 4] {
    let request = [b"\0\x01", path.as_bytes(), b"\0octet\0"].concat();
    station
        .within(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.set_read_timeout(Some(LISTEN))?;
            socket.send_to(&request, (OURS, 69))?;
            let mut buffer = [0; 2048];
            socket.recv_from(&mut buffer)?;
            Ok([buffer[0], buffer[1], buffer[2], buffer[3]])
        })
        .unwrap()
}

#[test]
fn http_serves_lengths_and_ranges_and_no_secret() {
    const BOOT: &str = "http://10.76.0.1/bootx64.efi";
    let dir = tempfile::tempdir().unwrap();
    let workshop = open();
    let coordinator = serve(&workshop, dir.path(), &["--dhcp", "off"]);
    let station = workshop.add_station("client", Some("10.76.0.9/24")).unwrap();
    let get = |args: &[&str]| curl(&station, args).unwrap();
    let original = fs::read(appliance().unwrap().join("bootx64.efi")).unwrap();

    let length = original.len().to_string();
    let head = get(&["-I", BOOT]);
    assert_eq!((head.status, head.field("content-length")), (200, Some(length.as_str())));
    assert_eq!(head.body, b"");
    assert!(get(&[BOOT]).body == original);
    let half = original.len() / 2;
    for (range, part) in [
        ("0-0".to_owned(), 0..1),
        (format!("1000-{half}"), 1000..half + 1),
        (format!("{half}-"), half..original.len()),
        ("-77".to_owned(), original.len() - 77..original.len()),
    ] {
        let answer = get(&["-r", &range, BOOT]);
        let described = format!("bytes {}-{}/{length}", part.start, part.end - 1);
        assert_eq!((answer.status, answer.field("content-range")), (206, Some(&*described)));
        assert!(answer.body == original[part], "{range}");
    }
    let beyond = get(&["-H", &format!("Range: bytes={length}-"), BOOT]);
    assert_eq!((beyond.status, beyond.body.len()), (416, 0));

    let events = || coordinator.cli_json(&["status", "--json"]).unwrap()["events"].clone();
    let before = events();
    for token in ["0".repeat(64), "x".to_owned(), "../status".to_owned()] {
        let answer = get(&["-X", "POST", &format!("http://10.76.0.1/booted/{token}")]);
        assert!([404, 405].contains(&answer.status), "{token}: {answer:?}");
    }
    assert_eq!(events(), before, "a wrong token changed the journal");
    no_secret_is_served(&station, &dir.path().join("site"));
}

/// Asks for all that is served, and for what must not be, and looks for the site's private keys in the answers.
fn no_secret_is_served(station: &Station, data: &Path) {
    let secrets = secrets(data);
    let clean = |url: &str| {
        let answer = curl(station, &[url]).unwrap();
        assert_no_secret(&secrets, &[answer.head.as_bytes(), &answer.body].concat(), url);
        answer
    };
    for file in boot_files() {
        clean(&format!("http://10.76.0.1/{file}"));
    }
    for path in served() {
        let answer = clean(&format!("http://10.76.0.1/{path}"));
        assert_eq!(answer.status, 200, "{path}");
    }
    let site = clean("http://10.76.0.1/site.cpio");
    let public = fs::read_to_string(data.join("site.pub")).unwrap();
    let text = String::from_utf8_lossy(&site.body).into_owned();
    assert!(text.contains(public.trim()), "the scan would see a key there: {text}");
    assert!(!text.contains("PRIVATE"), "{text}");
    let chunk = any_chunk(&data.join("images/chunks"));
    assert_eq!(clean(&format!("http://10.76.0.1/chunk/{chunk}")).status, 200, "{chunk}");
    for page in ["", "bench", "agent/v1/time", "machines/1", "nothing"] {
        clean(&format!("https://10.76.0.1/{page}"));
    }
    for asset in ["dashboard.css", "dashboard.js", "icon.svg"] {
        let answer = clean(&format!("https://10.76.0.1/assets/{asset}"));
        assert_eq!(answer.status, 200, "{asset}");
    }
    for file in
        ["site.key", "recovery.key", "tls.key", "journal.db", "rehome.sock", "lock", "site.pub"]
    {
        for to in
            ["", "/", "../", "grub/../../", "%2e%2e/", "..%2f", "chunk/../", "chunk/..%2f..%2f"]
        {
            let url = format!("http://10.76.0.1/{to}{file}");
            let answer = clean(&url);
            assert!((400..500).contains(&answer.status), "{url}: {}", answer.status);
        }
        let whole = format!("http://10.76.0.1/{}", data.join(file).display());
        assert_eq!(clean(&whole).status, 404, "{whole}");
    }
}

/// What the coordinator itself makes for booting machines.
fn served() -> impl Iterator<Item = String> {
    let menu = "grub/machine/52:54:00:76:00:01/00000000-0000-0000-0000-000000000001";
    ["site.cpio", "grub/grub.cfg", menu].map(str::to_owned).into_iter()
}

/// The appliance's shelf. What lies there but is not served is not found; it is asked for all the same.
fn boot_files() -> impl Iterator<Item = String> {
    let entries = fs::read_dir(appliance().unwrap()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
}

/// The name of one of the images' chunks.
fn any_chunk(folder: &Path) -> String {
    let first = |folder: &Path| fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    first(&first(folder).path()).file_name().into_string().unwrap()
}

fn assert_no_secret(secrets: &[(&str, Vec<u8>)], answer: &[u8], whence: &str) {
    for (name, secret) in secrets {
        let found = answer.windows(secret.len()).any(|window| window == secret.as_slice());
        assert!(!found, "{whence} gives away {name}");
    }
}

/// The private keys in the forms in which they might leak.
fn secrets(data: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let seed = fs::read_to_string(data.join("site.key")).unwrap().trim().to_owned();
    let recovery = fs::read_to_string(data.join("recovery.key")).unwrap().trim().to_owned();
    let pem = fs::read_to_string(data.join("tls.key")).unwrap();
    let body: Vec<_> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body.concat()).unwrap();
    // ECPrivateKey: an OCTET STRING of 32 bytes (RFC 5915).
    let at = der.windows(2).position(|window| window == [4, 32]).unwrap() + 2;
    vec![
        ("the site key's raw seed", hex::decode(&seed).unwrap()),
        ("the site key's seed", seed.into_bytes()),
        ("the recovery secret's raw bytes", hex::decode(&recovery).unwrap()),
        ("the recovery secret", recovery.into_bytes()),
        ("the TLS key's PEM body", body[0].as_bytes().to_vec()),
        ("the TLS key's number", der[at..at + 32].to_vec()),
    ]
}

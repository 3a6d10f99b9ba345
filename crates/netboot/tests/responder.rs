//! The responder: who is answered, with what, and where to.

#![expect(clippy::unwrap_used, reason = "helpers of tests are not #[test] themselves")]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use rehome_netboot::MacAddress;
use rehome_netboot::dhcp::{MessageType, Packet, code};
use rehome_netboot::responder::{
    AddressPlan, AddressPlanError, BootFiles, Config, Decision, Mode, Outcome, Port, Responder,
};
use rehome_netboot::trace::Step;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 1);
const FOREIGN: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 2);
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 53);
const MAC: MacAddress = MacAddress([0x52, 0x54, 0, 0, 0, 1]);
const OTHER: MacAddress = MacAddress([0x52, 0x54, 0, 0, 0, 2]);
const UEFI: &str = "PXEClient:Arch:00007:UNDI:003000";
const BIOS: &str = "PXEClient:Arch:00000:UNDI:002001";

/// A responder with a clock of its own.
struct Bench {
    responder: Responder,
    now: Instant,
    armed: bool,
}

impl Bench {
    fn new(mode: Mode) -> Self {
        let boot_files = BootFiles::standard(SERVER, 80).unwrap();
        let responder = Responder::new(Config { server: SERVER, boot_files, mode });
        Self { responder, now: Instant::now(), armed: true }
    }

    fn proxy() -> Self {
        Self::new(Mode::Proxy)
    }

    /// Two addresses to give: .10 and .11.
    fn full() -> Self {
        let range = Ipv4Addr::new(10, 76, 0, 10)..=Ipv4Addr::new(10, 76, 0, 11);
        Self::new(Mode::Full(AddressPlan::new(SERVER, 24, range).unwrap()))
    }

    fn send(&mut self, packet: &Packet) -> Outcome {
        let source = SocketAddrV4::new(packet.ciaddr, 68);
        self.send_to(Port::Server, source, packet)
    }

    fn send_to(&mut self, port: Port, source: SocketAddrV4, packet: &Packet) -> Outcome {
        let armed = self.armed;
        // Over the wire, as in life.
        let packet = Packet::parse(&packet.encode()).unwrap();
        self.responder.handle(self.now, port, source, &packet, |_| {
            if armed {
                Decision::Serve
            } else {
                Decision::Silent { reason: "nothing is armed".to_owned() }
            }
        })
    }

    /// DISCOVER and REQUEST; the address given.
    fn lease(&mut self, mac: MacAddress) -> Option<Ipv4Addr> {
        let offer = self.send(&plain(MessageType::Discover, mac));
        let offered = offer.replies.first()?.packet.yiaddr;
        let mut request = plain(MessageType::Request, mac);
        request.options.set_address(code::SERVER_ID, SERVER);
        request.options.set_address(code::REQUESTED_ADDRESS, offered);
        let ack = self.send(&request);
        let ack = &ack.replies.first()?.packet;
        (ack.message_type() == Some(MessageType::Ack)).then_some(ack.yiaddr)
    }
}

fn plain(kind: MessageType, mac: MacAddress) -> Packet {
    Packet::request(kind, 0x1234_5678, mac)
}

fn pxe(kind: MessageType, class: &str) -> Packet {
    let mut packet = plain(kind, MAC);
    packet.options.set(code::VENDOR_CLASS, class.as_bytes());
    packet.options.set(code::MACHINE_ID, [0; 17]);
    packet
}

/// Names of the steps recorded.
fn steps(outcome: &Outcome) -> Vec<&'static str> {
    outcome.trace.iter().map(|event| event.step.name()).collect()
}

fn has_option_43(outcome: &Outcome) -> bool {
    outcome.replies[0].packet.options.get(code::VENDOR_SPECIFIC) == Some(&[6, 1, 8, 255])
}

#[test]
fn proxy_offer_by_firmware() {
    let check = |class: &str, expected: &str, direct: bool| {
        let mut bench = Bench::proxy();
        let outcome = bench.send(&pxe(MessageType::Discover, class));
        assert_eq!(steps(&outcome), ["discover", "offer"], "{class}");
        let reply = &outcome.replies[0];
        let offer = &reply.packet;
        assert_eq!(reply.to.to_string(), "255.255.255.255:68", "{class}");
        assert_eq!(offer.message_type(), Some(MessageType::Offer), "{class}");
        assert_eq!((offer.xid, offer.chaddr, offer.broadcast), (0x1234_5678, MAC, true));
        assert!(offer.yiaddr.is_unspecified(), "{class}");
        assert_eq!(offer.siaddr, SERVER, "{class}");
        assert_eq!(offer.options.address(code::SERVER_ID), Some(SERVER), "{class}");
        assert_eq!(offer.file.as_bytes(), expected.as_bytes(), "{class}");
        let name = offer.options.get(code::BOOT_FILE).unwrap();
        assert_eq!(name.strip_suffix(b"\0").unwrap_or(name), expected.as_bytes(), "{class}");
        let vendor_class = offer.options.get(code::VENDOR_CLASS).unwrap();
        assert_eq!(vendor_class, &class.as_bytes()[..vendor_class.len()], "{class}");
        assert!(vendor_class.ends_with(b"Client"), "{class}");
        assert_eq!(offer.options.get(code::MACHINE_ID), Some([0; 17].as_slice()), "{class}");
        assert_eq!(has_option_43(&outcome), direct, "{class}");
        assert_eq!(offer.options.get(code::LEASE_TIME), None, "{class}");
    };
    check(BIOS, "core.0", true);
    check("PXEClient", "core.0", true);
    check(UEFI, "bootx64.efi", false);
    check("PXEClient:Arch:00009:UNDI:003000", "bootx64.efi", false);
    check("HTTPClient:Arch:00016:UNDI:003000", "http://10.76.0.1/bootx64.efi", false);
}

#[test]
fn proxy_answers_nobody_else() {
    let mut bench = Bench::proxy();
    for kind in [
        MessageType::Discover,
        MessageType::Request,
        MessageType::Inform,
        MessageType::Release,
        MessageType::Decline,
    ] {
        assert_eq!(bench.send(&plain(kind, MAC)), Outcome::default(), "{kind:?}");
        let boot_server = SocketAddrV4::new(LEASED, 4011);
        let outcome = bench.send_to(Port::BootServer, boot_server, &plain(kind, MAC));
        assert_eq!(outcome, Outcome::default(), "{kind:?}");
    }
    assert_eq!(bench.responder.client_at(LEASED), None);
    bench.armed = false;
    let outcome = bench.send(&pxe(MessageType::Discover, UEFI));
    assert_eq!((outcome.replies.len(), steps(&outcome)), (0, vec!["discover", "silent"]));
    let mut implausible = pxe(MessageType::Discover, UEFI);
    implausible.chaddr = MacAddress([0xff; 6]);
    assert_eq!(bench.send(&implausible), Outcome::default());
}

#[test]
fn firmware_without_a_boot_file_is_refused_in_words() {
    let check = |class: &str, words: &str| {
        let outcome = Bench::proxy().send(&pxe(MessageType::Discover, class));
        assert!(outcome.replies.is_empty(), "{class}");
        let sentence = outcome.trace[1].step.to_string();
        assert!(sentence.contains(words), "{class}: {sentence}");
    };
    check("PXEClient:Arch:00006:UNDI:003000", "32-bit UEFI");
    check("HTTPClient:Arch:00015:UNDI:003000", "32-bit UEFI over HTTP");
    check("PXEClient:Arch:00011:UNDI:003000", "architecture 11");
}

#[test]
fn the_boot_server_port_answers_where_it_was_asked() {
    let mut bench = Bench::proxy();
    bench.send(&pxe(MessageType::Discover, UEFI));
    let mut request = pxe(MessageType::Request, UEFI);
    request.ciaddr = LEASED;
    let outcome = bench.send_to(Port::BootServer, SocketAddrV4::new(LEASED, 4011), &request);
    assert_eq!(steps(&outcome), ["boot_server_answered"]);
    let reply = &outcome.replies[0];
    assert_eq!(reply.to, SocketAddrV4::new(LEASED, 4011));
    assert_eq!(reply.packet.message_type(), Some(MessageType::Ack));
    assert_eq!((reply.packet.ciaddr, reply.packet.siaddr), (LEASED, SERVER));
    assert_eq!(reply.packet.file.as_bytes(), b"bootx64.efi");
    assert!(!has_option_43(&outcome));
    assert_eq!(bench.responder.client_at(LEASED), Some(MAC));
    // The same question to port 67, as some iPXE versions put it.
    request.options.set_address(code::SERVER_ID, SERVER);
    let outcome = bench.send(&request);
    assert_eq!(outcome.replies[0].to, SocketAddrV4::new(LEASED, 68));
}

#[test]
fn the_address_is_learnt_from_the_request_to_the_other_server() {
    let mut bench = Bench::proxy();
    let mut request = pxe(MessageType::Request, BIOS);
    request.options.set_address(code::SERVER_ID, FOREIGN);
    request.options.set_address(code::REQUESTED_ADDRESS, LEASED);
    assert_eq!(bench.send(&request), Outcome::default(), "of a machine we did not answer");
    bench.send(&pxe(MessageType::Discover, BIOS));
    let outcome = bench.send(&request);
    assert!(outcome.replies.is_empty());
    let step = Step::AddressRequested { address: Some(LEASED), server: Some(FOREIGN) };
    assert_eq!(outcome.trace[0].step, step);
    // Seen with GRUB 2.06 and 2.12: core.0 goes to the server that gave the address.
    assert_eq!(outcome.trace[1].step, Step::GrubAsksOtherServer { server: FOREIGN });
    assert_eq!(bench.responder.boot_file_requested(bench.now, LEASED), Some(MAC));
    assert_eq!(bench.responder.boot_file_requested(bench.now, FOREIGN), None);
}

#[test]
fn unheeded_offers_change_their_form() {
    for (class, first) in [(UEFI, false), (BIOS, true)] {
        let mut bench = Bench::proxy();
        let outcomes: Vec<Outcome> = (0..5)
            .map(|_| {
                bench.now += Duration::from_secs(8);
                bench.send(&pxe(MessageType::Discover, class))
            })
            .collect();
        let forms: Vec<bool> = outcomes.iter().map(has_option_43).collect();
        assert_eq!(forms, [first, first, !first, !first, first], "{class}");
        assert_eq!(
            steps(&outcomes[2]),
            ["discover", "no_request", "other_offer_form", "offer"],
            "{class}"
        );
        assert!(outcomes[2].trace[1].step.to_string().contains("full mode"));
    }
}

#[test]
fn full_mode_gives_addresses_and_boot_files() {
    let mut bench = Bench::full();
    let mut discover = pxe(MessageType::Discover, UEFI);
    discover.options.set(code::CLIENT_ID, [9; 7]);
    let outcome = bench.send(&discover);
    assert_eq!(steps(&outcome), ["discover", "offer"]);
    let offer = &outcome.replies[0].packet;
    assert!(!offer.yiaddr.is_unspecified());
    assert_eq!(offer.siaddr, SERVER);
    assert_eq!(offer.file.as_bytes(), b"bootx64.efi");
    // An ordinary server with a boot file: nothing to choose, no second port.
    assert_eq!(offer.options.get(code::VENDOR_CLASS), None);
    assert_eq!(offer.options.get(code::VENDOR_SPECIFIC), None);
    assert_eq!(offer.options.get(code::CLIENT_ID), Some([9; 7].as_slice()));
    assert_eq!(offer.options.address(code::SUBNET_MASK), Some(Ipv4Addr::new(255, 255, 255, 0)));
    assert_eq!(offer.options.get(code::LEASE_TIME), Some([0, 0, 0x70, 0x80].as_slice()));
    assert_eq!(offer.options.get(code::ROUTER), None);
    let http = bench.send(&pxe(MessageType::Discover, "HTTPClient:Arch:00016:UNDI:003000"));
    let options = &http.replies[0].packet.options;
    assert_eq!(options.get(code::VENDOR_CLASS), Some(b"HTTPClient".as_slice()));
    assert_eq!(options.get(code::BOOT_FILE), Some(b"http://10.76.0.1/bootx64.efi".as_slice()));
}

#[test]
fn full_mode_gives_others_an_address_and_no_boot_file() {
    let check = |armed: bool, packet: &Packet| {
        let mut bench = Bench::full();
        bench.armed = armed;
        let outcome = bench.send(packet);
        let offer = &outcome.replies[0].packet;
        assert!(!offer.yiaddr.is_unspecified());
        assert!(offer.siaddr.is_unspecified() && offer.file.as_bytes().is_empty());
        assert_eq!(offer.options.get(code::BOOT_FILE), None);
    };
    check(true, &plain(MessageType::Discover, MAC));
    check(false, &pxe(MessageType::Discover, UEFI));
}

#[test]
fn requests_in_all_their_meanings() {
    let yes = Ipv4Addr::new(10, 76, 0, 10);
    let check = |server: bool, requested: Option<Ipv4Addr>, ciaddr: Option<Ipv4Addr>, expected| {
        let mut bench = Bench::full();
        assert!(bench.lease(OTHER).is_some());
        let held = (10..=11).map(|host| Ipv4Addr::new(10, 76, 0, host));
        let free =
            held.into_iter().find(|held| bench.responder.client_at(*held).is_none()).unwrap();
        // `yes` in the table stands for whichever address OTHER did not get.
        let actual = |address| if address == yes { free } else { address };
        let mut request = plain(MessageType::Request, MAC);
        if server {
            request.options.set_address(code::SERVER_ID, SERVER);
        }
        if let Some(requested) = requested {
            request.options.set_address(code::REQUESTED_ADDRESS, actual(requested));
        }
        request.ciaddr = ciaddr.map_or(Ipv4Addr::UNSPECIFIED, actual);
        let outcome = bench.send(&request);
        let reply = &outcome.replies[0];
        let kind = reply.packet.message_type().unwrap();
        let to = reply.to.ip().is_broadcast();
        assert_eq!((kind, to), expected, "{server} {requested:?} {ciaddr:?}");
    };
    let elsewhere = Ipv4Addr::new(192, 168, 1, 5);
    let (ack, nak) = (MessageType::Ack, MessageType::Nak);
    check(true, Some(yes), None, (ack, true)); // selecting
    check(false, Some(yes), None, (ack, true)); // rebooting with what it had
    check(false, None, Some(yes), (ack, false)); // renewing
    check(false, Some(elsewhere), None, (nak, true)); // comes from another network
    check(false, None, Some(elsewhere), (nak, true));
    check(true, Some(SERVER), None, (nak, true)); // our own address
    check(true, None, None, (nak, true));
}

#[test]
fn a_lease_is_kept_given_back_and_reused() {
    let mut bench = Bench::full();
    let (first, second) = (bench.lease(MAC).unwrap(), bench.lease(OTHER).unwrap());
    assert_ne!(first, second);
    assert_eq!(bench.lease(MAC), Some(first), "asked again");
    let third = MacAddress([0x52, 0x54, 0, 0, 0, 3]);
    let outcome = bench.send(&plain(MessageType::Discover, third));
    assert_eq!((outcome.replies.len(), steps(&outcome)), (0, vec!["pool_exhausted"]));
    bench.send(&plain(MessageType::Release, OTHER));
    assert_eq!(bench.lease(OTHER), Some(second), "nobody needed it meanwhile");
    bench.send(&plain(MessageType::Release, OTHER));
    bench.now += Duration::from_secs(1);
    assert_eq!(bench.lease(third), Some(second));
    bench.now += Duration::from_secs(8 * 3600 + 1);
    assert_eq!(bench.lease(OTHER), Some(first), "the one expired for longest");
    let mut decline = plain(MessageType::Decline, OTHER);
    decline.options.set_address(code::REQUESTED_ADDRESS, first);
    assert_eq!(steps(&bench.send(&decline)), ["address_declined"]);
    assert_eq!(bench.lease(OTHER), Some(second));
    assert_eq!(bench.lease(third), None, "declined for ten minutes");
    bench.now += Duration::from_secs(601);
    assert_eq!(bench.lease(third), Some(first));
}

#[test]
fn addresses_survive_a_restart() {
    let wide = || {
        let range = Ipv4Addr::new(10, 76, 0, 100)..=Ipv4Addr::new(10, 76, 0, 200);
        Bench::new(Mode::Full(AddressPlan::new(SERVER, 24, range).unwrap()))
    };
    assert_eq!(wide().lease(MAC), wide().lease(MAC));
    assert_ne!(wide().lease(MAC), wide().lease(OTHER));
}

#[test]
fn inform_is_answered_without_an_address() {
    let mut inform = plain(MessageType::Inform, MAC);
    inform.ciaddr = LEASED;
    let outcome = Bench::full().send(&inform);
    let ack = &outcome.replies[0];
    assert_eq!(ack.to, SocketAddrV4::new(LEASED, 68));
    assert!(ack.packet.yiaddr.is_unspecified());
    assert_eq!(ack.packet.options.get(code::LEASE_TIME), None);
}

#[test]
fn relays_are_answered_on_their_own_port() {
    let mut discover = pxe(MessageType::Discover, BIOS);
    discover.giaddr = Ipv4Addr::new(10, 76, 0, 254);
    discover.options.set(code::RELAY_AGENT, [1, 2, 3, 4]);
    for mut bench in [Bench::proxy(), Bench::full()] {
        let outcome = bench.send(&discover);
        let reply = &outcome.replies[0];
        assert_eq!(reply.to, SocketAddrV4::new(discover.giaddr, 67));
        assert_eq!(reply.packet.giaddr, discover.giaddr);
        let last = reply.packet.options.iter().last();
        assert_eq!(last, Some((code::RELAY_AGENT, [1, 2, 3, 4].as_slice())));
    }
    discover.giaddr = Ipv4Addr::new(172, 16, 0, 1);
    assert_eq!(Bench::proxy().send(&discover).replies.len(), 1);
    let outcome = Bench::full().send(&discover);
    assert_eq!((outcome.replies.len(), steps(&outcome)), (0, vec!["unknown_relay"]));
}

#[test]
fn full_mode_stops_beside_another_server() {
    let offer = |server, address| {
        let mut offer = plain(MessageType::Discover, OTHER).reply(MessageType::Offer, server);
        offer.yiaddr = address;
        offer
    };
    let selects = |server| {
        let mut request = plain(MessageType::Request, OTHER);
        request.options.set_address(code::SERVER_ID, server);
        request.options.set_address(code::REQUESTED_ADDRESS, LEASED);
        request
    };
    let check = |packet: &Packet, stops: bool| {
        let mut bench = Bench::full();
        let outcome = bench.send(packet);
        assert_eq!(bench.responder.stopped_by(), stops.then_some(FOREIGN));
        if stops {
            assert_eq!(steps(&outcome), ["foreign_server", "full_mode_stopped"]);
            assert_eq!(bench.send(packet), Outcome::default(), "told once");
        }
        let answered = !bench.send(&pxe(MessageType::Discover, UEFI)).replies.is_empty();
        assert_eq!(answered, !stops);
    };
    check(&offer(FOREIGN, LEASED), true);
    check(&offer(FOREIGN, Ipv4Addr::UNSPECIFIED), true);
    check(&selects(FOREIGN), true);
    check(&offer(SERVER, LEASED), false);
    check(&selects(SERVER), false);
    // In proxy mode the other server is what we expect; it is named, once.
    let mut bench = Bench::proxy();
    let outcome = bench.send(&offer(FOREIGN, LEASED));
    let server = Step::ForeignServer { server: FOREIGN, gives_addresses: true };
    assert_eq!(outcome.trace[0].step, server);
    assert_eq!(bench.send(&offer(FOREIGN, LEASED)), Outcome::default());
    assert_eq!(bench.responder.stopped_by(), None);
}

#[test]
fn address_plans() {
    let address = |host: u8| Ipv4Addr::new(10, 76, 0, host);
    let check = |prefix_len, first, last, expected: Result<(), AddressPlanError>| {
        let plan = AddressPlan::new(SERVER, prefix_len, address(first)..=address(last));
        assert_eq!(plan.map(drop), expected, "{first}-{last}/{prefix_len}");
    };
    let outside = |prefix_len, first, last| {
        let (first, last) = (address(first), address(last));
        Err(AddressPlanError::Outside { first, last, server: SERVER, prefix_len })
    };
    check(24, 1, 254, Ok(()));
    check(24, 0, 10, outside(24, 0, 10));
    check(24, 10, 255, outside(24, 10, 255));
    check(28, 2, 15, outside(28, 2, 15));
    check(31, 0, 1, Err(AddressPlanError::Prefix { prefix_len: 31 }));
    let (first, last) = (address(9), address(3));
    check(24, 9, 3, Err(AddressPlanError::Backwards { first, last }));
    let (first, last) = (SERVER, SERVER);
    check(24, 1, 1, Err(AddressPlanError::NothingToGive { first, last }));
    for (prefix_len, first, last) in [
        (24, address(127), address(254)),
        (30, address(1), address(2)),
        (16, Ipv4Addr::new(10, 76, 252, 23), Ipv4Addr::new(10, 76, 255, 254)),
    ] {
        assert_eq!(AddressPlan::proposed(SERVER, prefix_len).unwrap().range(), first..=last);
    }
}

//! What a restart knows of the leases before it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use rehome_netboot::MacAddress;
use rehome_netboot::dhcp::{MessageType, Packet, code};
use rehome_netboot::responder::{
    AddressPlan, BootFiles, Config, DEFAULT_LEASE_TIME, Decision, KeptLease, LeaseRefused, Mode,
    Outcome, Port, Responder,
};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 1);
/// In the range proposed for a /24 both compute to 10.76.0.225.
const ONE: MacAddress = MacAddress([0x52, 0x54, 0, 0x76, 0, 0x01]);
const OTHER: MacAddress = MacAddress([0x52, 0x54, 0, 0x76, 0, 0x81]);
const HOUR: Duration = Duration::from_secs(3600);

fn full() -> Responder {
    let boot_files = BootFiles::standard(SERVER, 80).unwrap();
    let mode = Mode::Full(AddressPlan::proposed(SERVER, 24).unwrap());
    Responder::new(Config { server: SERVER, boot_files, mode })
}

fn address(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 76, 0, host)
}

fn kept(host: u8, mac: Option<MacAddress>, remaining: Duration) -> KeptLease {
    KeptLease { address: address(host), mac, remaining }
}

fn send(responder: &mut Responder, now: Instant, packet: &Packet) -> Outcome {
    let source = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
    responder.handle(now, Port::Server, source, packet, |_| Decision::Serve)
}

/// DISCOVER and REQUEST without any memory, as firmware does.
fn lease(responder: &mut Responder, now: Instant, mac: MacAddress) -> Ipv4Addr {
    let offer = send(responder, now, &Packet::request(MessageType::Discover, 1, mac));
    assert!(!offer.leases_changed, "an offer is not worth a write");
    let offered = offer.replies[0].packet.yiaddr;
    let given = request(responder, now, mac, offered);
    assert_eq!(given.replies[0].packet.message_type(), Some(MessageType::Ack));
    assert!(given.leases_changed);
    given.replies[0].packet.yiaddr
}

fn request(responder: &mut Responder, now: Instant, mac: MacAddress, wanted: Ipv4Addr) -> Outcome {
    let mut packet = Packet::request(MessageType::Request, 1, mac);
    packet.options.set_address(code::REQUESTED_ADDRESS, wanted);
    send(responder, now, &packet)
}

#[test]
fn machines_that_compute_to_the_same_address_keep_theirs() {
    let now = Instant::now();
    let mut before = full();
    assert_eq!(lease(&mut before, now, ONE), address(225));
    assert_eq!(lease(&mut before, now, OTHER), address(226));
    let table = before.leases(now);
    assert_eq!(
        table,
        [kept(225, Some(ONE), DEFAULT_LEASE_TIME), kept(226, Some(OTHER), DEFAULT_LEASE_TIME)]
    );

    let mut forgetful = full();
    assert_eq!(lease(&mut forgetful, now, OTHER), address(225), "else this shows nothing");

    let mut after = full();
    assert_eq!(after.restore(now, table), []);
    assert_eq!(after.client_at(address(226)), Some(OTHER));
    assert_eq!(lease(&mut after, now, OTHER), address(226));
    assert_eq!(lease(&mut after, now, ONE), address(225));
}

#[test]
fn what_has_run_out_was_released_or_declined() {
    let start = Instant::now();
    let mut before = full();
    lease(&mut before, start, ONE);
    assert_eq!(before.leases(start + HOUR), [kept(225, Some(ONE), DEFAULT_LEASE_TIME - HOUR)]);
    assert_eq!(before.leases(start + DEFAULT_LEASE_TIME), [], "run out");

    let released = send(&mut before, start, &Packet::request(MessageType::Release, 1, ONE));
    assert!(released.leases_changed);
    assert_eq!(before.leases(start), [], "given back");

    lease(&mut before, start, ONE);
    let mut decline = Packet::request(MessageType::Decline, 1, ONE);
    decline.options.set_address(code::REQUESTED_ADDRESS, address(225));
    assert!(send(&mut before, start, &decline).leases_changed);
    let declined = before.leases(start);
    assert!(matches!(declined[..], [KeptLease { mac: None, .. }]), "{declined:?}");
    let mut after = full();
    assert_eq!(after.restore(start, declined), []);
    assert_eq!(lease(&mut after, start, ONE), address(226));

    let mut after = full();
    assert_eq!(after.restore(start, [kept(225, Some(ONE), Duration::ZERO)]), []);
    assert_eq!(lease(&mut after, start, OTHER), address(225), "nobody has it any more");
}

#[test]
fn a_clock_set_back_does_not_make_leases_longer() {
    let now = Instant::now();
    let mut after = full();
    assert_eq!(after.restore(now, [kept(225, Some(ONE), Duration::MAX)]), []);
    assert_eq!(after.leases(now), [kept(225, Some(ONE), DEFAULT_LEASE_TIME)]);
}

#[test]
fn refusals_name_the_address_and_nobody_gets_it() {
    let group = MacAddress([1, 0, 0, 0, 0, 1]);
    let (first, last) = (address(127), address(254));
    let outside = |host| LeaseRefused::Outside { address: address(host), first, last };
    let held = |host, time| kept(host, None, time);
    let one = |host| kept(host, Some(ONE), HOUR);
    let other = kept(225, Some(OTHER), 2 * HOUR);
    let twice = LeaseRefused::AddressTwice { address: address(225) };
    let (earlier, second) = (address(225), address(230));
    for (entries, refused, table) in [
        (vec![one(1)], vec![outside(1)], vec![]),
        (vec![one(126)], vec![outside(126)], vec![]),
        (
            vec![kept(225, Some(group), HOUR)],
            vec![LeaseRefused::Implausible { address: earlier, mac: group }],
            vec![held(225, HOUR)],
        ),
        (vec![one(225), other], vec![twice.clone()], vec![held(225, 2 * HOUR)]),
        (vec![other, one(225)], vec![twice.clone()], vec![held(225, 2 * HOUR)]),
        (vec![held(225, HOUR), one(225)], vec![twice.clone()], vec![held(225, HOUR)]),
        (vec![one(225), held(225, HOUR)], vec![twice], vec![held(225, HOUR)]),
        (
            vec![one(225), one(230)],
            vec![LeaseRefused::MachineTwice { mac: ONE, earlier, address: second }],
            vec![one(225), held(230, HOUR)],
        ),
    ] {
        let now = Instant::now();
        let mut after = full();
        let refusals = after.restore(now, entries.clone());
        assert_eq!(refusals, refused, "{entries:?}");
        assert_eq!(after.leases(now), table, "{entries:?}");
        for refusal in refusals {
            let named = entries.last().unwrap().address.to_string();
            assert!(refusal.to_string().contains(&named), "{refusal}");
        }
        for lease in table.iter().filter(|lease| lease.mac.is_none()) {
            let asked = request(&mut after, now, ONE, lease.address);
            let answer = asked.replies[0].packet.message_type();
            assert_eq!(answer, Some(MessageType::Nak), "{entries:?}");
        }
    }
}

#[test]
fn proxy_mode_takes_no_lease_over() {
    let boot_files = BootFiles::standard(SERVER, 80).unwrap();
    let mut proxy = Responder::new(Config { server: SERVER, boot_files, mode: Mode::Proxy });
    let now = Instant::now();
    let refused = proxy.restore(now, [kept(225, Some(ONE), HOUR)]);
    assert_eq!(refused, [LeaseRefused::ProxyMode { address: address(225) }]);
    assert_eq!(proxy.leases(now), []);
}

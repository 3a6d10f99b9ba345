//! The packet codec against packets of real clients, and against anything at all.

#![expect(clippy::unwrap_used, reason = "helpers of tests are not #[test] themselves")]

use std::net::Ipv4Addr;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use rehome_netboot::MacAddress;
use rehome_netboot::dhcp::{
    Architecture, MessageType, Op, Options, Packet, ParseError, PxeClient, Text, Transport, code,
    udp_datagram,
};

/// A captured UDP payload, as hexadecimal text.
fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Parses a capture, checks what it says, and that nothing of it is lost in writing it again.
fn check(name: &str, kind: MessageType, boot: Option<(Architecture, Transport, bool)>) {
    let packet = Packet::parse(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(packet.message_type(), Some(kind), "{name}");
    let client = PxeClient::from_packet(&packet);
    assert_eq!(
        client.map(|client| (client.architecture, client.transport, client.ipxe)),
        boot,
        "{name}"
    );
    assert_eq!(Packet::parse(&packet.encode()).as_ref(), Ok(&packet), "{name}");
}

#[test]
fn captured_packets() {
    use Architecture::{Bios, X64Uefi, X64UefiHttp};
    use MessageType::{Discover, Offer, Request};
    use Transport::{Http, Tftp};
    check("udhcpc-discover.hex", Discover, None);
    check("udhcpc-request.hex", Request, None);
    check("dhclient-discover.hex", Discover, None);
    check("dhclient-request.hex", Request, None);
    check("ovmf-pxe-discover.hex", Discover, Some((X64Uefi, Tftp, false)));
    check("ovmf-pxe-request.hex", Request, Some((X64Uefi, Tftp, false)));
    check("ovmf-boot-server-request.hex", Request, Some((X64Uefi, Tftp, false)));
    check("ovmf-http-discover.hex", Discover, Some((X64UefiHttp, Http, false)));
    check("ipxe-rom-discover.hex", Discover, Some((Bios, Tftp, true)));
    check("ipxe-rom-request.hex", Request, Some((Bios, Tftp, true)));
    check("dnsmasq-offer.hex", Offer, None);
}

#[test]
fn machine_identity_reads_as_dmidecode_shows_it() {
    let packet = Packet::parse(&fixture("ovmf-pxe-discover.hex")).unwrap();
    let client = PxeClient::from_packet(&packet).unwrap();
    assert_eq!(client.mac, MacAddress([0x52, 0x54, 0, 0x78, 0, 0x10]));
    // What QEMU was given with -uuid.
    assert_eq!(client.uuid.unwrap().to_string(), "4c4c4544-0042-3510-8052-b4c04f4e3132");
}

#[test]
fn architecture_and_identity_from_what_firmware_sends() {
    let check = |options: &[(u8, &[u8])], expected: Option<Architecture>, has_uuid: bool| {
        let mut packet = Packet::request(MessageType::Discover, 1, MacAddress([2, 0, 0, 0, 0, 1]));
        for (code, value) in options {
            packet.options.set(*code, *value);
        }
        let client = PxeClient::from_packet(&packet);
        assert_eq!(client.as_ref().map(|client| client.architecture), expected, "{options:?}");
        assert_eq!(client.is_some_and(|client| client.uuid.is_some()), has_uuid, "{options:?}");
    };
    let (class, arch, id) = (code::VENDOR_CLASS, code::ARCHITECTURE, code::MACHINE_ID);
    let mut uuid = [7; 17];
    uuid[0] = 0;
    check(&[], None, false);
    check(&[(class, b"MSFT 5.0")], None, false);
    check(&[(class, b"PXEClient")], Some(Architecture::Bios), false);
    check(&[(class, b"PXEClient:Arch:00007:UNDI:003016")], Some(Architecture::X64Uefi), false);
    check(&[(class, b"PXEClient:Arch:x")], Some(Architecture::Bios), false);
    check(&[(class, b"PXEClient"), (arch, &[0, 9])], Some(Architecture::X64Uefi), false);
    check(&[(class, b"PXEClient"), (arch, &[0, 6])], Some(Architecture::Ia32Uefi), false);
    check(&[(class, b"PXEClient"), (arch, &[0, 11])], Some(Architecture::Other(11)), false);
    // A list: the first known one counts, an odd byte does not.
    check(&[(class, b"PXEClient"), (arch, &[0, 30, 0, 7, 0])], Some(Architecture::X64Uefi), false);
    check(&[(class, b"PXEClient"), (arch, &[0])], Some(Architecture::Bios), false);
    check(&[(class, b"PXEClient"), (id, &uuid)], Some(Architecture::Bios), true);
    check(&[(class, b"PXEClient"), (id, &[0; 17])], Some(Architecture::Bios), false);
    check(&[(class, b"PXEClient"), (id, &uuid[..16])], Some(Architecture::Bios), false);
    uuid[0] = 1;
    check(&[(class, b"PXEClient"), (id, &uuid)], Some(Architecture::Bios), false);
}

#[test]
fn malformed_packets_are_named() {
    let good = fixture("udhcpc-discover.hex");
    let check = |change: &dyn Fn(&mut Vec<u8>), expected: ParseError| {
        let mut bytes = good.clone();
        change(&mut bytes);
        assert_eq!(Packet::parse(&bytes), Err(expected));
    };
    check(&|bytes| bytes.truncate(239), ParseError::Short { len: 239 });
    check(&|bytes| bytes.clear(), ParseError::Short { len: 0 });
    check(&|bytes| bytes[0] = 3, ParseError::Op { op: 3 });
    check(&|bytes| bytes[1] = 32, ParseError::Hardware { htype: 32, hlen: 6 });
    check(&|bytes| bytes[2] = 16, ParseError::Hardware { htype: 1, hlen: 16 });
    check(&|bytes| bytes[236] = 0, ParseError::NoCookie);
    check(
        &|bytes| {
            bytes.truncate(240);
            bytes.extend([60, 9, b'P']);
        },
        ParseError::TruncatedOption { code: 60 },
    );
    check(
        &|bytes| {
            bytes.truncate(240);
            bytes.push(60);
        },
        ParseError::TruncatedOption { code: 60 },
    );
}

#[test]
fn overloaded_fields_hold_options() {
    let mut bytes =
        Packet::request(MessageType::Discover, 1, MacAddress([2, 0, 0, 0, 0, 1])).encode();
    bytes[44..48].copy_from_slice(&[66, 2, b's', b'n']);
    bytes[108..114].copy_from_slice(&[67, 3, b'n', b'b', b'p', 255]);
    bytes.truncate(240);
    bytes.extend([53, 1, 1, 52, 1, 3, 255]);
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.options.get(code::TFTP_SERVER), Some(b"sn".as_slice()));
    assert_eq!(packet.options.get(code::BOOT_FILE), Some(b"nbp".as_slice()));
    assert!(packet.sname.as_bytes().is_empty() && packet.file.as_bytes().is_empty());
    assert_eq!(packet.options.get(code::OVERLOAD), None);
    assert_eq!(Packet::parse(&packet.encode()), Ok(packet));
}

#[test]
fn message_type_comes_first_and_packets_are_padded() {
    let mut options = Options::default();
    options.set(code::VENDOR_CLASS, *b"PXEClient");
    options.set(code::MESSAGE_TYPE, [2]);
    assert_eq!(options.iter().next(), Some((code::MESSAGE_TYPE, [2].as_slice())));
    let bytes = Packet::request(MessageType::Discover, 1, MacAddress([2, 0, 0, 0, 0, 1])).encode();
    assert_eq!(bytes.len(), 300);
    assert_eq!(bytes[240..244], [53, 1, 1, 255]);
    assert!(Text::<8>::new("1234567").is_ok());
    assert!(Text::<8>::new("12345678").is_err() && Text::<8>::new("a\0b").is_err());
}

#[test]
fn udp_is_found_in_ip() {
    let mut packet = vec![0x45, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 2];
    packet.extend([255, 255, 255, 255, 0, 67, 0, 68, 0, 12, 0, 0, 1, 2, 3, 4, 99]);
    let datagram = udp_datagram(&packet).unwrap();
    assert_eq!(datagram.source.to_string(), "10.0.0.2:67");
    assert_eq!(datagram.destination.to_string(), "255.255.255.255:68");
    assert_eq!(datagram.payload, [1, 2, 3, 4]);
    for (at, value) in [(0, 0x65), (0, 0x44), (9, 6), (6, 0x20), (25, 200), (25, 7)] {
        let mut changed = packet.clone();
        changed[at] = value;
        assert_eq!(udp_datagram(&changed), None, "byte {at} = {value}");
    }
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from)
}

prop_compose! {
    fn packet()(
        reply in any::<bool>(),
        hops in any::<u8>(),
        xid in any::<u32>(),
        secs in any::<u16>(),
        broadcast in any::<bool>(),
        addresses in [address(), address(), address(), address()],
        chaddr in any::<[u8; 6]>(),
        (sname, file) in ("[ -~]{0,63}", "[ -~]{0,127}"),
        options in vec((1..=254_u8, vec(any::<u8>(), 0..600)), 0..12),
    ) -> Packet {
        let mut packet = Packet::request(MessageType::Discover, xid, MacAddress(chaddr));
        packet.op = if reply { Op::Reply } else { Op::Request };
        (packet.hops, packet.secs, packet.broadcast) = (hops, secs, broadcast);
        [packet.ciaddr, packet.yiaddr, packet.siaddr, packet.giaddr] = addresses;
        packet.sname = Text::new(&sname).unwrap();
        packet.file = Text::new(&file).unwrap();
        for (code, value) in options {
            if code != code::OVERLOAD {
                packet.options.set(code, value);
            }
        }
        packet
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(packet in packet()) {
        prop_assert_eq!(Packet::parse(&packet.encode()), Ok(packet));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..700)) {
        if let Ok(packet) = Packet::parse(&bytes) {
            prop_assert!(packet.file.as_bytes().len() <= 128);
        }
        if let Some(datagram) = udp_datagram(&bytes) {
            prop_assert!(datagram.payload.len() <= bytes.len() - 28);
        }
    }

    #[test]
    fn a_damaged_packet_is_read_or_refused(
        mut bytes in packet().prop_map(|packet| packet.encode()),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        len in any::<prop::sample::Index>(),
    ) {
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(len.index(bytes.len()) + 1);
        if let Ok(packet) = Packet::parse(&bytes) {
            let client = PxeClient::from_packet(&packet);
            prop_assert!(client.is_none_or(|client| client.mac == packet.chaddr));
            prop_assert_eq!(Packet::parse(&packet.encode()), Ok(packet));
        }
    }
}

//! Datagrams that no client should send.

use netboot::MacAddress;
use netboot::dhcp::{MessageType, Packet};

/// Broken DHCP and TFTP packets, the same ones each time.
pub(super) fn datagrams() -> Vec<Vec<u8>> {
    let mac = MacAddress([0x52, 0x54, 0, 0x76, 9, 9]);
    let whole = Packet::request(MessageType::Discover, 1, mac).encode();
    let mut all: Vec<Vec<u8>> = (0..whole.len()).step_by(5).map(|n| whole[..n].to_vec()).collect();
    // Not the first byte: that would make it a server's reply, after which full mode rightly stops.
    for at in (1..240).step_by(3) {
        let mut changed = whole.clone();
        changed[at] ^= 0xff;
        all.push(changed);
    }
    for option in [[53, 255], [55, 200], [82, 255], [97, 1], [0, 0]] {
        let mut changed = whole[..240].to_vec();
        changed.extend([53, 1, 1]);
        changed.extend(option);
        all.push(changed);
    }
    all.extend([0, 1, 3, 240, 548, 1400, 9000, 60_000].map(|len| vec![0xff; len]));
    all.extend([2, 4, 300, 1400].map(|len| vec![0; len]));
    let tftp: [&[u8]; 12] = [
        b"\0\x01",
        b"\0\x01bootx64.efi",
        b"\0\x01\0octet\0",
        b"\0\x01bootx64.efi\0netascii\0",
        b"\0\x01bootx64.efi\0octet\0blksize\0-1\0windowsize\0999999999999999999999\0",
        b"\0\x01bootx64.efi\0octet\0blksize\0",
        b"\0\x01\xff\xfe\0octet\0",
        b"\0\x02bootx64.efi\0octet\0",
        b"\0\x03\0\x01data",
        b"\0\x04\0\x01",
        b"\0\x05\0\0nothing\0",
        b"\0\x09x\0",
    ];
    all.extend(tftp.iter().map(|packet| packet.to_vec()));
    all.push([b"\0\x01".as_slice(), &[b'a'; 40_000], b"\0octet\0"].concat());
    let mut state = 0x7265_686f_6d65_u64;
    for len in 1..200_usize {
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        all.push((0..len * 3).map(|_| byte()).collect());
    }
    all
}

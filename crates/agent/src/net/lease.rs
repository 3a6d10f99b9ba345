//! The DHCP client's packets: what it says, and what it takes from an answer (RFC 2131, section 4.4).

use std::net::Ipv4Addr;
use std::time::Duration;

use netboot::MacAddress;
use netboot::dhcp::{MessageType, Op, Packet, code};

/// How DHCP servers tell an agent from firmware, which is `PXEClient`.
const VENDOR_CLASS: &[u8] = b"rehome-agent";
/// The longest answer that is taken, in bytes: an Ethernet frame's worth.
const MAX_MESSAGE_LEN: u16 = 1472;
/// For a server that tells no lease time.
const DEFAULT_LEASE: Duration = Duration::from_secs(3600);
/// Nothing is renewed more often, whatever a server says.
const SHORTEST_LEASE: Duration = Duration::from_secs(60);
/// Between two questions for the same lease.
const LONGEST_RENEW_PAUSE: Duration = Duration::from_secs(60);
const INFINITE: u32 = u32::MAX;

/// What a DHCP server gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Our address.
    pub(crate) address: Ipv4Addr,
    /// Length of the network's prefix.
    pub(crate) prefix_len: u8,
    /// Where everything outside of the network goes.
    pub(crate) router: Option<Ipv4Addr>,
    /// Who gave it.
    pub(crate) server: Ipv4Addr,
    /// When to ask for more of it; none for a lease for ever.
    pub(crate) renew_after: Option<Duration>,
    /// When it ends; none for a lease for ever.
    pub(crate) expires_after: Option<Duration>,
}

/// What a lease asks for at some age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// It is good as it is.
    Nothing,
    /// It should be renewed, by its own server or by whoever answers.
    Renew {
        /// The own server has been silent for too long (T2).
        everybody: bool,
    },
    /// It is over: the address is somebody else's.
    End,
}

impl Lease {
    /// What is due at `age`, when the last question of this term was `asked` ago.
    pub(super) fn due(&self, age: Duration, asked: Option<Duration>) -> Due {
        let (Some(renew_after), Some(expires_after)) = (self.renew_after, self.expires_after)
        else {
            return Due::Nothing;
        };
        // RFC 2131, section 4.4.5, wants no two questions within a minute; short leases need them.
        let pause = (expires_after / 16).min(LONGEST_RENEW_PAUSE);
        if age >= expires_after {
            Due::End
        } else if age < renew_after || asked.is_some_and(|asked| asked < pause) {
            Due::Nothing
        } else {
            Due::Renew { everybody: age >= expires_after / 8 * 7 }
        }
    }
}

/// An answer to one of our questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// A server would give this.
    Offer(Lease),
    /// A server gives this.
    Ack(Lease),
    /// A server refuses, with its words where it has any.
    Nak(String),
}

/// One client's questions under one transaction number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    /// Its hardware address.
    pub(super) mac: MacAddress,
    /// Chosen anew for each exchange.
    pub(super) xid: u32,
}

impl Client {
    /// Who gives addresses?
    pub(super) fn discover(self, secs: u16) -> Packet {
        self.question(MessageType::Discover, secs)
    }

    /// I take this offer.
    pub(super) fn select(self, offer: &Lease, secs: u16) -> Packet {
        let mut packet = self.question(MessageType::Request, secs);
        packet.options.set_address(code::REQUESTED_ADDRESS, offer.address);
        packet.options.set_address(code::SERVER_ID, offer.server);
        packet
    }

    /// I want to keep what I have. Not flagged for broadcast: the address is in use.
    pub(super) fn renew(self, lease: &Lease) -> Packet {
        let mut packet = self.question(MessageType::Request, 0);
        packet.broadcast = false;
        packet.ciaddr = lease.address;
        packet
    }

    /// Reads a datagram; none where it is not an answer to this client's questions.
    pub(super) fn answer(self, datagram: &[u8]) -> Option<Answer> {
        let packet = Packet::parse(datagram).ok()?;
        if packet.op != Op::Reply || packet.xid != self.xid || packet.chaddr != self.mac {
            return None;
        }
        match packet.message_type()? {
            MessageType::Offer => lease(&packet).map(Answer::Offer),
            MessageType::Ack => lease(&packet).map(Answer::Ack),
            MessageType::Nak => {
                let words = packet.options.get(code::MESSAGE).unwrap_or_default();
                let words = String::from_utf8_lossy(words);
                Some(Answer::Nak(words.chars().filter(|c| !c.is_control()).take(120).collect()))
            }
            _ => None,
        }
    }

    fn question(self, kind: MessageType, secs: u16) -> Packet {
        let mut packet = Packet::request(kind, self.xid, self.mac);
        packet.broadcast = true;
        packet.secs = secs;
        packet.options.set(code::VENDOR_CLASS, VENDOR_CLASS);
        packet.options.set(code::MAX_MESSAGE_SIZE, MAX_MESSAGE_LEN.to_be_bytes());
        packet.options.set(
            code::PARAMETER_LIST,
            [code::SUBNET_MASK, code::ROUTER, code::LEASE_TIME, code::RENEWAL_TIME],
        );
        packet
    }
}

/// The lease in an offer or an acknowledgement; none where it names no usable address or no server.
fn lease(packet: &Packet) -> Option<Lease> {
    let options = &packet.options;
    let address = packet.yiaddr;
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
        return None;
    }
    let seconds = |code| {
        let bytes: [u8; 4] = options.get(code)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    let expires_after = match seconds(code::LEASE_TIME) {
        Some(INFINITE) => None,
        Some(lease) => Some(Duration::from_secs(lease.into()).max(SHORTEST_LEASE)),
        None => Some(DEFAULT_LEASE),
    };
    let renew_after = expires_after.map(|expires_after| {
        let told = seconds(code::RENEWAL_TIME).map(|t1| Duration::from_secs(t1.into()));
        told.filter(|t1| *t1 < expires_after).unwrap_or(expires_after / 2).max(SHORTEST_LEASE / 2)
    });
    Some(Lease {
        address,
        prefix_len: options
            .address(code::SUBNET_MASK)
            .and_then(prefix_len)
            .unwrap_or_else(|| classful_prefix_len(address)),
        // The option is a list; its first entry is preferred (RFC 2132, section 3.5).
        router: options
            .get(code::ROUTER)
            .and_then(|list| list.first_chunk::<4>())
            .map(|first| Ipv4Addr::from(*first))
            .filter(|router| !router.is_unspecified()),
        server: options.address(code::SERVER_ID)?,
        renew_after,
        expires_after,
    })
}

/// The length of a mask's run of ones; none where it is no mask.
fn prefix_len(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    let ones = bits.leading_ones();
    (bits.count_ones() == ones && (1..=32).contains(&ones))
        .then(|| u8::try_from(ones).ok())
        .flatten()
}

/// What hosts assumed before masks were told (RFC 950).
fn classful_prefix_len(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLIENT: Client = Client { mac: MacAddress([0x52, 0x54, 0, 1, 2, 3]), xid: 0x1234_5678 };
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

    fn offered(change: impl FnOnce(&mut Packet)) -> Option<Answer> {
        let mut packet = CLIENT.discover(0).reply(MessageType::Offer, SERVER);
        packet.yiaddr = Ipv4Addr::new(10, 0, 2, 15);
        packet.options.set_address(code::SUBNET_MASK, Ipv4Addr::new(255, 255, 255, 0));
        packet.options.set(code::ROUTER, [10, 0, 2, 2, 10, 0, 2, 3]);
        packet.options.set(code::LEASE_TIME, 86_400_u32.to_be_bytes());
        change(&mut packet);
        CLIENT.answer(&packet.encode())
    }

    fn lease() -> Lease {
        Lease {
            address: Ipv4Addr::new(10, 0, 2, 15),
            prefix_len: 24,
            router: Some(Ipv4Addr::new(10, 0, 2, 2)),
            server: SERVER,
            renew_after: Some(Duration::from_secs(43_200)),
            expires_after: Some(Duration::from_secs(86_400)),
        }
    }

    #[test]
    fn an_offer_is_read() {
        let offer = |lease| Some(Answer::Offer(lease));
        assert_eq!(offered(|_| {}), offer(lease()));
        let told_t1 = offered(|p| p.options.set(code::RENEWAL_TIME, 100_u32.to_be_bytes()));
        assert_eq!(
            told_t1,
            offer(Lease { renew_after: Some(Duration::from_secs(100)), ..lease() })
        );
        let for_ever = offered(|p| p.options.set(code::LEASE_TIME, [0xff; 4]));
        assert_eq!(for_ever, offer(Lease { renew_after: None, expires_after: None, ..lease() }));
        let no_router = offered(|p| p.options.set(code::ROUTER, []));
        assert_eq!(no_router, offer(Lease { router: None, ..lease() }));
        let holes = offered(|p| p.options.set(code::SUBNET_MASK, [255, 0, 255, 0]));
        assert_eq!(holes, offer(Lease { prefix_len: 8, ..lease() }));
    }

    #[test]
    fn a_lease_is_renewed_from_half_time_and_ends_in_time() {
        let seconds = Duration::from_secs;
        let short =
            Lease { renew_after: Some(seconds(60)), expires_after: Some(seconds(120)), ..lease() };
        let renew = |everybody| Due::Renew { everybody };
        for (age, asked, expected) in [
            (0, None, Due::Nothing),
            (59, None, Due::Nothing),
            (60, None, renew(false)),
            (63, Some(3), Due::Nothing),
            (68, Some(8), renew(false)),
            (105, Some(8), renew(true)),
            (120, Some(1), Due::End),
        ] {
            assert_eq!(short.due(seconds(age), asked.map(seconds)), expected, "{age} {asked:?}");
        }
        let for_ever = Lease { renew_after: None, expires_after: None, ..lease() };
        assert_eq!(for_ever.due(seconds(u64::MAX / 2), None), Due::Nothing);
    }

    #[test]
    fn answers_to_others_and_unusable_ones_are_left() {
        assert_eq!(offered(|p| p.xid += 1), None);
        assert_eq!(offered(|p| p.chaddr = MacAddress([2; 6])), None);
        assert_eq!(offered(|p| p.op = Op::Request), None);
        assert_eq!(offered(|p| p.yiaddr = Ipv4Addr::UNSPECIFIED), None);
        assert_eq!(offered(|p| p.options.set(code::SERVER_ID, [1, 2])), None);
        assert_eq!(CLIENT.answer(b"nothing"), None);
    }

    #[test]
    fn a_refusal_keeps_its_words_without_control_characters() {
        let mut nak = CLIENT.discover(0).reply(MessageType::Nak, SERVER);
        nak.options.set(code::MESSAGE, *b"wrong \x1bnetwork");
        let answer = CLIENT.answer(&nak.encode());
        assert_eq!(answer, Some(Answer::Nak("wrong network".into())));
    }

    #[test]
    fn questions_say_who_asks_and_want_broadcast_until_there_is_an_address() {
        for (packet, broadcast) in [
            (CLIENT.discover(3), true),
            (CLIENT.select(&lease(), 3), true),
            (CLIENT.renew(&lease()), false),
        ] {
            let packet = Packet::parse(&packet.encode()).unwrap();
            assert_eq!(packet.options.get(code::VENDOR_CLASS), Some(VENDOR_CLASS));
            assert_eq!(packet.broadcast, broadcast);
        }
        assert_eq!(CLIENT.renew(&lease()).ciaddr, lease().address);
        assert_eq!(CLIENT.select(&lease(), 0).options.address(code::SERVER_ID), Some(SERVER));
    }

    proptest! {
        #[test]
        fn no_datagram_panics(datagram in proptest::collection::vec(any::<u8>(), 0..600)) {
            CLIENT.answer(&datagram);
        }

        #[test]
        fn every_mask_has_its_length(len in 1_u8..=32) {
            let mask = Ipv4Addr::from_bits(u32::MAX << (32 - len));
            prop_assert_eq!(prefix_len(mask), Some(len));
        }
    }
}

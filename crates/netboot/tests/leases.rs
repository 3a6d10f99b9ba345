//! No address is ever given to two machines at once, whatever they do and however often we restart.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use rehome_netboot::MacAddress;
use rehome_netboot::dhcp::{MessageType, Packet, code};
use rehome_netboot::responder::{
    AddressPlan, BootFiles, Config, Decision, KeptLease, Mode, Responder,
};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 1);
const LEASE_TIME: Duration = Duration::from_secs(600);

/// What one of the machines does.
#[derive(Debug, Clone)]
struct Act {
    machine: u8,
    kind: MessageType,
    /// Last byte of the address it names; 0 names none, 255 what it was last told.
    host: u8,
    renews: bool,
    pause: Duration,
    /// We restart before it, with nothing but the leases kept.
    after_restart: bool,
}

prop_compose! {
    fn act()(
        machine in 0..6_u8,
        kind in prop::sample::select(vec![
            MessageType::Discover,
            MessageType::Request,
            MessageType::Request,
            MessageType::Decline,
            MessageType::Release,
            MessageType::Inform,
        ]),
        host in prop_oneof![Just(0), 1..8_u8, Just(255), Just(255)],
        renews in any::<bool>(),
        seconds in prop_oneof![0..3_u64, 0..700_u64],
        after_restart in prop::bool::weighted(0.2),
    ) -> Act {
        Act { machine, kind, host, renews, pause: Duration::from_secs(seconds), after_restart }
    }
}

fn packet(act: &Act, told: Option<Ipv4Addr>) -> Packet {
    let mut packet = Packet::request(act.kind, 1, MacAddress([2, 0, 0, 0, 0, act.machine]));
    let address = match act.host {
        0 => None,
        255 => told,
        host => Some(Ipv4Addr::new(10, 76, 0, host)),
    };
    if let Some(address) = address {
        if act.renews {
            packet.ciaddr = address;
        } else {
            packet.options.set_address(code::REQUESTED_ADDRESS, address);
        }
    }
    packet
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn one_machine_an_address(acts in vec(act(), 1..80)) {
        let range = Ipv4Addr::new(10, 76, 0, 1)..=Ipv4Addr::new(10, 76, 0, 4);
        let mut plan = AddressPlan::new(SERVER, 24, range).unwrap();
        plan.lease_time = LEASE_TIME;
        let boot_files = BootFiles::standard(SERVER, 80).unwrap();
        let mode = Mode::Full(plan.clone());
        let config = Config { server: SERVER, boot_files, mode };
        let mut responder = Responder::new(config.clone());
        let mut kept = Vec::new();
        let mut now = Instant::now();
        let mut kept_at = now;
        // What the machines may believe: address -> machine, until.
        let mut believed: HashMap<Ipv4Addr, (u8, Instant)> = HashMap::new();
        let mut told: HashMap<u8, Ipv4Addr> = HashMap::new();
        for act in acts {
            now += act.pause;
            believed.retain(|_, (_, until)| *until > now);
            if act.after_restart {
                responder = Responder::new(config.clone());
                let since_kept = now - kept_at;
                let kept = kept.iter().map(|lease: &KeptLease| KeptLease {
                    remaining: lease.remaining.saturating_sub(since_kept),
                    ..*lease
                });
                prop_assert_eq!(responder.restore(now, kept), []);
            }
            let machine = act.machine;
            let request = packet(&act, told.get(&machine).copied());
            let source = SocketAddrV4::new(request.ciaddr, 68);
            if matches!(act.kind, MessageType::Release | MessageType::Decline) {
                believed.retain(|_, (holder, _)| *holder != machine);
            }
            let outcome = responder.handle(now, rehome_netboot::responder::Port::Server, source,
                &request, |_| Decision::Serve);
            if outcome.leases_changed {
                (kept, kept_at) = (responder.leases(now), now);
            }
            for reply in outcome.replies {
                let address = reply.packet.yiaddr;
                if address.is_unspecified() {
                    continue;
                }
                prop_assert!(plan.contains(address), "{address} is not ours to give");
                let holder = believed.get(&address).map(|(holder, _)| *holder);
                prop_assert!(holder.is_none_or(|holder| holder == machine),
                    "{address} of {holder:?} given to {machine}");
                told.insert(machine, address);
                if reply.packet.message_type() == Some(MessageType::Ack) {
                    // A machine has one address: the last it was given.
                    believed.retain(|_, (holder, _)| *holder != machine);
                    believed.insert(address, (machine, now + LEASE_TIME));
                }
            }
        }
    }
}

//! Full mode: addresses and boot files on a switch where nobody else gives them (RFC 2131).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::config::AddressPlan;
use super::proxy::{Form, echo, record_discover};
use super::{Decision, Incoming, Outcome, Port, Responder};
use crate::dhcp::{CLIENT_PORT, MessageType, Packet, PxeClient, code};
use crate::trace::Step;

/// Plain first: nearly all firmware boots from an ordinary server with a boot file.
const FULL_FORMS: [Form; 2] = [Form::Plain, Form::Direct];

impl Responder {
    pub(super) fn handle_full(
        &mut self,
        request: &Incoming<'_>,
        plan: &AddressPlan,
        decide: impl FnOnce(&PxeClient) -> Decision,
        outcome: &mut Outcome,
    ) {
        let packet = request.packet;
        if !packet.giaddr.is_unspecified() && !plan.is_on_link(packet.giaddr) {
            let step = Step::UnknownRelay { relay: packet.giaddr };
            return outcome.record(Some(packet.chaddr), step);
        }
        if request.port == Port::BootServer {
            if let (MessageType::Request | MessageType::Inform, Some(client)) =
                (request.kind, PxeClient::from_packet(packet))
            {
                self.answer_boot_server(request, &client, decide, outcome);
            }
            return;
        }
        match request.kind {
            MessageType::Discover => self.offer_address(request, plan, decide, outcome),
            MessageType::Request => self.answer_request(request, plan, decide, outcome),
            MessageType::Inform => self.inform(request, plan, decide, outcome),
            MessageType::Release => {
                outcome.leases_changed = self.leases.release(packet.chaddr, request.now);
            }
            MessageType::Decline => self.decline(request, outcome),
            MessageType::Offer | MessageType::Ack | MessageType::Nak => {}
        }
    }

    fn offer_address(
        &mut self,
        request: &Incoming<'_>,
        plan: &AddressPlan,
        decide: impl FnOnce(&PxeClient) -> Decision,
        outcome: &mut Outcome,
    ) {
        let packet = request.packet;
        let mac = packet.chaddr;
        let client = PxeClient::from_packet(packet);
        if let Some(client) = &client {
            record_discover(client, outcome);
        }
        let wanted = packet.options.address(code::REQUESTED_ADDRESS);
        let Some(address) = self.leases.offer(plan, mac, wanted, request.now) else {
            return outcome.record(Some(mac), Step::PoolExhausted);
        };
        let mut offer = packet.reply(MessageType::Offer, self.config.server);
        offer.yiaddr = address;
        add_network_options(&mut offer, plan, true);
        let client = client.as_ref();
        if let Some((client, file)) =
            client.and_then(|client| Some((client, self.boot_file(client, decide, outcome)?)))
        {
            let form = self.form_for(request, client, FULL_FORMS, outcome);
            self.add_boot_options(&mut offer, packet, client, &file, form);
            let step = Step::Offer { file: file.name(), address: Some(address) };
            outcome.record(Some(mac), step);
        }
        echo(packet, &mut offer);
        outcome.send(request.reply_to(), offer);
    }

    /// REQUEST in its four meanings (RFC 2131, section 4.3.2). A client that names another server
    /// has stopped us before this is reached.
    fn answer_request(
        &mut self,
        request: &Incoming<'_>,
        plan: &AddressPlan,
        decide: impl FnOnce(&PxeClient) -> Decision,
        outcome: &mut Outcome,
    ) {
        let packet = request.packet;
        let mac = packet.chaddr;
        let ciaddr = Some(packet.ciaddr).filter(|ciaddr| !ciaddr.is_unspecified());
        let wanted = packet.options.address(code::REQUESTED_ADDRESS).or(ciaddr);
        let granted = wanted.filter(|address| self.leases.bind(plan, mac, *address, request.now));
        let Some(address) = granted else {
            return self.refuse(request, wanted, outcome);
        };
        outcome.leases_changed = true;
        self.clients.requested(mac, None, request.now);
        let mut ack = packet.reply(MessageType::Ack, self.config.server);
        ack.ciaddr = packet.ciaddr;
        ack.yiaddr = address;
        add_network_options(&mut ack, plan, true);
        self.add_boot_part(&mut ack, request, decide, outcome);
        echo(packet, &mut ack);
        outcome.send(request.reply_to(), ack);
        outcome.record(Some(mac), Step::AddressGiven { address });
    }

    fn refuse(&self, request: &Incoming<'_>, address: Option<Ipv4Addr>, outcome: &mut Outcome) {
        let packet = request.packet;
        let mut nak = packet.reply(MessageType::Nak, self.config.server);
        nak.options.set(code::MESSAGE, *b"address is not available here");
        echo(packet, &mut nak);
        let to = if packet.giaddr.is_unspecified() {
            // The client may sit on the address of another network: unicast would not reach it.
            SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT)
        } else {
            nak.broadcast = true;
            request.reply_to()
        };
        outcome.send(to, nak);
        outcome.record(Some(packet.chaddr), Step::AddressRefused { address });
    }

    fn inform(
        &mut self,
        request: &Incoming<'_>,
        plan: &AddressPlan,
        decide: impl FnOnce(&PxeClient) -> Decision,
        outcome: &mut Outcome,
    ) {
        let packet = request.packet;
        if packet.ciaddr.is_unspecified() {
            return;
        }
        let mut ack = packet.reply(MessageType::Ack, self.config.server);
        ack.ciaddr = packet.ciaddr;
        add_network_options(&mut ack, plan, false);
        self.add_boot_part(&mut ack, request, decide, outcome);
        echo(packet, &mut ack);
        outcome.send(request.reply_to(), ack);
    }

    fn decline(&mut self, request: &Incoming<'_>, outcome: &mut Outcome) {
        let mac = request.packet.chaddr;
        let address = request.packet.options.address(code::REQUESTED_ADDRESS);
        if let Some(address) = address
            && self.leases.decline(mac, address, request.now)
        {
            outcome.leases_changed = true;
            outcome.record(Some(mac), Step::AddressDeclined { address });
        }
    }

    /// The boot part of an ACK repeats the form of the offer before it.
    fn add_boot_part(
        &self,
        ack: &mut Packet,
        request: &Incoming<'_>,
        decide: impl FnOnce(&PxeClient) -> Decision,
        outcome: &mut Outcome,
    ) {
        let Some(client) = PxeClient::from_packet(request.packet) else { return };
        if let Some(file) = self.boot_file(&client, decide, outcome) {
            let form = FULL_FORMS[self.clients.form(client.mac) % FULL_FORMS.len()];
            self.add_boot_options(ack, request.packet, &client, &file, form);
        }
    }
}

fn add_network_options(reply: &mut Packet, plan: &AddressPlan, with_lease: bool) {
    let options = &mut reply.options;
    if with_lease {
        // Seconds beyond u32 mean "for ever" (RFC 2132, section 9.2); not by accident.
        let seconds = u32::try_from(plan.lease_time.as_secs()).unwrap_or(u32::MAX - 1);
        options.set(code::LEASE_TIME, seconds.to_be_bytes());
        options.set(code::RENEWAL_TIME, (seconds / 2).to_be_bytes());
        options.set(code::REBINDING_TIME, (seconds / 8 * 7).to_be_bytes());
    }
    options.set_address(code::SUBNET_MASK, plan.netmask());
    options.set_address(code::BROADCAST_ADDRESS, plan.broadcast());
}

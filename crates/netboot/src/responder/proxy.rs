//! ProxyDHCP: another server gives the address, we name the boot file (PXE 2.1, section 2.2).

use std::net::Ipv4Addr;

use super::boot_file::BootFile;
use super::{Decision, Incoming, Outcome, Port, Responder};
use crate::dhcp::{Architecture, MessageType, Packet, PxeClient, Text, Transport, code};
use crate::trace::Step;

/// Encapsulated option 6 (discovery control) = 8: load the named file, ask nobody else.
const BOOT_DIRECTLY: [u8; 4] = [6, 1, 8, 255];

/// How an offer is put. Firmware differs in which one it understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Only `siaddr` and boot file: an ordinary DHCP server with a boot file.
    Plain,
    /// Named as PXE, without option 43: the client asks port 4011 for its file. Much UEFI firmware
    /// ignores proxy offers that skip that step.
    BootServer,
    /// Named as PXE, with the boot file to be taken directly. BIOS ROMs expect it.
    Direct,
}

/// The forms for proxy offers to `client`, the likelier first.
pub(super) fn proxy_forms(client: &PxeClient) -> [Form; 2] {
    match client.architecture {
        Architecture::Bios => [Form::Direct, Form::BootServer],
        _ => [Form::BootServer, Form::Direct],
    }
}

impl Responder {
    pub(super) fn handle_proxy(
        &mut self,
        request: &Incoming<'_>,
        decide: impl FnOnce(&PxeClient) -> Decision,
        outcome: &mut Outcome,
    ) {
        let Some(client) = PxeClient::from_packet(request.packet) else { return };
        let asks_us = request.packet.options.address(code::SERVER_ID) == Some(self.config.server);
        match (request.kind, request.port) {
            (MessageType::Discover, Port::Server) => {
                record_discover(&client, outcome);
                if let Some(file) = self.boot_file(&client, decide, outcome) {
                    self.offer_by_proxy(request, &client, &file, outcome);
                }
            }
            (MessageType::Request | MessageType::Inform, Port::BootServer) => {
                self.answer_boot_server(request, &client, decide, outcome);
            }
            (MessageType::Request, Port::Server) if asks_us => {
                self.answer_boot_server(request, &client, decide, outcome);
            }
            (MessageType::Request, Port::Server) => self.overhear(request, &client, outcome),
            _ => {}
        }
    }

    /// Answers the request that follows an offer of form [`Form::BootServer`], in any mode.
    pub(super) fn answer_boot_server(
        &mut self,
        request: &Incoming<'_>,
        client: &PxeClient,
        decide: impl FnOnce(&PxeClient) -> Decision,
        outcome: &mut Outcome,
    ) {
        let Some(file) = self.boot_file(client, decide, outcome) else { return };
        self.clients.progressed(client.mac, request.now);
        let source = *request.source.ip();
        if request.packet.giaddr.is_unspecified() && !source.is_unspecified() {
            self.clients.locate(client.mac, source);
        }
        let mut reply = request.packet.reply(MessageType::Ack, self.config.server);
        reply.ciaddr = request.packet.ciaddr;
        self.add_boot_options(&mut reply, request.packet, client, &file, Form::BootServer);
        outcome.send(request.reply_to(), reply);
        outcome.record(Some(client.mac), Step::BootServerAnswered { file: file.name() });
    }

    /// The boot file of `client`, or a recorded reason why there is none.
    pub(super) fn boot_file(
        &self,
        client: &PxeClient,
        decide: impl FnOnce(&PxeClient) -> Decision,
        outcome: &mut Outcome,
    ) -> Option<BootFile> {
        if let Decision::Silent { reason } = decide(client) {
            outcome.record(Some(client.mac), Step::Silent { reason });
            return None;
        }
        match self.config.boot_files.for_client(client) {
            Ok(file) => Some(file.clone()),
            Err(none) => {
                outcome.record(Some(client.mac), Step::NoBootFile { reason: none.to_string() });
                None
            }
        }
    }

    /// Adds what makes `reply` bootable. Both the header field and option 67 are filled: shim
    /// reads its directory from the one, some ROMs know only the other.
    pub(super) fn add_boot_options(
        &self,
        reply: &mut Packet,
        request: &Packet,
        client: &PxeClient,
        file: &BootFile,
        form: Form,
    ) {
        reply.siaddr = self.config.server;
        reply.sname = Text::new(&self.config.server.to_string()).unwrap_or_default();
        reply.file = file.header();
        let mut name = file.as_bytes().to_vec();
        match client.transport {
            // UEFI takes a URL from servers that say exactly this (UEFI 2.10, section 24.7.3).
            Transport::Http => reply.options.set(code::VENDOR_CLASS, *b"HTTPClient"),
            Transport::Tftp => {
                // Some ROMs read the name as a C string.
                name.push(0);
                if form != Form::Plain {
                    reply.options.set(code::VENDOR_CLASS, *b"PXEClient");
                }
                if form == Form::Direct {
                    reply.options.set(code::VENDOR_SPECIFIC, BOOT_DIRECTLY);
                }
            }
        }
        reply.options.set(code::BOOT_FILE, name);
        if let Some(id) = request.options.get(code::MACHINE_ID) {
            reply.options.set(code::MACHINE_ID, id);
        }
    }

    fn offer_by_proxy(
        &mut self,
        request: &Incoming<'_>,
        client: &PxeClient,
        file: &BootFile,
        outcome: &mut Outcome,
    ) {
        let form = self.form_for(request, client, proxy_forms(client), outcome);
        let mut offer = request.packet.reply(MessageType::Offer, self.config.server);
        // The client has no address yet, whatever its flag says.
        offer.broadcast = true;
        self.add_boot_options(&mut offer, request.packet, client, file, form);
        echo(request.packet, &mut offer);
        outcome.send(request.reply_to(), offer);
        outcome.record(Some(client.mac), Step::Offer { file: file.name(), address: None });
    }

    /// The form of offer for this DISCOVER, which the client's earlier ones decide.
    pub(super) fn form_for(
        &mut self,
        request: &Incoming<'_>,
        client: &PxeClient,
        forms: [Form; 2],
        outcome: &mut Outcome,
    ) -> Form {
        let attempt = self.clients.discovered(client.mac, request.now);
        if let Some(discovers) = attempt.no_request {
            outcome.record(Some(client.mac), Step::NoRequest { discovers });
        }
        if attempt.switched && client.transport == Transport::Tftp {
            outcome.record(Some(client.mac), Step::OtherOfferForm);
        }
        forms[attempt.form % forms.len()]
    }

    /// A request to the other server tells which address the machine will have.
    fn overhear(&mut self, request: &Incoming<'_>, client: &PxeClient, outcome: &mut Outcome) {
        let options = &request.packet.options;
        let ciaddr = Some(request.packet.ciaddr).filter(|ciaddr| *ciaddr != Ipv4Addr::UNSPECIFIED);
        let address = options.address(code::REQUESTED_ADDRESS).or(ciaddr);
        let server = options.address(code::SERVER_ID);
        if !self.clients.requested(client.mac, address, request.now) {
            return;
        }
        outcome.record(Some(client.mac), Step::AddressRequested { address, server });
        let file = self.config.boot_files.for_client(client);
        if let (Ok(file), Some(server)) = (file, server)
            && file.is_grub_for_bios()
        {
            outcome.record(Some(client.mac), Step::GrubAsksOtherServer { server });
        }
    }
}

pub(super) fn record_discover(client: &PxeClient, outcome: &mut Outcome) {
    let step = Step::Discover { architecture: client.architecture, ipxe: client.ipxe };
    outcome.record(Some(client.mac), step);
}

/// Copies what a server must hand back: the client identifier (RFC 6842) and, last, what the relay
/// added (RFC 3046, section 2.2).
pub(super) fn echo(request: &Packet, reply: &mut Packet) {
    for code in [code::CLIENT_ID, code::RELAY_AGENT] {
        if let Some(value) = request.options.get(code) {
            reply.options.set(code, value);
        }
    }
}

//! The boot trace: what a machine did on its way to the appliance, a sentence a step.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use crate::MacAddress;
use crate::dhcp::Architecture;

/// One step of one machine, or of the network as a whole. The receiver adds the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEvent {
    /// Whose step this is; `None` when it concerns the network, or the address is nobody's we know.
    pub client: Option<MacAddress>,
    /// What happened.
    pub step: Step,
}

/// What happened. [`Step::name`] is for programs, `Display` for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The machine asks how to boot.
    Discover {
        /// What its firmware runs.
        architecture: Architecture,
        /// iPXE asks, not the firmware.
        ipxe: bool,
    },
    /// We offered it a boot file.
    Offer {
        /// Name or URL.
        file: String,
        /// Address given with it, in full mode.
        address: Option<Ipv4Addr>,
    },
    /// It asked another server for an address: it has taken that server's offer.
    AddressRequested {
        /// The address it asks for, when it says so.
        address: Option<Ipv4Addr>,
        /// The server it chose, when it says so.
        server: Option<Ipv4Addr>,
    },
    /// It loads GRUB for BIOS, which will ask the other server for its files.
    GrubAsksOtherServer {
        /// The server that gave the address.
        server: Ipv4Addr,
    },
    /// We gave it an address (full mode).
    AddressGiven {
        /// The address.
        address: Ipv4Addr,
    },
    /// We refused the address it wants (full mode).
    AddressRefused {
        /// The address it wants.
        address: Option<Ipv4Addr>,
    },
    /// It says somebody else uses the address we gave it.
    AddressDeclined {
        /// The address.
        address: Ipv4Addr,
    },
    /// No address is left to give.
    PoolExhausted,
    /// It asked our boot server (port 4011) and was told its boot file.
    BootServerAnswered {
        /// Name or URL.
        file: String,
    },
    /// It is not answered, as decided.
    Silent {
        /// Why, in plain words.
        reason: String,
    },
    /// There is nothing this machine could boot.
    NoBootFile {
        /// Why, in plain words.
        reason: String,
    },
    /// Its firmware did nothing with the last offers; it is now answered in another form.
    OtherOfferForm,
    /// It asks again and again and takes no offer.
    NoRequest {
        /// Times it has asked.
        discovers: u32,
    },
    /// Somebody else answers DHCP here.
    ForeignServer {
        /// The other server.
        server: Ipv4Addr,
        /// It gives addresses; else it is another boot server.
        gives_addresses: bool,
    },
    /// We stopped giving addresses because another server does.
    FullModeStopped {
        /// The other server.
        server: Ipv4Addr,
    },
    /// A relay forwards from a network we have no addresses for.
    UnknownRelay {
        /// The relay.
        relay: Ipv4Addr,
    },
    /// A TFTP transfer began.
    TftpStarted {
        /// File asked for.
        path: String,
        /// Its length in bytes.
        bytes: u64,
    },
    /// A TFTP transfer ended and the machine has the whole file.
    TftpFinished {
        /// File sent.
        path: String,
        /// Its length in bytes.
        bytes: u64,
        /// Duration in milliseconds.
        millis: u64,
    },
    /// The machine looked at the size of the file and will ask again; no failure.
    TftpSizeRead {
        /// File asked for.
        path: String,
    },
    /// The machine broke a transfer off.
    TftpAborted {
        /// File asked for.
        path: String,
        /// What it said.
        message: String,
    },
    /// The machine stopped answering in the middle of a file.
    TftpGaveUp {
        /// File asked for.
        path: String,
        /// Bytes the machine confirmed.
        confirmed: u64,
        /// Length of the file in bytes.
        bytes: u64,
    },
    /// It asked for a file we do not have; often normal (GRUB and shim try several names).
    TftpNotFound {
        /// File asked for.
        path: String,
    },
    /// A TFTP request was refused.
    TftpRefused {
        /// Who asked.
        peer: SocketAddr,
        /// Why.
        reason: String,
    },
}

impl Step {
    /// The step's name for programs: stable, snake case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Discover { .. } => "discover",
            Self::Offer { .. } => "offer",
            Self::AddressRequested { .. } => "address_requested",
            Self::GrubAsksOtherServer { .. } => "grub_asks_other_server",
            Self::AddressGiven { .. } => "address_given",
            Self::AddressRefused { .. } => "address_refused",
            Self::AddressDeclined { .. } => "address_declined",
            Self::PoolExhausted => "pool_exhausted",
            Self::BootServerAnswered { .. } => "boot_server_answered",
            Self::Silent { .. } => "silent",
            Self::NoBootFile { .. } => "no_boot_file",
            Self::OtherOfferForm => "other_offer_form",
            Self::NoRequest { .. } => "no_request",
            Self::ForeignServer { .. } => "foreign_server",
            Self::FullModeStopped { .. } => "full_mode_stopped",
            Self::UnknownRelay { .. } => "unknown_relay",
            Self::TftpStarted { .. } => "tftp_started",
            Self::TftpFinished { .. } => "tftp_finished",
            Self::TftpSizeRead { .. } => "tftp_size_read",
            Self::TftpAborted { .. } => "tftp_aborted",
            Self::TftpGaveUp { .. } => "tftp_gave_up",
            Self::TftpNotFound { .. } => "tftp_not_found",
            Self::TftpRefused { .. } => "tftp_refused",
        }
    }

    /// Whether a technician should look at it.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        matches!(
            self,
            Self::GrubAsksOtherServer { .. }
                | Self::AddressDeclined { .. }
                | Self::PoolExhausted
                | Self::NoBootFile { .. }
                | Self::NoRequest { .. }
                | Self::FullModeStopped { .. }
                | Self::UnknownRelay { .. }
                | Self::TftpAborted { .. }
                | Self::TftpGaveUp { .. }
                | Self::TftpRefused { .. }
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TftpStarted { .. }
            | Self::TftpFinished { .. }
            | Self::TftpSizeRead { .. }
            | Self::TftpAborted { .. }
            | Self::TftpGaveUp { .. }
            | Self::TftpNotFound { .. }
            | Self::TftpRefused { .. } => self.tftp_sentence(f),
            _ => self.dhcp_sentence(f),
        }
    }
}

impl Step {
    fn dhcp_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discover { architecture, ipxe } => {
                let asker = if *ipxe { "iPXE" } else { "the firmware" };
                write!(f, "{asker} asks the network how to boot ({architecture})")
            }
            Self::Offer { file, address: None } => write!(f, "offered {file}"),
            Self::Offer { file, address: Some(address) } => {
                write!(f, "offered {file} and the address {address}")
            }
            Self::AddressRequested { address, server } => {
                f.write_str("takes ")?;
                match address {
                    Some(address) => write!(f, "the address {address}")?,
                    None => f.write_str("an address")?,
                }
                server.map_or(Ok(()), |server| write!(f, " from the DHCP server {server}"))
            }
            Self::GrubAsksOtherServer { server } => write!(
                f,
                "if it stays at \"Welcome to GRUB!\": GRUB for BIOS asks {server} for its files, \
                 since that server gave the address; name this computer there as next server, \
                 or use full mode on an isolated switch"
            ),
            Self::AddressGiven { address } => write!(f, "given the address {address}"),
            Self::AddressRefused { address: Some(address) } => {
                write!(
                    f,
                    "refused the address {address}: it is not free here; the machine asks anew"
                )
            }
            Self::AddressRefused { address: None } => {
                f.write_str("refused a request that names no address; the machine asks anew")
            }
            Self::AddressDeclined { address } => write!(
                f,
                "says {address} is already in use: some machine here has a fixed address; \
                 choose a pool that leaves it out"
            ),
            Self::PoolExhausted => {
                f.write_str("gets no address: all are taken; widen the range of addresses")
            }
            Self::BootServerAnswered { file } => write!(f, "asked for its boot file: {file}"),
            Self::Silent { reason } => write!(f, "not answered: {reason}"),
            Self::NoBootFile { reason } => write!(f, "cannot be booted: {reason}"),
            Self::OtherOfferForm => f.write_str(
                "did nothing with our offers; answered in another form from now on, \
                 since firmware differs in what it understands",
            ),
            Self::NoRequest { discovers } => write!(
                f,
                "asked {discovers} times and took no offer: either nobody gives addresses here, or \
                 its firmware cannot join two servers' offers; use full mode on an isolated switch"
            ),
            _ => self.network_sentence(f),
        }
    }

    fn network_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForeignServer { server, gives_addresses: true } => {
                write!(f, "another DHCP server is here: {server}")
            }
            Self::ForeignServer { server, gives_addresses: false } => {
                write!(f, "another network boot server is here: {server}")
            }
            Self::FullModeStopped { server } => write!(
                f,
                "stopped giving addresses because {server} answers too: take that server off this \
                 switch and start again, or use proxy mode"
            ),
            Self::UnknownRelay { relay } => write!(
                f,
                "the relay {relay} forwards from a network we have no addresses for: not answered"
            ),
            _ => Ok(()),
        }
    }

    fn tftp_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TftpStarted { path, bytes } => write!(f, "loads {path} ({bytes} bytes)"),
            Self::TftpFinished { path, bytes, millis } => {
                write!(f, "has loaded {path} ({bytes} bytes in {millis} ms)")
            }
            Self::TftpSizeRead { path } => write!(f, "looked at the size of {path}"),
            Self::TftpAborted { path, message } => {
                write!(f, "broke off loading {path}: \"{}\"", message.escape_default())
            }
            Self::TftpGaveUp { path, confirmed, bytes } => write!(
                f,
                "stopped answering while loading {path} ({confirmed} of {bytes} bytes confirmed): \
                 cable or switch?"
            ),
            Self::TftpNotFound { path } => {
                write!(f, "tried {}, which does not exist", path.escape_default())
            }
            Self::TftpRefused { peer, reason } => {
                write!(f, "refused a TFTP request of {peer}: {reason}")
            }
            _ => Ok(()),
        }
    }
}

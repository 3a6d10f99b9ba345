//! What a network boot client says about itself (RFC 4578, PXE 2.1, UEFI 2.10 section 24).

use std::fmt;

use super::code;
use super::packet::Packet;
use crate::MacAddress;

/// A client that asks for something to boot, as far as its packet tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PxeClient {
    /// Its hardware address.
    pub mac: MacAddress,
    /// SMBIOS UUID from option 97; `None` when left out (some Intel ROMs) or a placeholder.
    pub uuid: Option<ClientUuid>,
    /// What its firmware runs.
    pub architecture: Architecture,
    /// How it fetches its boot file.
    pub transport: Transport,
    /// The client is iPXE (option 77 or 175) and not the firmware itself.
    pub ipxe: bool,
}

/// Client system architecture, option 93 (IANA "Processor Architecture Types").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// 0: x86 PC with BIOS.
    Bios,
    /// 6: 32-bit x86 UEFI.
    Ia32Uefi,
    /// 7, and 9, which PCs send for the same: 64-bit x86 UEFI.
    X64Uefi,
    /// 15: 32-bit x86 UEFI booting from HTTP.
    Ia32UefiHttp,
    /// 16: 64-bit x86 UEFI booting from HTTP.
    X64UefiHttp,
    /// Anything else (ARM, RISC-V, ...).
    Other(u16),
}

/// How a client fetches its boot file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Vendor class `PXEClient`: by TFTP.
    Tftp,
    /// Vendor class `HTTPClient`: from a URL.
    Http,
}

/// The machine identifier of option 97, displayed as SMBIOS 2.6 and `dmidecode` show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientUuid([u8; 16]);

impl PxeClient {
    /// The network boot client that sent `packet`; `None` when an ordinary client did.
    #[must_use]
    pub fn from_packet(packet: &Packet) -> Option<Self> {
        let vendor_class = packet.options.get(code::VENDOR_CLASS)?;
        let transport = if vendor_class.starts_with(b"PXEClient") {
            Transport::Tftp
        } else if vendor_class.starts_with(b"HTTPClient") {
            Transport::Http
        } else {
            return None;
        };
        let user_class = packet.options.get(code::USER_CLASS).unwrap_or_default();
        Some(Self {
            mac: packet.chaddr,
            uuid: packet.options.get(code::MACHINE_ID).and_then(ClientUuid::from_option),
            architecture: architecture(packet, vendor_class),
            transport,
            // iPXE sends the bare word, RFC 3004 would put its length before it.
            ipxe: user_class.ends_with(b"iPXE") || packet.options.get(code::IPXE).is_some(),
        })
    }
}

impl Architecture {
    /// The architecture with this number in option 93.
    #[must_use]
    pub fn from_number(number: u16) -> Self {
        match number {
            0 => Self::Bios,
            6 => Self::Ia32Uefi,
            7 | 9 => Self::X64Uefi,
            15 => Self::Ia32UefiHttp,
            16 => Self::X64UefiHttp,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bios => f.write_str("BIOS"),
            Self::Ia32Uefi => f.write_str("32-bit UEFI"),
            Self::X64Uefi => f.write_str("64-bit UEFI"),
            Self::Ia32UefiHttp => f.write_str("32-bit UEFI over HTTP"),
            Self::X64UefiHttp => f.write_str("64-bit UEFI over HTTP"),
            Self::Other(number) => write!(f, "architecture {number}"),
        }
    }
}

impl ClientUuid {
    fn from_option(value: &[u8]) -> Option<Self> {
        let (&kind, uuid) = value.split_first()?;
        let uuid: [u8; 16] = uuid.try_into().ok()?;
        // Zeros and ones are what a board says that never got a UUID (SMBIOS 3.7, section 7.2.1).
        let placeholder = uuid == [0; 16] || uuid == [0xff; 16];
        (kind == 0 && !placeholder).then_some(Self(uuid))
    }
}

impl fmt::Display for ClientUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The first three fields are little-endian in SMBIOS.
        const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        for (position, index) in ORDER.into_iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0[index])?;
        }
        Ok(())
    }
}

/// Option 93 may list several; the first we know decides. Without it the vendor class may tell
/// (`PXEClient:Arch:00007:...`), and a bare `PXEClient` is a BIOS ROM of before the option.
fn architecture(packet: &Packet, vendor_class: &[u8]) -> Architecture {
    let listed: Vec<Architecture> = packet
        .options
        .get(code::ARCHITECTURE)
        .unwrap_or_default()
        .chunks_exact(2)
        .map(|pair| Architecture::from_number(u16::from_be_bytes([pair[0], pair[1]])))
        .collect();
    let known = listed.iter().find(|listed| !matches!(listed, Architecture::Other(_)));
    if let Some(architecture) = known.or(listed.first()) {
        return *architecture;
    }
    let named = vendor_class
        .split(|byte| *byte == b':')
        .skip_while(|part| *part != b"Arch")
        .nth(1)
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    named.map_or(Architecture::Bios, Architecture::from_number)
}

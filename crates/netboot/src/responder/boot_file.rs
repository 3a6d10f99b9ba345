//! Which file a machine is told to load.

use std::net::Ipv4Addr;

use crate::dhcp::{Architecture, PxeClient, Text, TextError};

/// The name of a boot file, or its URL: at most 127 bytes, as the packet's header allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFile(Text<128>);

/// The boot file for each kind of firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFiles {
    /// BIOS, by TFTP. GRUB's `core.0` takes its server from the DHCP server's answer, never from
    /// ours (seen with 2.06 and 2.12): in proxy mode it works only where that server names us.
    pub bios: BootFile,
    /// 64-bit UEFI, by TFTP.
    pub x64_uefi: BootFile,
    /// 64-bit UEFI, a URL.
    pub x64_uefi_http: BootFile,
}

/// Why a client has no boot file; the message is for the boot trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBootFile {
    /// 32-bit firmware: there is no signed 32-bit boot chain.
    #[error(
        "its firmware is {0}, for which no signed boot file exists; boot it from the USB stick"
    )]
    Ia32(Architecture),
    /// Not a PC.
    #[error("its firmware is {0}; only PCs (BIOS and 64-bit UEFI) are supported")]
    Unsupported(Architecture),
}

impl BootFile {
    /// A boot file of that name.
    ///
    /// # Errors
    /// [`TextError`] when the name is longer than 127 bytes or holds a NUL.
    pub fn new(name: &str) -> Result<Self, TextError> {
        Text::new(name).map(Self)
    }

    /// The name as text.
    #[must_use]
    pub fn name(&self) -> String {
        String::from_utf8_lossy(self.0.as_bytes()).into_owned()
    }

    pub(super) fn header(&self) -> Text<128> {
        self.0.clone()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// GRUB's network image for BIOS, by the name `grub-mknetdir` gives it.
    pub(super) fn is_grub_for_bios(&self) -> bool {
        self.base_name() == "core.0"
    }

    fn base_name(&self) -> String {
        self.name().rsplit('/').next().unwrap_or_default().to_owned()
    }
}

impl BootFiles {
    /// The standard chain: GRUB for BIOS; shim for UEFI, over HTTP from `server` where the firmware
    /// can.
    ///
    /// # Errors
    /// None in practice; [`TextError`] if a name did not fit.
    pub fn standard(server: Ipv4Addr, http_port: u16) -> Result<Self, TextError> {
        let authority =
            if http_port == 80 { server.to_string() } else { format!("{server}:{http_port}") };
        Ok(Self {
            bios: BootFile::new("core.0")?,
            x64_uefi: BootFile::new("bootx64.efi")?,
            x64_uefi_http: BootFile::new(&format!("http://{authority}/bootx64.efi"))?,
        })
    }

    /// The file for `client`.
    ///
    /// # Errors
    /// [`NoBootFile`] says why there is none.
    pub fn for_client(&self, client: &PxeClient) -> Result<&BootFile, NoBootFile> {
        let architecture = client.architecture;
        let file = match architecture {
            Architecture::Bios => &self.bios,
            Architecture::X64Uefi => &self.x64_uefi,
            Architecture::X64UefiHttp => &self.x64_uefi_http,
            Architecture::Ia32Uefi | Architecture::Ia32UefiHttp => {
                return Err(NoBootFile::Ia32(architecture));
            }
            Architecture::Other(_) => return Err(NoBootFile::Unsupported(architecture)),
        };
        Ok(file)
    }
}

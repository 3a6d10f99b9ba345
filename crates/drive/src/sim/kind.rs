//! What a simulated drive is built as: its command set and the erase commands that it knows.

/// The command set that a drive speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// ATA, directly attached or behind a bridge.
    Ata(AtaDevice),
    /// NVM Express.
    Nvme(NvmeDevice),
}

/// An ATA drive as it leaves the factory and came to us. [`Default`]: a hard disk without any erase command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtaDevice {
    /// IDENTIFY DEVICE word 217: 1 for a solid state drive, else revolutions a minute.
    pub rotation: u16,
    /// Word 69 bit 4: encrypts all user data.
    pub encrypts_all: bool,
    /// Word 59 bit 13: CRYPTO SCRAMBLE EXT.
    pub crypto_scramble: bool,
    /// Word 59 bit 15: BLOCK ERASE EXT.
    pub block_erase: bool,
    /// Word 59 bit 14: OVERWRITE EXT.
    pub overwrite: bool,
    /// Words 82 and 128: the Security feature set.
    pub security: bool,
    /// Word 128 bit 5: enhanced SECURITY ERASE UNIT.
    pub enhanced: bool,
    /// The machine's firmware sends SECURITY FREEZE LOCK at every power-on. A locked drive refuses that, as the
    /// standard says, so that this shows on unlocked drives only.
    pub frozen: bool,
    /// A user password that somebody set before: the drive starts locked.
    pub locked_with: Option<[u8; 32]>,
    /// Word 89 as it stands there: how long SECURITY ERASE UNIT takes.
    pub word_89: u16,
    /// Word 90 as it stands there: how long the enhanced one takes.
    pub word_90: u16,
    /// How many SANITIZE STATUS EXT say "in progress" before one says that it is over. Time passes by them alone.
    pub sanitize_steps: u32,
    /// A bridge answers in fixed format sense data: the high bytes of COUNT and LBA do not come along, and after a
    /// failure no register does.
    pub fixed_sense: bool,
    /// What an erase leaves; OVERWRITE EXT leaves the pattern that it was given.
    pub after_erase: Leaves,
}

impl Default for AtaDevice {
    fn default() -> Self {
        Self {
            rotation: 5400,
            encrypts_all: false,
            crypto_scramble: false,
            block_erase: false,
            overwrite: false,
            security: false,
            enhanced: false,
            frozen: false,
            locked_with: None,
            word_89: 0,
            word_90: 0,
            sanitize_steps: 3,
            fixed_sense: false,
            after_erase: Leaves::Zeros,
        }
    }
}

impl AtaDevice {
    /// Whether the Sanitize Device feature set is there.
    pub(super) fn has_sanitize(&self) -> bool {
        self.crypto_scramble || self.block_erase || self.overwrite
    }
}

/// An NVMe controller with its namespaces. [`Default`]: one namespace, and no command to erase it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NvmeDevice {
    /// OACS bit 1: Format NVM.
    pub format: bool,
    /// FNA bit 2: Format NVM erases cryptographically.
    pub format_crypto: bool,
    /// FNA bit 1: a secure erase by Format NVM reaches all namespaces.
    pub format_erases_all: bool,
    /// SANICAP bit 0: crypto erase.
    pub crypto: bool,
    /// SANICAP bit 1: block erase.
    pub block: bool,
    /// SANICAP bit 2: overwrite.
    pub overwrite: bool,
    /// How many Sanitize Status logs say "in progress" before one says that it is over. Time passes by them alone.
    pub sanitize_steps: u32,
    /// The Sanitize Status log's estimate in seconds for every action that there is; all ones for none.
    pub estimate: u32,
    /// How many namespaces there are, at least one: shares of one size of the drive's address space, one after the other.
    pub namespaces: u32,
    /// What an erase leaves; the overwrite action leaves the pattern that it was given.
    pub after_erase: Leaves,
    /// Sanitizing and formatting deallocate all blocks: they read as zeros, whatever the other fields say, and the
    /// log's status is 4 instead of 1.
    pub deallocates: bool,
}

impl Default for NvmeDevice {
    fn default() -> Self {
        Self {
            format: false,
            format_crypto: false,
            format_erases_all: false,
            crypto: false,
            block: false,
            overwrite: false,
            sanitize_steps: 3,
            estimate: u32::MAX,
            namespaces: 1,
            after_erase: Leaves::Zeros,
            deallocates: false,
        }
    }
}

/// What stands on the medium after an erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// 00h everywhere.
    Zeros,
    /// FFh everywhere: flash without a translation that hides it.
    Ones,
    /// Noise that no two sectors share, of that seed: what a drive reads after it changed its key.
    Random(u64),
    /// These four bytes over and over, from the start of each sector.
    Pattern([u8; 4]),
}

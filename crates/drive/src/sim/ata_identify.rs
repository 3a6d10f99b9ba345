//! What a simulated ATA drive says of itself: IDENTIFY DEVICE, ACS-4 section 7.13.

use protocol::DriveIdentity;

use super::ata::{Abort, Ata};
use super::state::{Device, State};

/// The 256 words on their way together.
struct Words([u16; 256]);

impl State {
    pub(super) fn identify_device(&self) -> Result<[u8; 512], Abort> {
        let Device::Ata(ata) = &self.device else { return Err(Abort::PLAIN) };
        let mut words = Words([0; 256]);
        words.put_features(ata);
        words.put_identity(&self.identity, self.medium.n_sectors, self.medium.sector_len);
        Ok(words.with_checksum())
    }
}

impl Words {
    fn put_features(&mut self, ata: &Ata) {
        let device = &ata.device;
        let (has_security, is_enabled) = (device.security, ata.security.is_enabled());
        let words = &mut self.0;
        words[0] = 0x0040;
        words[49] = 0x0f00;
        words[53] = 0x0006;
        words[59] = bits([
            (12, device.has_sanitize()),
            (13, device.crypto_scramble),
            (14, device.overwrite),
            (15, device.block_erase),
            (11, device.has_sanitize()),
            (10, device.has_sanitize()),
        ]);
        words[69] = bits([(4, device.encrypts_all)]);
        words[80] = 0x0ff0;
        // Supported: Security, power management, write cache; 48 bits, FLUSH CACHE, FLUSH CACHE EXT; a name.
        words[82] = bits([(1, has_security), (3, true), (5, true)]);
        words[83] = bits([(10, true), (12, true), (13, true), (14, true)]);
        words[84] = bits([(14, true)]);
        // Enabled, in the same order.
        words[85] = bits([(1, is_enabled), (3, true), (5, true)]);
        words[86] = bits([(10, true), (12, true), (13, true)]);
        words[87] = bits([(14, true)]);
        if has_security {
            (words[89], words[90], words[92]) = (device.word_89, device.word_90, 0xfffe);
        }
        words[128] = ata.security.word_128();
        words[217] = device.rotation;
        words[222] = 0x10ff;
    }

    fn put_identity(&mut self, identity: &DriveIdentity, n_sectors: u64, sector_len: usize) {
        self.put_text(10..20, &identity.serial);
        self.put_text(23..27, "SIM 1.0");
        self.put_text(27..47, &identity.model);
        self.put_number(60..62, n_sectors.min(0x0fff_ffff));
        self.put_number(100..104, n_sectors);
        if sector_len != 512 {
            self.0[106] = 0x5000;
            self.put_number(117..119, (sector_len / 2) as u64);
        }
        // Only a name of 64 bits has a place here.
        let name = identity.wwn.as_deref().filter(|name| name.len() == 16);
        if let Some(Ok(name)) = name.map(|name| u64::from_str_radix(name, 16)) {
            self.0[84] |= 0x0100;
            self.0[87] |= 0x0100;
            let [w108, w109, w110, w111] = [48, 32, 16, 0].map(|shift| low_word(name >> shift));
            self.0[108..112].copy_from_slice(&[w108, w109, w110, w111]);
        }
    }

    /// The first character is in the high byte of the first word; padded with spaces, cut off where it is too long.
    fn put_text(&mut self, words: std::ops::Range<usize>, text: &str) {
        let mut bytes = text.bytes().chain(std::iter::repeat(b' '));
        for word in &mut self.0[words] {
            let (first, second) = (bytes.next(), bytes.next());
            *word = u16::from_be_bytes([first.unwrap_or(b' '), second.unwrap_or(b' ')]);
        }
    }

    /// The least significant word comes first.
    fn put_number(&mut self, words: std::ops::Range<usize>, number: u64) {
        for (word, shift) in self.0[words].iter_mut().zip([0, 16, 32, 48]) {
            *word = low_word(number >> shift);
        }
    }

    /// Little-endian bytes; word 255 makes their sum zero and says so by A5h.
    fn with_checksum(self) -> [u8; 512] {
        let mut bytes = [0; 512];
        for (pair, word) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = word.to_le_bytes();
        }
        bytes[510] = 0xa5;
        bytes[511] = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
        bytes
    }
}

fn bits<const N: usize>(bits: [(u32, bool); N]) -> u16 {
    bits.iter().fold(0, |word, (bit, is_set)| word | u16::from(*is_set) << bit)
}

fn low_word(number: u64) -> u16 {
    let [.., high, low] = number.to_be_bytes();
    u16::from_be_bytes([high, low])
}

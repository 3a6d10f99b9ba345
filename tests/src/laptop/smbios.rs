//! What the laptop says it is: SMBIOS structures 1 (system), 2 (board) and 3 (chassis).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Chassis type "Notebook", SMBIOS 3.7 section 7.4.1.
pub const NOTEBOOK: u8 = 0x0a;

/// Maker, model and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Maker of the laptop, its board and its chassis.
    pub manufacturer: String,
    /// Product name of the system.
    pub product: String,
    /// Version of the system; some makers keep the trade name here.
    pub version: String,
    /// Serial number of system and chassis.
    pub serial: String,
    /// Product name of the board.
    pub board: String,
    /// Serial number of the board.
    pub board_serial: String,
    /// System UUID.
    pub uuid: String,
    /// Chassis type, such as [`NOTEBOOK`].
    pub chassis_type: u8,
}

impl Identity {
    /// A `ThinkPad` whose numbers follow from `seed`.
    pub fn thinkpad(seed: &str) -> Self {
        Self::new(seed, ["LENOVO", "20HRCTO1WW", "ThinkPad X1 Carbon 5th", "20HRCTO1WW"], "PF")
    }

    /// A Latitude whose numbers follow from `seed`.
    pub fn latitude(seed: &str) -> Self {
        Self::new(seed, ["Dell Inc.", "Latitude E6420", "01", "032T9K"], "")
    }

    fn new(seed: &str, names: [&str; 4], serial_prefix: &str) -> Self {
        let digest = blake3::hash(seed.as_bytes()).to_hex();
        let digits = digest.as_str();
        let [manufacturer, product, version, board] = names.map(str::to_owned);
        Self {
            manufacturer,
            product,
            version,
            serial: format!("{serial_prefix}{}", digits[..7].to_uppercase()),
            board,
            board_serial: format!("L1HF{}", digits[8..15].to_uppercase()),
            uuid: format!(
                "{}-{}-4{}-a{}-{}",
                &digits[16..24],
                &digits[24..28],
                &digits[28..31],
                &digits[31..34],
                &digits[34..46]
            ),
            chassis_type: NOTEBOOK,
        }
    }

    /// QEMU's arguments; the chassis structure becomes a file in `dir`.
    pub(super) fn qemu_args(&self, dir: &Path) -> Result<Vec<String>> {
        let chassis = dir.join("smbios-chassis.bin");
        fs::write(&chassis, self.chassis_structure())
            .with_context(|| format!("failed to write {}", chassis.display()))?;
        // QEMU splits at commas; a doubled one stands for itself.
        let quoted = |text: &str| text.replace(',', ",,");
        let (maker, serial) = (quoted(&self.manufacturer), quoted(&self.serial));
        let system = format!(
            "type=1,manufacturer={maker},product={},version={},serial={serial},uuid={},family={}",
            quoted(&self.product),
            quoted(&self.version),
            self.uuid,
            quoted(&self.version)
        );
        let board = format!(
            "type=2,manufacturer={maker},product={},version=Not Defined,serial={}",
            quoted(&self.board),
            quoted(&self.board_serial)
        );
        let chassis = format!("file={}", quoted(&chassis.display().to_string()));
        Ok([system, board, chassis]
            .into_iter()
            .flat_map(|arg| ["-smbios".to_owned(), arg])
            .collect())
    }

    /// Structure type 3 of SMBIOS 2.7 (section 7.4), which QEMU cannot make with a chassis type.
    /// Handle 0x0300 is the one that QEMU's board structure refers to.
    fn chassis_structure(&self) -> Vec<u8> {
        const SAFE: u8 = 3;
        const NO_SECURITY: u8 = 3;
        let mut bytes = vec![3, 0x16, 0x00, 0x03, 1, self.chassis_type, 0, 2, 0];
        bytes.extend([SAFE, SAFE, SAFE, NO_SECURITY]);
        bytes.extend([0; 9]); // OEM data, height, power cords, contained elements, SKU number
        for text in [&self.manufacturer, &self.serial] {
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chassis_structure_has_its_length_and_strings() {
        let identity = Identity::thinkpad("a");
        let bytes = identity.chassis_structure();
        assert_eq!(usize::from(bytes[1]), 0x16);
        let strings: Vec<&[u8]> = bytes[0x16..].split(|byte| *byte == 0).collect();
        assert_eq!(strings[0], b"LENOVO");
        assert_eq!(strings[1], identity.serial.as_bytes());
    }

    #[test]
    fn laptops_of_different_seeds_differ() {
        let (a, b) = (Identity::latitude("a"), Identity::latitude("b"));
        assert_ne!((&a.uuid, &a.serial), (&b.uuid, &b.serial));
        assert_eq!(a.uuid.len(), 36);
        assert_eq!(a, Identity::latitude("a"));
    }
}

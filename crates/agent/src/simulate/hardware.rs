//! Which laptops there are: of models that come back from companies by the stack, with serial numbers as their vendors
//! write them. What they say is made up; the drives are as quick as such drives are and much smaller.

use drive::sim::{AtaDevice, Kind, Leaves, NvmeDevice};
use protocol::{ByteLen, DriveIdentity, MacAddr, SectorSize};

use super::dice::Dice;

/// The size of every simulated medium in bytes: enough for 10,000 canaries in sectors of 4,096 bytes.
pub(super) const MEDIUM_LEN: u64 = 128 << 20;
/// Their sectors in bytes.
pub(super) const SECTOR_LEN: u32 = 4096;

const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
/// Serial numbers leave out what is misread.
const LETTERS: &[u8] = b"0123456789ABCDEFGHJKLMNPRSTVWXYZ";

/// A model of laptop.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) vendor: &'static str,
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) cpu: &'static str,
    pub(super) threads: u32,
    pub(super) memory_gib: u64,
    /// The first half of its network addresses.
    oui: [u8; 3],
    /// What its serial number starts with, and how many characters follow.
    serial: (&'static str, usize),
    drives: &'static [&'static DriveModel],
}

/// A model of drive.
#[derive(Debug)]
pub(super) struct DriveModel {
    name: &'static str,
    serial: (&'static str, usize),
    pub(super) medium: Medium,
    /// How long such a drive takes to be read from end to end here, in seconds: in life it is some forty times that.
    pass_s: u64,
}

/// What a drive stores on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// Platters.
    Disk,
    /// Flash behind SATA.
    SataSsd,
    /// Flash behind PCI Express.
    Nvme,
}

/// A laptop as it stands on the bench.
#[derive(Debug, Clone)]
pub(super) struct Hardware {
    pub(super) model: &'static Model,
    pub(super) serial: String,
    pub(super) board_serial: String,
    pub(super) uuid: String,
    pub(super) mac: MacAddr,
    pub(super) drive: DriveIdentity,
    pub(super) medium: Medium,
    /// How long one pass over the drive takes, in milliseconds.
    pub(super) pass_ms: u64,
}

impl Hardware {
    /// The laptop of that number under a seed. `disk`: with a hard disk, whatever its model mostly has.
    pub(super) fn new(seed: u64, index: u64, disk: Option<Medium>) -> Self {
        let mut dice = Dice::new(seed, index);
        let model = *dice.one_of(&MODELS);
        let serial = serial(&mut dice, model.serial);
        let fitting: Vec<_> = match disk {
            Some(medium) => DRIVES.iter().filter(|it| it.medium == medium).copied().collect(),
            None => model.drives.to_vec(),
        };
        let drive = *dice.one_of(&fitting);
        let [a, b, c] = model.oui;
        let [.., d, e] = (index + 1).to_be_bytes();
        // The fifth and sixth bytes count, so that no two are alike.
        let fourth = u8::try_from(dice.below(256)).unwrap_or(0);
        Self {
            model,
            board_serial: format!("L1HF{}", dice.text(LETTERS, 7)),
            uuid: format!(
                "{}-{}-4{}-a{}-{}{:04x}",
                dice.text(HEX, 8),
                dice.text(HEX, 4),
                dice.text(HEX, 3),
                dice.text(HEX, 3),
                dice.text(HEX, 8),
                index + 1
            ),
            mac: MacAddr([a, b, c, fourth, d, e]),
            drive: DriveIdentity {
                model: drive.name.to_owned(),
                serial: self::serial(&mut dice, drive.serial),
                wwn: None,
                size: ByteLen(MEDIUM_LEN),
            },
            medium: drive.medium,
            pass_ms: drive.pass_s * (800 + dice.below(400)),
            serial: format!("{serial}{}", index % 10),
        }
    }

    /// What its drive is built as.
    pub(super) fn kind(&self, is_frozen: bool) -> Kind {
        // A firmware erase is asked every second how far it is.
        let steps = u32::try_from(self.pass_ms / 1000).unwrap_or(60);
        match self.medium {
            Medium::Disk => Kind::Ata(AtaDevice::default()),
            Medium::SataSsd if is_frozen => Kind::Ata(AtaDevice {
                rotation: 1,
                security: true,
                enhanced: true,
                frozen: true,
                ..AtaDevice::default()
            }),
            Medium::SataSsd => Kind::Ata(AtaDevice {
                rotation: 1,
                block_erase: true,
                security: true,
                enhanced: true,
                sanitize_steps: steps,
                ..AtaDevice::default()
            }),
            Medium::Nvme => Kind::Nvme(NvmeDevice {
                format: true,
                block: true,
                crypto: true,
                sanitize_steps: steps,
                after_erase: Leaves::Zeros,
                ..NvmeDevice::default()
            }),
        }
    }

    /// The sectors of its drive.
    pub(super) fn sector_size(&self) -> anyhow::Result<SectorSize> {
        Ok(SectorSize::try_from(SECTOR_LEN)?)
    }
}

fn serial(dice: &mut Dice, (prefix, length): (&str, usize)) -> String {
    let characters = if prefix.starts_with("WD") { DIGITS } else { LETTERS };
    format!("{prefix}{}", dice.text(characters, length))
}

const WD_BLUE: DriveModel = DriveModel {
    name: "WDC WD5000LPVX-22V0TT0",
    serial: ("WD-WX31A", 7),
    medium: Medium::Disk,
    pass_s: 170,
};
const SEAGATE: DriveModel =
    DriveModel { name: "ST500LM021-1KJ152", serial: ("W62", 5), medium: Medium::Disk, pass_s: 150 };
const TOSHIBA: DriveModel = DriveModel {
    name: "TOSHIBA MQ01ACF032",
    serial: ("57C", 7),
    medium: Medium::Disk,
    pass_s: 120,
};
const SAMSUNG_850: DriveModel = DriveModel {
    name: "Samsung SSD 850 EVO 250GB",
    serial: ("S21PNS", 9),
    medium: Medium::SataSsd,
    pass_s: 40,
};
const MICRON: DriveModel = DriveModel {
    name: "MTFDDAK256MAY-1AH1ZABHA",
    serial: ("1506", 8),
    medium: Medium::SataSsd,
    pass_s: 45,
};
const PM961: DriveModel = DriveModel {
    name: "SAMSUNG MZVLW256HEHP-000L7",
    serial: ("S35ENX", 8),
    medium: Medium::Nvme,
    pass_s: 25,
};
const SN520: DriveModel = DriveModel {
    name: "WDC PC SN520 SDAPNUW-256G-1006",
    serial: ("18", 10),
    medium: Medium::Nvme,
    pass_s: 30,
};
const DRIVES: [&DriveModel; 7] =
    [&WD_BLUE, &SEAGATE, &TOSHIBA, &SAMSUNG_850, &MICRON, &PM961, &SN520];

const MODELS: [&Model; 7] = [
    &Model {
        vendor: "LENOVO",
        name: "20B7S0JB00",
        version: "ThinkPad T440",
        cpu: "Intel(R) Core(TM) i5-4300U CPU @ 1.90GHz",
        threads: 4,
        memory_gib: 8,
        oui: [0x28, 0xd2, 0x44],
        serial: ("PF0", 4),
        drives: &[&SEAGATE, &WD_BLUE, &SAMSUNG_850],
    },
    &Model {
        vendor: "LENOVO",
        name: "20HES2LG00",
        version: "ThinkPad T470",
        cpu: "Intel(R) Core(TM) i5-7200U CPU @ 2.50GHz",
        threads: 4,
        memory_gib: 8,
        oui: [0x8c, 0x16, 0x45],
        serial: ("PF1", 4),
        drives: &[&PM961, &SAMSUNG_850],
    },
    &Model {
        vendor: "Dell Inc.",
        name: "Latitude E7450",
        version: "01",
        cpu: "Intel(R) Core(TM) i5-5300U CPU @ 2.30GHz",
        threads: 4,
        memory_gib: 8,
        oui: [0xec, 0xf4, 0xbb],
        serial: ("", 6),
        drives: &[&MICRON, &SAMSUNG_850],
    },
    &Model {
        vendor: "Dell Inc.",
        name: "Latitude 3500",
        version: "02",
        cpu: "Intel(R) Core(TM) i5-8265U CPU @ 1.60GHz",
        threads: 8,
        memory_gib: 16,
        oui: [0xe4, 0x54, 0xe8],
        serial: ("", 6),
        drives: &[&SN520, &TOSHIBA],
    },
    &Model {
        vendor: "Hewlett-Packard",
        name: "HP EliteBook 840 G1",
        version: "A3009DD10203",
        cpu: "Intel(R) Core(TM) i5-4200U CPU @ 1.60GHz",
        threads: 4,
        memory_gib: 4,
        oui: [0x38, 0xea, 0xa7],
        serial: ("CND", 6),
        drives: &[&TOSHIBA, &WD_BLUE, &MICRON],
    },
    &Model {
        vendor: "HP",
        name: "HP ProBook 450 G5",
        version: "A3008DD10303",
        cpu: "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz",
        threads: 8,
        memory_gib: 8,
        oui: [0x80, 0xe8, 0x2c],
        serial: ("5CD", 6),
        drives: &[&PM961, &SEAGATE],
    },
    &Model {
        vendor: "FUJITSU",
        name: "LIFEBOOK E554",
        version: "10601736746",
        cpu: "Intel(R) Core(TM) i3-4000M CPU @ 2.40GHz",
        threads: 4,
        memory_gib: 4,
        oui: [0x90, 0x1b, 0x0e],
        serial: ("DSCK0", 5),
        drives: &[&WD_BLUE, &TOSHIBA],
    },
];

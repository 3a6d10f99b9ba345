//! The policies we ship, as values: the appliance knows them without reading a file. `policies/*.toml` say the same.

use protocol::plan::{Claim, Technique};
use protocol::policy::{Policy, Proof, Rule, Verification};

const PROOF: Proof =
    Proof { canaries: 10_000, verification: Verification::Full, power_cycle: false };

/// Flash that can be purged. Erasing the cells comes before throwing away a key, because nobody knows how long a
/// donated drive has encrypted. NVMe Format comes after Sanitize's block erase: a power cut leaves it undefined, Sanitize
/// goes on. Sanitize's overwrite comes last of its kind: it writes all of the flash, which takes hours and wears it.
const FLASH: [Technique; 5] = [
    Technique::NvmeSanitizeBlockErase,
    Technique::NvmeFormatUserData,
    Technique::NvmeSanitizeOverwrite,
    Technique::AtaSanitizeBlockErase,
    Technique::AtaSanitizeCryptoScramble,
];

/// The policies we ship.
pub fn builtin() -> [Policy; 3] {
    [default(), overwrite_only(), firmware_and_overwrite()]
}

/// `default`: flash is purged or refused; disks are purged where they can be, else cleared.
pub fn default() -> Policy {
    let magnetic = [
        Technique::AtaSanitizeOverwrite,
        Technique::AtaSecurityEraseEnhanced,
        Technique::AtaSanitizeCryptoScramble,
        Technique::OverwriteZeros,
    ];
    Policy {
        name: "default".to_owned(),
        flash: Rule { techniques: FLASH.to_vec(), then: None, at_least: Claim::Purge },
        magnetic: Rule { techniques: magnetic.to_vec(), then: None, at_least: Claim::Clear },
        proof: PROOF,
    }
}

/// `overwrite-only`: zeros over everything that can be addressed, and no command that a drive does by itself.
pub fn overwrite_only() -> Policy {
    let zeros =
        Rule { techniques: vec![Technique::OverwriteZeros], then: None, at_least: Claim::Clear };
    Policy {
        name: "overwrite-only".to_owned(),
        flash: zeros.clone(),
        magnetic: zeros,
        proof: PROOF,
    }
}

/// `firmware+overwrite`: the drive erases itself, and zeros are written over the result.
pub fn firmware_and_overwrite() -> Policy {
    let magnetic = [
        Technique::AtaSanitizeOverwrite,
        Technique::AtaSecurityEraseEnhanced,
        Technique::AtaSanitizeCryptoScramble,
        Technique::AtaSecurityErase,
        Technique::OverwriteZeros,
    ];
    let then = Some(Technique::OverwriteZeros);
    Policy {
        name: "firmware+overwrite".to_owned(),
        flash: Rule { techniques: FLASH.to_vec(), then, at_least: Claim::Purge },
        magnetic: Rule { techniques: magnetic.to_vec(), then, at_least: Claim::Clear },
        proof: PROOF,
    }
}

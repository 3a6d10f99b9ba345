//! The command that starts a technique is called alike in what is sent and in what is believed.

use drive::ata::AtaCommand;
use drive::nvme::{CurrentFormat, NvmeCommand, SanitizeAction, SecureErase};
use protocol::{DrivePassword, Technique};

#[test]
fn what_starts_a_technique_is_named_as_it_is_sent() {
    let password = &DrivePassword::try_from("A".repeat(32)).unwrap();
    let unit = |enhanced| AtaCommand::SecurityEraseUnit { password, enhanced }.name();
    let format = |erase| {
        NvmeCommand::Format { namespace: 1, format: CurrentFormat::of(&[0; 4096]), erase }.name()
    };
    for technique in Technique::ALL {
        let sent = match technique {
            Technique::OverwriteZeros | Technique::OverwritePattern => None,
            Technique::AtaSanitizeBlockErase => Some(AtaCommand::BlockErase.name()),
            Technique::AtaSanitizeCryptoScramble => Some(AtaCommand::CryptoScramble.name()),
            Technique::AtaSanitizeOverwrite => Some(AtaCommand::Overwrite.name()),
            Technique::AtaSecurityErase => Some(unit(false)),
            Technique::AtaSecurityEraseEnhanced => Some(unit(true)),
            Technique::NvmeSanitizeBlockErase => {
                Some(NvmeCommand::Sanitize(SanitizeAction::BlockErase).name())
            }
            Technique::NvmeSanitizeCryptoErase => {
                Some(NvmeCommand::Sanitize(SanitizeAction::CryptoErase).name())
            }
            Technique::NvmeSanitizeOverwrite => {
                Some(NvmeCommand::Sanitize(SanitizeAction::Overwrite).name())
            }
            Technique::NvmeFormatUserData => Some(format(SecureErase::UserData)),
            Technique::NvmeFormatCrypto => Some(format(SecureErase::Crypto)),
        };
        assert_eq!(technique.command_name(), sent, "{technique:?}");
    }
}

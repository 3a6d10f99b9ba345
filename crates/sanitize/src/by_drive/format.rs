//! NVMe Format NVM with Secure Erase Settings: NVM Express Base 2.0, section 5.14. Without them it erases nothing.

use std::time::Duration;

use drive::nvme::{self, CurrentFormat, NvmeCommand, SecureErase};
use protocol::Technique;

use super::waiting::while_showing_time;
use crate::failed::FailureCause;
use crate::talk::Talk;
use crate::watch::Watch;

/// Drives give no estimate; those that erase block by block take minutes.
const LIMIT: Duration = Duration::from_secs(4 * 3600);

pub(super) fn format(
    technique: Technique,
    talk: &mut Talk<'_>,
    watch: Watch<'_>,
) -> Result<(), FailureCause> {
    let offered = super::nvme(talk)?;
    let (is_offered, erase) = match technique {
        Technique::NvmeFormatCrypto => {
            (offered.format && offered.format_crypto, SecureErase::Crypto)
        }
        _ => (offered.format, SecureErase::UserData),
    };
    if !is_offered {
        return Err(FailureCause::NotOffered { technique });
    }
    // One by one, also where one command would erase them all: that it does is the drive's word.
    for namespace in talk.drive.namespaces() {
        let data = nvme::identify(talk.drive, Some(namespace)).map_err(FailureCause::of_nvme)?;
        let command = NvmeCommand::Format { namespace, format: CurrentFormat::of(&data), erase };
        watch.go_on()?;
        while_showing_time(watch, talk.drive.size(), None, || talk.nvme(command, LIMIT))
            .map_err(FailureCause::of_nvme)?;
    }
    Ok(())
}

//! What discovery would find out about a simulated drive.

use protocol::EraseFeatures;

use super::SimDrive;
use super::state::{Device, State};
use crate::{AtaError, Identified, Registers, ata, nvme};

impl SimDrive {
    /// What [`crate::LinuxIdentityReader`] would say of it, decoded from what the drive says by the code that decodes
    /// every drive. No command is counted and no time passes.
    ///
    /// # Panics
    /// Where the drive's identity cannot be expressed in what such drives say: serial numbers of more than 20 characters,
    /// names that are not hexadecimal or of another length.
    pub fn identified(&self) -> Identified {
        let state = self.state();
        let identified = match &state.device {
            Device::Ata(_) => state.identified_ata(),
            Device::Nvme(_) => state.identified_nvme(),
        };
        let Some(identified) = identified else { panic!("{self:?} does not identify itself") };
        assert_eq!(identified.identity, state.identity, "an identity that no drive could give");
        identified
    }
}

impl State {
    fn identified_ata(&self) -> Option<Identified> {
        let data = self.identify_device().ok()?;
        let identity = ata::decode(&data).ok()?;
        let features = ata::features_now(&data, || self.sanitize_status_now()).ok()?;
        let features = EraseFeatures::Ata(features);
        Some(Identified { identity, features, other_namespaces: 0 })
    }

    fn sanitize_status_now(&self) -> Result<Option<Registers>, AtaError> {
        self.answer_ata("SANITIZE STATUS EXT", true, self.sanitize_registers()).map(Some)
    }

    fn identified_nvme(&self) -> Option<Identified> {
        let controller = self.identify_controller()?;
        let namespaces: Vec<_> =
            self.namespaces().map(|number| self.identify_namespace(number)).collect();
        let identity = nvme::decode(&controller, &namespaces).ok()?;
        let log = self.sanitize_log().map(|log| nvme::SanitizeLog::parse(&log));
        let features = EraseFeatures::Nvme(nvme::features(&controller, log.as_ref()));
        Some(Identified { identity, features, other_namespaces: 0 })
    }
}

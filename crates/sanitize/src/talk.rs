//! Commands to a drive, each noted with what came back.

use std::error::Error;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drive::ata::{self, AtaCommand};
use drive::nvme::{self, NvmeCommand, SanitizeLog};
use drive::{AdminError, AtaError, Drive, Registers};
use protocol::event::{CommandObservation, DeviceReport};
use protocol::features::{AtaFeatures, NvmeFeatures, SanitizeState};

use crate::pass::elapsed_ms;

/// A conversation with one drive.
pub(crate) struct Talk<'a> {
    pub(crate) drive: &'a dyn Drive,
    said: Vec<CommandObservation>,
}

impl<'a> Talk<'a> {
    pub(crate) fn new(drive: &'a dyn Drive) -> Self {
        Self { drive, said: Vec::new() }
    }

    /// What was said since the last time.
    pub(crate) fn take(&mut self) -> Vec<CommandObservation> {
        std::mem::take(&mut self.said)
    }

    pub(crate) fn ata(
        &mut self,
        command: AtaCommand<'_>,
        timeout: Duration,
    ) -> Result<Option<Registers>, AtaError> {
        let sent = Instant::now();
        let answer = command.send(self.drive, timeout);
        let taskfile = command.taskfile();
        let request = format!(
            "command {:02x}h feature {:04x}h count {:04x}h lba {:012x}h",
            taskfile.command, taskfile.feature, taskfile.count, taskfile.lba
        );
        let said = match &answer {
            Ok(None) => "done".to_owned(),
            Ok(Some(registers)) => in_words(registers),
            Err(error) => with_causes(error),
        };
        self.note(command.name(), request, said, sent);
        answer
    }

    pub(crate) fn nvme(
        &mut self,
        command: NvmeCommand,
        timeout: Duration,
    ) -> Result<u32, AdminError> {
        let sent = Instant::now();
        let answer = command.send(self.drive, timeout);
        let entry = command.command();
        let [cdw10, ..] = entry.cdw10;
        let request =
            format!("opcode {:02x}h namespace {} cdw10 {cdw10:08x}h", entry.opcode, entry.nsid);
        let said = match &answer {
            Ok(dword_0) => format!("status 0, dword 0 {dword_0:08x}h"),
            Err(error) => with_causes(error),
        };
        self.note(command.name(), request, said, sent);
        answer
    }

    /// What the drive can do, and the state of its security: IDENTIFY DEVICE alone, which every drive answers in every
    /// state.
    pub(crate) fn ata_identify(&mut self) -> Result<AtaFeatures, AtaError> {
        let data = ata::identify_device(self.drive)?;
        Ok(ata::features(&data, SanitizeState::Unknown))
    }

    /// What the drive can do and in which state it is now: IDENTIFY DEVICE and SANITIZE STATUS EXT. A drive that refuses
    /// the latter, because it is locked or frozen, is in a state that is not known.
    pub(crate) fn ata_features(&mut self) -> Result<AtaFeatures, AtaError> {
        let data = ata::identify_device(self.drive)?;
        let state = if ata::has_sanitize(&data) {
            match ata::sanitize_status(self.ata(AtaCommand::SanitizeStatus, ata::SHORT)) {
                Ok(state) => state,
                Err(AtaError::Refused { host: 0, .. }) => SanitizeState::Unknown,
                Err(error) => return Err(error),
            }
        } else {
            SanitizeState::Unknown
        };
        Ok(ata::features(&data, state))
    }

    /// Identify Controller and, where the drive has one and gives it, the Sanitize Status log.
    pub(crate) fn nvme_features(&mut self) -> Result<NvmeFeatures, AdminError> {
        let controller = nvme::identify(self.drive, None)?;
        let log = if nvme::has_sanitize(&controller) {
            match self.sanitize_log() {
                Ok(log) => Some(log),
                Err(AdminError::Status { .. }) => None,
                Err(error) => return Err(error),
            }
        } else {
            None
        };
        Ok(nvme::features(&controller, log.as_ref()))
    }

    pub(crate) fn sanitize_log(&mut self) -> Result<SanitizeLog, AdminError> {
        let sent = Instant::now();
        let answer = nvme::sanitize_log(self.drive).map(|log| SanitizeLog::parse(&log));
        let said = match &answer {
            Ok(log) => format!("{:?} cdw10 {:08x}h", log.state, log.command),
            Err(error) => with_causes(error),
        };
        self.note("Sanitize Status log", "log page 81h".to_owned(), said, sent);
        answer
    }

    /// Of like questions in a row the first and the last are kept.
    fn note(&mut self, name: &str, request: String, answer: String, sent: Instant) {
        let duration_ms = elapsed_ms(sent);
        let said = CommandObservation { name: name.to_owned(), request, answer, duration_ms };
        let is_like = |earlier: &CommandObservation| {
            earlier.name == said.name && earlier.request == said.request
        };
        if let [.., before, last] = &self.said[..]
            && is_like(before)
            && is_like(last)
        {
            self.said.pop();
        }
        self.said.push(said);
    }
}

/// What the drive says of itself, byte for byte. A report that it refuses is left out: the commands say why.
pub(crate) fn reports(drive: &dyn Drive) -> Vec<DeviceReport> {
    let report = |name: &str, data: &[u8]| DeviceReport {
        name: name.to_owned(),
        data: STANDARD.encode(data),
    };
    let Some(namespace) = drive.namespace() else {
        let identify = ata::identify_device(drive).ok();
        return identify.map(|data| report("IDENTIFY DEVICE", &data)).into_iter().collect();
    };
    let controller = nvme::identify(drive, None).ok();
    let log = controller.filter(nvme::has_sanitize).and_then(|_| nvme::sanitize_log(drive).ok());
    let namespace = nvme::identify(drive, Some(namespace)).ok();
    let reports = [
        controller.map(|data| report("Identify Controller", &data)),
        namespace.map(|data| report("Identify Namespace", &data)),
        log.map(|data| report("Sanitize Status log", &data)),
    ];
    reports.into_iter().flatten().collect()
}

fn in_words(registers: &Registers) -> String {
    let Registers { error, status, count, lba, is_whole } = registers;
    let cut = if *is_whole { "" } else { " (low bytes only)" };
    format!("status {status:02x}h error {error:02x}h count {count:04x}h lba {lba:012x}h{cut}")
}

fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| Error::source(*error));
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

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

use crate::failed::FailureCause;
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

    pub(crate) fn speaks_nvme(&self) -> bool {
        !self.drive.namespaces().is_empty()
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

    /// What the drive can do and in which state it is now: IDENTIFY DEVICE and SANITIZE STATUS EXT.
    pub(crate) fn ata_features(&mut self) -> Result<AtaFeatures, AtaError> {
        let data = ata::identify_device(self.drive)?;
        ata::features_now(&data, || self.ata(AtaCommand::SanitizeStatus, ata::SHORT))
    }

    /// Identify Controller and, where the drive has one and gives it, the Sanitize Status log.
    pub(crate) fn nvme_features(&mut self) -> Result<NvmeFeatures, AdminError> {
        let controller = nvme::identify(self.drive, None)?;
        nvme::features_now(&controller, || self.sanitize_log())
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

/// What the drive says of itself, byte for byte; nothing of one that takes no command of its own. A log that it refuses
/// is left out.
pub(crate) fn reports(drive: &dyn Drive) -> Result<Vec<DeviceReport>, FailureCause> {
    let report = |name: &str, data: &[u8]| DeviceReport {
        name: name.to_owned(),
        data: STANDARD.encode(data),
    };
    let namespaces = drive.namespaces();
    if namespaces.is_empty() {
        return match ata::identify_device(drive) {
            Ok(data) => Ok(vec![report("IDENTIFY DEVICE", &data)]),
            Err(AtaError::NotAta { .. }) => Ok(Vec::new()),
            Err(error) => Err(FailureCause::of_ata(error)),
        };
    }
    let controller = nvme::identify(drive, None).map_err(FailureCause::of_nvme)?;
    let mut reports = vec![report("Identify Controller", &controller)];
    let several = namespaces.len() > 1;
    for number in namespaces {
        let data = nvme::identify(drive, Some(number)).map_err(FailureCause::of_nvme)?;
        let name = "Identify Namespace";
        reports.push(report(
            &if several { format!("{name} {number}") } else { name.to_owned() },
            &data,
        ));
    }
    if nvme::has_sanitize(&controller) {
        match nvme::sanitize_log(drive) {
            Ok(log) => reports.push(report("Sanitize Status log", &log)),
            Err(AdminError::Status { .. }) => {}
            Err(error) => return Err(FailureCause::of_nvme(error)),
        }
    }
    Ok(reports)
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

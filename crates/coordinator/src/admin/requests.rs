//! What the command line asks of a serving coordinator.

use std::net::Ipv4Addr;

use clap::ValueEnum;
use protocol::api::SiteConfig;
use protocol::{BatchId, LotId, MachineNumber, PersonId, Policy, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::admission::Pick;
use crate::config::DhcpSetting;
use crate::drive_name::DriveName;

/// What is being served.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Status {
    /// The coordinator's version.
    pub(crate) version: String,
    /// What agents know beforehand: name, addresses, ports, public keys.
    pub(crate) site: SiteConfig,
    /// Who gives addresses.
    pub(crate) dhcp: DhcpSetting,
    /// The DHCP server whose appearance made full mode stop.
    pub(crate) stopped_by: Option<Ipv4Addr>,
    /// Whether its machines are made up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) simulated: bool,
    /// Length of the journal.
    pub(crate) events: u64,
    /// Why the clock is in doubt and what to do, while it is.
    pub(crate) clock: Option<String>,
}

/// Somebody whose name was recorded.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonView {
    /// By which the journal names the person.
    pub(crate) id: PersonId,
    /// The name, where it is there.
    pub(crate) name: Option<String>,
    /// Whether it was deleted for good.
    pub(crate) forgotten: bool,
}

/// A person deletes a name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgetRequest {
    /// Who.
    pub(crate) by: String,
    /// Why, without the name.
    pub(crate) because: String,
}

/// A person picks machines.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PickRequest {
    /// Who.
    pub(crate) by: String,
    /// Which.
    pub(crate) machines: Vec<PickedMachine>,
    /// Into which batch; the only armed one if absent.
    pub(crate) batch: Option<BatchId>,
}

/// A picked machine.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PickedMachine {
    /// Its number.
    pub(crate) number: MachineNumber,
    /// The key's fingerprint, where the person compared it.
    pub(crate) fingerprint: Option<String>,
}

impl PickRequest {
    /// As decisions take it.
    pub(crate) fn picks(&self) -> Vec<Pick> {
        let pick =
            |it: &PickedMachine| Pick { number: it.number, fingerprint: it.fingerprint.clone() };
        self.machines.iter().map(pick).collect()
    }
}

/// A person settles identity conflicts of a machine.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettleRequest {
    /// Who.
    pub(crate) by: String,
    /// The machines that it was compared with.
    pub(crate) with: Vec<MachineNumber>,
}

/// A person arms a batch.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArmRequest {
    /// Who.
    pub(crate) by: String,
    /// How many machines.
    pub(crate) count: u32,
    /// For how long.
    pub(crate) seconds: u64,
    /// What for.
    pub(crate) kind: KindName,
    /// Name of the image, or the beginning of its id.
    pub(crate) image: Option<String>,
    /// Locale of the installed system.
    pub(crate) locale: String,
    /// What is demanded of sanitizing.
    pub(crate) policy: Policy,
    /// Whether each machine is held once its drives are verified, for a person to look.
    #[serde(default)]
    pub(crate) witness: bool,
    /// The lot that it works on; the only open one if absent.
    #[serde(default)]
    pub(crate) lot: Option<LotId>,
}

/// What a batch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KindName {
    /// Sanitize and install.
    Refurbish,
    /// Sanitize only.
    Wipe,
}

/// A person wants to see sectors of a held machine's drive.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookAt {
    /// Who.
    pub(crate) by: String,
    /// Serial number of the drive; the only one if absent.
    pub(crate) drive: Option<String>,
    /// The first sector.
    pub(crate) sector: u64,
    /// How many.
    pub(crate) count: u32,
}

/// A person says that a drive's lock is ours.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdoptRequest {
    /// Who.
    pub(crate) by: String,
    /// The drive's model, as it names itself.
    pub(crate) model: String,
    /// Its serial number, likewise.
    pub(crate) serial: String,
    /// Why.
    pub(crate) because: String,
}

/// A drive that was adopted, and how that came.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdoptedLock {
    /// Its name.
    pub(crate) drive: DriveName,
    /// The machines that show it.
    pub(crate) machines: Vec<MachineNumber>,
    /// The name of who adopted it, or the bare id where the name is gone.
    pub(crate) by: String,
    /// Why, in the person's words.
    pub(crate) because: String,
    /// When.
    pub(crate) at: UnixMillis,
}

/// A person, where nothing else need be said.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhoRequest {
    /// Who.
    pub(crate) by: String,
}

/// The batch that was armed or disarmed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Armed {
    /// Its id.
    pub(crate) batch: BatchId,
}

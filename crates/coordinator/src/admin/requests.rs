//! What the command line asks of a serving coordinator.

use std::net::Ipv4Addr;

use clap::ValueEnum;
use protocol::api::SiteConfig;
use protocol::{BatchId, LotId, MachineNumber, PersonId, Policy, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PanicView;
use crate::access::Role;
use crate::admission::Pick;
use crate::config::DhcpSetting;
use crate::drive_name::DriveName;
use crate::users::User;

/// What is being served.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Status {
    /// The coordinator's version.
    pub(crate) version: String,
    /// What agents know beforehand: name, addresses, ports, public keys.
    #[schema(value_type = Object)]
    pub(crate) site: SiteConfig,
    /// Who gives addresses.
    #[schema(value_type = String)]
    pub(crate) dhcp: DhcpSetting,
    /// The DHCP server whose appearance made full mode stop.
    #[schema(value_type = Option<String>, format = "ipv4")]
    pub(crate) stopped_by: Option<Ipv4Addr>,
    /// Whether its machines are made up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) simulated: bool,
    /// Length of the journal.
    pub(crate) events: u64,
    /// Why the clock is in doubt and what to do, while it is.
    pub(crate) clock: Option<String>,
    /// Why nothing new is begun and what to do, while it is so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) obstacles: Vec<String>,
    /// Who stopped everything, while it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) panic: Option<PanicView>,
}

/// Somebody whose name was recorded.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonView {
    /// By which the journal names the person.
    #[schema(value_type = String)]
    pub(crate) id: PersonId,
    /// The name, where it is there.
    pub(crate) name: Option<String>,
    /// Whether it was deleted for good.
    pub(crate) forgotten: bool,
}

/// A person deletes a name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgetRequest {
    /// Why, without the name.
    pub(crate) because: String,
}

/// A person picks machines.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PickRequest {
    /// Which.
    pub(crate) machines: Vec<PickedMachine>,
    /// Into which batch; the only armed one if absent.
    #[schema(value_type = Option<String>, pattern = "^[0-9a-fA-F]{32}$")]
    pub(crate) batch: Option<BatchId>,
}

/// A picked machine.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PickedMachine {
    /// Its number.
    #[schema(value_type = u32, minimum = 1)]
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
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettleRequest {
    /// The machines that it was compared with.
    #[schema(value_type = Vec<u32>)]
    pub(crate) with: Vec<MachineNumber>,
}

/// A person arms a batch.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArmRequest {
    /// How many machines, at least 1.
    pub(crate) count: u32,
    /// For how long, in seconds.
    pub(crate) seconds: u64,
    /// What for.
    pub(crate) kind: KindName,
    /// Name of the image, or the beginning of its id.
    pub(crate) image: Option<String>,
    /// Locale of the installed system.
    pub(crate) locale: String,
    /// What is demanded of sanitizing.
    #[schema(value_type = Object)]
    pub(crate) policy: Policy,
    /// Whether each machine is held once its drives are verified, for a person to look.
    #[serde(default)]
    pub(crate) witness: bool,
    /// Whether the first machine of each model goes on to its booted desktop, and the others, erased and checked, wait
    /// for a person's word on the model.
    #[serde(default)]
    pub(crate) first_of_model: bool,
    /// The lot that it works on; the only open one if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-fA-F]{32}$")]
    pub(crate) lot: Option<LotId>,
}

/// What a batch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KindName {
    /// Sanitize and install.
    Refurbish,
    /// Sanitize only.
    #[serde(rename = "wipe-only", alias = "wipe")]
    #[value(name = "wipe-only", alias = "wipe")]
    Wipe,
    /// Install on drives that finished work of this journal has sanitized.
    ImageOnly,
    /// Read every drive and say whether it is blank; nothing is written.
    VerifyOnly,
    /// Take stock and record it; nothing is written.
    InventoryOnly,
}

/// A person wants to see sectors of a held machine's drive.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookAt {
    /// Serial number of the drive; the only one if absent.
    pub(crate) drive: Option<String>,
    /// The first sector, counted from 0.
    pub(crate) sector: u64,
    /// How many.
    pub(crate) count: u32,
}

/// A person says that a drive's lock is ours.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdoptRequest {
    /// The drive's model, as it names itself.
    pub(crate) model: String,
    /// Its serial number, likewise.
    pub(crate) serial: String,
    /// Why.
    pub(crate) because: String,
}

/// A drive that was adopted, and how that came.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdoptedLock {
    /// Its name.
    #[schema(value_type = Object)]
    pub(crate) drive: DriveName,
    /// The machines that show it.
    #[schema(value_type = Vec<u32>)]
    pub(crate) machines: Vec<MachineNumber>,
    /// The name of who adopted it, or the bare id where the name is gone.
    pub(crate) by: String,
    /// Why, in the person's words.
    pub(crate) because: String,
    /// When.
    #[schema(value_type = u64)]
    pub(crate) at: UnixMillis,
}

/// A person says that a clock is right that was set.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptClockRequest {
    /// Why.
    pub(crate) because: String,
}

/// The batch that was armed or disarmed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Armed {
    /// Its id.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    pub(crate) batch: BatchId,
}

/// Name and password of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// The user's name.
    pub(crate) name: String,
    /// The password.
    pub(crate) password: String,
}

/// A program is logged in.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoggedIn {
    /// 64 hexadecimal digits, to be sent as `Authorization: Bearer` with every request.
    pub(crate) token: String,
    /// How long it lasts at most, in seconds; it ends before when it is not used.
    pub(crate) seconds: u64,
}

/// Somebody who may log in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserView {
    /// The id by which the journal knows this person: 32 hexadecimal digits.
    #[schema(value_type = String)]
    pub(crate) person: PersonId,
    /// The name, typed at the login.
    pub(crate) name: String,
    /// What this user may do.
    pub(crate) role: Role,
}

impl UserView {
    /// A user without the password's hash.
    pub(crate) fn of(user: User) -> Self {
        Self { person: user.person, name: user.name, role: user.role }
    }
}

/// A new user.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddUserRequest {
    /// The name: 1 to 60 characters.
    #[schema(min_length = 1, max_length = 60)]
    pub(crate) name: String,
    /// What this user may do.
    pub(crate) role: Role,
}

/// Another role for a user.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleRequest {
    /// The role.
    pub(crate) role: Role,
}

/// A password, told once.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// Whose.
    pub(crate) name: String,
    /// The password.
    pub(crate) password: String,
}

impl std::fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoginRequest { .. }")
    }
}

impl std::fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoggedIn { .. }")
    }
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword { .. }")
    }
}

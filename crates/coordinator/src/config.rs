//! Configuration: one TOML file and flags of the same names, resolved once.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use protocol::ByteLen;
use serde::{Deserialize, Serialize};

use crate::logs::LogFormat;

/// Where everything is kept unless told otherwise.
pub(crate) const DEFAULT_DATA: &str = "/var/lib/rehome";

/// A laptop's records are some hundred kilobytes: room for a whole bench, and for its write-ahead log several times.
const DEFAULT_MIN_FREE_MB: u32 = 1000;

/// What was typed, in the file or as flags. Absent is absent; defaults come when it is resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Directory of the journal, keys and images; a flag of every command.
    #[arg(skip)]
    pub(crate) data: Option<PathBuf>,
    /// Directory of the appliance's boot files [default: DATA/appliance]
    #[arg(long, value_name = "DIR")]
    pub(crate) appliance: Option<PathBuf>,
    /// Network interface of the bench
    #[arg(long)]
    pub(crate) interface: Option<String>,
    /// Our IPv4 address there
    #[arg(long)]
    pub(crate) address: Option<Ipv4Addr>,
    /// Who gives addresses: full = we, proxy = another server, auto = look first
    #[arg(long)]
    pub(crate) dhcp: Option<DhcpSetting>,
    /// First address to give in full mode
    #[arg(long)]
    pub(crate) lease_first: Option<Ipv4Addr>,
    /// Last address to give in full mode
    #[arg(long)]
    pub(crate) lease_last: Option<Ipv4Addr>,
    /// Nothing but the bench is on this interface: in full mode an armed batch admits machines by itself
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) isolated: Option<bool>,
    /// TCP port of boot files and chunks [default: 80]
    #[arg(long, value_name = "PORT")]
    pub(crate) http_port: Option<u16>,
    /// TCP port of the agents' API [default: 443]
    #[arg(long, value_name = "PORT")]
    pub(crate) api_port: Option<u16>,
    /// Unknown machines get the appliance for taking stock even if nothing is armed
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) discovery: Option<bool>,
    /// The laptops are made up (`rehome-agent simulate`), and so is all that is recorded: no DHCP, no real machine
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) simulated: Option<bool>,
    /// Laptops that may have one address at a time: more than one behind a router, or when they are simulated [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) machines_per_address: Option<u32>,
    /// Megabytes that must be free on the data directory's disk before anything new is begun [default: 1000]
    #[arg(long, value_name = "MB")]
    pub(crate) min_free_mb: Option<u32>,
    /// How many laptops can be plugged in at a time: once one is done, the next one is asked for [default: all at once]
    #[arg(long, value_name = "N")]
    pub(crate) ports: Option<u32>,
    /// Name of the site, for screens and certificates [default: workshop]
    #[arg(long, value_name = "NAME")]
    pub(crate) site_name: Option<String>,
    /// Further kernel parameter of the appliance, such as console=ttyS0 (repeat for more)
    #[arg(long, value_name = "PARAMETER")]
    pub(crate) kernel_args: Option<Vec<String>>,
    /// Language of screens: en or pl [default: en]
    #[arg(long)]
    pub(crate) language: Option<Language>,
    /// How the log is written [default: journald where systemd's journal takes it, otherwise text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log: Option<LogFormat>,
}

/// Who gives addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DhcpSetting {
    /// Look first: full on an isolated switch, proxy beside another server.
    Auto,
    /// Beside another DHCP server.
    Proxy,
    /// We give addresses.
    Full,
    /// No network boot: neither DHCP nor TFTP.
    Off,
}

/// A language that screens speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Language {
    /// English.
    En,
    /// Polish.
    Pl,
}

/// What is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Config {
    pub(crate) data: PathBuf,
    pub(crate) appliance: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interface: Option<String>,
    pub(crate) address: Ipv4Addr,
    pub(crate) dhcp: DhcpSetting,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lease_first: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lease_last: Option<Ipv4Addr>,
    pub(crate) isolated: bool,
    pub(crate) http_port: u16,
    pub(crate) api_port: u16,
    pub(crate) discovery: bool,
    pub(crate) simulated: bool,
    /// Each laptop has an address of its own on a bench; the limits on who may enroll and connect rest on that and are
    /// multiplied by this.
    pub(crate) machines_per_address: u32,
    /// Room for the journal of what is under way, in megabytes.
    pub(crate) min_free_mb: u32,
    /// How many laptops can be plugged in at a time; as many as there are if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ports: Option<u32>,
    pub(crate) site_name: String,
    pub(crate) kernel_args: Vec<String>,
    pub(crate) language: Language,
    pub(crate) log: LogFormat,
}

impl Config {
    /// What must be free on the data directory's disk before anything new is begun.
    pub(crate) fn min_free(&self) -> ByteLen {
        ByteLen(u64::from(self.min_free_mb) * 1_000_000)
    }
}

/// Why a configuration means nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("failed to read the configuration {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("configuration {path}: {message}")]
    Parse { path: PathBuf, message: String },
    #[error("{key}: {why}")]
    Value { key: &'static str, why: String },
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// An unknown key is an error that names key and file.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            // Without the excerpt that `Display` draws over several lines: this ends up in one sentence.
            let said: String =
                text.lines().nth(line - 1).unwrap_or_default().chars().take(80).collect();
            let reason = error.message().trim().replace('\n', "; ");
            let message = format!("line {line} ({}): {reason}", said.trim());
            ConfigError::Parse { path: path.to_owned(), message }
        })
    }

    /// These, and where they say nothing, `others`.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            data: self.data.or(others.data),
            appliance: self.appliance.or(others.appliance),
            interface: self.interface.or(others.interface),
            address: self.address.or(others.address),
            dhcp: self.dhcp.or(others.dhcp),
            lease_first: self.lease_first.or(others.lease_first),
            lease_last: self.lease_last.or(others.lease_last),
            isolated: self.isolated.or(others.isolated),
            http_port: self.http_port.or(others.http_port),
            api_port: self.api_port.or(others.api_port),
            discovery: self.discovery.or(others.discovery),
            simulated: self.simulated.or(others.simulated),
            machines_per_address: self.machines_per_address.or(others.machines_per_address),
            min_free_mb: self.min_free_mb.or(others.min_free_mb),
            ports: self.ports.or(others.ports),
            site_name: self.site_name.or(others.site_name),
            kernel_args: self.kernel_args.or(others.kernel_args),
            language: self.language.or(others.language),
            log: self.log.or(others.log),
        }
    }

    /// The data directory that is meant.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| DEFAULT_DATA.into())
    }

    /// Fills in what was left open. `address` is asked for our address when none is given.
    ///
    /// # Errors
    /// When values are impossible or contradict one another.
    pub(crate) fn resolve(
        self,
        address: impl FnOnce(Option<&str>) -> Result<(Option<String>, Ipv4Addr), ConfigError>,
    ) -> Result<Config, ConfigError> {
        let data = self.data();
        let simulated = self.simulated.unwrap_or(false);
        let no_choice = if simulated { DhcpSetting::Off } else { DhcpSetting::Auto };
        let (interface, address) = match (self.interface, self.address) {
            (interface, Some(address)) => (interface, address),
            (interface, None) => address(interface.as_deref())?,
        };
        let config = Config {
            appliance: self.appliance.unwrap_or_else(|| data.join("appliance")),
            data,
            interface,
            address,
            dhcp: self.dhcp.unwrap_or(no_choice),
            lease_first: self.lease_first,
            lease_last: self.lease_last,
            isolated: self.isolated.unwrap_or(false),
            http_port: self.http_port.unwrap_or(80),
            api_port: self.api_port.unwrap_or(443),
            discovery: self.discovery.unwrap_or(false),
            simulated,
            machines_per_address: self.machines_per_address.unwrap_or(1),
            min_free_mb: self.min_free_mb.unwrap_or(DEFAULT_MIN_FREE_MB),
            ports: self.ports,
            site_name: self.site_name.unwrap_or_else(|| "workshop".to_owned()),
            kernel_args: self.kernel_args.unwrap_or_default(),
            language: self.language.unwrap_or(Language::En),
            log: self.log.unwrap_or_else(LogFormat::fitting),
        };
        check(&config)?;
        Ok(config)
    }
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let refuse = |key, why: &str| Err(ConfigError::Value { key, why: why.to_owned() });
    if config.lease_first.is_some() != config.lease_last.is_some() {
        return refuse("lease_first", "give both lease_first and lease_last, or neither");
    }
    if config.simulated && config.dhcp != DhcpSetting::Off {
        return refuse(
            "dhcp",
            "must be off where the machines are simulated: no real one may boot from there",
        );
    }
    if !(1..=1000).contains(&config.machines_per_address) {
        return refuse("machines_per_address", "must be from 1 to 1000");
    }
    if config.ports == Some(0) {
        return refuse("ports", "must be at least 1");
    }
    if config.http_port == config.api_port && config.http_port != 0 {
        return refuse("api_port", "must not be the same as http_port");
    }
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !"\"'\\$;{}".contains(c));
    if !config.kernel_args.iter().all(|argument| !argument.is_empty() && plain(argument)) {
        return refuse("kernel_args", "each must be one plain word such as console=ttyS0");
    }
    if config.site_name.is_empty() || config.site_name.chars().any(char::is_control) {
        return refuse("site_name", "must be a name of printable characters");
    }
    Ok(())
}

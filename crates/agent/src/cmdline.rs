//! The kernel parameters of the appliance: all of them, and all are `rehome.key=value`.
//!
//! | parameter | meaning |
//! |---|---|
//! | `rehome.mac=52:54:00:12:34:56` | the interface that the boot loader used; it is tried first |
//! | `rehome.uuid=TEXT` | the SMBIOS UUID that the boot loader read |
//! | `rehome.address=10.0.0.1:8443` | the coordinator, where it is another than the site's |
//! | `rehome.lang=en` or `pl` | language of the screen |
//! | `rehome.console=ttyS1` | a further terminal that gets the log |

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::Context as _;
use protocol::MacAddr;

use crate::roots::Roots;
use crate::screen::Lang;

/// Every kernel parameter starting with this is ours.
const PREFIX: &str = "rehome.";
/// The longest value of a text parameter, in bytes.
const MAX_TEXT_LEN: usize = 64;

/// What the kernel command line asks of the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cmdline {
    /// The interface that the boot loader used.
    pub(crate) mac: Option<MacAddr>,
    /// The SMBIOS UUID that the boot loader read.
    pub(crate) uuid: Option<String>,
    /// The coordinator, where it is another than the site's.
    pub(crate) address: Option<CoordinatorAddress>,
    /// Language of the screen.
    pub(crate) lang: Lang,
    /// A further terminal that gets the log.
    pub(crate) console: Option<String>,
    /// Parameters that were refused, each with its reason, for the screen.
    pub(crate) refused: Vec<String>,
}

/// Where the coordinator is; a missing port is that of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CoordinatorAddress {
    /// IPv4 address.
    pub(crate) ip: Ipv4Addr,
    /// Port of the agent API.
    pub(crate) port: Option<u16>,
}

impl Cmdline {
    /// What the running kernel was started with.
    ///
    /// # Errors
    /// When `/proc/cmdline` cannot be read.
    pub(crate) fn read(roots: &Roots) -> anyhow::Result<Self> {
        let path = roots.proc.join("cmdline");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self::parse(&text))
    }

    /// Parses `/proc/cmdline`. What is not ours is the kernel's; what is ours and wrong is listed in `refused`.
    pub(crate) fn parse(text: &str) -> Self {
        let mut cmdline = Self::default();
        for word in text.split_ascii_whitespace() {
            let Some(parameter) = word.strip_prefix(PREFIX) else { continue };
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if let Err(reason) = cmdline.set(key, value) {
                cmdline.refused.push(format!("kernel parameter {PREFIX}{key}: {reason}"));
            }
        }
        cmdline
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        // GRUB leaves a variable empty that the firmware did not fill.
        if value.is_empty() && matches!(key, "mac" | "uuid") {
            return Ok(());
        }
        match key {
            "mac" => self.mac = Some(value.parse().map_err(|error| format!("{error}"))?),
            "uuid" => self.uuid = Some(text(value)?),
            "address" => self.address = Some(address(value)?),
            "console" => self.console = Some(terminal(value)?),
            "lang" => {
                self.lang = match value {
                    "en" => Lang::En,
                    "pl" => Lang::Pl,
                    _ => return Err(format!("{value:?} is not a language: write en or pl")),
                }
            }
            _ => {
                return Err(
                    "is unknown; there are rehome.mac, .uuid, .address, .console and .lang".into(),
                );
            }
        }
        Ok(())
    }
}

fn text(value: &str) -> Result<String, String> {
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && value.len() <= MAX_TEXT_LEN {
        Ok(value.to_owned())
    } else {
        Err(format!("is not plain text of at most {MAX_TEXT_LEN} letters, digits and dashes"))
    }
}

fn terminal(value: &str) -> Result<String, String> {
    let name = text(value)?;
    if name.starts_with("tty") || name.starts_with("hvc") {
        Ok(name)
    } else {
        Err(format!("{value:?} is not a terminal such as ttyS0"))
    }
}

fn address(value: &str) -> Result<CoordinatorAddress, String> {
    let with_port = value
        .parse()
        .map(|at: SocketAddrV4| CoordinatorAddress { ip: *at.ip(), port: Some(at.port()) });
    with_port
        .or_else(|_| value.parse().map(|ip| CoordinatorAddress { ip, port: None }))
        .map_err(|_| format!("{value:?} is not an address such as 10.0.0.1 or 10.0.0.1:8443"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Cmdline) {
        assert_eq!(Cmdline::parse(text), expected, "{text:?}");
    }

    #[test]
    fn ours_are_taken_and_others_ignored() {
        check("", Cmdline::default());
        check("quiet console=ttyS0 panic=30 rehomes.mac=x\n", Cmdline::default());
        check(
            "BOOT_IMAGE=vmlinuz rehome.mac=52:54:00:12:34:56 rehome.lang=pl rehome.console=ttyS1",
            Cmdline {
                mac: Some(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x56])),
                lang: Lang::Pl,
                console: Some("ttyS1".into()),
                ..Cmdline::default()
            },
        );
        check("rehome.mac= rehome.uuid=", Cmdline::default());
        for (value, port) in [("10.0.0.1", None), ("10.0.0.1:8443", Some(8443))] {
            let ip = Ipv4Addr::new(10, 0, 0, 1);
            check(
                &format!("rehome.address={value} rehome.uuid=4C4C4544-0038"),
                Cmdline {
                    address: Some(CoordinatorAddress { ip, port }),
                    uuid: Some("4C4C4544-0038".into()),
                    ..Cmdline::default()
                },
            );
        }
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        for bad in [
            "rehome.mac=52:54",
            "rehome.lang=de",
            "rehome.lang",
            "rehome.address=coordinator.example",
            "rehome.address=10.0.0.1:99999",
            "rehome.console=../sda",
            "rehome.console=sda",
            "rehome.uuid=<b>",
            "rehome.wipe=yes",
            "rehome.=",
        ] {
            let cmdline = Cmdline::parse(bad);
            let key = bad.split('=').next().unwrap();
            assert_eq!(cmdline.refused.len(), 1, "{bad}");
            assert!(cmdline.refused[0].contains(key), "{:?} does not name {key}", cmdline.refused);
            assert_eq!(Cmdline { refused: vec![], ..cmdline }, Cmdline::default(), "{bad}");
        }
    }
}

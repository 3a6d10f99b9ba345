//! Which Debian archive to build from: the one the host's own apt uses.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The keys of every Debian release this host knows of.
pub(super) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const TARGET_FORMAT: &str = "$(REPO_URI) $(RELEASE)";

/// The mirrors of one suite.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Archive {
    main: String,
    security: Option<String>,
    suite: String,
}

impl Archive {
    /// Asks the host's apt for its Debian mirrors.
    pub(super) fn of_host(suite: &str) -> Result<Self> {
        let output = Command::new("apt-get")
            .args(["indextargets", "--format", TARGET_FORMAT, "Created-By: Packages"])
            .output()
            .context("failed to ask apt-get for the host's package sources")?;
        ensure!(
            output.status.success(),
            "apt-get indextargets failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Self::from_targets(&String::from_utf8_lossy(&output.stdout), suite)
    }

    fn from_targets(targets: &str, suite: &str) -> Result<Self> {
        let repositories = || targets.lines().filter_map(|line| line.split_once(' '));
        // Third-party archives have other directory names; Debian's are the same on every mirror.
        let at = |uri: &str, dir: &str| uri.trim_end_matches('/').ends_with(dir);
        let main = repositories()
            .find(|(uri, release)| at(uri, "/debian") && !release.contains('-'))
            .map(|(uri, _)| uri.to_owned())
            .context(
                "the host's apt has no Debian mirror (an address that ends in /debian); \
                 add one to /etc/apt/sources.list.d",
            )?;
        let security = repositories()
            .find(|(uri, release)| release.ends_with("-security") && at(uri, "/debian-security"))
            .map(|(uri, _)| uri.to_owned());
        Ok(Self { main, security, suite: suite.to_owned() })
    }

    /// One-line sources for mmdebstrap: release, stable updates, security updates.
    pub(super) fn source_lines(&self, components: &[String]) -> Vec<String> {
        let (main, suite, components) = (&self.main, &self.suite, components.join(" "));
        let mut lines = vec![
            format!("deb {main} {suite} {components}"),
            format!("deb {main} {suite}-updates {components}"),
        ];
        if let Some(security) = &self.security {
            lines.push(format!("deb {security} {suite}-security {components}"));
        }
        lines
    }

    /// Whether security updates come in at build time already.
    pub(super) fn has_security(&self) -> bool {
        self.security.is_some()
    }
}

/// What the host's apt is told about proxies, for mmdebstrap's own apt.
pub(super) fn proxy_options() -> Result<Vec<String>> {
    ["Acquire::http::Proxy", "Acquire::https::Proxy"]
        .into_iter()
        .map(|key| {
            let output = Command::new("apt-config")
                .args(["shell", "PROXY", key])
                .output()
                .context("failed to ask apt-config for the host's proxy")?;
            Ok(proxy_option(key, &String::from_utf8_lossy(&output.stdout)))
        })
        .filter_map(Result::transpose)
        .collect()
}

/// `PROXY='http://host:3142/'` to an apt option; nothing to nothing.
fn proxy_option(key: &str, shell: &str) -> Option<String> {
    let value = shell.trim().strip_prefix("PROXY='")?.strip_suffix('\'')?;
    (!value.is_empty()).then(|| format!("{key} \"{value}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_debian_among_the_hosts_sources() {
        let targets = "https://other.example/node/ nodistro\n\
            http://mirror.example/debian/ bookworm-updates\n\
            http://mirror.example/debian/ bookworm\n\
            http://mirror.example/debian-security/ bookworm-security\n";
        let archive = Archive::from_targets(targets, "trixie").unwrap();
        assert_eq!(
            archive.source_lines(&["main".into(), "contrib".into()]),
            [
                "deb http://mirror.example/debian/ trixie main contrib",
                "deb http://mirror.example/debian/ trixie-updates main contrib",
                "deb http://mirror.example/debian-security/ trixie-security main contrib",
            ]
        );
        let error = Archive::from_targets("http://other.example/ubuntu/ noble", "trixie");
        assert!(error.unwrap_err().to_string().contains("/etc/apt/sources.list.d"));
    }

    #[test]
    fn hands_the_hosts_proxy_on() {
        let proxied = proxy_option("Acquire::http::Proxy", "PROXY='http://10.0.0.2:3142'\n");
        assert_eq!(proxied.as_deref(), Some("Acquire::http::Proxy \"http://10.0.0.2:3142\""));
        assert_eq!(proxy_option("Acquire::http::Proxy", ""), None);
    }
}

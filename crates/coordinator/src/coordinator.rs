//! What every request needs: configuration, keys, journal, images, and who is talking.

use std::net::SocketAddrV4;
use std::sync::{Arc, OnceLock};

use protocol::api::SiteConfig;

use crate::boot_files::BootSet;
use crate::config::{Config, DhcpSetting};
use crate::disk_space::DiskSpace;
use crate::enrollment::{Crowd, Rules};
use crate::images::ImageStore;
use crate::journal::Journal;
use crate::live::Live;
use crate::login::Login;
use crate::metrics::{Counted, MetricsToken};
use crate::netboot::Machines;
use crate::recovery::RecoverySecret;
use crate::sessions::Sessions;
use crate::site::Site;
use crate::witness::Looks;

/// The coordinator while it serves. Shared by all requests.
#[derive(Debug)]
pub(crate) struct Coordinator {
    pub(crate) config: Config,
    pub(crate) site: Arc<Site>,
    /// From which the passwords of drives follow.
    pub(crate) recovery: RecoverySecret,
    pub(crate) journal: Journal,
    pub(crate) images: ImageStore,
    pub(crate) boot_set: BootSet,
    pub(crate) sessions: Sessions,
    pub(crate) live: Live,
    /// Who may log in, and who is.
    pub(crate) login: Login,
    /// What people wait to see of held machines.
    pub(crate) looks: Looks,
    /// Room for what is recorded.
    pub(crate) disk: DiskSpace,
    /// By which monitors read the metrics.
    pub(crate) metrics_token: MetricsToken,
    /// Bytes of image chunks that were sent.
    pub(crate) chunk_bytes: Counted,
    /// Who enrolled lately.
    pub(crate) crowd: Crowd,
    /// Where boot files and chunks are, as bound.
    pub(crate) http: SocketAddrV4,
    /// Where the agents' API is, as bound.
    pub(crate) api: SocketAddrV4,
    /// The DHCP service's clients, once it serves.
    pub(crate) dhcp_machines: OnceLock<Machines>,
    /// The DHCP mode after `auto` was decided.
    pub(crate) dhcp: DhcpSetting,
}

impl Coordinator {
    /// What admission by itself rests on: that we alone give addresses, and still do. And whether there is room.
    pub(crate) fn rules(&self) -> Rules {
        let stopped = self.dhcp_machines.get().is_some_and(|it| it.stopped_by().is_some());
        let automatic = self.dhcp == DhcpSetting::Full && self.config.isolated && !stopped;
        Rules { automatic, room: self.disk.check().is_ok() }
    }

    /// Where a first boot reports.
    pub(crate) fn first_boot_url(&self) -> String {
        format!("http://{}/booted", self.http)
    }

    /// What an agent knows beforehand: public values only.
    pub(crate) fn site_config(&self) -> SiteConfig {
        SiteConfig {
            name: self.config.site_name.clone(),
            address: *self.api.ip(),
            api_port: self.api.port(),
            http_port: self.http.port(),
            tls_key: self.site.tls_key,
            site_key: self.site.public(),
        }
    }
}

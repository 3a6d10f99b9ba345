//! Where the test's own laptops find the coordinator.

use std::net::{Ipv4Addr, SocketAddrV4};

use protocol::api::SiteConfig;

/// A coordinator that serves in the workshop.
pub(crate) struct Coordinator {
    pub(crate) site: SiteConfig,
}

impl Coordinator {
    pub(crate) fn api(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address(), self.site.api_port)
    }

    pub(crate) fn http(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address(), self.site.http_port)
    }

    fn address(&self) -> Ipv4Addr {
        self.site.address
    }
}

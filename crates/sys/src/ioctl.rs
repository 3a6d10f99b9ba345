//! ioctl(2) with the request's name in the error.
#![expect(unsafe_code, reason = "ioctl(2) itself")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::libc::{self, c_int, c_ulong};

/// The kernel refused a request.
#[derive(Debug, thiserror::Error)]
#[error("{request} failed")]
pub struct IoctlError {
    /// The request, by its name in the kernel's headers.
    pub request: &'static str,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl IoctlError {
    /// Whether the device does not know the request at all, as opposed to having failed at it.
    pub fn is_unknown_request(&self) -> bool {
        // Drivers disagree on the number: ENOTTY is the rule, the others leak from old ones.
        let unknown = [Errno::ENOTTY, Errno::EINVAL, Errno::EOPNOTSUPP];
        self.source.raw_os_error().is_some_and(|code| unknown.contains(&Errno::from_raw(code)))
    }
}

/// A request: its name and number in the kernel's headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) name: &'static str,
    pub(crate) code: c_ulong,
}

impl Request {
    /// Sends the request and returns what the kernel returned, which is never negative.
    ///
    /// # Safety
    /// `argument` must be what the kernel takes for this request: null where it takes none, else valid for as
    /// many bytes as it reads or writes, with every pointer inside valid as well, until the call returns.
    pub(crate) unsafe fn send<T>(
        self,
        device: &impl AsFd,
        argument: *mut T,
    ) -> Result<c_int, IoctlError> {
        // SAFETY: the descriptor is open for as long as it is borrowed; the caller vouches for the argument.
        let returned = unsafe { libc::ioctl(device.as_fd().as_raw_fd(), self.code, argument) };
        Errno::result(returned)
            .map_err(|errno| IoctlError { request: self.name, source: errno.into() })
    }
}

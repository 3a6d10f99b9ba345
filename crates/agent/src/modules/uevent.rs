//! The kernel's device events (`NETLINK_KOBJECT_UEVENT`), heard directly.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// The multicast group of the kernel's own messages; group 2 is udev's.
const KERNEL_GROUP: u32 = 1;
/// The kernel builds messages of at most 2 KiB of variables (`UEVENT_BUFFER_SIZE`) and a path.
const MAX_MESSAGE_LEN: usize = 8 * 1024;
const RECEIVE_BUFFER_LEN: usize = 4 * 1024 * 1024;

/// An open ear for device events.
#[derive(Debug)]
pub(super) struct UeventSocket(OwnedFd);

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something happened to a device.
    Event(Uevent),
    /// Nothing within the time.
    Silence,
    /// More happened than the socket could hold: everything must be looked at again.
    Overrun,
}

/// What is of interest in one event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uevent {
    /// `add`, `remove`, `change`, `bind`, ...
    pub(super) action: String,
    /// `block`, `pci`, `usb`, ...
    pub(super) subsystem: String,
    /// What names the driver, where the device has such a thing.
    pub(super) modalias: Option<String>,
}

impl UeventSocket {
    /// Opens the socket; [`hear`](Self::hear) then waits for at most `timeout`.
    pub(super) fn open(timeout: Duration) -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkKObjectUEvent,
        )?;
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_LEN)?;
        let millis = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(millis))?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, KERNEL_GROUP))?;
        Ok(Self(socket))
    }

    /// Waits for the next event.
    pub(super) fn hear(&self) -> io::Result<Heard> {
        let mut message = [0; MAX_MESSAGE_LEN];
        match recv(self.0.as_raw_fd(), &mut message, MsgFlags::empty()) {
            Ok(len) => Ok(Heard::Event(Uevent::parse(&message[..len]))),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(Heard::Silence),
            Err(Errno::ENOBUFS) => Ok(Heard::Overrun),
            Err(error) => Err(error.into()),
        }
    }
}

impl Uevent {
    /// Reads `ACTION@PATH` and the `KEY=value` fields behind it, each ended by NUL.
    fn parse(message: &[u8]) -> Self {
        let mut event = Self::default();
        for field in message.split(|byte| *byte == 0) {
            let Ok(field) = std::str::from_utf8(field) else { continue };
            match field.split_once('=') {
                Some(("ACTION", value)) => value.clone_into(&mut event.action),
                Some(("SUBSYSTEM", value)) => value.clone_into(&mut event.subsystem),
                Some(("MODALIAS", value)) => event.modalias = Some(value.to_owned()),
                _ => {}
            }
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_interest() {
        for (message, action, subsystem, modalias) in [
            (
                &b"add@/devices/pci0000:00/0000:00:03.0\0ACTION=add\0DEVPATH=/devices/pci0000:00\0\
                   SUBSYSTEM=pci\0MODALIAS=pci:v00008086d0000100E\0SEQNUM=7\0"[..],
                "add",
                "pci",
                Some("pci:v00008086d0000100E"),
            ),
            (b"remove@/devices/x\0ACTION=remove\0SUBSYSTEM=block\0", "remove", "block", None),
            (b"libudev\0\xfe\xed\xca\xfe", "", "", None),
            (b"", "", "", None),
        ] {
            let event = Uevent::parse(message);
            assert_eq!(event.action, action);
            assert_eq!(event.subsystem, subsystem);
            assert_eq!(event.modalias.as_deref(), modalias);
        }
    }
}

//! NVMe admin commands through the kernel: `linux/nvme_ioctl.h`; Identify by NVM Express Base 2.0, section 5.17.
#![expect(unsafe_code, reason = "ioctl with an address inside its argument")]

use std::os::fd::AsFd;
use std::ptr::null_mut;
use std::time::Duration;

use nix::libc::c_int;
use nix::{request_code_none, request_code_readwrite};

use crate::IoctlError;
use crate::ioctl::Request;
use crate::taskfile::Transfer;

/// Length of every Identify data structure in bytes.
pub const IDENTIFY_LEN: usize = 4096;

const ADMIN_IDENTIFY: u8 = 0x06;
const ADMIN_GET_LOG_PAGE: u8 = 0x02;
const CNS_NAMESPACE: u32 = 0;
const CNS_CONTROLLER: u32 = 1;
const CNS_ACTIVE_NAMESPACES: u32 = 2;
const CNS_ALLOCATED_NAMESPACES: u32 = 0x10;
const IDENTIFY_TIMEOUT: Duration = Duration::from_secs(15);

/// An admin command: what stands in the submission queue entry apart from its data (NVM Express Base 2.0, figure 88).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdminCommand {
    /// Opcode.
    pub opcode: u8,
    /// Namespace identifier; zero where the command is of the controller.
    pub nsid: u32,
    /// Command dwords 10 to 15.
    pub cdw10: [u32; 6],
}

/// `struct nvme_passthru_cmd`, alias `nvme_admin_cmd`.
#[repr(C)]
#[derive(Default)]
struct NvmeAdminCmd {
    opcode: u8,
    flags: u8,
    rsvd1: u16,
    nsid: u32,
    cdw2: u32,
    cdw3: u32,
    metadata: u64,
    addr: u64,
    metadata_len: u32,
    data_len: u32,
    cdw10: u32,
    cdw11: u32,
    cdw12: u32,
    cdw13: u32,
    cdw14: u32,
    cdw15: u32,
    timeout_ms: u32,
    result: u32,
}
const _: () = assert!(size_of::<NvmeAdminCmd>() == 72);

const NVME_IOCTL_ID: Request =
    Request { name: "NVME_IOCTL_ID", code: request_code_none!(b'N', 0x40) };
const NVME_IOCTL_ADMIN_CMD: Request = Request {
    name: "NVME_IOCTL_ADMIN_CMD",
    code: request_code_readwrite!(b'N', 0x41, size_of::<NvmeAdminCmd>()),
};
const _: () = assert!(NVME_IOCTL_ADMIN_CMD.code == 0xc048_4e41);

impl AdminCommand {
    /// How many bytes the controller moves for it; none where that is not known here.
    fn data_len(&self) -> Option<usize> {
        let [cdw10, cdw11, ..] = self.cdw10;
        match self.opcode {
            ADMIN_IDENTIFY => Some(IDENTIFY_LEN),
            // NUMDL and NUMDU: dwords, counted from zero.
            ADMIN_GET_LOG_PAGE => {
                let dwords = u64::from(cdw10 >> 16 | (cdw11 & 0xffff) << 16) + 1;
                usize::try_from(dwords * 4).ok()
            }
            _ => None,
        }
    }
}

/// Why an admin command gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The kernel did not carry it out.
    #[error("NVMe {command} did not reach the controller")]
    Submit {
        /// Name of the command.
        command: &'static str,
        /// Why.
        #[source]
        source: IoctlError,
    },
    /// The controller refused it.
    #[error("the controller answered NVMe {command} with status {status:#06x}")]
    Status {
        /// Name of the command.
        command: &'static str,
        /// Status code type and status code (NVM Express Base 2.0, figure 94), phase bit removed.
        status: u32,
    },
    /// The way to the controller is gone for now: the kernel's word, not the controller's (status code type 3).
    #[error(
        "NVMe {command} did not reach the controller: path status {status:#06x}; it may come back"
    )]
    Path {
        /// Name of the command.
        command: &'static str,
        /// The status.
        status: u32,
    },
    /// The data is longer than a command can carry.
    #[error("NVMe {command} with {length} bytes of data: more than a command can carry")]
    TooLong {
        /// Name of the command.
        command: &'static str,
        /// How many bytes.
        length: usize,
    },
    /// The controller would move another amount of data than there is room for, or an unknown one.
    #[error("NVMe {command} was not sent: it moves {moves:?} bytes, and there are {length}")]
    Length {
        /// Name of the command.
        command: &'static str,
        /// How many bytes there are.
        length: usize,
        /// How many it moves, where that is known.
        moves: Option<usize>,
    },
    /// The data would go the other way than the opcode says.
    #[error("NVMe {command} was not sent: opcode {opcode:#04x} moves its data the other way")]
    Direction {
        /// Name of the command.
        command: &'static str,
        /// The opcode.
        opcode: u8,
    },
    /// The device takes no NVMe commands.
    #[error("NVMe {command} was not sent: the drive takes no NVMe commands")]
    NotNvme {
        /// Name of the command.
        command: &'static str,
    },
}

/// `NVME_IOCTL_ID`: the namespace that the descriptor of a `/dev/nvmeXnY` stands for.
pub fn namespace_id(namespace: &impl AsFd) -> Result<u32, IoctlError> {
    // SAFETY: the request takes no argument and returns the number.
    let id = unsafe { NVME_IOCTL_ID.send(namespace, null_mut::<()>()) }?;
    Ok(id.cast_unsigned())
}

/// Identify Controller (CNS 01h), through a controller or any of its namespaces.
pub fn identify_controller(device: &impl AsFd) -> Result<[u8; IDENTIFY_LEN], AdminError> {
    identify(device, 0, CNS_CONTROLLER)
}

/// Identify Namespace (CNS 00h).
pub fn identify_namespace(
    device: &impl AsFd,
    namespace: u32,
) -> Result<[u8; IDENTIFY_LEN], AdminError> {
    identify(device, namespace, CNS_NAMESPACE)
}

/// Active Namespace ID list (CNS 02h): the lowest 1,024 namespaces attached to the controller, ascending.
///
/// Controllers before NVMe 1.1 refuse it.
pub fn active_namespaces(device: &impl AsFd) -> Result<Vec<u32>, AdminError> {
    Ok(decode_namespace_list(&identify(device, 0, CNS_ACTIVE_NAMESPACES)?))
}

/// Allocated Namespace ID list (CNS 10h): the lowest 1,024 namespaces of the subsystem, attached to a controller or not.
///
/// Only controllers with Namespace Management (OACS bit 3) know it.
pub fn allocated_namespaces(device: &impl AsFd) -> Result<Vec<u32>, AdminError> {
    Ok(decode_namespace_list(&identify(device, 0, CNS_ALLOCATED_NAMESPACES)?))
}

/// Decodes a Namespace List (NVM Express Base 2.0, section 4.4.2): ascending ids, zero ends it.
pub fn decode_namespace_list(list: &[u8; IDENTIFY_LEN]) -> Vec<u32> {
    let (ids, _) = list.as_chunks::<4>();
    ids.iter().map(|id| u32::from_le_bytes(*id)).take_while(|&id| id != 0).collect()
}

fn identify(device: &impl AsFd, nsid: u32, cns: u32) -> Result<[u8; IDENTIFY_LEN], AdminError> {
    let name = match cns {
        CNS_NAMESPACE => "Identify Namespace",
        CNS_CONTROLLER => "Identify Controller",
        CNS_ALLOCATED_NAMESPACES => "Identify (allocated namespaces)",
        _ => "Identify (active namespaces)",
    };
    let mut data = [0_u8; IDENTIFY_LEN];
    let command = AdminCommand { opcode: ADMIN_IDENTIFY, nsid, cdw10: [cns, 0, 0, 0, 0, 0] };
    admin_command(device, name, &command, Transfer::In(&mut data), IDENTIFY_TIMEOUT)?;
    Ok(data)
}

/// Sends one admin command and waits for its completion, through a controller or any of its namespaces. Gives
/// dword 0 of the completion.
///
/// `name` is for errors. Completion of Sanitize is not the end of sanitizing. Needs `CAP_SYS_ADMIN`.
pub fn admin_command(
    device: &impl AsFd,
    name: &'static str,
    command: &AdminCommand,
    transfer: Transfer<'_>,
    timeout: Duration,
) -> Result<u32, AdminError> {
    let (data, length, direction) = match transfer {
        Transfer::None => (null_mut(), 0, 0),
        Transfer::Out(data) => (data.as_ptr().cast_mut(), data.len(), 1),
        Transfer::In(data) => (data.as_mut_ptr(), data.len(), 2),
    };
    // The controller, not the kernel, decides how much it moves.
    let moves = command.data_len();
    if direction != 0 && moves != Some(length) {
        return Err(AdminError::Length { command: name, length, moves });
    }
    // The kernel goes by the opcode's low bits: what returns data would write into what was only lent for reading.
    if direction != 0 && command.opcode & 3 != direction {
        return Err(AdminError::Direction { command: name, opcode: command.opcode });
    }
    let too_long = |_| AdminError::TooLong { command: name, length };
    let [cdw10, cdw11, cdw12, cdw13, cdw14, cdw15] = command.cdw10;
    let mut entry = NvmeAdminCmd {
        opcode: command.opcode,
        nsid: command.nsid,
        addr: data.expose_provenance() as u64,
        data_len: u32::try_from(length).map_err(too_long)?,
        cdw10,
        cdw11,
        cdw12,
        cdw13,
        cdw14,
        cdw15,
        timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
        ..NvmeAdminCmd::default()
    };
    // SAFETY: `addr` is null with length zero, or the start of a borrow of data_len bytes that outlives the call,
    // which is synchronous, and of as many bytes as the command moves. It is written to only where the opcode says so,
    // and then the borrow is exclusive.
    let status = unsafe { NVME_IOCTL_ADMIN_CMD.send(device, &raw mut entry) };
    check_status(name, status)?;
    Ok(entry.result)
}

/// A positive return value is the completion's status field, no errno.
fn check_status(
    command: &'static str,
    returned: Result<c_int, IoctlError>,
) -> Result<(), AdminError> {
    match returned {
        Ok(0) => Ok(()),
        Ok(status) if status >> 8 & 0x07 == 3 => {
            Err(AdminError::Path { command, status: status.cast_unsigned() })
        }
        Ok(status) => Err(AdminError::Status { command, status: status.cast_unsigned() }),
        Err(source) => Err(AdminError::Submit { command, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_list_ends_at_the_first_zero() {
        let mut list = [0; IDENTIFY_LEN];
        assert_eq!(decode_namespace_list(&list), Vec::<u32>::new());
        list[0] = 1;
        list[4] = 2;
        list[9] = 1;
        list[16] = 9;
        assert_eq!(decode_namespace_list(&list), [1, 2, 256]);
        let full: Vec<u8> = (1..=1024_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(decode_namespace_list(full.as_slice().try_into().unwrap()).len(), 1024);
    }

    #[test]
    fn a_status_is_no_errno_and_neither_is_success() {
        assert!(check_status("Identify", Ok(0)).is_ok());
        let refused = check_status("Identify", Ok(0x4002)).unwrap_err();
        assert!(matches!(refused, AdminError::Status { status: 0x4002, .. }), "{refused}");
        let path = check_status("Identify", Ok(0x0370)).unwrap_err();
        assert!(matches!(path, AdminError::Path { status: 0x0370, .. }), "{path}");
        let file = tempfile::tempfile().unwrap();
        let failed = check_status("Identify", namespace_id(&file).map(|_| 0)).unwrap_err();
        assert!(matches!(failed, AdminError::Submit { .. }), "{failed}");
    }

    #[test]
    fn a_command_moves_what_there_is_room_for_or_is_not_sent() {
        let file = tempfile::tempfile().unwrap();
        let mut short = [0; 512];
        let identify = AdminCommand { opcode: 0x06, nsid: 0, cdw10: [1, 0, 0, 0, 0, 0] };
        let log = AdminCommand { opcode: 0x02, nsid: 0, cdw10: [0x81 | 127 << 16, 0, 0, 0, 0, 0] };
        let mut send = |command| {
            admin_command(&file, "test", command, Transfer::In(&mut short), IDENTIFY_TIMEOUT)
        };
        assert!(matches!(send(&identify), Err(AdminError::Length { moves: Some(4096), .. })));
        assert!(matches!(send(&log), Err(AdminError::Submit { .. })));
        let vendor = AdminCommand { opcode: 0xc2, ..identify };
        assert!(matches!(send(&vendor), Err(AdminError::Length { moves: None, .. })));
    }

    #[test]
    fn a_plain_file_is_no_namespace() {
        let file = tempfile::tempfile().unwrap();
        assert!(namespace_id(&file).unwrap_err().is_unknown_request());
        assert!(identify_controller(&file).is_err());
        assert!(identify_namespace(&file, 1).is_err());
        assert!(active_namespaces(&file).is_err());
    }
}

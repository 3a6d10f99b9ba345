//! NVMe admin commands through the kernel: `linux/nvme_ioctl.h`; Identify by NVM Express Base 2.0, section 5.17.
#![expect(unsafe_code, reason = "ioctl with an address inside its argument")]

use std::os::fd::AsFd;
use std::ptr::null_mut;

use nix::libc::c_int;
use nix::{request_code_none, request_code_readwrite};

use crate::IoctlError;
use crate::ioctl::Request;

/// Length of every Identify data structure in bytes.
pub const IDENTIFY_LEN: usize = 4096;

const ADMIN_IDENTIFY: u8 = 0x06;
const CNS_NAMESPACE: u32 = 0;
const CNS_CONTROLLER: u32 = 1;
const CNS_ACTIVE_NAMESPACES: u32 = 2;
const TIMEOUT_MS: u32 = 15_000;

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

/// Why an admin command gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The kernel did not carry it out.
    #[error("NVMe Identify (CNS {cns}) did not reach the controller")]
    Submit {
        /// Which data structure was asked for.
        cns: u32,
        /// Why.
        #[source]
        source: IoctlError,
    },
    /// The controller refused it.
    #[error("the controller answered NVMe Identify (CNS {cns}) with status {status:#06x}")]
    Status {
        /// Which data structure was asked for.
        cns: u32,
        /// Status code type and status code (NVM Express Base 2.0, figure 94), phase bit removed.
        status: u32,
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

/// Decodes a Namespace List (NVM Express Base 2.0, section 4.4.2): ascending ids, zero ends it.
fn decode_namespace_list(list: &[u8; IDENTIFY_LEN]) -> Vec<u32> {
    let (ids, _) = list.as_chunks::<4>();
    ids.iter().map(|id| u32::from_le_bytes(*id)).take_while(|&id| id != 0).collect()
}

fn identify(device: &impl AsFd, nsid: u32, cns: u32) -> Result<[u8; IDENTIFY_LEN], AdminError> {
    let mut data = [0_u8; IDENTIFY_LEN];
    let mut command = NvmeAdminCmd {
        opcode: ADMIN_IDENTIFY,
        nsid,
        addr: data.as_mut_ptr().expose_provenance() as u64,
        data_len: 4096,
        cdw10: cns,
        timeout_ms: TIMEOUT_MS,
        ..NvmeAdminCmd::default()
    };
    // SAFETY: the kernel writes at most data_len bytes to addr, which is `data`, exclusive until the call
    // returns, and updates the command in place.
    let status = unsafe { NVME_IOCTL_ADMIN_CMD.send(device, &raw mut command) };
    check_status(cns, status)?;
    Ok(data)
}

/// A positive return value is the completion's status field, no errno.
fn check_status(cns: u32, returned: Result<c_int, IoctlError>) -> Result<(), AdminError> {
    match returned {
        Ok(0) => Ok(()),
        Ok(status) => Err(AdminError::Status { cns, status: status.cast_unsigned() }),
        Err(source) => Err(AdminError::Submit { cns, source }),
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
        assert!(check_status(1, Ok(0)).is_ok());
        let refused = check_status(2, Ok(0x4002)).unwrap_err();
        assert!(matches!(refused, AdminError::Status { cns: 2, status: 0x4002 }), "{refused}");
        let file = tempfile::tempfile().unwrap();
        let failed = check_status(1, namespace_id(&file).map(|_| 0)).unwrap_err();
        assert!(matches!(failed, AdminError::Submit { cns: 1, .. }), "{failed}");
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

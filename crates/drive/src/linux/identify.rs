//! Who a drive is and what it can do: asked through open descriptors.

use std::fs::File;

use protocol::{ByteLen, DriveIdentity, EraseFeatures};
use sys::nvme::{AdminError, IDENTIFY_LEN};
use sys::sg::{AtaError, IDENTIFY_DEVICE_LEN};
use sys::taskfile::Transfer;

use super::parts::Part;
use crate::ata::AtaCommand;
use crate::identity::{Identified, IdentityError};
use crate::nvme::SanitizeLog;
use crate::{ata, nvme};

/// Who it is.
pub(super) fn identity(parts: &[Part]) -> Result<DriveIdentity, IdentityError> {
    let identity = match parts {
        [part] if part.namespace.is_none() => ata::decode(&identify_device(&part.file)?)?,
        parts => Unit::ask(parts)?.identity,
    };
    of_the_kernels_size(identity, parts)
}

/// Who it is, what it can do, and what of it is out of reach.
pub(super) fn identify(parts: &[Part]) -> Result<Identified, IdentityError> {
    let identified = match parts {
        [part] if part.namespace.is_none() => identify_ata(&part.file)?,
        parts => identify_nvme(parts)?,
    };
    Ok(Identified { identity: of_the_kernels_size(identified.identity, parts)?, ..identified })
}

fn of_the_kernels_size(
    identity: DriveIdentity,
    parts: &[Part],
) -> Result<DriveIdentity, IdentityError> {
    let (drive, mut kernel) = (identity.size, ByteLen(0));
    // Asked anew: what it was when the drive was opened says nothing of what an overwrite reaches now.
    for part in parts {
        let size = sys::block::size(&part.file).map_err(IdentityError::Kernel)?;
        kernel = ByteLen(kernel.0.saturating_add(size));
    }
    // An overwrite reaches what the kernel addresses. Where the drive has more, data would stay behind.
    if drive != kernel {
        return Err(IdentityError::SizeDisagrees { drive, kernel });
    }
    Ok(identity)
}

/// An NVMe controller with its namespaces.
struct Unit {
    controller: [u8; IDENTIFY_LEN],
    ids: Vec<u32>,
    identity: DriveIdentity,
}

impl Unit {
    fn ask(parts: &[Part]) -> Result<Self, IdentityError> {
        let ids: Option<Vec<u32>> = parts.iter().map(|part| part.namespace).collect();
        let ids = ids.filter(|ids| ids.is_sorted_by(|a, b| a < b));
        let (Some(ids), [first, more @ ..]) = (ids, parts) else {
            return Err(IdentityError::NotOneUnit);
        };
        let ask = |part: &Part| sys::nvme::identify_controller(&part.file);
        let controller = ask(first).map_err(IdentityError::Nvme)?;
        for part in more {
            let other = ask(part).map_err(IdentityError::Nvme)?;
            if nvme::name_of(&other) != nvme::name_of(&controller) {
                return Err(IdentityError::NotOneUnit);
            }
        }
        let ask = |(part, &id): (&Part, &u32)| sys::nvme::identify_namespace(&part.file, id);
        let namespaces: Result<Vec<_>, _> = parts.iter().zip(&ids).map(ask).collect();
        let namespaces = namespaces.map_err(IdentityError::Nvme)?;
        let identity = nvme::decode(&controller, &namespaces)?;
        Ok(Self { controller, ids, identity })
    }
}

fn identify_nvme(parts: &[Part]) -> Result<Identified, IdentityError> {
    let Unit { controller, ids, identity } = Unit::ask(parts)?;
    let [Part { file, .. }, ..] = parts else { return Err(IdentityError::NotOneUnit) };
    let n_others = n_other_namespaces(file, &controller, &ids)?;
    let ask = || {
        let mut log = [0; nvme::SANITIZE_LOG_LEN];
        let (name, transfer) = ("Sanitize Status log", Transfer::In(&mut log));
        let command = nvme::sanitize_log_command();
        sys::nvme::admin_command(file, name, &command, transfer, nvme::SHORT)?;
        Ok(SanitizeLog::parse(&log))
    };
    let features = nvme::features_now(&controller, ask).map_err(IdentityError::Nvme)?;
    let features = EraseFeatures::Nvme(features);
    let other_namespaces = u32::try_from(n_others).unwrap_or(u32::MAX);
    Ok(Identified { identity, features, other_namespaces })
}

/// How many namespaces there are beside these.
fn n_other_namespaces(
    file: &File,
    controller: &[u8; IDENTIFY_LEN],
    ours: &[u32],
) -> Result<usize, IdentityError> {
    let n_others = |ids: Vec<u32>| ids.iter().filter(|id| !ours.contains(id)).count();
    let n_active = match sys::nvme::active_namespaces(file) {
        Ok(active) => n_others(active),
        // Before NVMe 1.1 there is no list and every number up to NN is a namespace.
        Err(AdminError::Status { .. }) => {
            let n_all = usize::try_from(nvme::max_namespaces(controller)).unwrap_or(usize::MAX);
            n_all.saturating_sub(ours.len())
        }
        Err(error) => return Err(IdentityError::Nvme(error)),
    };
    // A namespace that is attached to no controller keeps its data, and no list of attached ones shows it.
    let n_allocated = if nvme::manages_namespaces(controller) {
        match sys::nvme::allocated_namespaces(file) {
            Ok(allocated) => n_others(allocated),
            Err(AdminError::Status { .. }) => 0,
            Err(error) => return Err(IdentityError::Nvme(error)),
        }
    } else {
        0
    };
    Ok(n_active.max(n_allocated))
}

fn identify_device(file: &File) -> Result<[u8; IDENTIFY_DEVICE_LEN], IdentityError> {
    sys::sg::identify_device(file).map_err(|error| match error {
        AtaError::Submit { source, .. } if source.is_unknown_request() => IdentityError::NoCommand,
        error => IdentityError::Ata(error),
    })
}

fn identify_ata(file: &File) -> Result<Identified, IdentityError> {
    let data = identify_device(file)?;
    let identity = ata::decode(&data)?;
    let ask = || {
        let status = AtaCommand::SanitizeStatus;
        sys::sg::ata_command(file, status.name(), &status.taskfile(), Transfer::None, ata::SHORT)
    };
    let features = ata::features_now(&data, ask).map_err(IdentityError::Ata)?;
    Ok(Identified { identity, features: EraseFeatures::Ata(features), other_namespaces: 0 })
}

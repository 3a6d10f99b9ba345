//! Identify: the drive's own data, with the fields patched in that speak of the fabric (NVM Express Base 2.0,
//! figure 275 and section 5.17.2).

use drive::Drive;
use drive::nvme::identify;

use super::admin::forward;
use super::command::{Command, Status};
use super::controller::{Controller, MAX_QUEUE_LEN, Subsystem, VERSION};
use super::pdu::CAPSULE_DATA_LEN;
use super::queue::{Answer, Gone};

const LEN: usize = 4096;

const CNS_NAMESPACE: u32 = 0x00;
const CNS_CONTROLLER: u32 = 0x01;
const CNS_NAMESPACE_DESCRIPTORS: u32 = 0x03;
const CNS_COMMAND_SET_NAMESPACE: u32 = 0x05;
const CNS_COMMAND_SET_CONTROLLER: u32 = 0x06;

const DESCRIPTOR_EUI64: u8 = 1;
const DESCRIPTOR_NGUID: u8 = 2;

/// MDTS: transfers of up to 2^8 pages, 1 MiB.
const MAX_TRANSFER_EXPONENT: u8 = 8;
/// KAS in units of 100 ms.
const KEEP_ALIVE_GRANULARITY: u16 = 1;
const NQN_LEN: usize = 256;

pub(super) fn execute(
    subsystem: &Subsystem,
    controller: &Controller,
    command: &Command,
) -> Result<Answer, Gone> {
    if command.data_len() != LEN {
        return Ok(Answer::refused(Status::DATA_LENGTH_INVALID));
    }
    let [cns, ..] = command.dwords();
    match cns & 0xff {
        CNS_CONTROLLER => {
            let mut answer = forward(&subsystem.drive, "Identify Controller", command, &[])?;
            if let Answer::Done { data, .. } = &mut answer
                && let Some(identity) = data.first_chunk_mut()
            {
                patch(identity, controller.id, &subsystem.nqn);
            }
            Ok(answer)
        }
        CNS_NAMESPACE_DESCRIPTORS => descriptors(&subsystem.drive, command.namespace()),
        // Nothing beyond the defaults.
        CNS_COMMAND_SET_NAMESPACE | CNS_COMMAND_SET_CONTROLLER => Ok(Answer::data(vec![0; LEN])),
        CNS_NAMESPACE => forward(&subsystem.drive, "Identify Namespace", command, &[]),
        _ => forward(&subsystem.drive, "Identify", command, &[]),
    }
}

/// What a drive says that sits on PCI Express is not what a host on a network needs.
fn patch(identity: &mut [u8; LEN], controller: u16, nqn: &str) {
    identity[77] = match identity[77] {
        0 => MAX_TRANSFER_EXPONENT,
        own => own.min(MAX_TRANSFER_EXPONENT),
    };
    identity[78..80].copy_from_slice(&controller.to_le_bytes());
    identity[80..84].copy_from_slice(&VERSION.to_le_bytes());
    // CNTRLTYPE: an I/O controller.
    identity[111] = 1;
    identity[320..322].copy_from_slice(&KEEP_ALIVE_GRANULARITY.to_le_bytes());
    // SQES and CQES: entries of 64 and 16 bytes.
    identity[512..514].copy_from_slice(&[0x66, 0x44]);
    identity[514..516].copy_from_slice(&MAX_QUEUE_LEN.to_le_bytes());
    // SGLS: supported, with offsets into the capsule.
    identity[536..540].copy_from_slice(&(1_u32 | 1 << 20).to_le_bytes());
    identity[768..768 + NQN_LEN].fill(0);
    let nqn = &nqn.as_bytes()[..nqn.len().min(NQN_LEN - 1)];
    identity[768..768 + nqn.len()].copy_from_slice(nqn);
    // IOCCSZ and IORCSZ in units of 16 bytes, ICDOFF, FCATT (dynamic controllers), MSDBD.
    let capsule = u32::try_from((64 + CAPSULE_DATA_LEN) / 16).unwrap_or(u32::MAX);
    identity[1792..1796].copy_from_slice(&capsule.to_le_bytes());
    identity[1796..1800].copy_from_slice(&1_u32.to_le_bytes());
    identity[1800..1803].fill(0);
    identity[1803] = 1;
}

/// The Namespace Identification Descriptor list: the names that Identify Namespace gives.
fn descriptors(drive: &dyn Drive, namespace: u32) -> Result<Answer, Gone> {
    let identity = match identify(drive, Some(namespace)) {
        Ok(identity) => identity,
        Err(error) => return super::admin::refusal(&error),
    };
    let mut list = Vec::with_capacity(LEN);
    for (kind, name) in
        [(DESCRIPTOR_EUI64, &identity[120..128]), (DESCRIPTOR_NGUID, &identity[104..120])]
    {
        if name.iter().any(|&byte| byte != 0) {
            list.extend([kind, if kind == DESCRIPTOR_EUI64 { 8 } else { 16 }, 0, 0]);
            list.extend(name);
        }
    }
    list.resize(LEN, 0);
    Ok(Answer::data(list))
}

//! A subsystem and the controllers that hosts have connected to: registers and numbers, nothing of the drive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drive::sim::SimDrive;

use super::command::Status;
use super::fabrics::Connect;

/// I/O queues that a controller has at most.
pub(super) const MAX_IO_QUEUES: u16 = 4;
/// Entries of a queue at most (CAP.MQES, MAXCMD).
pub(super) const MAX_QUEUE_LEN: u16 = 128;
/// NVMe 1.4, as most laptop drives of the trade: the host then asks for nothing that those would not know.
pub(super) const VERSION: u32 = 0x0001_0400;

// NVM Express Base 2.0, figure 35.
const CAP: u32 = 0x00;
const VS: u32 = 0x08;
const CC: u32 = 0x14;
const CSTS: u32 = 0x1c;

const CC_ENABLE: u32 = 1;
const CC_SHUTDOWN: u32 = 3 << 14;
const CSTS_READY: u64 = 1;
const CSTS_SHUTDOWN_COMPLETE: u64 = 2 << 2;

/// A drive under its name on the fabric.
#[derive(Debug)]
pub(super) struct Subsystem {
    /// Its NVMe qualified name.
    pub(super) nqn: String,
    /// What answers.
    pub(super) drive: SimDrive,
    controllers: Mutex<Controllers>,
}

#[derive(Debug, Default)]
struct Controllers {
    last_id: u16,
    live: BTreeMap<u16, Arc<Controller>>,
}

/// What a host has connected to.
#[derive(Debug)]
pub(super) struct Controller {
    /// Its number in the subsystem.
    pub(super) id: u16,
    configuration: Mutex<u32>,
}

impl Subsystem {
    pub(super) fn new(nqn: String, drive: SimDrive) -> Self {
        Self { nqn, drive, controllers: Mutex::default() }
    }

    /// The controller that this Connect is for: a new one for an admin queue.
    pub(super) fn connect(&self, connect: &Connect) -> Result<Arc<Controller>, Status> {
        if connect.subsystem != self.nqn || connect.queue_len > u32::from(MAX_QUEUE_LEN) {
            return Err(Status::CONNECT_INVALID);
        }
        let mut controllers = self.controllers();
        match (connect.queue, connect.controller) {
            (0, None) => {
                controllers.last_id += 1;
                let id = controllers.last_id;
                let controller = Arc::new(Controller { id, configuration: Mutex::new(0) });
                controllers.live.insert(id, Arc::clone(&controller));
                Ok(controller)
            }
            (1..=MAX_IO_QUEUES, Some(id)) => match controllers.live.get(&id) {
                Some(controller) if controller.is_enabled() => Ok(Arc::clone(controller)),
                Some(_) => Err(Status::SEQUENCE_ERROR),
                None => Err(Status::CONNECT_INVALID),
            },
            _ => Err(Status::CONNECT_INVALID),
        }
    }

    /// A controller lives as long as its admin queue.
    pub(super) fn disconnect(&self, controller: &Controller) {
        self.controllers().live.remove(&controller.id);
    }

    fn controllers(&self) -> MutexGuard<'_, Controllers> {
        self.controllers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Controller {
    /// Property Get.
    pub(super) fn property(&self, offset: u32) -> Result<u64, Status> {
        match offset {
            // MQES, contiguous queues, 7.5 s to become ready, NVM command set.
            CAP => Ok(u64::from(MAX_QUEUE_LEN - 1) | 1 << 16 | 15 << 24 | 1 << 37),
            VS => Ok(u64::from(VERSION)),
            CC => Ok(u64::from(*self.configuration())),
            CSTS => {
                let configuration = *self.configuration();
                let ready = if configuration & CC_ENABLE == 0 { 0 } else { CSTS_READY };
                let shut =
                    if configuration & CC_SHUTDOWN == 0 { 0 } else { CSTS_SHUTDOWN_COMPLETE };
                Ok(ready | shut)
            }
            _ => Err(Status::INVALID_FIELD),
        }
    }

    /// Property Set.
    pub(super) fn set_property(&self, offset: u32, value: u64) -> Result<(), Status> {
        match (offset, u32::try_from(value)) {
            (CC, Ok(value)) => {
                *self.configuration() = value;
                Ok(())
            }
            _ => Err(Status::INVALID_FIELD),
        }
    }

    /// Whether the host has enabled it: before that it takes nothing but Fabrics commands.
    pub(super) fn is_enabled(&self) -> bool {
        *self.configuration() & CC_ENABLE != 0
    }

    fn configuration(&self) -> MutexGuard<'_, u32> {
        self.configuration.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

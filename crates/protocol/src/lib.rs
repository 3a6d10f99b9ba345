//! The words that agent and coordinator share.
//!
//! Data only: no I/O, no clocks, no randomness. What is parsed here is trusted inside, so every type that
//! crosses the wire refuses unknown fields and checks itself while it is read.

#![forbid(unsafe_code)]

pub mod api;
pub mod drive;
pub mod event;
pub mod ids;
pub mod inventory;
pub mod job;
pub mod plan;
pub mod stage;
pub mod ticket;
pub mod units;

pub use api::{Directive, Enrolled, Enrollment, Heartbeat, PlanReply, PlanRequest};
pub use drive::{Bus, DriveIdentity, DriveUnit, Hold};
pub use event::{AgentRecord, Step};
pub use ids::{
    AgentKey, BatchId, ImageId, MachineId, MachineNumber, Nonce, PersonId, Sha256Digest, SiteKey,
    TicketId,
};
pub use inventory::{Inventory, MacAddr, MachineIdentity};
pub use job::{Job, JobKind};
pub use plan::{Claim, Plan, PlannedDrive, Refusal, Technique};
pub use stage::Stage;
pub use ticket::Ticket;
pub use units::{ByteLen, SectorSize, UnixMillis};

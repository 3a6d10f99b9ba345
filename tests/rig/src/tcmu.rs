//! A drive behind `tcm_loop` and `target_core_user`: a `/dev/sdX` of the kernel's own SCSI stack whose every command
//! comes to us.
//!
//! What a drive is and does is [`drive::sim::SimDrive`]'s; answered here is only what belongs to SCSI and to the
//! translation between SCSI and ATA (SAT-4). libata is not in the way: its filters and error handling show on real
//! hardware alone.

mod condition;
mod configfs;
mod pages;
mod pass_through;
pub mod scenarios;
mod target;
mod unit;

pub use condition::SenseFormat;
pub use target::Target;

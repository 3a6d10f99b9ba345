//! The words that agent and coordinator share.
//!
//! Data only: no I/O, no clocks, no randomness. What is parsed here is trusted inside, so every type that
//! crosses the wire refuses unknown fields and checks itself while it is read.

#![forbid(unsafe_code)]

pub mod api;
pub mod claim;
pub mod drive;
pub mod event;
pub mod features;
pub mod ids;
pub mod inventory;
pub mod job;
pub mod password;
pub mod placeholder;
pub mod plan;
pub mod policy;
pub mod stage;
pub mod ticket;
pub mod units;
pub mod witness;

pub use api::{Directive, Enrolled, Enrollment, Heartbeat, PlanReply, PlanRequest};
pub use drive::{Bus, DriveIdentity, DriveUnit, Hold};
pub use event::{AgentRecord, Step};
pub use features::EraseFeatures;
pub use ids::{
    AgentKey, BatchId, CertificateId, ImageId, ItemId, LotId, MachineId, MachineNumber, Nonce,
    PersonId, PulledId, Sha256Digest, SiteKey, TicketId,
};
pub use inventory::{Inventory, MacAddr, MachineIdentity};
pub use job::{Job, JobKind};
pub use password::DrivePassword;
pub use placeholder::is_placeholder;
pub use plan::{Claim, Media, Plan, PlannedDrive, Refusal, Technique};
pub use policy::Policy;
pub use stage::Stage;
pub use ticket::Ticket;
pub use units::{ByteLen, SectorSize, UnixMillis};

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    fn check<T: DeserializeOwned>(good: &str) {
        let parse = |text: &str| serde_json::from_str::<T>(text).map(drop);
        parse(good).unwrap_or_else(|error| panic!("{good}: {error}"));
        let more = format!("{},\"except\":\"sda\"}}", &good[..good.len() - 1]);
        assert!(parse(&more).is_err(), "{more}");
    }

    #[test]
    fn what_is_not_understood_is_refused_and_not_dropped() {
        // An agent that took "wipe, but keep one drive" of a newer coordinator for "wipe" would destroy that drive.
        check::<JobKind>(r#"{"kind":"wipe"}"#);
        check::<JobKind>(r#"{"kind":"inventory-only"}"#);
        check::<Step>(r#"{"step":"finished"}"#);
        check::<Step>(r#"{"step":"agent-died","how":"signal 9"}"#);
        check::<Hold>(r#"{"hold":"mounted"}"#);
        check::<Hold>(r#"{"hold":"held","detail":"dm-0"}"#);
        check::<Directive>(r#"{"directive":"wait","reason":"pick"}"#);
        check::<PlanReply>(r#"{"reply":"refused","refusals":[]}"#);
        check::<api::RecordsAccepted>(r#"{"next":1}"#);
    }
}

//! The proof-bearing core: a [`Target`] becomes [`Sanitized`] and, by looking, [`Verified`]. Synchronous; no network.
//!
//! ```text
//! Ticket + Plan -> Consent -> ConsentedDrive -> Target -> Sanitized -> Verified -> the drive, its evidence, ProvenZero
//!                                                  \________ confirm _______/  (after a restart)
//! typed serial + PlannedDrive ---^                 \__ look -> Blank (by hand, read only, no evidence)
//! ```
//!
//! Each arrow consumes its left side, and there is no other way to any of these types. The examples come in pairs: what
//! compiles, and the same with the one step that is forbidden, so that nothing else can be the reason. Destroying
//! without consent does not compile:
//!
//! ```
//! fn kept(consent: sanitize::ConsentedDrive, _: protocol::PlannedDrive) -> sanitize::ConsentedDrive {
//!     consent
//! }
//! fn whole(consent: sanitize::Consent) -> sanitize::Consent {
//!     consent
//! }
//! ```
//! ```compile_fail,E0451
//! fn changed(consent: sanitize::ConsentedDrive, planned: protocol::PlannedDrive) -> sanitize::ConsentedDrive {
//!     sanitize::ConsentedDrive { planned, ..consent }
//! }
//! ```
//! ```compile_fail,E0451
//! fn emptied(consent: sanitize::Consent) -> sanitize::Consent {
//!     sanitize::Consent { drives: Vec::new(), ..consent }
//! }
//! ```
//!
//! Nor does one consent serve twice, nor can it be copied:
//!
//! ```
//! fn once(one: Box<dyn drive::Drive>, other: Box<dyn drive::Drive>, consent: sanitize::ConsentedDrive) {
//!     let _ = sanitize::Target::claim(one, consent);
//!     drop(other);
//! }
//! fn handed_on(consent: sanitize::ConsentedDrive) -> sanitize::ConsentedDrive {
//!     consent
//! }
//! ```
//! ```compile_fail,E0382
//! fn twice(one: Box<dyn drive::Drive>, other: Box<dyn drive::Drive>, consent: sanitize::ConsentedDrive) {
//!     let _ = sanitize::Target::claim(one, consent);
//!     let _ = sanitize::Target::claim(other, consent);
//! }
//! ```
//! ```compile_fail,E0599
//! fn copied(consent: sanitize::ConsentedDrive) -> sanitize::ConsentedDrive {
//!     consent.clone()
//! }
//! ```
//!
//! An image writer asks for [`Verified`], which cannot be made from a drive that was only overwritten, or from thin air:
//!
//! ```
//! fn write_image(drive: sanitize::Verified) {}
//! fn in_time(sanitized: sanitize::Sanitized, verified: sanitize::Verified) {
//!     write_image(verified);
//! }
//! fn passed_on(verified: sanitize::Verified, drive: Box<dyn drive::Drive>) -> sanitize::Verified {
//!     verified
//! }
//! ```
//! ```compile_fail,E0308
//! fn write_image(drive: sanitize::Verified) {}
//! fn too_early(sanitized: sanitize::Sanitized, verified: sanitize::Verified) {
//!     write_image(sanitized);
//! }
//! ```
//! ```compile_fail,E0451
//! fn forged(verified: sanitize::Verified, drive: Box<dyn drive::Drive>) -> sanitize::Verified {
//!     sanitize::Verified { drive, ..verified }
//! }
//! ```
//!
//! To look at a drive takes no consent, writes nothing, and what was seen is no evidence, however clean:
//!
//! ```
//! fn certify(evidence: protocol::event::DriveEvidence) {}
//! fn earned(seen: sanitize::Seen, evidence: protocol::event::DriveEvidence) {
//!     certify(evidence);
//! }
//! fn write_record(drive: sanitize::Verified) {}
//! fn seen_being_sanitized(blank: sanitize::Blank, verified: sanitize::Verified) {
//!     write_record(verified);
//! }
//! ```
//! ```compile_fail,E0308
//! fn certify(evidence: protocol::event::DriveEvidence) {}
//! fn too_easy(seen: sanitize::Seen, evidence: protocol::event::DriveEvidence) {
//!     certify(seen);
//! }
//! ```
//! ```compile_fail,E0308
//! fn write_record(drive: sanitize::Verified) {}
//! fn not_seen_being_sanitized(blank: sanitize::Blank, verified: sanitize::Verified) {
//!     write_record(blank);
//! }
//! ```

#![forbid(unsafe_code)]

mod bad_ranges;
mod by_drive;
mod canary;
mod confirm;
mod consent;
mod failed;
mod look;
mod notice;
mod numbers;
mod old_content;
mod overwrite;
mod pass;
mod pattern;
mod probe;
mod proven;
mod run;
mod sampled;
mod secrets;
mod talk;
mod target;
mod verify;
mod watch;
mod zeros;
mod zones;

pub use bad_ranges::MAX_LISTED_RANGES;
pub use confirm::{Confirmation, MIN_SAMPLED_SECTORS};
pub use consent::{Consent, ConsentContext, ConsentError, ConsentedDrive, UsedTickets};
pub use failed::{Failed, FailureCause};
pub use look::{Seen, Surveyed, look, read_sectors, survey};
pub use notice::{NOTICE_LEN, Notice, head, leave_notice};
pub use proven::ProvenZero;
pub use secrets::Secrets;
pub use target::{Blank, Looked, Sanitized, Target, Verified};
pub use watch::{Doing, Patience, Progress, Watch};

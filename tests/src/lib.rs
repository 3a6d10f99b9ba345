//! The workshop: emulated retired laptops on a bench of network namespaces, the dirty disks they
//! start with, and the scanner that looks for what should be gone.
//!
//! Everything here is outside the product: nothing is shared with the code that wipes, so that
//! a mistake there cannot hide itself here.
#![forbid(unsafe_code)]

pub mod bench;
pub mod browser;
pub mod coordinator;
pub mod curl;
pub mod dashboard_shot;
pub mod direct;
pub mod dirty;
pub mod foreign_dhcp;
pub mod laptop;
pub mod log_tail;
pub mod main_job;
pub mod marker;
pub mod namespace;
pub mod person;
pub mod process;
pub mod qmp;
pub mod rig_guest;
pub mod sample;
pub mod scan;
pub mod site;
pub mod slots;
pub mod sweep;

pub use bench::{Bench, Station, Workshop};
pub use browser::Browser;
pub use coordinator::{Coordinator, CoordinatorSpec};
pub use dashboard_shot::dashboard_shot;
pub use dirty::{DirtyDisk, Filesystem, PartitionTable};
pub use foreign_dhcp::ForeignDhcp;
pub use laptop::{Bus, DriveSpec, Firmware, Identity, Laptop, LaptopSpec, NicModel};
pub use log_tail::LogTail;
pub use marker::Marker;
pub use process::Process;
pub use scan::{ScanReport, scan};

//! The real `rehome` binary on loopback, and agents that speak to it as the real one does: TLS with a pinned key,
//! signed envelopes, chains of records.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod coordinator;
mod hardware;
mod laptop;
mod observed;
mod wire;

mod admission;
mod api;
mod backup;
mod bad_input;
mod boot_files;
mod certificates;
mod full_disk;
mod images;
mod journal;
mod logs;
mod low_disk;
mod models;
mod monitoring;
mod other_machines;
mod passwords;
mod path;
mod policies;
mod restart;
mod simulated;
mod slow_clients;
mod startup;
mod traversal;
mod users;
mod witness;

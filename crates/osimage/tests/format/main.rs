//! The format as a whole: hostile manifests and chunks, layouts, and writing with drives that fail or lie.

#![allow(clippy::unwrap_used, reason = "everything in here is a test")]

mod chunk;
mod installable;
mod layout;
mod manifest;
mod memory_disk;
mod sample;
mod write;

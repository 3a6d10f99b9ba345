//! Images made by other people's tools go through the store and onto a disk, and are looked at by those tools again.

mod bad_input;
mod extended;
mod fixture;
mod full_disk;
mod round_trip;
mod store;

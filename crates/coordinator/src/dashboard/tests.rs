//! The dashboard through its router, on a real journal.

mod api;
mod clock;
mod door;
mod forms;
mod log;
mod login;
mod lots;
mod pages;
mod panic;
mod protect;
mod roles;
mod served;
mod witness;

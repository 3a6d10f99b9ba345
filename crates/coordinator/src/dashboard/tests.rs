//! The dashboard through its router, on a real journal.

mod clock;
mod door;
mod forms;
mod login;
mod lots;
mod pages;
mod witness;

//! `rehome`: serves boot, jobs and images to a bench of retired laptops, keeps the journal, signs certificates.

#![forbid(unsafe_code)]

mod access;
mod admin;
mod admission;
mod adoption;
mod arming;
mod backup;
mod bench;
mod boot_choice;
mod boot_files;
mod calendar;
mod certificate;
mod cli;
mod clock;
mod config;
mod consent;
mod console;
mod coordinator;
mod cpio;
mod dashboard;
mod data_dir;
mod deeds;
mod directive;
mod disk_space;
mod drive_name;
mod drive_password;
mod enrollment;
mod event;
mod file_lock;
mod first_of_model;
mod forecast;
mod http;
mod identity;
mod image_build;
mod images;
mod journal;
mod key_rotation;
mod live;
mod login;
mod logs;
mod lots;
mod metrics;
mod netboot;
mod panic;
mod policies;
mod private_file;
mod protection;
mod random;
mod records;
mod recovery;
#[cfg(test)]
mod scene;
mod serve;
mod sessions;
mod simulated;
mod site;
mod tally;
mod users;
mod verify_page;
mod view;
mod waves;
mod witness;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}

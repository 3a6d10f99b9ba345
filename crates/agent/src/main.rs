//! The agent: PID 1 of the appliance, and its stages by hand on any Linux.

#![forbid(unsafe_code)]

mod access;
mod cli;
mod cmdline;
mod init;
mod inventory;
mod modules;
mod net;
mod roots;
mod screen;
#[cfg(any(test, feature = "simulate"))]
mod simulate;
mod supervisor;
mod work;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::process::id() == 1 {
        supervisor::run()
    }
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            // The one place where a chain of causes is printed.
            eprintln!("rehome-agent: {error:#}");
            ExitCode::from(cli::FAILED)
        }
    }
}

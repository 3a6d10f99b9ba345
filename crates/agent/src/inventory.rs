//! Taking stock: what this machine is, from the kernel's views of it. Free of secrets by what it does not read.

mod boot;
mod controllers;
mod machine;
mod nics;
mod power;
mod smbios;

use anyhow::Context as _;
use drive::IdentityReader;
use protocol::Inventory;

use crate::cmdline::Cmdline;
use crate::roots::Roots;

/// One look at the machine. `cmdline` tells what the boot loader saw, `drives` asks a drive who it is.
///
/// # Errors
/// When the kernel's list of drives or its own state cannot be read. What a machine does not say is
/// absent from the result; what a drive does not say is a reason in it.
pub(crate) fn take(
    roots: &Roots,
    cmdline: &Cmdline,
    drives: &dyn IdentityReader,
) -> anyhow::Result<Inventory> {
    let nics = nics::nics(roots);
    let mut identity = smbios::identity(roots);
    identity.macs = nics::built_in(&nics);
    Ok(Inventory {
        identity,
        product: smbios::product(roots),
        cpu: machine::cpu(roots)?,
        memory: machine::memory(roots)?,
        power: power::power(roots)?,
        nics,
        controllers: controllers::controllers(roots)?,
        drives: drive::discover(roots, drives).context("listing drives")?,
        boot: boot::facts(roots, cmdline),
    })
}

#[cfg(test)]
pub(crate) mod tests;

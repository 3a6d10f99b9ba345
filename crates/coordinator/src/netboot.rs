//! Network boot on one interface: the sockets round the decisions of the `netboot` crate.
//!
//! In the order of a start:
//! 1. [`interface::interfaces`] lists what can be served; the caller picks an [`Interface`].
//! 2. [`ports::check_ports`] says in one sentence each which ports are taken, and what to do.
//! 3. [`probe::probe`] looks for other DHCP servers. Its [`ProbeReport`] decides `auto`, and
//!    [`Dhcp::bind`] wants it as proof: full mode does not start beside another server.
//! 4. [`Dhcp::bind`] with the [`LeaseFile`] of earlier runs, then [`Dhcp::machines`] for the TFTP and HTTP servers, then [`Dhcp::serve`].
//! 5. [`Tftp::bind`], then [`Tftp::serve`].
//!
//! The caller implements [`BootPolicy`] (who is served) and [`BootFiles`] (what is served), reads
//! the boot trace from the other end of a [`Trace`], and sets `shutdown` to true to end it all.
//! Dropping a `serve` future ends that service as well.

mod dhcp;
mod interface;
mod lease_file;
mod ports;
mod probe;
mod socket;
mod tftp;

use ::netboot::trace::TraceEvent;
use tokio::sync::{broadcast, watch};

pub(crate) use dhcp::{BootPolicy, Dhcp, Machines};
pub(crate) use interface::{Interface, interfaces};
pub(crate) use lease_file::LeaseFile;
pub(crate) use ports::{Service, check_ports};
pub(crate) use probe::{ProbeReport, probe};
pub(crate) use tftp::{BootFiles, Tftp};

/// Where boot trace events go. A slow reader loses the oldest; nothing waits for it.
pub(crate) type Trace = broadcast::Sender<TraceEvent>;

/// Set to true when the services shall end.
pub(crate) type Shutdown = watch::Receiver<bool>;

/// Records an event, also in the log. That nobody subscribes is no error.
fn record(trace: &Trace, event: TraceEvent) {
    let mac = event.client.map(|mac| mac.to_string());
    let (step, sentence) = (event.step.name(), &event.step);
    if event.step.needs_attention() {
        tracing::warn!(target: "netboot", mac, step, "{sentence}");
    } else {
        tracing::info!(target: "netboot", mac, step, "{sentence}");
    }
    // The error is the event itself, back because there is no subscriber at the moment.
    drop(trace.send(event));
}

/// Resolves when the services shall end; also when whoever could say so is gone.
async fn ended(shutdown: &mut Shutdown) {
    // An error means the sender is gone, which ends the service like the word itself.
    drop(shutdown.wait_for(|end| *end).await);
}

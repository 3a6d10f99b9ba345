//! `rehome serve`: from the configuration to open doors, and back.

mod boot;

use std::fs::File;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::boot_files::BootSet;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, DhcpSetting};
use crate::console::say;
use crate::coordinator::Coordinator;
use crate::data_dir::DataDir;
use crate::disk_space::{DiskSpace, watch_disk};
use crate::enrollment::Crowd;
use crate::images::ImageStore;
use crate::journal::{ClockAcceptance, Founding, Journal, JournalError};
use crate::live::Live;
use crate::login::Login;
use crate::metrics::{Counted, MetricsToken};
use crate::netboot;
use crate::recovery::{self, RecoverySecret};
use crate::sessions::Sessions;
use crate::site::Site;
use crate::witness::Looks;
use crate::{admin, dashboard, http, key_rotation, simulated};

/// How often a signed checkpoint is kept.
const CHECKPOINT_TIME: Duration = Duration::from_secs(60);

/// Serves until SIGTERM or SIGINT. `clock` is a person's word that the clock is right, although it is behind the journal.
///
/// # Errors
/// One clear sentence when something is in the way, before anything is served.
pub(crate) async fn serve(config: Config, clock: Option<ClockAcceptance>) -> Result<()> {
    let data = DataDir::open(&config.data)?;
    key_rotation::finish(&data)?;
    let simulated = config.simulated;
    let site = Arc::new(Site { simulated, ..Site::open(&config.data)? });
    let path = data.join("journal.db");
    let founding = Founding { site: site.public(), simulated };
    let journal = Journal::open_by(Clock::start(), clock.as_ref(), &path, founding)?;
    let is_new = !RecoverySecret::is_in(&config.data)?;
    let recovery = RecoverySecret::open(&config.data, journal.published().bench.locks())?;
    if is_new {
        say(recovery::MADE)?;
    }
    let images = ImageStore::open(&config.data, site.public())?;
    let keys = journal.published().bench.site_keys().cloned();
    let keys = keys.unwrap_or_else(|| site.public().into());
    key_rotation::publish(&data, &site, &keys, &images)?;
    let boot_set = BootSet::read(&config.appliance)?;
    let network = boot::prepare(&config, &boot_set).await?;
    let http =
        listen(config.address, config.http_port, "boot files and chunks", "http_port").await?;
    let api = listen(config.address, config.api_port, "the agents' API", "api_port").await?;
    let admin = admin_socket(&data)?;
    let coordinator = Arc::new(Coordinator {
        http: bound(&http)?,
        api: bound(&api)?,
        dhcp: network.setting(),
        sessions: Sessions::default(),
        live: Live::new(journal.clock().clone()),
        journal,
        login: Login::of(&config.data),
        looks: Looks::default(),
        disk: DiskSpace::of(&config.data, config.min_free()),
        metrics_token: MetricsToken::open(&config.data)?,
        chunk_bytes: Counted::default(),
        crowd: Crowd::new(config.machines_per_address),
        dhcp_machines: OnceLock::new(),
        config,
        site,
        recovery,
        images,
        boot_set,
    });
    // Before anybody is told that we serve: who is told may end us at once.
    let terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    introduce(&coordinator).await?;
    if simulated {
        simulated::introduce(&coordinator)?;
    }

    let (stop, stopping) = watch::channel(false);
    let mut services = JoinSet::new();
    let boot_router = http::boot::router(coordinator.clone());
    let pages = dashboard::router(coordinator.clone(), stopping.clone(), http::REQUEST_TIME);
    let programs = admin::program_router(coordinator.clone(), http::REQUEST_TIME);
    let agent_router = http::agent::router(coordinator.clone()).merge(pages).merge(programs);
    let tls = Some(coordinator.site.tls.clone());
    let places = || http::Places::new(coordinator.config.machines_per_address);
    services.spawn(done(http::serve_tcp(http, boot_router, None, places(), stopping.clone())));
    services.spawn(done(http::serve_tcp(api, agent_router, tls, places(), stopping.clone())));
    let admin_router = admin::socket_router(coordinator.clone());
    services.spawn(done(http::serve_unix(admin, admin_router, stopping.clone())));
    services.spawn(done(keep_checkpoints(coordinator.clone(), stopping.clone())));
    services.spawn(done(watch_disk(coordinator.disk.clone(), stopping.clone())));
    services.spawn(watch_journal(coordinator.journal.clone(), stopping.clone()));
    network.spawn(&mut services, &coordinator, &stopping);

    let outcome = wait(&mut services, terminate, interrupt).await;
    stop.send_replace(true);
    while services.join_next().await.is_some() {}
    let kept = keep_checkpoint(&coordinator).await;
    // Whoever still has a hand on it: what is beside the file from here on belongs to no coordinator.
    let closed = match coordinator.journal.close().await {
        // The log has said it; nothing is lost.
        Err(JournalError::Busy { .. }) => Ok(()),
        closed => closed.context("failed to close the journal"),
    };
    let removed = remove_socket(&data.join(admin::SOCKET));
    tracing::info!(target: "serve", "stopped");
    outcome.and(kept).and(closed).and(removed)
}

/// Our address on the bench's interface, where none is given: that of the only one in use.
pub(crate) fn find_address(
    wanted: Option<&str>,
) -> Result<(Option<String>, Ipv4Addr), ConfigError> {
    let refuse = |why: String| ConfigError::Value { key: "interface", why };
    let interfaces = netboot::interfaces().map_err(|error| refuse(error.to_string()))?;
    let fits = |it: &&netboot::Interface| match wanted {
        Some(name) => it.name == name,
        None => it.running,
    };
    let candidates: Vec<_> = interfaces.iter().filter(fits).collect();
    match (candidates.as_slice(), wanted) {
        ([interface], _) => Ok((Some(interface.name.clone()), interface.address)),
        ([], Some(name)) => Err(refuse(format!("{name} does not exist or has no IPv4 address"))),
        ([], None) => Err(refuse(
            "no network interface with a cable and an IPv4 address; plug the bench in and give \
             the interface an address"
                .to_owned(),
        )),
        (several, _) => {
            let names: Vec<_> =
                several.iter().map(|it| format!("{} ({})", it.name, it.address)).collect();
            Err(refuse(format!("say which one leads to the bench: {}", names.join(", "))))
        }
    }
}

/// What became of a service that ended by itself.
type Ended = Result<()>;

async fn done(service: impl Future<Output = ()>) -> Ended {
    service.await;
    Ok(())
}

/// Without its writer the journal takes nothing: better to end, and be started again, than to refuse everything.
async fn watch_journal(journal: Journal, mut stopping: watch::Receiver<bool>) -> Ended {
    tokio::select! {
        () = journal.ended() => bail!(
            "the journal's writer has ended, nothing can be recorded any more; the log says why. Start `rehome serve` \
             again"
        ),
        _ = stopping.wait_for(|stop| *stop) => Ok(()),
    }
}

/// Keeps a signed checkpoint now and then, where something has changed.
async fn keep_checkpoints(coordinator: Arc<Coordinator>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(CHECKPOINT_TIME) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = keep_checkpoint(&coordinator).await {
            tracing::error!(target: "journal", "no checkpoint was kept: {error:#}");
        }
    }
}

async fn keep_checkpoint(coordinator: &Arc<Coordinator>) -> Result<()> {
    let site = coordinator.site.clone();
    let kept = coordinator.journal.read(move |journal| journal.keep_checkpoint(&site.key)).await;
    kept.context("failed to keep a signed checkpoint of the journal")
}

async fn wait(
    services: &mut JoinSet<Ended>,
    mut terminate: Signal,
    mut interrupt: Signal,
) -> Result<()> {
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            ended = services.join_next() => match ended {
                None => return Ok(()),
                // A DHCP service in full mode that met another server stops; the rest goes on.
                Some(Ok(Ok(()))) => tracing::warn!(target: "serve", "a service has stopped"),
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(error)) => return Err(anyhow!(error).context("a service died")),
            },
        }
    }
}

async fn listen(address: Ipv4Addr, port: u16, what: &str, key: &str) -> Result<TcpListener> {
    let at = SocketAddrV4::new(address, port);
    TcpListener::bind(at).await.with_context(|| {
        format!(
            "cannot serve {what} on {at}; if another program has the port, stop it \
             (`ss -tlpn sport = :{port}` names it) or choose another {key}"
        )
    })
}

fn bound(listener: &TcpListener) -> Result<SocketAddrV4> {
    match listener.local_addr().context("asking for our own address")? {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(address) => bail!("expected an IPv4 address, got {address}"),
    }
}

fn admin_socket(data: &DataDir) -> Result<UnixListener> {
    let path = data.join(admin::SOCKET);
    // We hold the directory's lock, so whoever made a socket that is there is dead.
    remove_socket(&path)?;
    let directory = File::open(data.path())
        .with_context(|| format!("failed to open {}", data.path().display()))?;
    let listener = UnixListener::bind(admin::address(&directory))
        .with_context(|| format!("failed to make the socket {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("failed to close {} to others", path.display()))?;
    Ok(listener)
}

fn remove_socket(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

async fn introduce(coordinator: &Coordinator) -> Result<()> {
    let Coordinator { config, http, api, dhcp, .. } = coordinator;
    let dhcp = match dhcp {
        DhcpSetting::Full => "giving addresses, as nobody else does",
        DhcpSetting::Proxy => "answering network boot beside another DHCP server",
        DhcpSetting::Off | DhcpSetting::Auto => "not answering network boot",
    };
    let missing = coordinator.boot_set.missing();
    if !missing.is_empty() {
        tracing::warn!(
            target: "serve", directory = %config.appliance.display(),
            "no machine can boot from here: {} missing; build the appliance with \
             scripts/build-appliance", missing.join(", ")
        );
    }
    tracing::info!(target: "serve", %http, %api, dhcp = ?coordinator.dhcp, "serving");
    say(&format!("{}: serving on {} ({dhcp})", config.site_name, http.ip()))?;
    say(&format!("boot files on port {}, agents on port {}", http.port(), api.port()))?;
    dashboard::introduce(coordinator).await?;
    say("nothing is touched before a batch is armed and a machine is admitted to it")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn serving_ends_when_the_journals_writer_has_died() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, protocol::SiteKey::from_bytes([1; 32])).unwrap();
        let (stop, stopping) = watch::channel(false);
        let watched = watch_journal(journal.clone(), stopping.clone());
        let (long, short) = (Duration::from_secs(20), Duration::from_millis(100));
        assert!(tokio::time::timeout(short, watched).await.is_err(), "it ends by itself");
        let died = journal.decide::<()>(|_, _| panic!("a mistake of the program")).await;
        assert!(died.is_err());
        let ended = tokio::time::timeout(long, watch_journal(journal.clone(), stopping.clone()));
        let error = ended.await.expect("nobody noticed").unwrap_err().to_string();
        assert!(error.contains("writer has ended"), "{error}");

        let other = folder.path().join("other.db");
        let journal = Journal::open(&other, protocol::SiteKey::from_bytes([1; 32])).unwrap();
        stop.send_replace(true);
        let ended = tokio::time::timeout(long, watch_journal(journal, stopping)).await;
        assert!(ended.expect("stopping waits for ever").is_ok());
    }
}

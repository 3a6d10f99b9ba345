//! The agent from its first instruction to the first stage: log, screen, drivers, network, site.

mod idle;
pub(crate) mod mounts;
pub(crate) mod power;
mod site;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use drive::LinuxIdentityReader;
use nix::unistd::{Pid, getppid};
use protocol::UnixMillis;
use protocol::api::SiteConfig;

use crate::access::DriveAccess;
use crate::cmdline::Cmdline;
use crate::modules::{Modules, Settled};
use crate::net::Net;
use crate::roots::Roots;
use crate::screen::{Log, Screen, ScreenHandle, Sentence};
use crate::supervisor::FORMER_DEATH;
use crate::work;

/// How long probing may take before the work begins all the same. The plan waits for it once more.
const PROBING: Duration = Duration::from_secs(60);
/// How long the screen takes for a last frame, with some to spare.
const LAST_FRAME: Duration = Duration::from_secs(1);

/// Sets the wall clock, or says why it cannot.
pub(crate) type SetClock = fn(UnixMillis) -> anyhow::Result<()>;

/// What the stages work with.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where the kernel's views are.
    pub(crate) roots: Roots,
    /// The drives themselves.
    pub(crate) drives: Box<dyn DriveAccess>,
    /// How the wall clock is set.
    pub(crate) set_clock: SetClock,
    /// What the boot loader told.
    pub(crate) cmdline: Cmdline,
    /// The screen and its log.
    pub(crate) screen: ScreenHandle,
    /// Drivers, and whether devices still appear.
    pub(crate) modules: Modules,
    /// Interfaces and their addresses.
    pub(crate) net: Net,
    /// Whom to trust; none, with the reason on the screen, where the boot loader brought nothing.
    pub(crate) site: Option<SiteConfig>,
    /// How the agent before this one died in this boot.
    pub(crate) former_death: Option<String>,
    /// What `work::clock::uptime_ms` said when this boot began: zero, but for a simulated one.
    pub(crate) booted_ms: u64,
    /// Whether all of this is made up. It is said to the coordinator, and nothing but wiping is done.
    pub(crate) simulated: bool,
}

/// Runs the stages in order, then ends this boot.
///
/// # Errors
/// When the agent cannot go on; the supervisor then starts another.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    // It loads drivers, takes over the network and restarts the machine.
    ensure!(
        getppid() == Pid::from_raw(1),
        "only PID 1 of the appliance may start the agent; run single stages by the other commands"
    );
    let context = start(Roots::default())?;
    let screen = context.screen.clone();
    let ended = match context.site.clone() {
        Some(site) => work::run(context, site),
        None => idle::run(&context).map(|never| match never {}),
    };
    match ended {
        Ok(ending) => power::end(ending),
        Err(error) => {
            let problem = format!("{error:#}");
            screen.update(|state| state.problem = Some(problem));
            // It stays on the screen until the next agent draws.
            thread::sleep(LAST_FRAME);
            Err(error)
        }
    }
}

fn start(roots: Roots) -> anyhow::Result<Context> {
    let cmdline = Cmdline::read(&roots)?;

    // The log first, so that whatever fails later is told.
    let log = Log::open(&roots, cmdline.console.as_deref());
    tell_story(&log);
    die_of_any_panic(&log);

    // The screen, with what is known to be wrong already.
    let screen = Screen::spawn(&roots, cmdline.lang, log).context("starting the screen")?;
    let former_death = std::env::var(FORMER_DEATH).ok();
    if let Some(how) = &former_death {
        tracing::warn!(target: "init", how, "the agent before this one died");
    }
    if !cmdline.refused.is_empty() {
        let refused = cmdline.refused.join("; ");
        screen.update(|state| state.problem = Some(refused));
    }

    // Whom to trust, as the boot loader brought it.
    let site = site::read().map_err(|error| {
        let problem = format!("{error:#}");
        screen.update(|state| state.problem = Some(problem));
    });
    let site = site.ok();
    if let Some(site) = &site {
        screen.set_site(&site.name);
    }

    // Drivers and network side by side: an interface that is found early gets its address meanwhile.
    screen.update(|state| state.sentence = Sentence::LoadingDrivers);
    let modules = Modules::spawn(&roots).context("starting to load drivers")?;
    let net = Net::spawn(&roots, cmdline.mac).context("starting the network")?;
    screen.update(|state| state.sentence = Sentence::WaitingForDevices);
    if modules.wait_settled(PROBING) == Settled::Changing {
        tracing::warn!(target: "init", seconds = PROBING.as_secs(), "devices still appear");
    }

    // The firmware's variables: their file system is a module. A BIOS has none.
    if roots.sys.join("firmware/efi").exists()
        && let Err(error) = mounts::EFIVARFS.mount()
    {
        tracing::warn!(target: "init", %error);
    }
    let (drives, set_clock) = (Box::new(LinuxIdentityReader), work::set_clock as SetClock);
    let booted_ms = 0;
    Ok(Context {
        roots,
        drives,
        set_clock,
        cmdline,
        screen,
        modules,
        net,
        site,
        former_death,
        booted_ms,
        simulated: false,
    })
}

fn tell_story(log: &Log) {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .with_timer(tracing_subscriber::fmt::time::uptime())
        .with_max_level(tracing::Level::INFO)
        .finish();
    if let Err(error) = tracing::subscriber::set_global_default(subscriber) {
        log.line(&format!("stage=init {error}"));
    }
}

/// An agent of which one thread is missing is worse than one that is started again.
fn die_of_any_panic(log: &Log) {
    let log = log.clone();
    std::panic::set_hook(Box::new(move |panic| {
        log.line(&format!("{panic}"));
        std::process::abort();
    }));
}

//! The life of one simulated laptop: switched on, worked on by agents one after another, and perhaps switched off.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use protocol::UnixMillis;
use protocol::api::SiteConfig;

use super::bay::Bay;
use super::dice::Dice;
use super::fate::Fate;
use super::hardware::Hardware;
use super::{say, tree};
use crate::cmdline::Cmdline;
use crate::init::{Context, power::Ending};
use crate::modules::Modules;
use crate::net::{Link, Net};
use crate::roots::captured;
use crate::screen::{Lang, Log, Screen};
use crate::work;
use crate::work::client::{Ask, Connection};

/// Within this time all laptops of a stack are switched on, one after another.
const SWITCHING_ON: Duration = Duration::from_secs(45);
/// How long it takes from the button to the agent.
const BOOTING: Duration = Duration::from_secs(8);
/// How long a laptop stays off in the middle of its work.
const OFF: Duration = Duration::from_secs(25);
/// When somebody finds the adapter of the one on battery.
const PLUGGED_IN: Duration = Duration::from_secs(150);
/// When somebody tries again to boot a laptop that was sent to its own disk.
const TURNED_AWAY: Duration = Duration::from_secs(5);
/// What PID 1 waits before it starts an agent again.
const AGENT_AGAIN: Duration = Duration::from_secs(3);

/// Which laptop, and what happens to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) index: u64,
    pub(super) fate: Fate,
    pub(super) speed: f64,
}

/// How a boot, or the agent in it, ended.
enum Ended {
    /// By itself.
    As(Ending),
    /// Somebody took the power away.
    SwitchedOff,
    /// The agent died.
    Died(anyhow::Error),
}

/// Puts a laptop on the bench, its tree under `root`, and has it switched on in its turn.
pub(super) fn switch_on(
    plan: Plan,
    root: PathBuf,
    site: Arc<SiteConfig>,
) -> anyhow::Result<JoinHandle<()>> {
    let hardware = Hardware::new(plan.seed, plan.index, plan.fate.medium());
    tree::plant(&hardware, &root, plan.fate != Fate::OnBattery)?;
    let bay = Bay::new(&hardware, plan.fate, plan.speed)?;
    let thread = thread::Builder::new().name(format!("laptop {}", plan.index));
    thread
        .spawn(move || {
            let name = format!("{} {}", hardware.model.vendor, hardware.model.version);
            match live(plan, &hardware, &bay, &root, &site) {
                Ok(()) => {
                    say(&format!("laptop {} ({name}): starts from its own disk", plan.index + 1))
                }
                Err(error) => say(&format!("laptop {} ({name}): {error:#}", plan.index + 1)),
            }
        })
        .context("starting a laptop's thread")
}

fn live(
    plan: Plan,
    hardware: &Hardware,
    bay: &Bay,
    root: &Path,
    site: &Arc<SiteConfig>,
) -> anyhow::Result<()> {
    let quick = |time: Duration| time.div_f64(plan.speed);
    let mut dice = Dice::new(plan.seed, plan.index ^ 0x0ff);
    let turn = SWITCHING_ON.mul_f64(dice.below(1000) as f64 / 1000.0);
    thread::sleep(quick(turn + BOOTING));
    if plan.fate == Fate::OnBattery {
        let (root, until) = (root.to_owned(), quick(PLUGGED_IN));
        let index = plan.index + 1;
        let plugging = thread::Builder::new().name("adapter".to_owned()).spawn(move || {
            thread::sleep(until);
            match tree::plug(&root, true) {
                Ok(()) => say(&format!("laptop {index}: plugged in")),
                Err(error) => say(&format!("laptop {index}: {error:#}")),
            }
        });
        plugging.context("starting a thread")?;
    }
    let (mut former_death, mut booted_ms) = (None, work::clock::uptime_ms());
    loop {
        if former_death.is_none() {
            wait_for_menu(hardware, site, quick(TURNED_AWAY))?;
        }
        let context = context(hardware, bay.clone(), root, former_death.take(), booted_ms)?;
        match boot(context, bay, site)? {
            Ended::As(Ending::Reboot) if bay.drive.n_old_sectors() == 0 => return Ok(()),
            // Its batch was ended before anything was done. Somebody will try again.
            Ended::As(Ending::Reboot) => {}
            Ended::Died(error) => {
                say(&format!("laptop {}: its agent is started again: {error:#}", plan.index + 1));
                former_death = Some("exit status 2".to_owned());
                thread::sleep(quick(AGENT_AGAIN));
                continue;
            }
            Ended::As(Ending::PowerOff) => {}
            Ended::SwitchedOff => say(&format!("laptop {}: switched off", plan.index + 1)),
        }
        bay.power_cut();
        thread::sleep(quick(OFF));
        bay.drive.power_on();
        booted_ms = work::clock::uptime_ms();
        say(&format!("laptop {}: switched on again", plan.index + 1));
        thread::sleep(quick(BOOTING));
    }
}

/// Asks the coordinator for the boot menu as GRUB does, and again until it says to boot the appliance: nobody boots it
/// while nothing is armed.
fn wait_for_menu(hardware: &Hardware, site: &SiteConfig, pause: Duration) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("starting the runtime")?;
    let address = SocketAddr::from((site.address, site.http_port));
    let ask = Ask {
        path: format!("/grub/machine/{}/{}", hardware.mac, hardware.uuid),
        body: None,
        session: None,
        limit: 1 << 16,
        timeout: Duration::from_secs(10),
    };
    runtime.block_on(async {
        loop {
            // One that does not answer is asked again as well.
            if let Ok((_, menu)) = Connection::new(address, None).ask(&ask).await
                && String::from_utf8_lossy(&menu).contains("rehome.mac=")
            {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
        }
    })
}

/// One agent, until it ends or the power goes. Each has a runtime of its own: when that is gone, so is all it began.
fn boot(context: Context, bay: &Bay, site: &Arc<SiteConfig>) -> anyhow::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let serving = work::serve(Arc::new(context), site.clone());
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = serving => ended.map_or_else(Ended::Died, Ended::As),
            () = bay.switched_off.notified() => Ended::SwitchedOff,
        }
    });
    runtime.shutdown_background();
    Ok(ended)
}

/// What the agent of a laptop works with: the tree, the bay, and nothing of the machine that this really runs on.
pub(super) fn context(
    hardware: &Hardware,
    bay: Bay,
    root: &Path,
    former_death: Option<String>,
    booted_ms: u64,
) -> anyhow::Result<Context> {
    let roots = captured(root);
    let cmdline = Cmdline {
        mac: Some(hardware.mac),
        uuid: Some(hardware.uuid.clone()),
        ..Cmdline::default()
    };
    let log = Log::open(&roots, None);
    let link = Link {
        nic: "eth0".to_owned(),
        mac: hardware.mac,
        address: Ipv4Addr::LOCALHOST,
        prefix_len: 8,
        router: None,
        server: Ipv4Addr::LOCALHOST,
        booted: true,
    };
    Ok(Context {
        drives: Box::new(bay),
        set_clock: |_: UnixMillis| Ok(()),
        cmdline,
        screen: Screen::dark(Lang::En, log),
        modules: Modules::settled(),
        net: Net::simulated(link),
        site: None,
        former_death,
        booted_ms,
        simulated: true,
        roots,
    })
}

//! One real coordinator under hundreds of simulated agents: how soon a record is acknowledged, and a dashboard told.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::report::{Machine, load_average};

const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(500);

/// What the benchmark runs on.
#[derive(clap::Args)]
pub(crate) struct Coordinator {
    /// The coordinator's program.
    #[arg(long)]
    rehome: PathBuf,
    /// The agent's, with its simulator.
    #[arg(long)]
    agent: PathBuf,
    /// A directory of its own, on the disk that is measured.
    #[arg(long)]
    directory: PathBuf,
    /// How many agents.
    #[arg(long, default_value_t = 300)]
    agents: u64,
    /// For how long, once all are at work.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// When, for the report.
    #[arg(long)]
    date: String,
    /// Where the report goes.
    #[arg(long)]
    output: PathBuf,
}

/// The record of one run.
#[derive(Debug, Serialize)]
struct Report {
    date: String,
    command: String,
    machine: Machine,
    /// Of the last minute, before and after: the agents themselves, and what else ran.
    load_average: [f64; 2],
    agents: u64,
    seconds: f64,
    records_per_s: f64,
    acknowledged: Times,
    promised_p99_ms: f64,
    dashboard: Times,
    promised_dashboard_max_ms: f64,
    memory_mib: f64,
    promised_memory_mib: f64,
    /// The coordinator's share of a core.
    cpu: f64,
    journal_mib: f64,
    events: u64,
}

/// How long something took.
#[derive(Debug, Serialize)]
struct Times {
    count: usize,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// A child that does not outlive this program's work.
struct Own(Child);

impl Drop for Own {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A tile's mood, as a dashboard was told.
#[derive(Debug)]
struct Told {
    at_ms: u64,
    mood: String,
}

/// Runs it, prints what came of it and writes it down.
pub(crate) fn run(options: &Coordinator) -> Result<()> {
    let load_before = load_average()?;
    let (serving, url, password) = serve(options)?;
    let papers = ["--accepted-by", "owner", "--stated-by", "owner", "--policy", "overwrite-only"];
    rehome(options, &[&["lot", "open", "--owner", "bench"], &papers[..]].concat())?;
    let count = options.agents.to_string();
    let arm = ["batch", "arm", "--by", "bench", "--count", &count, "--for", "4h", "--kind", "wipe"];
    rehome(options, &[&arm[..], &["--policy", "overwrite-only"]].concat())?;
    let report = options.directory.join("agents.json");
    let (mut agents, lines) = simulate(options, &report)?;
    pick(options)?;
    wait_for(&lines, "all at work")?;
    let told = watch(options, &url, &password)?;

    let cpu_before = cpu_seconds(serving.0.id())?;
    let (mut memory_kib, begun) = (0, Instant::now());
    while agents.0.try_wait()?.is_none() {
        memory_kib = memory_kib.max(memory_of(serving.0.id())?);
        ensure!(begun.elapsed() < Duration::from_secs(options.seconds) + PATIENCE, "it never ends");
        thread::sleep(POLL);
    }
    let cpu = (cpu_seconds(serving.0.id())? - cpu_before) / begun.elapsed().as_secs_f64();
    let measured = fs::read_to_string(&report).context("the agents left no report")?;
    let measured: Value = serde_json::from_str(&measured)?;
    ensure!(measured["failures"] == Value::Array(Vec::new()), "{}", measured["failures"]);
    let number = |name: &str| measured[name].as_f64().with_context(|| format!("no {name}"));
    let status = rehome(options, &["status"])?;
    let report = Report {
        date: options.date.clone(),
        command: "scripts/bench coordinator".to_owned(),
        machine: Machine::this()?,
        load_average: [load_before, load_average()?],
        agents: options.agents,
        seconds: number("seconds")?,
        records_per_s: number("records_per_s")?,
        acknowledged: Times {
            count: usize::try_from(measured["records"].as_u64().context("no records")?)?,
            p50_ms: number("p50_ms")?,
            p99_ms: number("p99_ms")?,
            max_ms: number("max_ms")?,
        },
        promised_p99_ms: 100.0,
        dashboard: dashboard(&measured, &told.try_iter().collect::<Vec<_>>())?,
        promised_dashboard_max_ms: 1000.0,
        memory_mib: mib(memory_kib << 10),
        promised_memory_mib: 300.0,
        cpu,
        journal_mib: mib(journal_len(&options.directory.join("data"))?),
        events: status["events"].as_u64().context("no events")?,
    };
    let json = serde_json::to_string_pretty(&report)? + "\n";
    print!("{json}");
    fs::write(&options.output, json)
        .with_context(|| format!("writing {}", options.output.display()))
}

/// Starts the coordinator; where its dashboard is, and the password.
fn serve(options: &Coordinator) -> Result<(Own, String, String)> {
    let mut serving = Command::new(&options.rehome)
        .arg("serve")
        .arg("--data")
        .arg(options.directory.join("data"))
        .args(["--address", "127.0.0.1", "--http-port", "0", "--api-port", "0", "--simulated"])
        .args(["--machines-per-address", "1000"])
        .env("REHOME_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", options.rehome.display()))?;
    let output = serving.stdout.take().context("no output")?;
    let (serving, lines) = (Own(serving), lines_of(output));
    let url = wait_for(&lines, "dashboard: ")?;
    let url = url.split_whitespace().nth(1).context("no address")?.trim_end_matches('/').to_owned();
    let password = wait_for(&lines, "dashboard password: ")?;
    let password = password.rsplit(' ').next().context("no password")?.to_owned();
    wait_for(&lines, "nothing is touched")?;
    Ok((serving, url, password))
}

fn simulate(options: &Coordinator, report: &Path) -> Result<(Own, Receiver<String>)> {
    let mut agents = Command::new(&options.agent)
        .args(["simulate", "--profile", "load", "--data"])
        .arg(options.directory.join("data"))
        .args(["--count", &options.agents.to_string()])
        .args(["--seconds", &options.seconds.to_string(), "--report"])
        .arg(report)
        .env("TMPDIR", &options.directory)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", options.agent.display()))?;
    let output = agents.stdout.take().context("no output")?;
    Ok((Own(agents), lines_of(output)))
}

/// Picks every machine once all are there.
fn pick(options: &Coordinator) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let machines = rehome(options, &["machine", "list"])?;
        let machines = machines.as_array().context("no list")?.len() as u64;
        if machines == options.agents {
            break;
        }
        ensure!(Instant::now() < deadline, "only {machines} of {} enrolled", options.agents);
        thread::sleep(POLL);
    }
    let numbers: Vec<_> = (1..=options.agents).map(|number| number.to_string()).collect();
    let mut words = vec!["machine", "pick"];
    words.extend(numbers.iter().map(String::as_str));
    rehome(options, &words).map(drop)
}

/// Follows the bench page of somebody who logged in: each mood that a tile is said to have, by machine number.
fn watch(options: &Coordinator, url: &str, password: &str) -> Result<Receiver<(u64, Told)>> {
    let jar = options.directory.join("cookies");
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-sSkN", "--noproxy", "*", "--header", &format!("Origin: {url}")]);
        command.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar).args(arguments);
        command
    };
    let fields = ["--data-urlencode", "name=bench", "--data-urlencode"];
    let password = format!("password={password}");
    let door = format!("{url}/login");
    let login = [&fields[..], &[&password, &door]].concat();
    let logged_in = curl(&login).output().context("starting curl")?;
    ensure!(logged_in.status.success(), "{}", String::from_utf8_lossy(&logged_in.stderr));
    let mut events = curl(&[&format!("{url}/events")])
        .stdout(Stdio::piped())
        .spawn()
        .context("starting curl")?;
    let output = events.stdout.take().context("no output")?;
    let (sender, told) = channel();
    let (first, is_there) = channel();
    thread::spawn(move || {
        let _events = Own(events);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let at_ms = now_ms();
            let Some(change) = line.strip_prefix("data: ") else { continue };
            let Ok(change) = serde_json::from_str::<Value>(change) else { continue };
            // Whoever waited has gone on after the first.
            let _ = first.send(());
            for (id, html) in change["tiles"].as_object().into_iter().flatten() {
                let number = id.trim_start_matches('m').parse::<u64>();
                let mood = html.as_str().and_then(|html| {
                    html.split_once("data-mood=\"")?.1.split_once('"').map(|(mood, _)| mood)
                });
                if let (Ok(number), Some(mood)) = (number, mood)
                    && sender.send((number, Told { at_ms, mood: mood.to_owned() })).is_err()
                {
                    return;
                }
            }
        }
    });
    is_there
        .recv_timeout(PATIENCE)
        .context("the dashboard tells nothing; was the login refused?")?;
    Ok(told)
}

/// From each acknowledged step of the first machine to the moment at which its tile was said to have another mood.
fn dashboard(measured: &Value, told: &[(u64, Told)]) -> Result<Times> {
    let number = measured["probe_number"].as_u64().context("no probe")?;
    let mut changes: Vec<&Told> = Vec::new();
    for (_, told) in told.iter().filter(|(of, _)| *of == number) {
        if changes.last().is_none_or(|last| last.mood != told.mood) {
            changes.push(told);
        }
    }
    let mut micros = Vec::new();
    for step in measured["probe"].as_array().context("no steps of the probe")? {
        let at = step["at"].as_u64().context("a step without a time")?;
        // The agent hears of it a moment after the dashboard may: its own answer has a way to go, too.
        let next = changes.iter().find(|told| told.at_ms + 50 >= at && told.at_ms < at + 2900);
        if let Some(told) = next {
            micros.push(told.at_ms.saturating_sub(at) * 1000);
        }
    }
    let steps = measured["probe"].as_array().map_or(0, Vec::len);
    ensure!(micros.len() + 2 >= steps, "the dashboard told {} of {steps} steps", micros.len());
    micros.sort_unstable();
    let at = |hundredths: usize| {
        micros.get((micros.len() * hundredths / 100).min(micros.len().saturating_sub(1)))
    };
    let ms =
        |at: Option<&u64>| f64::from(u32::try_from(*at.unwrap_or(&0)).unwrap_or(u32::MAX)) / 1e3;
    Ok(Times { count: micros.len(), p50_ms: ms(at(50)), p99_ms: ms(at(99)), max_ms: ms(at(100)) })
}

/// A command of the technician.
fn rehome(options: &Coordinator, words: &[&str]) -> Result<Value> {
    let output = Command::new(&options.rehome)
        .arg("--data")
        .arg(options.directory.join("data"))
        .arg("--json")
        .args(words)
        .output()
        .context("starting rehome")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "rehome {}: {errors}", words.join(" "));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // It must be read to its end, whoever listens.
            let _ = sender.send(line);
        }
    });
    lines
}

fn wait_for(lines: &Receiver<String>, start: &str) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) if line.starts_with(start) => return Ok(line),
            Ok(_) => {}
            Err(_) => bail!("it never said {start:?}"),
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Resident memory in KiB.
fn memory_of(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("it has ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kib.context("no VmRSS")
}

/// Processor seconds of a process so far.
fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("it has ended")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u32>().ok());
    // utime and stime, fields 14 and 15 (proc(5)), in hundredths on Linux.
    let sum = ticks(11).zip(ticks(12)).map(|(user, system)| f64::from(user + system) / 100.0);
    sum.context("no times in /proc")
}

fn journal_len(data: &Path) -> Result<u64> {
    let of = |name: &str| fs::metadata(data.join(name)).map_or(0, |it| it.len());
    let len = of("journal.db") + of("journal.db-wal");
    ensure!(len > 0, "no journal");
    Ok(len)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

//! The real coordinator on loopback, and its technician.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use protocol::api::SiteConfig;
use serde_json::Value;

/// How long anything may take that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

pub(crate) struct Coordinator {
    data: tempfile::TempDir,
    pub(crate) site: SiteConfig,
    child: Child,
    more: &'static [&'static str],
}

impl Coordinator {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With so few ports that one laptop follows another.
    pub(crate) fn with_a_port() -> Self {
        Self::start_with(&["--ports", "1"])
    }

    /// Of simulated machines, which all have one address.
    pub(crate) fn simulated() -> Self {
        Self::start_with(&["--simulated", "--machines-per-address", "100"])
    }

    fn start_with(more: &'static [&'static str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let child = serve(&data, (0, 0), more);
        let site = wait_until_serving(&data);
        Self { data, site, child, more }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Coordinator::kill`], on the same data and ports.
    pub(crate) fn restart(&mut self) {
        self.child = serve(&self.data, (self.site.http_port, self.site.api_port), self.more);
        assert_eq!(wait_until_serving(&self.data), self.site);
    }

    /// Runs a command of the technician.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = command(&self.data, &[&["--json"], arguments].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Opens a lot whose owner accepts this policy and stated what is needed, unless one is open.
    pub(crate) fn papers(&self, policy: &str) {
        if self.json(&["lot", "list"]) == Value::Array(Vec::new()) {
            let words = "lot open --owner Owner --stated-by Mayor --accepted-by Mayor --policy";
            self.json(&words.split(' ').chain([policy]).collect::<Vec<_>>());
        }
    }

    /// Arms a batch of one machine that is only wiped, and gives its id.
    pub(crate) fn arm(&self) -> String {
        self.papers("default");
        let words = "batch arm --by Ola --count 1 --for 4h --kind wipe";
        let armed = self.json(&words.split(' ').collect::<Vec<_>>());
        armed["batch"].as_str().unwrap().to_owned()
    }

    /// Likewise, under another policy than the default.
    pub(crate) fn arm_with(&self, policy: &str) {
        self.papers(policy);
        let words = "batch arm --by Ola --count 1 --for 4h --kind wipe --policy";
        let words: Vec<_> = words.split(' ').chain([policy]).collect();
        self.json(&words);
    }

    /// Arms a batch of one machine, for a lot whose owner has signed nothing.
    pub(crate) fn arm_unsigned(&self, kind: &str) -> String {
        if self.json(&["lot", "list"]) == Value::Array(Vec::new()) {
            self.json(&["lot", "open", "--owner", "Owner"]);
        }
        let words = "batch arm --by Ola --count 1 --for 4h --kind";
        let armed = self.json(&words.split(' ').chain([kind]).collect::<Vec<_>>());
        armed["batch"].as_str().unwrap().to_owned()
    }

    /// What a refused command says.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = command(&self.data, arguments);
        assert!(!output.status.success(), "{arguments:?} was done");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Picks the only machine, once its latest agent is there.
    pub(crate) fn pick(&self, n_boots: usize) {
        self.wait("there to be picked", |machine| {
            let boots = machine["boots"].as_array().map_or(0, Vec::len);
            machine["heard"] == true && boots == n_boots
        });
        let machine = self.machine();
        let key = machine["fingerprint"].as_str().unwrap();
        self.json(&["machine", "pick", &format!("1:{key}")]);
    }

    /// The only machine, in full; null before it was seen.
    pub(crate) fn machine(&self) -> Value {
        match self.json(&["machine", "list"]).as_array().map(Vec::len) {
            Some(0) => Value::Null,
            Some(1) => self.json(&["machine", "show", "1"]),
            n => panic!("{n:?} machines, but there is one"),
        }
    }

    /// Puts a chunk into the store, under a name that stands for its hash: only who fetches it checks that.
    pub(crate) fn store_chunk(&self, stored: &str, bytes: &[u8]) {
        let folder = self.data.path().join("images/chunks").join(&stored[..2]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(stored), bytes).unwrap();
    }

    /// How many events the journal holds.
    pub(crate) fn n_events(&self) -> u64 {
        self.json(&["status"])["events"].as_u64().unwrap()
    }

    pub(crate) fn wait(&self, what: &str, is_it: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let machine = self.machine();
            if is_it(&machine) {
                return;
            }
            assert!(Instant::now() < deadline, "never {what}: {machine}");
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn serve(data: &tempfile::TempDir, (http, api): (u16, u16), more: &[&str]) -> Child {
    Command::new(binary())
        .arg("serve")
        .arg("--data")
        .arg(data.path())
        .args(["--address", "127.0.0.1", "--dhcp", "off"])
        .args(["--http-port", &http.to_string(), "--api-port", &api.to_string()])
        .args(more)
        .env("REHOME_LOG", "error")
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn command(data: &tempfile::TempDir, arguments: &[&str]) -> Output {
    Command::new(binary()).arg("--data").arg(data.path()).args(arguments).output().unwrap()
}

fn wait_until_serving(data: &tempfile::TempDir) -> SiteConfig {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = command(data, &["--json", "status"]);
        if output.status.success() {
            let status: Value = serde_json::from_slice(&output.stdout).unwrap();
            return serde_json::from_value(status["site"].clone()).unwrap();
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(Instant::now() < deadline, "it does not serve: {errors}");
        std::thread::sleep(POLL);
    }
}

/// `REHOME_BIN`, or `rehome` where cargo puts the workspace's programs: agent and coordinator do not depend on one
/// another, so cargo cannot name it.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("REHOME_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(|deps| deps.parent()).unwrap().join("rehome");
    let hint = "run `cargo build -p rehome-coordinator` or set REHOME_BIN";
    assert!(path.is_file(), "no {}: {hint}", path.display());
    path
}

//! A `rehome serve` of its own, with its own data directory.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use protocol::api::SiteConfig;
use serde_json::Value;

pub(crate) struct Coordinator {
    pub(crate) data: tempfile::TempDir,
    /// How the data directory is reached from here.
    path: PathBuf,
    pub(crate) site: SiteConfig,
    flags: Vec<String>,
    child: Child,
}

/// The binary under test.
pub(crate) fn rehome() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rehome"))
}

/// A command on a data directory.
pub(crate) fn on(data: &Path, arguments: &[&str]) -> Command {
    let mut command = rehome();
    command.arg("--data").arg(data).args(arguments);
    command
}

/// All that it said.
pub(crate) fn text(output: &Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

/// Runs a command that must end with `code`, and gives what it says.
pub(crate) fn run(data: &Path, arguments: &[&str], code: i32) -> String {
    let output = on(data, arguments).output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

impl Coordinator {
    pub(crate) fn start(flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let child = spawn(data.path(), &flags, 0, 0);
        let site = wait_until_serving(data.path());
        let path = data.path().to_owned();
        Self { data, path, site, flags, child }
    }

    /// One whose data directory is a folder that it makes itself.
    pub(crate) fn start_in(folder: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(folder);
        let child = spawn(&path, &[], 0, 0);
        let site = wait_until_serving(&path);
        Self { data, path, site, flags: Vec::new(), child }
    }

    /// One in a folder of `data` that holds a data directory already.
    pub(crate) fn start_at(data: tempfile::TempDir, folder: &str) -> Self {
        let path = data.path().join(folder);
        let child = spawn(&path, &[], 0, 0);
        let site = wait_until_serving(&path);
        Self { data, path, site, flags: Vec::new(), child }
    }

    /// Starts one that has ended, with further flags this once.
    pub(crate) fn restart(&mut self, flags: &[&str]) {
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let (http, api) = (self.site.http_port, self.site.api_port);
        self.child = spawn(&self.path, &flags, http, api);
        wait_until_serving(&self.path);
    }

    /// One that was started otherwise; `wait` waits until it serves and says how its directory is reached.
    pub(crate) fn of(
        data: tempfile::TempDir,
        child: Child,
        wait: impl FnOnce(&Path, &Child) -> (PathBuf, SiteConfig),
    ) -> Self {
        let (path, site) = wait(data.path(), &child);
        Self { data, path, site, flags: Vec::new(), child }
    }

    /// The data directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Pulls the plug and starts again on the same ports.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (http, api) = (self.site.http_port, self.site.api_port);
        self.child = spawn(self.data.path(), &self.flags, http, api);
        let site = wait_until_serving(self.data.path());
        assert_eq!(site, self.site, "keys, addresses and ports stay");
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        rehome().arg("--data").arg(&self.path).args(arguments).output().unwrap()
    }

    /// Runs a command that must succeed and answer in JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must be refused with exit code 1, and gives its sentence.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        text
    }

    /// The whole answer to JSON that is posted to the administration's socket.
    pub(crate) fn ask_socket(&self, path: &str, body: &Value) -> String {
        let mut stream = UnixStream::connect(self.path.join("rehome.sock")).unwrap();
        let body = body.to_string();
        let len = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\nConnection: close\r\nRehome-By: Ola\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Opens a lot whose owner accepts this policy, and stated what is needed; in the one that is open, has them accept it.
    pub(crate) fn papers(&self, policy: &str) {
        let words = "--policy POLICY --accepted-by Mayor";
        let words = words.split(' ').map(|it| if it == "POLICY" { policy } else { it });
        let accept: Vec<_> = words.collect();
        if self.json(&["lot", "list"]).as_array().unwrap().is_empty() {
            let open = ["lot", "open", "--owner", "Town hall", "--stated-by", "Mayor"];
            self.json(&[&open, &accept[..]].concat());
        } else {
            self.json(&[&["lot", "accept"], &accept[..]].concat());
        }
    }

    /// Tries to serve this directory, which must not come to be, and gives the reason.
    pub(crate) fn refused_to_serve(&self, flags: &[&str]) -> String {
        let serve = ["serve", "--address", "127.0.0.1", "--http-port", "0", "--api-port", "0"];
        let output = self.run(&[&serve[..], flags].concat());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{flags:?}: {text}");
        text
    }

    pub(crate) fn arm_wipe(&self, count: u32) -> String {
        self.papers("default");
        let count = count.to_string();
        let armed = self.json(&[
            "batch", "arm", "--by", "Ola", "--count", &count, "--for", "4h", "--kind", "wipe",
        ]);
        armed["batch"].as_str().unwrap().to_owned()
    }

    /// Picks a machine by its number and the key on its screen.
    pub(crate) fn pick(&self, number: u32) {
        let key = self.machine(number)["fingerprint"].as_str().unwrap().to_owned();
        self.json(&["machine", "pick", &format!("{number}:{key}")]);
    }

    pub(crate) fn machine(&self, number: u32) -> Value {
        self.json(&["machine", "show", &number.to_string()])
    }

    pub(crate) fn state(&self, number: u32) -> String {
        self.machine(number)["state"].as_str().unwrap().to_owned()
    }

    pub(crate) fn http(&self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.site.http_port)
    }

    pub(crate) fn api(&self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.site.api_port)
    }

    /// Asks it to stop, as systemd does.
    pub(crate) fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = i32::try_from(self.child.id()).unwrap();
        let status = Command::new("kill").arg(pid.to_string()).status().unwrap();
        assert!(status.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(data: &Path, flags: &[String], http: u16, api: u16) -> Child {
    rehome()
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(["--address", "127.0.0.1", "--dhcp", "off"])
        .args(["--http-port", &http.to_string(), "--api-port", &api.to_string()])
        .args(flags)
        .env("REHOME_LOG", "warn")
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn wait_until_serving(data: &Path) -> SiteConfig {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let output = rehome().arg("--data").arg(data).args(["--json", "status"]).output().unwrap();
        if output.status.success() {
            let status: Value = serde_json::from_slice(&output.stdout).unwrap();
            return serde_json::from_value(status["site"].clone()).unwrap();
        }
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(Instant::now() < deadline, "not serving after 30 s: {errors}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

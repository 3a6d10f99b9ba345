//! A headless Chromium on the workshop's own computer, steered over its `DevTools` pipe: for
//! clicking through the dashboard as a person would, and for its picture.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

use crate::bench::Workshop;
use crate::process::Process;

/// Longest wait for an answer; starting takes seconds on two busy cores.
const ANSWER: Duration = Duration::from_secs(90);
/// Size of the window, pixels.
const WINDOW: &str = "1280,900";

/// One browser with one page.
#[derive(Debug)]
pub struct Browser {
    process: Process,
    commands: File,
    answers: Receiver<Value>,
    session: String,
    n_commands: u64,
}

impl Browser {
    /// Starts it with an empty profile. Certificates are not checked.
    ///
    /// # Errors
    /// When Chromium does not start.
    pub fn start(workshop: &Workshop) -> Result<Self> {
        let dir = workshop.run_dir().join("browser");
        fs::create_dir_all(&dir).with_context(|| format!("failed to make {}", dir.display()))?;
        let (commands, answers) = (new_fifo(&dir, "commands")?, new_fifo(&dir, "answers")?);
        // The pipe is file descriptors 3 and 4; a shell can hand them over without unsafe code.
        let mut command = workshop.command("sh");
        command
            .args(["-c", r#"exec chromium "$@" 3<"$COMMANDS" 4>"$ANSWERS""#, "sh"])
            .env("COMMANDS", &commands)
            .env("ANSWERS", &answers)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars"])
            .args(["--ignore-certificate-errors", &format!("--window-size={WINDOW}")])
            .arg(format!("--user-data-dir={}", dir.join("profile").display()))
            .arg("about:blank");
        let process = workshop.start("browser", &mut command)?;
        // Read-write, so that opening does not wait for a Chromium that may never come.
        let commands = OpenOptions::new().read(true).write(true).open(&commands)?;
        let answers = read_answers(answers);
        let mut browser =
            Self { process, commands, answers, session: String::new(), n_commands: 0 };
        let target = browser.execute("Target.createTarget", &json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.execute("Target.attachToTarget", &attach)?;
        browser.session = session["sessionId"].as_str().unwrap_or_default().to_owned();
        Ok(browser)
    }

    /// Goes to `url` and waits until it is loaded.
    ///
    /// # Errors
    /// When nothing answers there.
    pub fn open(&mut self, url: &str) -> Result<()> {
        let result = self.execute("Page.navigate", &json!({"url": url}))?;
        if let Some(error) = result.get("errorText").and_then(Value::as_str) {
            bail!("the browser cannot open {url}: {error}");
        }
        self.wait_until("document.readyState === 'complete'", ANSWER)
    }

    /// Runs JavaScript in the page and returns its value.
    ///
    /// # Errors
    /// When it throws.
    pub fn evaluate(&mut self, script: &str) -> Result<Value> {
        let arguments = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let mut result = self.execute("Runtime.evaluate", &arguments)?;
        if let Some(exception) = result.get("exceptionDetails") {
            bail!("`{script}` failed in the browser: {exception}");
        }
        Ok(result["result"]["value"].take())
    }

    /// Waits until JavaScript `condition` is true.
    ///
    /// # Errors
    /// After `timeout`.
    pub fn wait_until(&mut self, condition: &str, timeout: Duration) -> Result<()> {
        let deadline = Instant::now() + timeout;
        while self.evaluate(condition)? != Value::Bool(true) {
            if Instant::now() >= deadline {
                let text = self.evaluate("document.body.innerText")?;
                bail!("`{condition}` is not true after {timeout:?}; the page says: {text}");
            }
            sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// Chooses files in the file input that `selector` finds, as a person would in its dialog.
    ///
    /// # Errors
    /// When there is no such input.
    pub fn choose_files(&mut self, selector: &str, files: &[PathBuf]) -> Result<()> {
        let find = json!({"expression": format!("document.querySelector({})", json!(selector))});
        let found = self.execute("Runtime.evaluate", &find)?;
        let input = found["result"]["objectId"].as_str();
        let input = input.with_context(|| format!("there is no {selector} in the page"))?;
        let chosen = json!({"files": files, "objectId": input});
        self.execute("DOM.setFileInputFiles", &chosen).map(drop)
    }

    /// Shows pages as on a screen of this size, in CSS pixels.
    ///
    /// # Errors
    /// When the browser refuses.
    pub fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.execute("Emulation.setDeviceMetricsOverride", &size).map(drop)
    }

    /// Keeps the files that pages give out in `folder`.
    ///
    /// # Errors
    /// When the browser refuses.
    pub fn downloads_to(&mut self, folder: &Path) -> Result<()> {
        let to = json!({"behavior": "allow", "downloadPath": folder});
        self.execute("Browser.setDownloadBehavior", &to).map(drop)
    }

    /// Saves what the window shows as a PNG.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn screenshot(&mut self, png: &Path) -> Result<()> {
        let result = self.execute("Page.captureScreenshot", &json!({"format": "png"}))?;
        let data = result["data"].as_str().context("the browser sent no picture")?;
        let bytes = STANDARD.decode(data).context("the browser's picture is no base64")?;
        fs::write(png, bytes).with_context(|| format!("failed to write {}", png.display()))
    }

    fn execute(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.n_commands += 1;
        let mut command = json!({"id": self.n_commands, "method": method, "params": params});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).with_context(|| format!("failed to send `{method}`"))?;
        let deadline = Instant::now() + ANSWER;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(mut answer) = self.answers.recv_timeout(left) else {
                bail!("the browser did not answer `{method}`: {}", self.process.log_excerpt());
            };
            if answer["id"] != json!(self.n_commands) {
                continue; // an event
            }
            if let Some(error) = answer.get("error") {
                bail!("the browser refused `{method}`: {error}");
            }
            return Ok(answer["result"].take());
        }
    }
}

fn new_fifo(dir: &Path, name: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)
        .with_context(|| format!("failed to make {}", path.display()))?;
    Ok(path)
}

/// Answers arrive through a thread, since reading a pipe has no timeout of its own. The thread
/// ends with the browser.
fn read_answers(path: PathBuf) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let Ok(file) = File::open(path) else { return };
        for message in BufReader::new(file).split(0).map_while(Result::ok) {
            let Ok(value) = serde_json::from_slice(&message) else { return };
            if sender.send(value).is_err() {
                return;
            }
        }
    });
    receiver
}

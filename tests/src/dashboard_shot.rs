//! The dashboard's picture, taken as a person would see it.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::bench::Workshop;
use crate::browser::Browser;

/// Longest wait for a page on two busy cores.
const PAGE: Duration = Duration::from_secs(60);

/// Logs in at `url` (`https://10.76.0.1/`) and saves a picture of the bench.
///
/// # Errors
/// When the login is refused, the bench does not show up, or the file cannot be written.
pub fn dashboard_shot(workshop: &Workshop, url: &str, password: &str, png: &Path) -> Result<()> {
    let mut browser = Browser::start(workshop)?;
    log_in(&mut browser, url, password)?;
    browser.screenshot(png)
}

/// Types name and password into the login at `url`, and waits for a bench that is kept fresh.
///
/// # Errors
/// When the login is refused or the bench does not show up.
pub fn log_in(browser: &mut Browser, url: &str, password: &str) -> Result<()> {
    browser.open(url).context("failed to open the dashboard")?;
    let script = format!(
        "document.getElementById('name').value = 'supervisor';
         document.getElementById('password').value = {};
         setTimeout(() => document.querySelector('form[action=\"/login\"]').requestSubmit(), 0);
         true",
        json!(password)
    );
    browser.evaluate(&script).context("failed to fill in the login")?;
    let arrived = "location.pathname === '/bench' && document.body?.dataset.fresh === 'true'";
    let deadline = Instant::now() + PAGE;
    // A question that meets the change from one page to the next gets an error: asked again.
    while browser.evaluate(arrived).ok() != Some(Value::Bool(true)) {
        if Instant::now() >= deadline {
            return browser.wait_until(arrived, Duration::ZERO).context("failed to log in");
        }
        sleep(Duration::from_millis(200));
    }
    Ok(())
}

//! A person at a page: fills in forms, presses buttons, waits for what comes.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::browser::Browser;

/// Longest wait for the page after a form, on two busy cores.
const PAGE: Duration = Duration::from_secs(60);

/// Finds the form, opens what it is folded into, fills it in, and presses the button. Refuses what a person could not do:
/// choose what is not offered, send what the browser calls invalid.
const SEND: &str = "((selector, fields, button) => {
    const form = document.querySelector(selector);
    if (!form) throw new Error(`there is no form ${selector}`);
    for (let it = form.closest('details'); it; it = it.parentElement.closest('details')) it.open = true;
    for (const [name, value] of fields) {
        const all = [...form.querySelectorAll(`[name='${name}']`)];
        const ticked = (it) => it.type === 'radio' || it.type === 'checkbox';
        const choice = all.find((it) => ticked(it) && it.value === value);
        if (choice) { choice.checked = true; continue; }
        const field = all.find((it) => !ticked(it));
        if (!field) throw new Error(`there is no field ${name} for ${value}`);
        field.value = value;
        if (field.value !== value) throw new Error(`${name} does not take ${value}`);
    }
    const wrong = [...form.elements].filter((it) => !it.checkValidity()).map((it) => it.name);
    if (wrong.length > 0) throw new Error(`not filled in: ${wrong.join(', ')}`);
    const pressed = button === null ? null : form.querySelector(`button[value='${button}']`);
    if (button !== null && !pressed) throw new Error(`there is no button ${button}`);
    window.sent = true;
    setTimeout(() => form.requestSubmit(pressed), 0);
    return true;
})";

impl Browser {
    /// Fills in the form that `selector` finds and sends it, by the button of this value where it has several; then
    /// waits for the page that answers.
    ///
    /// # Errors
    /// When there is no such form, field or choice, when something required is left out, or when no page comes.
    pub fn send(
        &mut self,
        selector: &str,
        fields: &[(&str, &str)],
        button: Option<&str>,
    ) -> Result<()> {
        let script = format!("{SEND}({}, {}, {})", json!(selector), json!(fields), json!(button));
        self.evaluate(&script).with_context(|| format!("failed to fill in {selector}"))?;
        let arrived = "window.sent === undefined && document.readyState === 'complete'";
        let deadline = Instant::now() + PAGE;
        // A question that meets the change from one page to the next gets an error: asked again.
        while self.evaluate(arrived).ok() != Some(Value::Bool(true)) {
            if Instant::now() >= deadline {
                bail!("no page came within {} s after {selector}", PAGE.as_secs());
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// All that the page says.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn text(&mut self) -> Result<String> {
        let text = self.evaluate("document.body.innerText")?;
        text.as_str().map(str::to_owned).context("the page has no text")
    }

    /// The path and query of the page.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn path(&mut self) -> Result<String> {
        let path = self.evaluate("location.pathname + location.search")?;
        path.as_str().map(str::to_owned).context("the page has no address")
    }

    /// Presses a link that gives a file, and waits until the file is in `folder`.
    ///
    /// # Errors
    /// When there is no such link, or no whole file within a minute.
    pub fn download(&mut self, link: &str, folder: &Path, name: &str) -> Result<Vec<u8>> {
        self.downloads_to(folder)?;
        self.evaluate(&format!("document.querySelector({}).click(), true", json!(link)))
            .with_context(|| format!("failed to press {link}"))?;
        // Chromium gives a file its name when it is whole.
        let (path, deadline) = (folder.join(name), Instant::now() + PAGE);
        while !path.exists() {
            if Instant::now() >= deadline {
                bail!("{link} gave no {name} within {} s", PAGE.as_secs());
            }
            sleep(Duration::from_millis(100));
        }
        std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))
    }
}

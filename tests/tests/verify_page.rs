//! The page that checks certificates, in a real browser: served to everybody, and from a file without network. It is tried
//! with the same certificates and forgeries as `evidence::certificate::verify`, and must say the same of each.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

// The modules below are those of the crate's own tests, which name it so.
extern crate evidence as rehome_evidence;

#[expect(dead_code, reason = "the crate's own tests need more of it")]
#[path = "../../crates/evidence/tests/certificate/case.rs"]
mod case;
#[path = "../../crates/evidence/tests/certificate/samples.rs"]
mod samples;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evidence::SiteKeys;
use evidence::certificate::{Failure, verify};
use samples::Sample;
use serde_json::{Value, json};
use workshop::{Bench, Browser, Coordinator, CoordinatorSpec, Workshop};

/// Longest wait for a page's verdicts on two busy cores.
const VERDICTS: Duration = Duration::from_secs(120);
/// What the page shows of each certificate, in order.
const SHOWN: &str = "[...document.querySelectorAll('article')].map(it => ({
    holds: it.classList.contains('holds'), check: it.dataset.check ?? null,
    said: it.querySelector('.verdict').innerText, file: it.querySelector('.file').innerText,
}))";

/// Chooses the key and the files as a person would, and gives what the page then shows.
fn checked(browser: &mut Browser, key: &Path, files: &[PathBuf]) -> Vec<Value> {
    let click = "(document.getElementById('clear').hidden || document.getElementById('clear').click(), true)";
    browser.evaluate(click).unwrap();
    let mut all = vec![key.to_owned()];
    all.extend_from_slice(files);
    browser.choose_files("#files", &all).unwrap();
    let shown = format!("document.querySelectorAll('article').length === {}", files.len());
    browser.wait_until(&shown, VERDICTS).unwrap();
    let Value::Array(shown) = browser.evaluate(SHOWN).unwrap() else { panic!("no list") };
    shown
}

/// Writes samples that are checked with one key into `dir`, and compares what page and library say of each.
fn compare(browser: &mut Browser, dir: &Path, site: &str, samples: &[Sample]) {
    std::fs::create_dir_all(dir).unwrap();
    let key = dir.join("site.pub");
    std::fs::write(&key, site).unwrap();
    let files = samples.iter().enumerate().map(|(number, sample)| {
        let path = dir.join(format!("{number:02}.json"));
        std::fs::write(&path, &sample.file).unwrap();
        path
    });
    let files: Vec<_> = files.collect();
    let keys: SiteKeys = site.parse().unwrap();
    let shown = checked(browser, &key, &files);
    for (sample, shown) in samples.iter().zip(&shown) {
        let failed = verify(&sample.file, &keys).err();
        let failed = failed.as_ref().map(Failure::name);
        assert_eq!(failed, sample.fails, "{}", sample.label);
        let expected = if sample.beyond_page { None } else { failed };
        assert_eq!(shown["check"], json!(expected), "{}: {shown}", sample.label);
        assert_eq!(shown["holds"], json!(expected.is_none()), "{}: {shown}", sample.label);
    }
}

/// By the text of `site.pub` that they are checked with.
fn by_site() -> BTreeMap<String, Vec<Sample>> {
    let mut groups = BTreeMap::<String, Vec<Sample>>::new();
    for sample in samples::samples() {
        groups.entry(sample.site.clone()).or_default().push(sample);
    }
    groups
}

#[test]
fn the_page_says_of_every_certificate_what_rehome_verify_says() {
    let workshop = Workshop::open(&Bench::for_laptops(0)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let appliance = dir.path().join("appliance");
    let args = ["--dhcp", "off"].map(str::to_owned).to_vec();
    let mut serving =
        Coordinator::start(&workshop, CoordinatorSpec { data, appliance, args }).unwrap();
    serving.wait_serving().unwrap();
    let mut browser = Browser::start(&workshop).unwrap();

    // Everybody gets it, without a login.
    browser.open("https://10.76.0.1/verify").unwrap();
    let first = samples::samples().swap_remove(0);
    compare(&mut browser, &dir.path().join("served"), &first.site.clone(), &[first]);

    // On a stick, with certificates of its own and nobody who serves.
    let stick = dir.path().join("stick");
    serving.cli(&["certificate", "export", "--all", "--out", stick.to_str().unwrap()]).unwrap();
    serving.kill().unwrap();
    let page = format!("file://{}", stick.join("verify.html").display());
    browser.open(&page).unwrap();
    for (number, (site, samples)) in by_site().into_iter().enumerate() {
        compare(&mut browser, &dir.path().join(number.to_string()), &site, &samples);
    }
    speaks_two_languages_and_loads_nothing(&mut browser, dir.path());
}

fn speaks_two_languages_and_loads_nothing(browser: &mut Browser, dir: &Path) {
    let group = by_site().into_values().max_by_key(Vec::len).unwrap();
    let of = |fails: Option<&str>| group.iter().find(|it| it.fails == fails).unwrap();
    let files = [(of(None), "machine-01.json"), (of(Some("record")), "machine-02.json")];
    let files = files.map(|(sample, name)| {
        let path = dir.join(name);
        std::fs::write(&path, &sample.file).unwrap();
        path
    });
    let key = dir.join("site.pub");
    std::fs::write(&key, &group[0].site).unwrap();
    browser.resize(1000, 1500).unwrap();
    for (lang, verdicts) in [("en", ["HOLDS", "REFUSED"]), ("pl", ["WAŻNY", "ODRZUCONY"])] {
        browser.evaluate(&format!("document.getElementById('{lang}').click()")).unwrap();
        let shown = checked(browser, &key, &files);
        for (shown, verdict) in shown.iter().zip(verdicts) {
            assert!(shown["said"].as_str().unwrap().contains(verdict), "{shown}");
        }
        assert_eq!(browser.evaluate("document.documentElement.lang").unwrap(), lang);
        if let Some(out) = std::env::var_os("REHOME_SHOTS") {
            browser.screenshot(&Path::new(&out).join(format!("verify-{lang}.png"))).unwrap();
        }
    }
    let loaded = "performance.getEntriesByType('resource').length";
    assert_eq!(browser.evaluate(loaded).unwrap(), 0, "the page loads something");
    // Its own policy keeps a script out that somebody slips in.
    let slipped = "(() => { const script = document.createElement('script');
        script.textContent = 'window.slipped = true'; document.body.append(script);
        return window.slipped === true; })()";
    assert_eq!(browser.evaluate(slipped).unwrap(), false);
}

//! The browser sees pages served inside the workshop.
#![allow(clippy::unwrap_used, reason = "a test's own helper functions may fail loudly")]

use std::time::Duration;

use workshop::browser::Browser;
use workshop::{Bench, Workshop};

/// A page whose text a script changes, and which no outside resource is needed for.
const PAGE: &str = "<title>bench</title><p id=state>waiting</p><script>setTimeout(() => \
                    document.getElementById('state').textContent = 'Łódź 7', 300)</script>";

#[test]
fn a_page_is_opened_read_and_photographed() {
    let workshop = Workshop::open(&Bench::for_laptops(0)).unwrap();
    let page = workshop.run_dir().join("page.html");
    std::fs::write(&page, PAGE).unwrap();
    let png = workshop.run_dir().join("page.png");
    let mut browser = Browser::start(&workshop).unwrap();
    browser.open(&format!("file://{}", page.display())).unwrap();
    browser
        .wait_until(
            "document.getElementById('state').textContent === 'Łódź 7'",
            Duration::from_secs(20),
        )
        .unwrap();
    assert_eq!(browser.evaluate("document.title").unwrap(), "bench");
    browser.screenshot(&png).unwrap();
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    assert!(browser.evaluate("nonsense(").is_err());
    assert!(browser.open("http://10.76.0.1:9/").is_err(), "nobody listens there");
}

//! What the technician does, page after page.

use std::io::Cursor;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use workshop::dashboard_shot::log_in;
use workshop::{Browser, Coordinator, Laptop, LaptopSpec, Workshop};

use crate::register::{self, Asset};
use crate::{FAILING, STRANGER, dead};

const HOME: &str = "https://10.76.0.1";
/// Until a laptop in QEMU has booted the appliance, on two busy cores.
const BOOTED: Duration = Duration::from_secs(300);
/// Until all of them are done.
const DONE: Duration = Duration::from_secs(900);
/// Longest wait for certificates to be checked.
const VERDICTS: Duration = Duration::from_secs(120);

/// The person, with what they have at hand.
pub(crate) struct Technician {
    pub(crate) browser: Browser,
    pub(crate) assets: Vec<Asset>,
    /// The keys on the screens of the test's own laptops, in their order.
    pub(crate) fingerprints: Vec<String>,
    pub(crate) folder: PathBuf,
    /// Where pictures go, if anywhere.
    pub(crate) shots: Option<PathBuf>,
    /// The path of the lot's page.
    pub(crate) lot: String,
}

impl Technician {
    /// The whole story. `plug` switches the test's own laptops on.
    pub(crate) fn works(
        mut self,
        workshop: &Workshop,
        serving: &Coordinator<'_>,
        spec: LaptopSpec,
        password: &str,
        plug: impl FnOnce(),
    ) {
        self.browser.resize(1280, 900).unwrap();
        log_in(&mut self.browser, &format!("{HOME}/"), password).unwrap();
        self.opens_the_lot();
        self.imports_the_register();
        self.files_the_papers();
        self.arms();
        let qemu = Laptop::power_on(workshop, spec).unwrap();
        plug();
        self.picks();
        self.watches();
        self.meets_the_failing_drive(serving);
        self.meets_the_stranger(serving);
        self.meets_the_dead();
        self.sees_that_all_is_even();
        self.closes();
        drop(qemu);
        self.takes_the_papers();
        self.checks_them_at_home();
    }

    fn opens(&mut self, path: &str) {
        self.browser.open(&format!("{HOME}{path}")).unwrap();
    }

    fn opens_lot(&mut self) {
        let lot = self.lot.clone();
        self.opens(&lot);
    }

    fn sends(&mut self, form: &str, fields: &[(&str, &str)]) {
        self.browser.send(form, fields, None).unwrap();
        self.is_not_refused(form);
    }

    /// Sends a form about the lot; `of` says which, where the page has it more than once.
    fn wishes(&mut self, wish: &str, of: &[(&str, &str)], fields: &[(&str, &str)]) {
        let mut form = format!("form:has(input[name='wish'][value='{wish}'])");
        for (name, value) in of {
            form.push_str(&format!(":has(input[name='{name}'][value='{value}'])"));
        }
        self.sends(&form, fields);
    }

    fn is_not_refused(&mut self, what: &str) {
        let refused = "[...document.querySelectorAll('[role=alert]')]
            .filter((it) => it.checkVisibility()).map((it) => it.innerText).join('; ')";
        let refused = self.browser.evaluate(refused).unwrap();
        assert_eq!(refused, "", "{what} was refused");
    }

    fn shoots(&mut self, name: &str) {
        if let Some(shots) = &self.shots {
            self.browser.screenshot(&shots.join(format!("{name}.png"))).unwrap();
        }
    }

    fn opens_the_lot(&mut self) {
        self.opens("/lots");
        self.sends(
            "form[action='/lots']",
            &[("owner", "Urząd Miejski"), ("reference", "OR.2610.7")],
        );
        self.lot = self.browser.path().unwrap();
        assert!(self.lot.starts_with("/lots/"), "{}", self.lot);
    }

    fn imports_the_register(&mut self) {
        let file = self.folder.join("ewidencja.csv");
        std::fs::write(&file, register::file(&self.assets)).unwrap();
        self.browser.choose_files("input[type='file']", &[file]).unwrap();
        self.sends("form[action$='/register']", &[]);
        let text = self.browser.text().unwrap();
        assert!(text.contains("34") && text.contains("CP1250"), "{text}");
        for person in register::PEOPLE {
            assert!(!text.contains(person), "{person} is shown");
        }
        self.shoots("1-register");
        self.browser.send("form[action$='/take']", &[], Some("take")).unwrap();
        self.is_not_refused("the register");
        assert_eq!(self.browser.path().unwrap(), self.lot);
    }

    fn files_the_papers(&mut self) {
        let owner = ("name", "Anna Nowak");
        self.wishes("accept", &[], &[("policy", "default"), owner, ("reference", "OR.2610.8")]);
        self.wishes("state", &[], &[owner, ("reference", "OR.2610.9")]);
        self.shoots("2-papers");
    }

    fn arms(&mut self) {
        self.opens("/arm");
        let count = self.assets.len() - 1;
        let count = count.to_string();
        let image = "document.querySelector('#image option').value";
        let image = self.browser.evaluate(image).unwrap();
        let wish = [
            ("kind", "refurbish"),
            ("image", image.as_str().unwrap()),
            ("locale", "pl_PL.UTF-8"),
            ("policy", "default"),
            ("count", &count),
            ("count-again", &count),
        ];
        // These laptops are all of one model that is known to work.
        let untick = "(document.querySelector('[name=first-of-model]').checked = false, true)";
        self.browser.evaluate(untick).unwrap();
        self.sends("form[action='/arm']", &wish);
        assert_eq!(self.browser.path().unwrap(), "/pick");
    }

    /// Waits for all laptops, compares the keys on their screens, and ticks all but the one that is not in the register.
    fn picks(&mut self) {
        let offered = self.assets.len();
        let deadline = std::time::Instant::now() + BOOTED;
        let offers = "[...document.querySelectorAll('input[name=machine]')].map((it) => it.value)";
        let offers = loop {
            self.opens("/pick");
            let Value::Array(found) = self.browser.evaluate(offers).unwrap() else { panic!() };
            if found.len() == offered {
                break found;
            }
            assert!(std::time::Instant::now() < deadline, "{} of {offered} laptops", found.len());
            std::thread::sleep(Duration::from_secs(2));
        };
        let keys: Vec<&str> =
            offers.iter().map(|it| it.as_str().unwrap().split_once(':').unwrap().1).collect();
        for on_screen in &self.fingerprints {
            assert!(keys.contains(&on_screen.as_str()), "{on_screen} is not offered");
        }
        let stranger = &self.fingerprints[usize::from(STRANGER) - 1];
        let wanted = offers.iter().map(|it| it.as_str().unwrap());
        let wanted = wanted.filter(|it| !it.ends_with(stranger.as_str()));
        let ticks: Vec<_> = wanted.map(|it| ("machine", it)).collect();
        self.browser.send("form[action='/pick']", &ticks, None).unwrap();
        self.is_not_refused("picking");
    }

    /// The page changes by itself until every laptop is done but the failing one.
    fn watches(&mut self) {
        let working = "document.querySelectorAll('.tile progress').length > 20";
        self.browser.wait_until(working, BOOTED).unwrap();
        self.shoots("3-bench");
        let boots = "[...document.querySelectorAll('.tile.done .state')].filter((it) => it.innerText.includes('it boots'))";
        let done = format!("{boots}.length === {}", self.assets.len() - 2);
        self.browser.wait_until(&done, DONE).unwrap();
        let first = "document.querySelector('.tile').dataset.mood";
        let first = self.browser.evaluate(first).unwrap();
        assert_eq!(first, "needs-person", "what needs a person comes first");
    }

    fn meets_the_failing_drive(&mut self, serving: &Coordinator<'_>) {
        let machine = self.number_of(serving, FAILING);
        self.opens(&format!("/machines/{machine}"));
        let text = self.browser.text().unwrap();
        assert!(
            text.contains("1073741824"),
            "the page does not say where the drive failed: {text}"
        );
        self.shoots("4-failing-drive");
        self.opens_lot();
        let drive = [
            ("model", "Example NVMe"),
            ("serial", &format!("DRIVE{FAILING:03}")),
            ("bag", "B-001"),
            ("because", "cannot be written at 1 GiB"),
        ];
        self.wishes("pull", &[("machine", &machine)], &drive);
        let how = [("how", "shredded, H-4"), ("reference", "protocol 17/2026")];
        self.wishes("destroyed", &[("bag", "B-001")], &how);
    }

    fn meets_the_stranger(&mut self, serving: &Coordinator<'_>) {
        let machine = self.number_of(serving, STRANGER);
        self.opens_lot();
        self.shoots("5-unknown");
        let because = [("because", "belongs to a colleague, was plugged in by mistake")];
        self.wishes("refuse", &[("machine", &machine)], &because);
    }

    fn meets_the_dead(&mut self) {
        let dead = dead();
        self.opens_lot();
        let taken = [
            ("serial", dead.serial.as_str()),
            ("asset", dead.number.as_str()),
            ("because", "no sign of life"),
        ];
        self.wishes("take-in", &[], &taken);
        let item =
            "document.querySelector(\"form:has(input[value='pull']) input[name='item']\").value";
        let item = self.browser.evaluate(item).unwrap();
        let drive = [
            ("model", "Hitachi HTS723232A7A364"),
            ("serial", "E3834563GRRNDK"),
            ("bag", "B-002"),
            ("because", "the laptop never boots"),
        ];
        self.wishes("pull", &[("item", item.as_str().unwrap())], &drive);
        self.shoots("6-bags");
        let how = [("how", "shredded, H-4"), ("reference", "protocol 17/2026")];
        self.wishes("destroyed", &[("bag", "B-002")], &how);
    }

    fn sees_that_all_is_even(&mut self) {
        self.opens_lot();
        let alerts =
            "[...document.querySelectorAll('#things ~ div .bad')].map((it) => it.innerText)";
        assert_eq!(self.browser.evaluate(alerts).unwrap(), json!([]));
    }

    fn closes(&mut self) {
        let received = self.assets.len();
        let counts = [received, received - 2, 2, 0, 0].map(|it| it.to_string());
        let names = ["received", "erased", "pulled", "returned", "missing"];
        let wrong = ["34", "33", "1", "0", "0"];
        let fields: Vec<_> = names.into_iter().zip(wrong).collect();
        let form = "form:has(input[name='wish'][value='close'])";
        self.browser.send(form, &fields, None).unwrap();
        let refused = self.browser.text().unwrap();
        assert!(refused.contains("32"), "sums that are not even were taken: {refused}");
        let fields: Vec<_> = names.into_iter().zip(counts.iter().map(String::as_str)).collect();
        self.sends(form, &fields);
        let reopened = "document.querySelector(\"input[name='wish'][value='reopen']\") !== null";
        assert_eq!(self.browser.evaluate(reopened).unwrap(), true, "the lot is not closed");
        self.shoots("7-closed");
    }

    fn takes_the_papers(&mut self) {
        let name = format!("lot-{}.zip", self.lot.trim_start_matches("/lots/"));
        let link = "a[href$='/certificates']";
        let folder = self.folder.join("downloads");
        std::fs::create_dir(&folder).unwrap();
        let file = self.browser.download(link, &folder, &name).unwrap();
        let papers = self.folder.join("papers");
        zip::ZipArchive::new(Cursor::new(file)).unwrap().extract(&papers).unwrap();
    }

    /// As on another machine: the page comes from the stick.
    fn checks_them_at_home(&mut self) {
        let papers = self.folder.join("papers");
        let certificates = |it: &PathBuf| it.extension().is_some_and(|it| it == "json");
        let mut files: Vec<_> =
            std::fs::read_dir(&papers).unwrap().map(|it| it.unwrap().path()).collect();
        files.retain(certificates);
        files.sort();
        assert_eq!(files.len(), self.assets.len() - 2);
        let n = files.len();
        files.insert(0, papers.join("site.pub"));
        self.browser.open(&format!("file://{}", papers.join("verify.html").display())).unwrap();
        self.browser.choose_files("#files", &files).unwrap();
        let holds = format!("document.querySelectorAll('article.holds').length === {n}");
        self.browser.wait_until(&holds, VERDICTS).unwrap();
        self.shoots("8-verified");
    }

    /// The number of one of the test's own laptops: on its screen.
    fn number_of(&self, serving: &Coordinator<'_>, n: u8) -> String {
        let fingerprint = &self.fingerprints[usize::from(n) - 1];
        let machines = serving.cli_json(&["machine", "list", "--json"]).unwrap();
        let machines = machines.as_array().unwrap();
        let found = machines.iter().find(|it| it["fingerprint"] == fingerprint.as_str());
        found.unwrap()["number"].to_string()
    }
}

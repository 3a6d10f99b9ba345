//! The bench itself: what it makes, and that nothing of it stays.
#![allow(clippy::unwrap_used, reason = "a test's own helper functions may fail loudly")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use workshop::process::run;
use workshop::{Bench, ForeignDhcp, LogTail, Workshop};

fn namespaces() -> String {
    run(Command::new("ip").args(["netns", "list"])).unwrap()
}

#[test]
fn stations_reach_the_bridge_and_a_dropped_workshop_is_gone() {
    let workshop = Workshop::open(&Bench::for_laptops(0)).unwrap();
    let name = workshop.name().to_owned();
    let run_dir = workshop.run_dir().to_owned();
    let station = workshop.add_station("desk", Some("10.76.0.9/24")).unwrap();
    std::fs::write(run_dir.join("hello"), "from the bench").unwrap();
    let mut dnsmasq = workshop.command("dnsmasq");
    dnsmasq.args(["--conf-file=/dev/null", "-k", "--pid-file=", "--log-facility=-", "--port=0"]);
    dnsmasq.arg("--user=root").arg("--enable-tftp");
    dnsmasq.arg(format!("--tftp-root={}", run_dir.display()));
    let mut server = workshop.start("tftp", &mut dnsmasq).unwrap();
    LogTail::new(server.log())
        .wait_any(&["TFTP root"], Duration::from_secs(10), || {
            Ok(server.ended()?.map(|status| status.to_string()))
        })
        .unwrap();
    let mut curl = station.command("curl");
    let fetched = run(curl.args(["-sS", "-m", "10", "tftp://10.76.0.1/hello"])).unwrap();
    assert_eq!(fetched, "from the bench");
    assert!(namespaces().contains(&name) && run_dir.is_dir());
    let pid = server.pid();
    assert!(Path::new(&format!("/proc/{pid}")).exists());

    drop(station);
    drop(workshop);
    assert!(!namespaces().contains(&name));
    assert!(!run_dir.exists());
    assert!(server.ended().unwrap().is_some(), "what ran in it was ended with it");
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let mut name = String::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let workshop = Workshop::open(&Bench::for_laptops(0)).unwrap();
        let _station = workshop.add_station("desk", None).unwrap();
        name = workshop.name().to_owned();
        panic!("a test failed");
    }));
    assert!(result.is_err() && !name.is_empty());
    assert!(!namespaces().contains(&name));
}

#[test]
fn the_foreign_dhcp_server_gives_an_address_and_nothing_to_boot() {
    let workshop = Workshop::open(&Bench::for_laptops(0)).unwrap();
    let dhcp = ForeignDhcp::start(&workshop, "10.76.0.2/24", "10.76.0.50", "10.76.0.99").unwrap();
    let client = workshop.add_station("client", None).unwrap();
    let mut udhcpc = client.command("udhcpc");
    udhcpc.args(["-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true", "-t", "10", "-T", "1"]);
    let output = udhcpc.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    assert!(words.contains("obtained from 10.76.0.2"), "{words}");
    let log = std::fs::read_to_string(dhcp.log()).unwrap();
    assert!(log.contains("DHCPACK(eth0) 10.76.0."), "{log}");
    assert!(!log.contains("bootfile"), "{log}");
}

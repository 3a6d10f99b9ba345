//! Work that is not to wipe, beside the real coordinator.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use drive::sim::Command;

use super::coordinator::Coordinator;
use super::laptop::Laptop;
use super::{assert_done, cable, records};
use crate::init::power::Ending;

/// What the lot says of the only machine, and how many it counts as erased.
fn reckoned(bench: &Coordinator) -> (serde_json::Value, u64) {
    let id = bench.json(&["lot", "list"])[0]["id"].as_str().unwrap().to_owned();
    let lot = bench.json(&["lot", "show", &id]);
    (lot["received"][0].clone(), lot["sums"]["erased"].as_u64().unwrap())
}

#[test]
fn an_inventory_writes_nothing_proves_nothing_and_is_no_obstacle_to_wiping_later() {
    let (bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    let refused = ["batch", "arm", "--count", "1", "--for", "4h", "--kind"];
    let batch = bench.arm_unsigned("inventory-only");
    let why = bench.refused(&[&refused[..], &["inventory-only", "--witness"]].concat());
    assert!(why.contains("--witness"), "{why}");
    let why = bench.refused(&[&refused[..], &["wipe-only"]].concat());
    assert!(why.contains("has not accepted"), "papers are asked for what destroys: {why}");

    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(1);
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
    laptop.assert_untouched();
    let machine = bench.machine();
    assert_eq!((machine["state"].as_str(), records(&machine)), (Some("inventoried"), vec![2]));
    assert_eq!(machine["data_still_there"].as_array().unwrap().len(), 1);
    let (thing, erased) = reckoned(&bench);
    assert_eq!((thing["observed"]["observed"].as_str(), erased), (Some("inventoried"), 0));
    assert_eq!(thing["in_the_way"][0]["obstacle"], "data-there", "{thing}");
    let why = bench.refused(&["certificate", "show", "1"]);
    assert!(why.contains("inventory-only work sanitizes no drive"), "{why}");

    // It has nothing more to do here, and goes on to its own disk by itself.
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
    laptop.assert_untouched();
    bench.json(&["batch", "disarm", &batch]);

    // The owner signs, and it is wiped as if it had only been seen.
    bench.json(&["lot", "accept", "--accepted-by", "Mayor"]);
    bench.json(&["lot", "state", "--stated-by", "Mayor"]);
    bench.arm();
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(3);
    assert_done(&agent, &laptop, &bench, &[2, 0, super::N_RECORDS]);
    assert_eq!(reckoned(&bench).1, 1);
}

#[test]
fn a_drive_is_read_and_what_is_on_it_told_and_nothing_is_written() {
    // As it comes; and as a tool of somebody else left it, filled with ones.
    for (filling, state) in [(None, "found-data"), (Some(0xff), "found-blank")] {
        let (bench, laptop) = (Coordinator::start(), Laptop::new());
        let cable = cable(&bench);
        if let Some(filling) = filling {
            laptop.drive.plant(0, &vec![filling; 32 << 20]);
        }
        let n_writes = Arc::new(AtomicUsize::new(0));
        let counted = n_writes.clone();
        laptop.drive.on_command(move |command| {
            if !matches!(command, Command::Read { .. } | Command::Identify) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        bench.arm_unsigned("verify-only");
        let (agent, gate) = laptop.boot(&bench, &cable, None);
        drop(gate);
        bench.pick(1);
        assert_eq!(agent.end().unwrap(), Ending::Reboot);
        assert_eq!(n_writes.load(Ordering::SeqCst), 0, "other commands than reading");
        assert_eq!(laptop.n_opened.load(Ordering::SeqCst), 0, "it was opened for writing");
        let machine = bench.machine();
        assert_eq!((machine["state"].as_str(), records(&machine)), (Some(state), vec![2]));
        assert_eq!(machine["data_still_there"].as_array().unwrap().len(), 1);
        let (thing, erased) = reckoned(&bench);
        assert_eq!((thing["observed"]["observed"].as_str(), erased), (Some(state), 0));
        assert_eq!(thing["in_the_way"][0]["obstacle"], "data-there", "{thing}");
        assert!(bench.refused(&["certificate", "show", "1"]).contains("sanitizes no drive"));
    }
}

/// An image of a small file system, in a partition of the root type.
fn image(folder: &std::path::Path) -> String {
    let tool = |program: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(program);
        command.args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    };
    let (raw, part) = (folder.join("disk.raw"), folder.join("part"));
    std::fs::File::create(&raw).unwrap().set_len(16 << 20).unwrap();
    tool("sgdisk", &["-n1:2048:+12M", "-t1:8304", raw.to_str().unwrap()]);
    std::fs::File::create(&part).unwrap().set_len(12 << 20).unwrap();
    tool("mke2fs", &["-q", "-F", "-t", "ext4", part.to_str().unwrap()]);
    let mut disk = std::fs::OpenOptions::new().write(true).open(&raw).unwrap();
    std::io::Seek::seek(&mut disk, std::io::SeekFrom::Start(1 << 20)).unwrap();
    std::io::Write::write_all(&mut disk, &std::fs::read(part).unwrap()).unwrap();
    raw.to_str().unwrap().to_owned()
}

#[test]
fn an_image_goes_to_what_was_wiped_and_is_so_still() {
    for used_since in [false, true] {
        let (bench, laptop) = (Coordinator::start(), Laptop::new());
        let (cable, folder) = (cable(&bench), tempfile::tempdir().unwrap());
        bench.json(&["image", "add", &image(folder.path()), "--name", "small"]);
        bench.papers("overwrite-only");
        let arm = |kind: &str| {
            let words = "batch arm --by Ola --count 1 --for 4h --policy overwrite-only --kind";
            let image: &[&str] = if kind == "image-only" { &["--image", "small"] } else { &[] };
            let words: Vec<_> =
                words.split(' ').chain([kind]).chain(image.iter().copied()).collect();
            bench.json(&words)["batch"].as_str().unwrap().to_owned()
        };
        let wipe = arm("wipe-only");
        let (agent, gate) = laptop.boot(&bench, &cable, None);
        drop(gate);
        bench.pick(1);
        assert_eq!(agent.end().unwrap(), Ending::Reboot);
        bench.json(&["batch", "disarm", &wipe]);
        if used_since {
            laptop.drive.plant(80 * 512, b"somebody's letter");
        }
        let before = laptop.drive.peek(0, 32 << 20);
        arm("image-only");
        // It stands finished and switched off: it is picked by its number, and goes on once it is started.
        let key = bench.machine()["fingerprint"].as_str().unwrap().to_owned();
        bench.json(&["machine", "pick", &format!("1:{key}")]);
        let (agent, gate) = laptop.boot(&bench, &cable, None);
        drop(gate);
        bench.wait("in need of a person", |machine| {
            machine["attention"].as_array().is_some_and(|all| !all.is_empty())
        });
        agent.assert_running();
        let attention = bench.machine()["attention"].to_string();
        let now = laptop.drive.peek(0, 32 << 20);
        if used_since {
            for words in ["SIM0001", "not zero any more", "nothing was written", "arm refurbish"] {
                assert!(attention.contains(words), "{attention} lacks {words}");
            }
            assert!(before == now, "the letter is there, and nothing else");
            assert_eq!(bench.machine()["data_still_there"].as_array().unwrap().len(), 1);
        } else {
            // The image is written; to be made its own it would have to be mounted, which no simulated drive can.
            assert!(attention.contains("stage personalize"), "{attention}");
            assert!(before != now && now[1080 + (1 << 20)..][..2] == [0x53, 0xef], "no ext4");
        }
    }
}

#[test]
fn a_wiped_drive_says_what_became_of_it_and_the_certificate_says_where() {
    let (bench, laptop) = (Coordinator::start(), Laptop::new());
    let cable = cable(&bench);
    let batch = bench.arm();
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    bench.pick(1);
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
    bench.json(&["batch", "disarm", &batch]);
    let on_drive = laptop.drive.peek(0, 32 << 20);
    let (notice, rest) = on_drive.split_at(32 << 10);
    assert!(rest.iter().all(|byte| *byte == 0) && notice[510..512] == [0x55, 0xaa]);
    // It is checked before it is shown.
    let said = bench.json(&["certificate", "show", "1"]);
    let drive = &said["drives"][0];
    assert_eq!(drive["notice"]["length"], 32 << 10);
    assert_eq!(drive["notice"]["sha256"], evidence::sha256(notice).to_string());
    let id: protocol::CertificateId =
        drive["notice"]["certificate"].as_str().unwrap().parse().unwrap();
    let id = id.grouped();
    let text = String::from_utf8_lossy(notice);
    assert!(text.contains(&format!("Certificate ID: {id}")), "{id} is not in the notice");

    // A look afterwards takes it for ours, and not for data.
    bench.arm_unsigned("verify-only");
    let key = bench.machine()["fingerprint"].as_str().unwrap().to_owned();
    bench.json(&["machine", "pick", &format!("1:{key}")]);
    let (agent, gate) = laptop.boot(&bench, &cable, None);
    drop(gate);
    assert_eq!(agent.end().unwrap(), Ending::Reboot);
    let machine = bench.machine();
    assert_eq!(machine["state"], "found-blank");
    assert_eq!(machine["data_still_there"].as_array().unwrap().len(), 0);
    assert_eq!(bench.json(&["certificate", "show", "1"]), said);
}

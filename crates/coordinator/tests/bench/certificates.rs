//! Certificates together: exported, checked by the folder, and over rotations of the site's key.

use std::path::Path;
use std::process::Output;

use evidence::certificate::{CERTIFICATE_TYPE, Facts, Statement};
use evidence::{Envelope, SigningKey, SiteKeys};
use protocol::Step;
use protocol::api::RecordsAccepted;

use crate::coordinator::{Coordinator, rehome};
use crate::hardware::laptop;
use crate::laptop::{Laptop, ok};

/// One machine that is wiped with proof, one that only was seen, nothing armed any more.
async fn wiped() -> Coordinator {
    let bench = Coordinator::start(&[]);
    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    let mut other = Laptop::booted(laptop(2));
    other.enroll(&bench).await;
    let batch = bench.arm_wipe(1);
    bench.pick(1);
    let request = machine.request(&machine.job(&bench).await, 7);
    let (ticket, _) = machine.ticket(&bench, &request).await.unwrap();
    machine.wipe(&ticket, &request.plan.unwrap());
    machine.note(Step::Finished {});
    let _: RecordsAccepted = ok(&machine.send(&bench, &machine.records).await);
    bench.json(&["batch", "disarm", &batch]);
    bench
}

fn verify(key: &Path, paths: &[&Path]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        rehome().arg("verify").arg("--key").arg(key).args(paths).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_exported_and_checked_file_by_file() {
    let bench = wiped().await;
    let out = bench.path().join("out");
    let exported = bench.json(&["certificate", "export", "--all", "--out", out.to_str().unwrap()]);
    assert_eq!(exported["written"], serde_json::json!(["machine-01.json"]));
    assert_eq!(exported["without"][0]["number"], 2);
    assert!(exported["without"][0]["why"].as_str().unwrap().contains("never admitted"));
    let key = bench.path().join("site.pub");
    assert_eq!(std::fs::read(out.join("site.pub")).unwrap(), std::fs::read(&key).unwrap());
    let page = std::fs::read_to_string(out.join("verify.html")).unwrap();
    assert!(page.contains("script-src 'sha256-"));

    let (code, said, left_out) = verify(&key, &[&out]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 of 1 certificates hold"), "{said}");
    assert!(left_out.contains("site.pub") && left_out.contains("verify.html"), "{left_out}");

    // The same once more is said, another word about the same work is not borne.
    let good = std::fs::read(out.join("machine-01.json")).unwrap();
    std::fs::write(out.join("copy.cert"), &good).unwrap();
    let (code, _, notes) = verify(&key, &[&out]);
    assert!(code == 0 && notes.contains("twice: "), "{notes}");
    // Given out again after the site was renamed.
    let renamed = rival(&bench, &good, |facts| facts.site_name = "elsewhere".to_owned());
    std::fs::write(out.join("rival.json"), renamed).unwrap();
    let (code, _, notes) = verify(&key, &[&out]);
    assert!(code == 0 && !notes.contains("contradiction: "), "{notes}");
    let other = rival(&bench, &good, |facts| facts.completed_at.0 += 1);
    std::fs::write(out.join("rival.json"), other).unwrap();
    let (code, said, notes) = verify(&key, &[&out]);
    assert!(code == 1 && notes.contains("contradiction: "), "{notes}");
    assert!(said.contains("3 of 3 certificates hold"), "{said}");
    std::fs::remove_file(out.join("rival.json")).unwrap();

    let mut flipped = good;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(out.join("flipped.json"), flipped).unwrap();
    let (code, said, _) = verify(&key, &[&out]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("flipped.json: signature: "), "{said}");
    assert!(said.contains("2 of 3 certificates hold, 1 are refused"), "{said}");

    let empty = tempfile::tempdir().unwrap();
    let (code, said, _) = verify(&key, &[empty.path()]);
    assert!(code == 1 && said.contains("no certificate"), "{said}");
    assert_eq!(verify(&empty.path().join("site.pub"), &[&out]).0, 2);
    // The key is this data directory's unless another one is named.
    let own = bench.run(&["verify", out.join("machine-01.json").to_str().unwrap()]);
    assert!(own.status.success());
}

/// What the site's key could sign beside the truth.
fn rival(bench: &Coordinator, certificate: &[u8], change: impl FnOnce(&mut Facts)) -> String {
    let mut seed = [0; 32];
    let text = std::fs::read_to_string(bench.path().join("site.key")).unwrap();
    hex::decode_to_slice(text.trim(), &mut seed).unwrap();
    let key = SigningKey::from_seed(seed).unwrap();
    let envelope = Envelope::from_json(certificate).unwrap();
    let mut statement: Statement = envelope.open(CERTIFICATE_TYPE, &key.public()).unwrap();
    change(&mut statement.facts);
    format!("{}\n", Envelope::sign(CERTIFICATE_TYPE, &statement, &key).unwrap().to_json())
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_all_keys_hold_after_rotations() {
    let mut bench = wiped().await;
    let batch = bench.arm_wipe(1);
    let keep = tempfile::tempdir().unwrap();
    let export = |bench: &Coordinator, name: &str| {
        let path = keep.path().join(name);
        let path = path.to_str().unwrap();
        assert!(bench.run(&["certificate", "export", "1", "--out", path]).status.success());
    };
    export(&bench, "0.json");
    let first = keep.path().join("first.pub");
    let public = bench.path().join("site.pub");
    std::fs::copy(&public, &first).unwrap();

    let rotate = ["site", "rotate-key", "--because", "the old computer was stolen"];
    let serving = bench.run(&rotate);
    let why = String::from_utf8(serving.stderr).unwrap();
    assert!(serving.status.code() == Some(2) && why.contains("stop it first"), "{why}");
    assert!(bench.terminate().success());
    let why = bench.refused(&rotate);
    assert!(why.contains(&batch) && why.contains("disarm"), "{why}");
    bench.restart(&[]);
    bench.json(&["batch", "disarm", &batch]);
    for round in 1..=2 {
        assert!(bench.terminate().success());
        let rotated = bench.json(&rotate);
        assert_eq!(rotated["rotations"], round);
        bench.restart(&[]);
        assert_eq!(bench.json(&["status"])["site"]["site_key"], rotated["key"]);
        export(&bench, &format!("{round}.json"));
    }
    let keys: SiteKeys = std::fs::read_to_string(&public).unwrap().parse().unwrap();
    assert_eq!(keys.rotations().len(), 2);
    // With the first key alone, and with all: from both ends.
    for key in [&first, &public] {
        let (code, said, notes) = verify(key, &[keep.path()]);
        assert_eq!(code, 0, "{said}{notes}");
        assert!(said.contains("3 of 3 certificates hold"), "{said}");
    }
    assert!(bench.run(&["certificate", "show", "1"]).status.success());
    assert!(bench.terminate().success());
    let why = bench.run(&["site", "rotate-key", "--because", " "]);
    assert!(!why.status.success());
}

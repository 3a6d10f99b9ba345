//! What may depend on what, and under which licences: read from `cargo metadata`, so that it cannot drift from
//! the page that promises it (ARCHITECTURE.md, "Code map").

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every crate of ours with those of ours that its shipped code may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("rehome-protocol", &[]),
    ("rehome-netboot", &[]),
    ("rehome-sys", &[]),
    ("rehome-evidence", &["rehome-protocol"]),
    ("rehome-osimage", &["rehome-protocol"]),
    ("rehome-register", &["rehome-protocol"]),
    ("rehome-plan", &["rehome-evidence", "rehome-protocol"]),
    ("rehome-drive", &["rehome-protocol", "rehome-sys"]),
    ("rehome-sanitize", &["rehome-drive", "rehome-evidence", "rehome-protocol", "rehome-sys"]),
    (
        "rehome-agent",
        &[
            "rehome-drive",
            "rehome-evidence",
            "rehome-netboot",
            "rehome-osimage",
            "rehome-plan",
            "rehome-protocol",
            "rehome-sanitize",
            "rehome-sys",
        ],
    ),
    (
        "rehome-coordinator",
        &[
            "rehome-evidence",
            "rehome-netboot",
            "rehome-osimage",
            "rehome-plan",
            "rehome-protocol",
            "rehome-register",
        ],
    ),
    ("rehome-e2e", &[]),
    ("rehome-rig", &["rehome-drive", "rehome-protocol", "rehome-sanitize", "rehome-sys"]),
    ("rehome-bench", &["rehome-drive", "rehome-protocol", "rehome-sanitize", "rehome-sys"]),
];

/// No runtime and no network where data is destroyed or decided upon.
const SYNC: &[&str] = &[
    "rehome-protocol",
    "rehome-plan",
    "rehome-evidence",
    "rehome-sys",
    "rehome-drive",
    "rehome-sanitize",
    "rehome-osimage",
    "rehome-netboot",
    "rehome-register",
];

const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "0BSD",
    "CDLA-Permissive-2.0",
];

struct Graph {
    names: BTreeMap<String, String>,
    licences: BTreeMap<String, String>,
    /// Package id to the ids of its normal and build dependencies.
    edges: BTreeMap<String, Vec<String>>,
}

fn graph() -> Graph {
    let output = Command::new(option_env!("CARGO").unwrap_or("cargo"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages = list(&metadata["packages"]);
    let shipped = |dependency: &Value| {
        list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev")
    };
    Graph {
        names: packages.iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect(),
        licences: packages.iter().map(|p| (text(&p["name"]), text(&p["license"]))).collect(),
        edges: list(&metadata["resolve"]["nodes"])
            .iter()
            .map(|node| {
                let deps = list(&node["deps"]);
                let deps = deps.iter().filter(|d| shipped(d)).map(|d| text(&d["pkg"])).collect();
                (text(&node["id"]), deps)
            })
            .collect(),
    }
}

impl Graph {
    fn id(&self, name: &str) -> &str {
        self.names.iter().find(|(_, n)| *n == name).map(|(id, _)| id.as_str()).unwrap()
    }

    fn direct(&self, name: &str) -> BTreeSet<&str> {
        self.edges[self.id(name)].iter().map(|id| self.names[id].as_str()).collect()
    }

    fn tree(&self, name: &str) -> BTreeSet<&str> {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![self.id(name)]);
        while let Some(id) = todo.pop() {
            if seen.insert(self.names[id].as_str()) {
                todo.extend(self.edges[id].iter().map(String::as_str));
            }
        }
        seen
    }
}

#[test]
fn our_crates_depend_on_one_another_only_as_drawn() {
    let graph = graph();
    let ours: BTreeSet<_> = graph
        .names
        .values()
        .filter(|name| name.starts_with("rehome-"))
        .map(String::as_str)
        .collect();
    assert_eq!(ours, ALLOWED.iter().map(|(name, _)| *name).collect());
    for (name, allowed) in ALLOWED {
        let used: Vec<_> =
            graph.direct(name).into_iter().filter(|dep| dep.starts_with("rehome-")).collect();
        let stray: Vec<_> = used.iter().filter(|dep| !allowed.contains(dep)).collect();
        assert!(stray.is_empty(), "{name} may not depend on {stray:?}");
    }
}

#[test]
fn what_decides_and_destroys_has_no_runtime_and_no_network() {
    let graph = graph();
    for name in SYNC {
        let tree = graph.tree(name);
        for banned in ["tokio", "hyper", "axum", "rustls"] {
            assert!(!tree.contains(banned), "{name} has {banned} in its tree");
        }
    }
}

#[test]
fn the_agent_carries_no_database_no_server_and_no_spreadsheet() {
    let graph = graph();
    let tree = graph.tree("rehome-agent");
    for banned in ["rusqlite", "libsqlite3-sys", "axum", "rcgen", "object_store", "calamine"] {
        assert!(!tree.contains(banned), "the agent has {banned} in its tree");
    }
}

/// What the rigs need of the kernel to play a drive is no part of what runs on laptops.
#[test]
fn the_agent_cannot_play_a_drive() {
    let features = |package: &str| {
        let output = Command::new(option_env!("CARGO").unwrap_or("cargo"))
            .args(["tree", "--locked", "--offline", "-p", package, "-e", "normal,features"])
            .args(["-i", "rehome-sys"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let is_rig = "rehome-sys feature \"rig\"";
    assert!(!features("rehome-agent").contains(is_rig));
    assert!(features("rehome-rig").contains(is_rig), "the name has changed");
}

/// Nor does what runs on laptops hold a drive of memory: neither the simulator nor what it is made of.
#[test]
fn the_appliance_cannot_simulate() {
    let tree = |more: &[&str]| {
        let output = Command::new(option_env!("CARGO").unwrap_or("cargo"))
            .args(["tree", "--locked", "--offline", "-p", "rehome-agent", "-e", "normal,features"])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let simulator = "rehome-drive feature \"sim\"";
    let drive = ["-i", "rehome-drive"];
    assert!(!tree(&drive).contains(simulator));
    let named = [&drive[..], &["--features", "simulate"]].concat();
    assert!(tree(&named).contains(simulator), "the name has changed");
    let built = include_str!("../../image/appliance/build-agent");
    let command = built.lines().find(|line| line.starts_with("cargo build")).unwrap();
    assert!(!command.contains("--features") && !command.contains("--all-features"), "{command}");
}

#[test]
fn one_provider_of_cryptography() {
    for banned in ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"] {
        assert!(
            !graph().licences.contains_key(banned),
            "{banned} crept in by some default feature"
        );
    }
}

/// `A OR B` needs one that we accept, `A AND B` all of them; brackets and the old slash are read as well.
fn accepted(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    expression.split(" AND ").all(|all| all.split(" OR ").any(|one| LICENCES.contains(&one.trim())))
}

#[test]
fn every_licence_is_one_that_we_know() {
    for (name, licence) in &graph().licences {
        assert!(accepted(licence), "{name} is under {licence:?}");
    }
    for bad in ["GPL-3.0", "", "MIT AND GPL-2.0"] {
        assert!(!accepted(bad), "{bad:?} was accepted");
    }
}

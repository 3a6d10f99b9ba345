//! Images on their way: what cannot be installed is never armed, and chunks are served as they lie in the store.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::boot_files::request;
use crate::coordinator::Coordinator;

const MIB: u64 = 1 << 20;

fn tool(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// A raw disk of one partition of the root type, with a file system of these features or with noise.
pub(crate) fn disk(folder: &Path, name: &str, ext4: Option<&[&str]>) -> String {
    let (raw, part) = (folder.join(format!("{name}.raw")), folder.join("part"));
    let file = std::fs::File::create(&raw).unwrap();
    file.set_len(40 * MIB).unwrap();
    tool("sgdisk", &["-n1:2048:+36M", "-t1:8304", raw.to_str().unwrap()]);
    let mut content = vec![0; 9 << 20];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut content);
    if let Some(arguments) = ext4 {
        let tree = folder.join("tree");
        std::fs::create_dir_all(&tree).unwrap();
        std::fs::write(tree.join("noise"), &content).unwrap();
        std::fs::File::create(&part).unwrap().set_len(36 * MIB).unwrap();
        let (tree, part) = (tree.to_str().unwrap(), part.to_str().unwrap());
        let always = ["-q", "-F", "-d", tree];
        tool("mke2fs", &[&always, arguments, &[part]].concat());
        content = std::fs::read(part).unwrap();
    }
    file.write_all_at(&content, MIB).unwrap();
    raw.to_str().unwrap().to_owned()
}

fn arm(image: &str) -> [&str; 12] {
    [
        "batch",
        "arm",
        "--by",
        "Ola",
        "--count",
        "1",
        "--for",
        "4h",
        "--kind",
        "refurbish",
        "--image",
        image,
    ]
}

/// The store's chunks by name.
fn chunks(bench: &Coordinator) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(bench.path().join("images/chunks")).unwrap();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_no_agent_could_install_is_warned_of_and_never_armed() {
    let bench = Coordinator::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let sparse = ["-t", "ext4", "-O", "sparse_super2,^resize_inode"];
    let bad = [
        ("noise", None, "no file system that is known"),
        ("ext3", Some(&["-t", "ext3"][..]), "holds ext3"),
        ("sparse", Some(&sparse[..]), "sparse_super2"),
        ("bigalloc", Some(&["-t", "ext4", "-O", "bigalloc", "-C", "16384"][..]), "bigalloc"),
    ];
    for (name, file_system, words) in bad {
        let raw = disk(folder.path(), name, file_system);
        let added = bench.json(&["image", "add", &raw, "--name", name]);
        let warnings = added["warnings"].to_string();
        assert!(warnings.contains("no batch can install it"), "{name}: {warnings}");
        assert!(warnings.contains(words), "{name}: {warnings}");
        let why = bench.refused(&arm(name));
        assert!(why.contains(words) && why.contains("add the image again"), "{name}: {why}");
    }
    let good = disk(folder.path(), "good", Some(&["-t", "ext4"]));
    let added = bench.json(&["image", "add", &good, "--name", "good"]);
    assert!(!added["warnings"].to_string().contains("no batch can install it"), "{added}");
    assert_eq!(bench.json(&["batch", "list"]).as_array().map(Vec::len), Some(0));
    bench.papers("default");
    bench.json(&arm("good"));
}

#[test]
fn an_image_with_bad_chunks_is_refused_with_exit_code_1_and_never_armed() {
    let bench = Coordinator::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let raw = disk(folder.path(), "good", Some(&["-t", "ext4"]));
    bench.json(&["image", "add", &raw, "--name", "good"]);
    assert!(bench.run(&["image", "check"]).status.success());
    let [first, second, ..] = &chunks(&bench)[..] else { panic!("too few chunks") };
    let mut bytes = std::fs::read(first).unwrap();
    bytes[7] ^= 1;
    std::fs::write(first, bytes).unwrap();
    let why = bench.refused(&["image", "check"]);
    assert!(why.contains("1 chunks and 0 manifests are bad"), "{why}");
    std::fs::remove_file(second).unwrap();
    assert!(bench.refused(&["image", "check"]).contains("2 chunks"));
    let why = bench.refused(&arm("good"));
    assert!(why.contains("1 of the") && why.contains("rehome image check"), "{why}");

    // What cannot be done at all is another matter.
    std::fs::remove_dir_all(bench.path().join("images/manifests")).unwrap();
    std::fs::write(bench.path().join("images/manifests"), "in the way").unwrap();
    assert_eq!(bench.run(&["image", "check"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_come_with_length_and_ranges() {
    let bench = Coordinator::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let raw = disk(folder.path(), "noise", None);
    bench.json(&["image", "add", &raw, "--name", "noise"]);
    let mut largest = chunks(&bench);
    largest.sort_by_key(|path| std::fs::metadata(path).unwrap().len());
    let path = largest.pop().unwrap();
    let stored = std::fs::read(&path).unwrap();
    let len = stored.len();
    assert!(len > 1 << 20, "{len}");
    let at = format!("/chunk/{}", path.file_name().unwrap().to_str().unwrap());
    let length = |len: usize| format!("content-length: {len}\r");

    let (status, head, body) = request(&bench, "GET", &at, "").await;
    assert!(status == 200 && body == stored, "{head}");
    assert!(head.contains(&length(len)) && !head.contains("transfer-encoding"), "{head}");
    let (status, head, body) = request(&bench, "HEAD", &at, "").await;
    assert!(status == 200 && body.is_empty() && head.contains(&length(len)), "{head}");
    for (range, part) in [
        ("65000-200000".to_owned(), 65_000..200_001),
        (format!("{}-", len - 5), len - 5..len),
        ("-70000".to_owned(), len - 70_000..len),
        ("0-0".to_owned(), 0..1),
    ] {
        let headers = format!("Range: bytes={range}\r\n");
        let (status, head, body) = request(&bench, "GET", &at, &headers).await;
        assert!(status == 206 && body == stored[part.clone()], "{range}: {head}");
        assert!(head.contains(&length(part.len())), "{range}: {head}");
        let described = format!("content-range: bytes {}-{}/{len}", part.start, part.end - 1);
        assert!(head.contains(&described), "{range}: {head}");
    }
    let beyond = format!("Range: bytes={len}-\r\n");
    let (status, head, _) = request(&bench, "GET", &at, &beyond).await;
    assert!(status == 416 && head.contains(&format!("content-range: bytes */{len}")), "{head}");
    let missing = format!("/chunk/{}", "0".repeat(64));
    assert_eq!(request(&bench, "GET", &missing, "").await.0, 404);
}

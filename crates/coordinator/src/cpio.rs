//! A `newc` cpio archive (initramfs buffer format of the Linux kernel), small and deterministic.

/// Files with their content; directories are made from the paths. Paths are relative and plain.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut inode = 0;
    let mut made: Vec<&str> = Vec::new();
    for (path, content) in files {
        for (at, _) in path.match_indices('/') {
            let directory = &path[..at];
            if !made.contains(&directory) {
                made.push(directory);
                inode += 1;
                entry(&mut out, inode, 0o040_755, directory, &[]);
            }
        }
        inode += 1;
        entry(&mut out, inode, 0o100_644, path, content);
    }
    entry(&mut out, 0, 0, "TRAILER!!!", &[]);
    out
}

fn entry(out: &mut Vec<u8>, inode: u32, mode: u32, name: &str, content: &[u8]) {
    let links = if mode & 0o040_000 == 0 { 1 } else { 2 };
    let fields = [
        u64::from(inode),
        u64::from(mode),
        0,     // owner
        0,     // group
        links, // hard links
        0,     // time
        content.len() as u64,
        0, // device of the file system, major and minor
        0,
        0, // device that the file is, major and minor
        0,
        name.len() as u64 + 1,
        0, // checksum, unused in this format
    ];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    pad(out);
    out.extend_from_slice(content);
    pad(out);
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_what_the_kernel_reads() {
        let archive = archive(&[("rehome/site.json", b"{}")]);
        assert!(archive.len().is_multiple_of(4));
        let text = String::from_utf8_lossy(&archive);
        let names: Vec<_> = text
            .match_indices("070701")
            .map(|(at, _)| {
                let name = &text[at + 110..];
                &name[..name.find('\0').unwrap()]
            })
            .collect();
        assert_eq!(names, ["rehome", "rehome/site.json", "TRAILER!!!"]);
        assert!(text.contains("{}"));
    }
}

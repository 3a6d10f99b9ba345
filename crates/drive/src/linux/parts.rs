//! The block devices that make one drive up: a single one, or the namespaces of an NVMe unit.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use protocol::ByteLen;
use sys::IoctlError;

/// An open block device and which bytes of the drive it holds.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) file: File,
    /// The node that it was opened by.
    pub(super) device: PathBuf,
    /// Which namespace it is; none where it takes no NVMe request.
    pub(super) namespace: Option<u32>,
    /// By the kernel.
    pub(super) size: ByteLen,
    /// Where its first byte is in the drive.
    start: u64,
}

/// Why a node was not opened.
#[derive(Debug)]
pub(super) enum PartError {
    /// The kernel does not give it out.
    Open { device: PathBuf, source: io::Error },
    /// The kernel does not say what it is.
    Kernel { device: PathBuf, source: IoctlError },
}

/// What a drive consists of, in the order of its addresses: that of the numbers of the namespaces.
#[derive(Debug)]
pub(super) struct Parts(Vec<Part>);

impl Parts {
    /// Opens the nodes of one drive unit, in any order.
    pub(super) fn open(nodes: &[PathBuf], options: &OpenOptions) -> Result<Self, PartError> {
        let parts: Result<Vec<_>, _> = nodes.iter().map(|node| Part::open(node, options)).collect();
        let mut parts = parts?;
        parts.sort_by_key(|part| part.namespace);
        let mut start = 0_u64;
        for part in &mut parts {
            part.start = start;
            start = start.saturating_add(part.size.0);
        }
        Ok(Self(parts))
    }

    pub(super) fn all(&self) -> &[Part] {
        &self.0
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.0.iter().map(|part| &part.file)
    }

    /// The numbers of the namespaces; empty where the drive does not speak NVMe.
    pub(super) fn namespaces(&self) -> Vec<u32> {
        self.0.iter().filter_map(|part| part.namespace).collect()
    }

    /// The descriptor for a command that names this namespace, or none of them.
    pub(super) fn file_of(&self, namespace: u32) -> Option<&File> {
        let named = self.0.iter().find(|part| part.namespace == Some(namespace));
        named.or(self.0.first()).map(|part| &part.file)
    }

    /// Calls `work` for each piece of a request: the device, the offset in it, and which bytes of the memory. What is
    /// past the end of the drive goes to the last one, where the kernel refuses it.
    pub(super) fn each(
        &self,
        offset: u64,
        length: usize,
        mut work: impl FnMut(&File, u64, Range<usize>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = 0;
        for (index, part) in self.0.iter().enumerate() {
            let at = offset.saturating_add(done as u64).saturating_sub(part.start);
            let is_last = index + 1 == self.0.len();
            let room = if is_last { u64::MAX } else { part.size.0.saturating_sub(at) };
            let taken = usize::try_from(room).unwrap_or(usize::MAX).min(length - done);
            if taken > 0 {
                work(&part.file, at, done..done + taken)?;
                done += taken;
            }
        }
        Ok(())
    }
}

impl Part {
    fn open(node: &Path, options: &OpenOptions) -> Result<Self, PartError> {
        let device = || node.to_owned();
        let file =
            options.open(node).map_err(|source| PartError::Open { device: device(), source })?;
        Self::of(file, node)
    }

    /// A device that is open already.
    pub(super) fn of(file: File, node: &Path) -> Result<Self, PartError> {
        let kernel = |source| PartError::Kernel { device: node.to_owned(), source };
        let size = ByteLen(sys::block::size(&file).map_err(kernel)?);
        let namespace = namespace_of(&file).map_err(kernel)?;
        Ok(Self { file, device: node.to_owned(), namespace, size, start: 0 })
    }
}

/// The namespace that the descriptor stands for; none where it takes no NVMe request. Which commands a drive takes is
/// asked of the descriptor, not read from the name of the node.
fn namespace_of(file: &File) -> Result<Option<u32>, IoctlError> {
    match sys::nvme::namespace_id(file) {
        Ok(namespace) => Ok(Some(namespace)),
        Err(error) if error.is_unknown_request() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    fn parts(sizes: &[u64]) -> Parts {
        let mut start = 0;
        let part = |(size, namespace): (&u64, u32)| {
            let file = tempfile::tempfile().unwrap();
            file.set_len(*size).unwrap();
            let (size, device) = (ByteLen(*size), PathBuf::new());
            let part = Part { file, device, namespace: Some(namespace), size, start };
            start += size.0;
            part
        };
        Parts(sizes.iter().zip(1..).map(part).collect())
    }

    fn pieces(parts: &Parts, offset: u64, length: usize) -> Vec<(u64, u64, Range<usize>)> {
        let mut pieces = Vec::new();
        let note = |file: &File, at: u64, bytes: Range<usize>| {
            pieces.push((file.metadata()?.len(), at, bytes));
            Ok(())
        };
        parts.each(offset, length, note).unwrap();
        pieces
    }

    #[test]
    fn a_request_goes_to_the_namespaces_that_it_touches() {
        let parts = parts(&[1024, 512, 2048]);
        for (offset, length, expected) in [
            (0, 1024, vec![(1024, 0, 0..1024)]),
            (512, 512, vec![(1024, 512, 0..512)]),
            (1024, 512, vec![(512, 0, 0..512)]),
            (512, 1024, vec![(1024, 512, 0..512), (512, 0, 512..1024)]),
            (0, 3584, vec![(1024, 0, 0..1024), (512, 0, 1024..1536), (2048, 0, 1536..3584)]),
            (2048, 512, vec![(2048, 512, 0..512)]),
            // Past the end: for the kernel to refuse.
            (3072, 1024, vec![(2048, 1536, 0..1024)]),
            (4096, 512, vec![(2048, 2560, 0..512)]),
        ] {
            assert_eq!(pieces(&parts, offset, length), expected, "{length} from {offset}");
        }
    }

    #[test]
    fn what_is_written_over_a_border_lies_on_both_sides() {
        let parts = parts(&[1024, 1024]);
        let data: Vec<u8> = (0..=255).cycle().take(1024).collect();
        parts.each(512, 1024, |file, at, bytes| file.write_all_at(&data[bytes], at)).unwrap();
        let mut found = vec![0; 512];
        for (part, at, expected) in [(0, 512, &data[..512]), (1, 0, &data[512..])] {
            parts.all()[part].file.read_exact_at(&mut found, at).unwrap();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_command_goes_to_the_namespace_that_it_names() {
        let parts = parts(&[512, 1024]);
        let len = |namespace| parts.file_of(namespace).unwrap().metadata().unwrap().len();
        assert_eq!((len(1), len(2), len(0), len(u32::MAX)), (512, 1024, 512, 512));
    }
}

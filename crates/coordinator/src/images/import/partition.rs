//! One partition after the other: what it holds, which bytes are in use, and those cut into chunks.

use std::ops::Range;

use osimage::{
    AlignedBuffer, CHUNK_WINDOW, Content, Extent, FileSystem, FileSystemKind, Partition,
    PartitionRole, UsedMap, is_zero, windows,
};
use protocol::ByteLen;

use super::{ImportProgress, role_of_type};
use crate::images::error::ImageError;
use crate::images::ext4;
use crate::images::extent_list::ExtentList;
use crate::images::gpt::{PartitionTable, TableEntry};
use crate::images::pipeline::ChunkSink;
use crate::images::probe::{self, Content as Probed};
use crate::images::source::{Part, RawSource};

/// Chunks begin and end at multiples of this within the partition, in bytes.
const TRIM_UNIT: u64 = AlignedBuffer::ALIGNMENT as u64;

/// What is known of a partition before its bytes are read.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) entry: TableEntry,
    pub(super) role: PartitionRole,
    pub(super) used_map: UsedMap,
    file_system: Option<FileSystem>,
    grow: bool,
    /// Relative to the partition, in order.
    used: Vec<Range<u64>>,
}

/// What was found in it.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) extents: ExtentList,
    pub(super) data: ByteLen,
    pub(super) zero: ByteLen,
    pub(super) unused: ByteLen,
}

/// Looks at all partitions. Refuses what must not become an image.
pub(super) fn examine(
    source: &RawSource,
    table: &PartitionTable,
    root: Option<u32>,
) -> Result<Vec<Examined>, ImageError> {
    let mut examined = table
        .entries
        .iter()
        .map(|entry| examine_one(source, entry))
        .collect::<Result<Vec<_>, _>>()?;
    choose_root(source, &mut examined, root)?;
    let mut seen = Vec::new();
    for partition in &mut examined {
        // A second ESP or BIOS boot partition is carried over, but nothing looks for it.
        if seen.contains(&partition.role) {
            partition.role = PartitionRole::Data;
        }
        seen.push(partition.role);
        // Nobody mounts or grows the others.
        if let (false, Some(other)) =
            (partition.role == PartitionRole::Root, &mut partition.file_system)
        {
            other.obstacle = None;
        }
    }
    if let Some(last) = examined.last_mut() {
        last.grow = last.role == PartitionRole::Root && is_kind(last, FileSystemKind::Ext4);
    }
    Ok(examined)
}

/// Reads all used bytes and sends them on as chunks.
pub(super) fn scan(
    source: &RawSource,
    table: &PartitionTable,
    examined: &[Examined],
    sink: &mut ChunkSink<'_>,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<Vec<Scanned>, ImageError> {
    let total = ByteLen(table.entries.iter().map(|entry| entry.size).sum());
    let mut done = 0;
    let mut scanned = Vec::new();
    for partition in examined {
        let mut found = Scanned::default();
        let part = part_of(source, &partition.entry);
        let mut next_used = 0;
        for window in windows(0, partition.entry.size) {
            let used = &partition.used[next_used..];
            let beyond = used.partition_point(|range| range.start < window.end);
            let used = &used[..beyond];
            scan_window(part, &window, used, &mut found, sink)?;
            // The last may reach into the next window.
            next_used += used.partition_point(|range| range.end <= window.end);
            done += window.end - window.start;
            progress(ImportProgress { done: ByteLen(done), total });
        }
        scanned.push(found);
    }
    Ok(scanned)
}

impl Examined {
    /// As the manifest has it, all of it unused.
    pub(super) fn described(&self) -> Partition {
        let entry = &self.entry;
        Partition {
            number: entry.number,
            role: self.role,
            type_guid: entry.type_guid,
            guid: entry.guid,
            attributes: entry.attributes,
            name: entry.name.clone(),
            start: entry.start,
            size: ByteLen(entry.size),
            grow: self.grow,
            file_system: self.file_system.clone(),
            used_map: self.used_map.clone(),
            extents: vec![Extent { offset: 0, length: entry.size, content: Content::Unused }],
        }
    }
}

fn examine_one(source: &RawSource, entry: &TableEntry) -> Result<Examined, ImageError> {
    let part = part_of(source, entry);
    let file_system = match probe::probe(part)? {
        Probed::FileSystem(file_system) => Some(file_system),
        Probed::Unknown => None,
        Probed::Encrypted(how) => {
            return Err(ImageError::RefusedPartition {
                path: source.path().to_owned(),
                number: entry.number,
                reason: format!(
                    "it is encrypted ({how}): every machine would carry the same key; decrypt it first"
                ),
            });
        }
    };
    let (used_map, used) = match file_system.as_ref().map(|file_system| file_system.kind) {
        Some(FileSystemKind::Ext2 | FileSystemKind::Ext3 | FileSystemKind::Ext4) => {
            match ext4::used_ranges(part) {
                Ok(used) => (UsedMap::BlockBitmap {}, used),
                Err(reason) => zero_scan(part, reason),
            }
        }
        Some(FileSystemKind::Fat) => zero_scan(part, "allocation tables of FAT are not read yet"),
        Some(FileSystemKind::Swap) => zero_scan(part, "swap space is taken as it is"),
        None => zero_scan(part, "no file system was recognized"),
    };
    let role = role_of_type(entry.type_guid);
    Ok(Examined { entry: entry.clone(), role, used_map, file_system, grow: false, used })
}

fn zero_scan(part: Part<'_>, reason: impl Into<String>) -> (UsedMap, Vec<Range<u64>>) {
    (UsedMap::ZeroScan { reason: reason.into() }, std::iter::once(0..part.len).collect())
}

/// The root is the one a person names, or that of the root type, or the only ext4 there is.
fn choose_root(
    source: &RawSource,
    examined: &mut [Examined],
    wanted: Option<u32>,
) -> Result<(), ImageError> {
    let typed = |partition: &Examined| partition.role == PartitionRole::Root;
    let ext4 = |partition: &Examined| is_kind(partition, FileSystemKind::Ext4);
    let numbers = |fits: &dyn Fn(&Examined) -> bool| -> Vec<u32> {
        examined.iter().filter(|p| fits(p)).map(|p| p.entry.number).collect()
    };
    let mut candidates = match wanted {
        Some(number) => numbers(&|partition| partition.entry.number == number),
        None => numbers(&typed),
    };
    if candidates.is_empty() && wanted.is_none() {
        candidates = numbers(&ext4);
    }
    match (candidates.as_slice(), wanted) {
        ([], Some(number)) => {
            return source.refuse(format!("it has no partition {number} to be the root"));
        }
        ([], None) => return Ok(()),
        ([root], _) => {
            for partition in examined {
                let is_root = partition.entry.number == *root;
                match (is_root, partition.role) {
                    (true, _) => partition.role = PartitionRole::Root,
                    (false, PartitionRole::Root) => partition.role = PartitionRole::Data,
                    (false, _) => {}
                }
            }
        }
        (several, _) => {
            let several: Vec<_> = several.iter().map(u32::to_string).collect();
            return source.refuse(format!(
                "partitions {} could each be the root: say which with --root NUMBER",
                several.join(" and ")
            ));
        }
    }
    Ok(())
}

fn is_kind(partition: &Examined, kind: FileSystemKind) -> bool {
    partition.file_system.as_ref().is_some_and(|file_system| file_system.kind == kind)
}

fn part_of<'a>(source: &'a RawSource, entry: &TableEntry) -> Part<'a> {
    source.part(entry.start..entry.start + entry.size)
}

/// `used` are the ranges that begin before the window's end and end after its start.
fn scan_window(
    part: Part<'_>,
    window: &Range<u64>,
    used: &[Range<u64>],
    found: &mut Scanned,
    sink: &mut ChunkSink<'_>,
) -> Result<(), ImageError> {
    let (Some(first), Some(last)) = (used.first(), used.last()) else {
        found.unused.0 += window.end - window.start;
        found.extents.push_to(window.end, Content::Unused);
        return Ok(());
    };
    // Windows begin at multiples of the unit; only the partition's end may not be one.
    let start = first.start.max(window.start) / TRIM_UNIT * TRIM_UNIT;
    let end = last.end.next_multiple_of(TRIM_UNIT).min(window.end);
    found.unused.0 += (window.end - window.start) - (end - start);
    found.extents.push_to(start, Content::Unused);
    match read_used(part, start..end, used)? {
        None => {
            found.zero.0 += end - start;
            found.extents.push_to(end, Content::Zero);
        }
        Some(plain) => {
            found.data.0 += end - start;
            let slot = sink.send(plain)?;
            found.extents.push_to(end, Content::Data(vec![slot]));
        }
    }
    found.extents.push_to(window.end, Content::Unused);
    Ok(())
}

/// The bytes of a range, with zeros for what is not in use: what was deleted does not travel. None if all are zero.
fn read_used(
    part: Part<'_>,
    range: Range<u64>,
    used: &[Range<u64>],
) -> Result<Option<Vec<u8>>, ImageError> {
    if part.next_data(range.start)? >= range.end {
        return Ok(None);
    }
    let index = |at: u64| usize::try_from(at - range.start).unwrap_or(usize::MAX);
    debug_assert!(range.end - range.start <= CHUNK_WINDOW);
    let mut plain = vec![0; index(range.end)];
    part.read(&mut plain, range.start)?;
    let mut at = range.start;
    for run in used {
        let (start, end) = (run.start.max(range.start), run.end.min(range.end));
        plain[index(at)..index(start)].fill(0);
        at = end;
    }
    plain[index(at)..].fill(0);
    Ok((!is_zero(&plain)).then_some(plain))
}

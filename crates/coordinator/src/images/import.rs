//! `rehome image add FILE`: a raw disk becomes an image.

mod partition;

use std::collections::HashMap;
use std::path::Path;

use evidence::{Envelope, SigningKey};
use osimage::{
    Boot, ChunkId, ChunkRecord, Document, FORMAT_VERSION, FileSystemKind, FirstMib, Guid, Guids,
    MANIFEST_TYPE, Manifest, Partition, PartitionRole, SourceKind, UsedMap,
};
use protocol::{ByteLen, ImageId, SectorSize};

use super::error::ImageError;
use super::gpt::{self, PartitionTable};
use super::pipeline::{self, Stored};
use super::source::RawSource;
use super::{ImageStore, durable};
use partition::{Examined, Scanned};

/// What a person says about an image.
#[derive(Debug, Clone)]
pub(crate) struct ImportOptions {
    /// What it is called in commands.
    pub(crate) name: String,
    /// What it is called on screens.
    pub(crate) title: String,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) created: u64,
    /// Whether written disks get their own GUIDs.
    pub(crate) guids: Guids,
    /// Number of the root partition, where it is not plain.
    pub(crate) root: Option<u32>,
}

/// How far a pass over files is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImportProgress {
    /// Bytes done.
    pub(crate) done: ByteLen,
    /// Bytes in all.
    pub(crate) total: ByteLen,
}

/// What was imported.
#[derive(Debug)]
pub(crate) struct ImportReport {
    /// The image.
    pub(crate) id: ImageId,
    /// The smallest disk for it.
    pub(crate) min_disk_size: ByteLen,
    /// Its chunks.
    pub(crate) chunks: usize,
    /// What they take in the store.
    pub(crate) stored: ByteLen,
    /// Those that the store did not have.
    pub(crate) new_chunks: usize,
    /// What these take.
    pub(crate) new_bytes: ByteLen,
    /// Partition by partition.
    pub(crate) partitions: Vec<PartitionReport>,
    /// What a person should know: nothing is left out silently.
    pub(crate) warnings: Vec<String>,
}

/// What a partition came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionReport {
    /// Its number.
    pub(crate) number: u32,
    /// What it is for.
    pub(crate) role: PartitionRole,
    /// How its used blocks were found.
    pub(crate) used_map: UsedMap,
    /// Bytes that hold something.
    pub(crate) data: ByteLen,
    /// Bytes that are used and zero.
    pub(crate) zero: ByteLen,
    /// Bytes that are not used.
    pub(crate) unused: ByteLen,
}

impl ImageStore {
    /// Imports a raw disk with a GUID partition table and signs its manifest.
    ///
    /// # Errors
    /// When the file is refused, damaged or cannot be read, or the store is full. The store is then as it was.
    pub(crate) fn add(
        &self,
        file: &Path,
        options: &ImportOptions,
        key: &SigningKey,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport, ImageError> {
        let _lock = self.lock()?;
        durable::sweep(&self.temporary_folder())?;
        let known = self.known_chunks(&options.name)?;
        let source = RawSource::open(file)?;
        let table = gpt::read(&source)?;
        let examined = partition::examine(&source, &table, options.root)?;
        // What a manifest may not say is found out before an hour of compressing.
        check_early(&table, &examined, options)?;
        let mut scanned = Vec::new();
        let stored = pipeline::run(self, &known, |sink| {
            scanned = partition::scan(&source, &table, &examined, sink, progress)?;
            Ok(())
        })?;
        let result = self.finish(&table, &examined, scanned, &stored, options, key);
        if result.is_err() {
            stored.undo();
        }
        result
    }

    /// Chunks of all images. An image of that name must not be among them.
    fn known_chunks(&self, name: &str) -> Result<HashMap<ChunkId, ChunkRecord>, ImageError> {
        let images = self.list()?.images;
        if let Some(taken) = images.iter().find(|image| image.name() == name) {
            return Err(ImageError::NameTaken { name: name.to_owned(), id: taken.id() });
        }
        let chunks = images.iter().flat_map(|image| image.manifest.chunks());
        Ok(chunks.map(|chunk| (chunk.id, *chunk)).collect())
    }

    fn finish(
        &self,
        table: &PartitionTable,
        examined: &[Examined],
        scanned: Vec<Scanned>,
        stored: &Stored,
        options: &ImportOptions,
        key: &SigningKey,
    ) -> Result<ImportReport, ImageError> {
        let (chunks, table_position) = chunk_table(&stored.records);
        let reports = scanned.iter().zip(examined).map(|(scanned, examined)| PartitionReport {
            number: examined.entry.number,
            role: examined.role,
            used_map: examined.used_map.clone(),
            data: scanned.data,
            zero: scanned.zero,
            unused: scanned.unused,
        });
        let reports = reports.collect();
        let extents = scanned.into_iter().map(|scanned| scanned.extents.finish(&table_position));
        let partitions = examined
            .iter()
            .zip(extents)
            .map(|(examined, extents)| Partition { extents, ..examined.described() })
            .collect();
        let document = document(table, examined, partitions, chunks, options);
        let (manifest, payload) = Manifest::seal(&document).map_err(ImageError::Describe)?;
        let envelope = Envelope::sign_bytes(MANIFEST_TYPE, &payload, key).to_json();
        let path = self.manifest_path(manifest.id());
        durable::write_file(&self.temporary_folder(), &path, envelope.as_bytes())?;
        durable::sync_or_undo(&self.manifest_folder(), &path)?;
        Ok(ImportReport {
            id: manifest.id(),
            min_disk_size: document.min_disk_size,
            chunks: document.chunks.len(),
            stored: manifest.stored_len(),
            new_chunks: stored.new_chunks,
            new_bytes: stored.new_bytes,
            partitions: reports,
            warnings: warnings(table, &manifest),
        })
    }
}

/// Seals a manifest in which every partition is unused: all rules but those on chunks are applied to it.
fn check_early(
    table: &PartitionTable,
    examined: &[Examined],
    options: &ImportOptions,
) -> Result<(), ImageError> {
    let partitions = examined.iter().map(Examined::described).collect();
    let document = document(table, examined, partitions, Vec::new(), options);
    Manifest::seal(&document).map(drop).map_err(ImageError::Describe)
}

fn document(
    table: &PartitionTable,
    examined: &[Examined],
    partitions: Vec<Partition>,
    chunks: Vec<ChunkRecord>,
    options: &ImportOptions,
) -> Document {
    let end = table.entries.iter().map(|entry| entry.start + entry.size).max().unwrap_or(0);
    let has = |role| examined.iter().any(|partition| partition.role == role);
    Document {
        version: FORMAT_VERSION,
        name: options.name.clone(),
        title: options.title.clone(),
        created: options.created,
        source: SourceKind::RawDisk,
        sector_size_of_source: sector_size(),
        min_disk_size: ByteLen(end + osimage::backup_table_len(sector_size().bytes())),
        boot: Boot {
            bios: has(PartitionRole::BiosBoot) && !table.boot_code.is_empty(),
            uefi: has(PartitionRole::Esp),
        },
        guids: options.guids,
        disk_guid: table.disk_guid,
        first_mib: FirstMib { boot_code: table.boot_code.clone() },
        partitions,
        chunks,
    }
}

/// Each chunk once, in the order of first use, and for each slot its position among them.
fn chunk_table(slots: &[ChunkRecord]) -> (Vec<ChunkRecord>, Vec<u32>) {
    let mut chunks = Vec::new();
    let mut positions = HashMap::new();
    let table_position = slots
        .iter()
        .map(|record| {
            *positions.entry(record.id).or_insert_with(|| {
                chunks.push(*record);
                // No more chunks than slots, which are counted in 32 bits.
                u32::try_from(chunks.len() - 1).unwrap_or(u32::MAX)
            })
        })
        .collect();
    (chunks, table_position)
}

fn warnings(table: &PartitionTable, manifest: &Manifest) -> Vec<String> {
    let document = manifest.document();
    let mut warnings = Vec::new();
    if table.uncarried > 0 {
        warnings.push(format!(
            "{} bytes between the partition table and 1 MiB are not zero; they belong to no partition and are left out",
            table.uncarried
        ));
    }
    for partition in &document.partitions {
        let number = partition.number;
        let kind = partition.file_system.as_ref().map(|file_system| file_system.kind);
        let extended = matches!(
            kind,
            Some(FileSystemKind::Ext2 | FileSystemKind::Ext3 | FileSystemKind::Ext4)
        );
        if let (true, UsedMap::ZeroScan { reason }) = (extended, &partition.used_map) {
            warnings.push(format!("partition {number} was taken by zero scan: {reason}"));
        }
    }
    if !document.boot.bios && !document.boot.uefi {
        warnings.push("it boots neither by BIOS nor by UEFI".to_owned());
    }
    if let Err(why) = manifest.check_installable() {
        warnings.push(format!("no batch can install it: {why}"));
    }
    if document.guids == Guids::Keep {
        warnings
            .push("all machines written with it share their disk and partition GUIDs".to_owned());
    }
    warnings
}

/// 512 bytes: the only size that tables are read for.
fn sector_size() -> SectorSize {
    match SectorSize::try_from(512) {
        Ok(size) => size,
        Err(_) => unreachable!("512 is a power of two from 512 to 65536"),
    }
}

/// The type of a partition decides its role, but for the root.
fn role_of_type(type_guid: Guid) -> PartitionRole {
    match type_guid {
        Guid::ESP => PartitionRole::Esp,
        Guid::BIOS_BOOT => PartitionRole::BiosBoot,
        Guid::LINUX_ROOT => PartitionRole::Root,
        _ => PartitionRole::Data,
    }
}

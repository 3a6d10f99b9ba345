//! An image of one partition, from files, onto drives that are and are not blank.

use std::fs;
use std::path::Path;

use drive::sim::SimDrive;
use evidence::{Envelope, SigningKey};
use osimage::chunk::Encoder;
use osimage::{
    Boot, BootCode, Content, Document, Extent, FORMAT_VERSION, FirstMib, Guid, Guids,
    MANIFEST_TYPE, Partition, PartitionRole, SourceKind, UsedMap, backup_table_len,
};
use protocol::SiteKey;
use sanitize::ConsentedDrive;

use super::*;
use crate::cli::tests::{machine, unit};

const DATA: [u8; 8192] = [0x5a; 8192];
const START: u64 = 1 << 20;

/// Files as the coordinator keeps them: manifest, chunks, key.
struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let encoded = Encoder::new().unwrap().encode(&DATA).unwrap();
        let (_, payload) = Manifest::seal(&document(encoded.record)).unwrap();
        let key = SigningKey::generate().unwrap();
        let envelope = Envelope::sign_bytes(MANIFEST_TYPE, &payload, &key);
        let files = Self { directory };
        fs::write(files.manifest(), envelope.to_json()).unwrap();
        fs::write(files.key(), format!("{}\n", SiteKey::from_bytes(key.public()))).unwrap();
        let name = encoded.record.stored.to_string();
        let folder = files.chunks().join(&name[..2]);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), encoded.stored(&DATA)).unwrap();
        files
    }

    fn manifest(&self) -> PathBuf {
        self.directory.path().join("manifest.json")
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("site.pub")
    }

    fn chunks(&self) -> PathBuf {
        self.directory.path().join("chunks")
    }

    fn read(&self) -> anyhow::Result<(Manifest, Store)> {
        let manifest = store::manifest(&self.manifest(), &self.key())?;
        let store = Store::open(&self.chunks(), &manifest)?;
        Ok((manifest, store))
    }

    fn chunk(&self) -> PathBuf {
        let only = |path: &Path| fs::read_dir(path).unwrap().next().unwrap().unwrap().path();
        only(&only(&self.chunks()))
    }
}

fn document(chunk: osimage::ChunkRecord) -> Document {
    let length = DATA.len() as u64;
    let partition = Partition {
        number: 1,
        role: PartitionRole::Data,
        type_guid: Guid::LINUX_DATA,
        guid: Guid::random([1; 16]),
        attributes: 0,
        name: "data".to_owned(),
        start: START,
        size: ByteLen(2 * length),
        grow: true,
        file_system: None,
        used_map: UsedMap::BlockBitmap {},
        extents: vec![
            Extent { offset: 0, length, content: Content::Data(vec![0]) },
            Extent { offset: length, length, content: Content::Zero },
        ],
    };
    Document {
        version: FORMAT_VERSION,
        name: "sample".to_owned(),
        title: "A sample".to_owned(),
        created: 1_700_000_000,
        source: SourceKind::RawDisk,
        sector_size_of_source: unit("sdx").sector_size,
        min_disk_size: ByteLen(START + 2 * length + backup_table_len(512)),
        boot: Boot { bios: true, uefi: false },
        guids: Guids::Fresh,
        disk_guid: Guid::random([2; 16]),
        first_mib: FirstMib { boot_code: BootCode::new([0x90; BootCode::LEN]) },
        partitions: vec![partition],
        chunks: vec![chunk],
    }
}

/// The stage without its terminal, on a simulated drive.
fn put(files: &Files, drive: &SimDrive, stop: bool) -> anyhow::Result<()> {
    let (manifest, store) = files.read()?;
    let machine = machine(vec![unit("sdx")]);
    let planned = judge::permitted(&machine, &unit("sdx"), &for_image(&manifest))?;
    let consent: ConsentedDrive = serial::consent(&planned, Some("S-sdx"), "?")?;
    let layout = Layout::new(&manifest, planned.identity.size, planned.sector_size, &[3; 32])?;
    let (never, silent) = (AtomicBool::new(false), |_: _, _: _, _: _| {});
    let target = Target::claim(Box::new(drive.clone()), consent).unwrap();
    let blank = blank(target.look(Watch::new(&silent, &never)).unwrap())?;
    let stop = AtomicBool::new(stop);
    write(blank, Arc::new(manifest), layout, &store, &Meter::new(), &stop).map(drop)
}

fn new_drive() -> SimDrive {
    SimDrive::new(unit("sdx").identity.unwrap(), unit("sdx").sector_size)
}

fn boots(drive: &SimDrive) -> bool {
    drive.peek(510, 2) == [0x55, 0xaa]
}

#[test]
fn a_blank_drive_gets_the_image_and_boots() {
    let drive = new_drive();
    put(&Files::new(), &drive, false).unwrap();
    assert!(boots(&drive));
    assert_eq!(drive.peek(START, DATA.len()), DATA);
}

#[test]
fn a_drive_with_one_bit_on_it_is_not_written_to() {
    let drive = new_drive();
    drive.plant(7 << 20, &[1]);
    drive.on_command(|command| {
        assert!(!matches!(command, drive::sim::Command::Write { .. }), "{command:?}");
    });
    let refused = put(&Files::new(), &drive, false).unwrap_err();
    let sentence = format!("{refused:#}");
    assert!(refused.is::<Refused>(), "{sentence}");
    for part in ["S-sdx", "byte 7340032, 512 bytes", "rehome-agent sanitize"] {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn stopped_or_given_a_wrong_chunk_it_does_not_boot() {
    let drive = new_drive();
    let stopped = put(&Files::new(), &drive, true).unwrap_err();
    assert!(format!("{stopped:#}").contains("stopped on request"), "{stopped:#}");
    assert!(!boots(&drive));

    let files = Files::new();
    let mut bytes = fs::read(files.chunk()).unwrap();
    bytes[9] ^= 1;
    fs::write(files.chunk(), bytes).unwrap();
    let drive = new_drive();
    let wrong = put(&files, &drive, false).unwrap_err();
    assert!(format!("{wrong:#}").contains("chunk 0"), "{wrong:#}");
    assert!(!boots(&drive));
}

#[test]
fn an_image_that_is_not_whole_or_not_signed_is_found_out_before_asking() {
    let files = Files::new();
    fs::remove_file(files.chunk()).unwrap();
    assert!(files.read().unwrap_err().is::<Refused>());

    let files = Files::new();
    fs::write(files.chunk(), b"short").unwrap();
    assert!(format!("{}", files.read().unwrap_err()).contains("has 5 bytes"));

    let files = Files::new();
    let other = SiteKey::from_bytes(SigningKey::generate().unwrap().public());
    fs::write(files.key(), other.to_string()).unwrap();
    assert!(format!("{:#}", files.read().unwrap_err()).contains("manifest.json"));
    fs::write(files.key(), "no key").unwrap();
    assert!(format!("{:#}", files.read().unwrap_err()).contains("site.pub"));
}

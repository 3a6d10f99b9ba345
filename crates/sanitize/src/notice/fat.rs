//! A FAT12 file system of 56 sectors with one file at UEFI's removable path, `\EFI\BOOT\BOOTX64.EFI` (Microsoft's FAT
//! specification 1.03): 1 reserved sector, 2 tables of 1 sector, 1 sector of root directory, 52 clusters of 1 sector.

const SECTOR: usize = 512;
const N_SECTORS: u8 = 56;
const TABLES: [usize; 2] = [SECTOR, 2 * SECTOR];
const ROOT: usize = 3 * SECTOR;
/// Cluster 2 is the first.
const FIRST_CLUSTER: usize = 4 * SECTOR;
const END: u16 = 0xfff;
const DIRECTORY: u8 = 0x10;
const ARCHIVE: u8 = 0x20;

/// Writes it to `volume`, which is all zeros. The file has to fit into 50 clusters, and a notice's is a fifth of that.
pub(super) fn write(volume: &mut [u8], file: &[u8]) {
    volume[..SECTOR].copy_from_slice(&boot_record());
    let n_clusters = u16::try_from(file.len().div_ceil(SECTOR)).unwrap_or(u16::MAX);
    let last = 3 + n_clusters;
    let chain = (4..last).map(|cluster| (cluster, cluster + 1)).chain([(last, END)]);
    // The medium's byte and the end mark stand in entries 0 and 1.
    for (cluster, next) in [(0, 0xff8), (1, END), (2, END), (3, END)].into_iter().chain(chain) {
        for table in TABLES {
            set(&mut volume[table..table + SECTOR], usize::from(cluster), next);
        }
    }
    let length = u32::try_from(file.len()).unwrap_or(u32::MAX);
    volume[ROOT..ROOT + 32].copy_from_slice(&entry(b"EFI        ", DIRECTORY, 2, 0));
    directory(cluster(volume, 2), 2, 0, &entry(b"BOOT       ", DIRECTORY, 3, 0));
    directory(cluster(volume, 3), 3, 2, &entry(b"BOOTX64 EFI", ARCHIVE, 4, length));
    let start = FIRST_CLUSTER + 2 * SECTOR;
    volume[start..start + file.len()].copy_from_slice(file);
}

fn cluster(volume: &mut [u8], number: usize) -> &mut [u8] {
    let start = FIRST_CLUSTER + (number - 2) * SECTOR;
    &mut volume[start..start + SECTOR]
}

/// A directory with itself, its parent (0: the root) and one entry.
fn directory(sector: &mut [u8], own: u16, parent: u16, inside: &[u8; 32]) {
    sector[..32].copy_from_slice(&entry(b".          ", DIRECTORY, own, 0));
    sector[32..64].copy_from_slice(&entry(b"..         ", DIRECTORY, parent, 0));
    sector[64..96].copy_from_slice(inside);
}

fn entry(name: &[u8; 11], attributes: u8, cluster: u16, length: u32) -> [u8; 32] {
    let mut entry = [0; 32];
    entry[..11].copy_from_slice(name);
    entry[11] = attributes;
    // 1980-01-01, the first day that can be said: a time would make two notices of one day differ.
    entry[24..26].copy_from_slice(&0x0021_u16.to_le_bytes());
    entry[26..28].copy_from_slice(&cluster.to_le_bytes());
    entry[28..].copy_from_slice(&length.to_le_bytes());
    entry
}

/// Sets a 12-bit entry.
fn set(table: &mut [u8], cluster: usize, next: u16) {
    let at = cluster + cluster / 2;
    let [low, high] = next.to_le_bytes();
    if cluster.is_multiple_of(2) {
        table[at] = low;
        table[at + 1] = (table[at + 1] & 0xf0) | high;
    } else {
        table[at] = (table[at] & 0x0f) | (low << 4);
        table[at + 1] = (low >> 4) | (high << 4);
    }
}

fn boot_record() -> [u8; SECTOR] {
    let mut record = [0; SECTOR];
    record[..3].copy_from_slice(&[0xeb, 0x3c, 0x90]);
    record[3..11].copy_from_slice(b"REHOME  ");
    record[11..13].copy_from_slice(&512_u16.to_le_bytes());
    record[13] = 1; // sectors a cluster
    record[14] = 1; // reserved sectors
    record[16] = 2; // tables
    record[17] = 16; // entries of the root directory
    record[19] = N_SECTORS;
    record[21] = 0xf8; // a fixed disk
    record[22] = 1; // sectors a table
    record[24] = 63; // sectors a track
    record[26] = 255; // heads
    record[28] = 8; // hidden sectors before it
    record[36] = 0x80; // drive number
    record[38] = 0x29; // what follows is there
    record[39..43].copy_from_slice(b"RHME");
    record[43..54].copy_from_slice(b"NO NAME    ");
    record[54..62].copy_from_slice(b"FAT12   ");
    record[510..].copy_from_slice(&[0x55, 0xaa]);
    record
}

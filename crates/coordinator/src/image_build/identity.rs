//! The ids inside an image: the same recipe gives the same ids, so builds can be compared.

/// Identifiers derived from the recipe's digest. Machine-specific ones (partition GUIDs, host keys,
/// machine-id) are given later by the agent that writes the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ImageIdentity {
    /// UUID of the root file system, which boot loaders and fstab refer to.
    pub(super) root_uuid: Uuid,
    /// Seed of ext4's directory hashes.
    pub(super) dir_hash_seed: Uuid,
    /// FAT volume serial number of the ESP.
    pub(super) esp_serial: u32,
    /// GUID of the disk.
    pub(super) disk_guid: Uuid,
    /// GUIDs of bios_grub, ESP and root partition.
    pub(super) partition_guids: [Uuid; 3],
}

impl ImageIdentity {
    pub(super) fn from_digest(digest: blake3::Hash) -> Self {
        let mut derived = blake3::Hasher::new_keyed(digest.as_bytes()).finalize_xof();
        let mut next = || {
            let mut bytes = [0; 16];
            derived.fill(&mut bytes);
            Uuid::from_entropy(bytes)
        };
        let (root_uuid, dir_hash_seed, disk_guid) = (next(), next(), next());
        let partition_guids = [next(), next(), next()];
        let mut serial = [0; 4];
        derived.fill(&mut serial);
        let esp_serial = u32::from_le_bytes(serial);
        Self { root_uuid, dir_hash_seed, esp_serial, disk_guid, partition_guids }
    }

    /// The ESP's serial as `blkid` and fstab spell it.
    pub(super) fn esp_uuid(&self) -> String {
        format!("{:04X}-{:04X}", self.esp_serial >> 16, self.esp_serial & 0xffff)
    }
}

/// An RFC 9562 UUID, bytes in text order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uuid([u8; 16]);

impl Uuid {
    /// Marks 16 bytes as version 8 (vendor-specific), variant 10.
    fn from_entropy(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// The form GPT stores: the first three fields little-endian (UEFI 2.10, appendix A).
    pub(super) fn to_gpt(self) -> [u8; 16] {
        let mut bytes = self.0;
        bytes[0..4].reverse();
        bytes[4..6].reverse();
        bytes[6..8].reverse();
        bytes
    }
}

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_recipe_same_ids_other_recipe_other_ids() {
        let of = |recipe: &[u8]| ImageIdentity::from_digest(blake3::hash(recipe));
        assert_eq!(of(b"a"), of(b"a"));
        assert_ne!(of(b"a").root_uuid, of(b"b").root_uuid);
        let ids = of(b"a");
        assert_ne!(ids.root_uuid, ids.dir_hash_seed);
        assert_ne!(ids.partition_guids[0], ids.partition_guids[1]);
    }

    #[test]
    fn spells_uuids_as_the_tools_expect() {
        let uuid = Uuid::from_entropy([0; 16]);
        assert_eq!(uuid.to_string(), "00000000-0000-8000-8000-000000000000");
        let bytes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(Uuid(bytes).to_gpt(), [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]);
        let ids = ImageIdentity {
            esp_serial: 0x0a1b_2c3d,
            ..ImageIdentity::from_digest(blake3::hash(b""))
        };
        assert_eq!(ids.esp_uuid(), "0A1B-2C3D");
    }
}

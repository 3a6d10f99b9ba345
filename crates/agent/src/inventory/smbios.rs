//! Who the machine says it is (SMBIOS types 1, 2 and 3, by way of `/sys/class/dmi/id`).
//!
//! Asset tags, SKU numbers and families are not read: tags belong to the former owner.

use std::collections::BTreeSet;
use std::fs;

use protocol::inventory::Product;
use protocol::{MachineIdentity, is_placeholder};

use crate::roots::Roots;

/// The longest text that is taken, in characters.
const MAX_TEXT_LEN: usize = 80;

/// UUIDs that whole series of boards share: Gigabyte's, and those of AMI's template.
const SHARED_UUIDS: [&str; 4] = [
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    "fefefefe-fefe-fefe-fefe-fefefefefefe",
];

/// The parts of the identity that SMBIOS tells; `macs` is left empty.
pub(super) fn identity(roots: &Roots) -> MachineIdentity {
    MachineIdentity {
        uuid: read(roots, "product_uuid").and_then(|text| uuid(&text)),
        system_serial: text_of(roots, "product_serial"),
        board_serial: text_of(roots, "board_serial"),
        chassis_serial: text_of(roots, "chassis_serial"),
        macs: BTreeSet::new(),
    }
}

/// What stands on the lid.
pub(super) fn product(roots: &Roots) -> Product {
    Product {
        vendor: text_of(roots, "sys_vendor"),
        name: text_of(roots, "product_name"),
        version: text_of(roots, "product_version"),
        // 1 is "other" and 2 "unknown" (DSP0134, table 17).
        chassis_type: read(roots, "chassis_type")
            .and_then(|text| text.trim().parse().ok())
            .filter(|kind| *kind > 2),
    }
}

fn read(roots: &Roots, name: &str) -> Option<String> {
    let bytes = fs::read(roots.sys.join("class/dmi/id").join(name)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn text_of(roots: &Roots, name: &str) -> Option<String> {
    read(roots, name).and_then(|text| meaningful(&text))
}

/// The text without its padding; none where it is a placeholder.
fn meaningful(text: &str) -> Option<String> {
    let printable: String = text.chars().filter(|character| !character.is_control()).collect();
    let text: String = printable.trim().chars().take(MAX_TEXT_LEN).collect();
    (!is_placeholder(&text)).then_some(text)
}

/// A UUID in lower case; none where it is malformed or not this machine's own.
fn uuid(text: &str) -> Option<String> {
    let uuid = text.trim().to_ascii_lowercase();
    let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
    let digits: String = uuid.chars().filter(|character| *character != '-').collect();
    let well_formed =
        groups == [8, 4, 4, 4, 12] && digits.chars().all(|character| character.is_ascii_hexdigit());
    let mut bytes = digits.as_bytes().chunks(2);
    let first = bytes.next();
    // SMBIOS 3.7, section 7.2.1: all zeros is "not present", all ones "not set". Any repeated byte is as good.
    let repeated = bytes.all(|byte| Some(byte) == first);
    (well_formed && !repeated && !SHARED_UUIDS.contains(&uuid.as_str())).then_some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_serial_numbers() {
        for placeholder in [
            "",
            "   ",
            "\u{0}\u{0}",
            "0",
            "00000000",
            "To be filled by O.E.M.",
            "To Be Filled By O.E.M. ",
            "Default string",
            "System Serial Number",
            "Base Board Serial Number",
            "Chassis Serial Number",
            "None",
            "none\n",
            "N/A",
            "Not Specified",
            "Not Applicable",
            "0123456789",
            "123456789",
            "INVALID",
            "Unknown",
            "XXXXXXXXXX",
            "........",
            "-",
            "FFFFFFFF",
            "System manufacturer",
            "System Product Name",
            "O.E.M.",
        ] {
            assert_eq!(meaningful(placeholder), None, "{placeholder:?} was taken");
        }
        for (serial, expected) in [
            ("PF0ABCDE\n", "PF0ABCDE"),
            ("  5CG1234XYZ ", "5CG1234XYZ"),
            ("/4JX2YZ1/CN1296342K00AB/", "/4JX2YZ1/CN1296342K00AB/"),
            ("ThinkPad T440", "ThinkPad T440"),
            ("20B7S0JB00", "20B7S0JB00"),
            ("00000001", "00000001"),
            ("None Such Laptops", "None Such Laptops"),
        ] {
            assert_eq!(meaningful(serial).as_deref(), Some(expected));
        }
    }

    #[test]
    fn uuids_that_many_machines_share_are_left_out() {
        for shared in [
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
            "00020003-0004-0005-0006-000700080009",
            "11111111-1111-1111-1111-111111111111",
            "Not Settable",
            "4c4c4544-0038-4a10-8052",
            "4c4c4544-0038-4a10-8052-b4c04f4g3132",
            "",
        ] {
            assert_eq!(uuid(shared), None, "{shared:?} was taken");
        }
        let own = "4C4C4544-0038-4A10-8052-B4C04F473132\n";
        assert_eq!(uuid(own).as_deref(), Some("4c4c4544-0038-4a10-8052-b4c04f473132"));
    }
}

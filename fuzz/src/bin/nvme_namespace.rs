//! Identify Namespace: size and name, and the format that Format NVM is sent with; the list of namespaces. Input:
//! Identify Namespace data, or a Namespace List.
#![no_main]

use drive::nvme::{self, CurrentFormat, NvmeCommand, SecureErase};
use libfuzzer_sys::fuzz_target;
use rehome_fuzz::{check_identity, padded};

const NAMESPACE: u32 = 1;

fuzz_target!(|bytes: &[u8]| {
    let data = padded(bytes);
    identified(&data);
    listed(&data);
    let format = CurrentFormat::of(&data);
    for (erase, setting) in [(SecureErase::UserData, 1), (SecureErase::Crypto, 2)] {
        let command = NvmeCommand::Format { namespace: NAMESPACE, format, erase }.command();
        let [cdw10, rest @ ..] = command.cdw10;
        // Whatever the drive says: its data is erased, in the LBA format that it has, and no reserved bit is set.
        assert_eq!(cdw10 >> 9 & 0x07, setting, "secure erase settings");
        assert_eq!(cdw10 & 0x0f, u32::from(data[26] & 0x0f), "LBA format");
        assert_eq!(cdw10 >> 12, u32::from(data[26] >> 5 & 0x03), "its upper bits, nothing above");
        assert_eq!((command.nsid, rest), (NAMESPACE, [0; 5]));
    }
});

fn identified(namespace: &[u8; 4096]) {
    let mut controller = [0; 4096];
    controller[4] = b'S';
    if let Ok(identity) = nvme::decode(&controller, &[*namespace]) {
        check_identity(&identity, 20, 40);
        // A size is whole sectors, unless it is more than can be told.
        assert!(identity.size.0 % 512 == 0 || identity.size.0 == u64::MAX, "{identity:?}");
    }
}

/// No namespace is zero, and none is made up.
fn listed(list: &[u8; 4096]) {
    let ids = sys::nvme::decode_namespace_list(list);
    assert!(!ids.contains(&0) && ids.len() <= 1024);
    let again: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    assert!(list.starts_with(&again));
}

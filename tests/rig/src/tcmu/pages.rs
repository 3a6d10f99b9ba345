//! What a drive behind SCSI says of itself: INQUIRY (SPC-4 section 6.4), vital product data, mode pages.

use super::condition::SenseFormat;

/// Standard INQUIRY data as SAT-4 section 8.1 fills it in from IDENTIFY DEVICE.
pub(super) fn standard_inquiry(identify: &[u8; 512]) -> Vec<u8> {
    // Direct access, SPC-4, response data format 2, 91 more bytes, command queuing.
    let mut data = vec![0x00, 0x00, 0x06, 0x02, 91, 0x00, 0x00, 0x02];
    data.extend(b"ATA     ");
    data.extend(&text(identify, 27, 46)[..16]);
    data.extend(&text(identify, 23, 26)[..4]);
    data.resize(96, 0);
    data
}

/// A page of vital product data; none for one that there is not.
pub(super) fn vital_product_data(page: u8, identify: &[u8; 512]) -> Option<Vec<u8>> {
    let body = match page {
        0x00 => vec![0x00, 0x80, 0x83, 0x89, 0xb0, 0xb1],
        0x80 => text(identify, 10, 19),
        0x83 => identification(identify),
        0x89 => ata_information(identify),
        // Block limits: nothing is limited, nothing is offered.
        0xb0 => vec![0; 60],
        0xb1 => characteristics(identify),
        _ => return None,
    };
    let [length1, length0] = u16::try_from(body.len()).ok()?.to_be_bytes();
    Some([&[0x00, page, length1, length0], &body[..]].concat())
}

/// Mode pages 08h (caching: a volatile cache) and 0Ah (control: the format of sense data).
pub(super) fn mode_pages(page: u8, format: SenseFormat) -> Option<Vec<u8>> {
    let mut caching = vec![0x08, 18, 0x04];
    caching.resize(20, 0);
    let mut control = vec![0x0a, 10, u8::from(format == SenseFormat::Descriptor) << 2];
    control.resize(12, 0);
    match page & 0x3f {
        0x08 => Some(caching),
        0x0a => Some(control),
        0x3f => Some([caching, control].concat()),
        _ => None,
    }
}

/// NAA designator from words 108 to 111 where the drive has a world wide name, and the T10 one that every drive has.
fn identification(identify: &[u8; 512]) -> Vec<u8> {
    let mut designators = Vec::new();
    let name: Vec<u8> = (108..=111).flat_map(|index| word(identify, index).to_be_bytes()).collect();
    if name.iter().any(|&byte| byte != 0) {
        designators.extend([0x01, 0x03, 0x00, 8]);
        designators.extend(name);
    }
    designators.extend([0x02, 0x01, 0x00, 68]);
    designators.extend(b"ATA     ");
    designators.extend(text(identify, 27, 46));
    designators.extend(text(identify, 10, 19));
    designators
}

/// SAT-4 section 12.4.2: who translates, the signature of an ATA device, and its IDENTIFY DEVICE data.
fn ata_information(identify: &[u8; 512]) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(b"REHOME  RIG             0001");
    let mut signature = [0; 20];
    signature[0] = 0x34;
    signature[2] = 0x50;
    signature[4] = 0x01;
    signature[12] = 0x01;
    body.extend(signature);
    body.extend([0xec, 0, 0, 0]);
    body.extend(identify);
    body
}

/// Block device characteristics: the rotation rate of word 217.
fn characteristics(identify: &[u8; 512]) -> Vec<u8> {
    let mut body = word(identify, 217).to_be_bytes().to_vec();
    body.resize(60, 0);
    body
}

fn word(identify: &[u8; 512], index: usize) -> u16 {
    u16::from_le_bytes(identify.as_chunks().0[index])
}

/// ATA texts: two characters a word, the first in the high byte.
fn text(identify: &[u8; 512], first: usize, last: usize) -> Vec<u8> {
    (first..=last).flat_map(|index| word(identify, index).to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_they_say() {
        let identify = [0x41; 512];
        let pages = vital_product_data(0, &identify).unwrap();
        for &page in &pages[4..] {
            let data = vital_product_data(page, &identify).unwrap();
            let length = u16::from_be_bytes([data[2], data[3]]);
            assert_eq!((data[1], data.len()), (page, 4 + usize::from(length)));
        }
        assert_eq!(vital_product_data(0x89, &identify).unwrap().len(), 572);
        assert_eq!(standard_inquiry(&identify).len(), 96);
        let all = mode_pages(0x3f, SenseFormat::Fixed).unwrap();
        assert_eq!((all.len(), all[1], all[21]), (32, 18, 10));
    }
}

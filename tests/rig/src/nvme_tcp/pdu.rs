//! Protocol data units: NVM Express TCP Transport 1.0, section 3.6. Bytes in, bytes out.

use super::command::{COMMAND_LEN, Completion};

/// Length of the common header (figure 18).
pub(super) const HEADER_LEN: usize = 8;
/// The most data that one unit may bring: MAXH2CDATA of our answer, and what fits into a capsule.
pub(super) const MAX_DATA_LEN: usize = 128 * 1024;
/// The most data that a capsule brings along (IOCCSZ; the admin queue's capsules hold as much by the standard).
pub(super) const CAPSULE_DATA_LEN: usize = 8192;
const MAX_LEN: usize = DATA_HEADER_LEN + MAX_DATA_LEN;

const INITIALIZE_LEN: usize = 128;
const COMMAND_HEADER_LEN: usize = HEADER_LEN + COMMAND_LEN;
const DATA_HEADER_LEN: usize = 24;

const INITIALIZE_REQUEST: u8 = 0x00;
const INITIALIZE_RESPONSE: u8 = 0x01;
const HOST_TERMINATES: u8 = 0x02;
const COMMAND: u8 = 0x04;
const RESPONSE: u8 = 0x05;
const DATA_TO_CONTROLLER: u8 = 0x06;
const DATA_TO_HOST: u8 = 0x07;
const READY_TO_TRANSFER: u8 = 0x09;

const LAST_DATA: u8 = 1 << 2;

/// What a host sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FromHost {
    /// ICReq: the first unit of a connection, and only that.
    Initialize,
    /// CapsuleCmd.
    Command {
        /// The submission queue entry.
        entry: [u8; COMMAND_LEN],
        /// In-capsule data.
        data: Vec<u8>,
    },
    /// H2CData.
    Data(Chunk),
    /// H2CTermReq: the host gives up; why.
    Terminate {
        /// Fatal Error Status.
        status: u16,
    },
}

/// A part of a command's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Which command.
    pub(super) command_id: u16,
    /// The tag of the R2T that asked for it.
    pub(super) transfer_tag: u16,
    /// Where in the command's data it belongs.
    pub(super) offset: usize,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
}

/// What a controller sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ToHost {
    /// ICResp.
    Initialized,
    /// CapsuleResp.
    Response(Completion),
    /// C2HData, all of a command's data at once; the response follows.
    Data {
        /// Which command.
        command_id: u16,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// R2T: send the whole data of a command.
    ReadyToTransfer {
        /// Which command.
        command_id: u16,
        /// To be repeated with the data.
        transfer_tag: u16,
        /// How many bytes.
        length: u32,
    },
}

/// Why a unit cannot be read. The connection ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PduError {
    #[error("the host sent a PDU of type {0:#04x}, which is none of a host's")]
    Type(u8),
    #[error("PDU of type {pdu_type:#04x}: impossible length {length} (header {header_length})")]
    Length { pdu_type: u8, header_length: u8, length: usize },
    #[error("PDU of type {pdu_type:#04x}: data at {offset} of {length} bytes")]
    DataOffset { pdu_type: u8, offset: u8, length: usize },
    #[error("PDU of type {0:#04x} claims digests, which were not agreed upon")]
    Digest(u8),
    #[error("H2CData announces {announced} bytes and brings {found}")]
    DataLength { announced: u32, found: usize },
    #[error(
        "ICReq for protocol format {format}, data alignment {alignment}: only 0 and 0 are spoken here"
    )]
    Initialize { format: u16, alignment: u8 },
}

/// The common header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pdu_type: u8,
    flags: u8,
    header_length: u8,
    data_offset: u8,
    length: usize,
}

impl Header {
    /// Reads it and refuses what no unit of a host can be.
    pub(super) fn parse(bytes: [u8; HEADER_LEN]) -> Result<Self, PduError> {
        let [pdu_type, flags, header_length, data_offset, length @ ..] = bytes;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let header = Self { pdu_type, flags, header_length, data_offset, length };
        let expected = match pdu_type {
            INITIALIZE_REQUEST => INITIALIZE_LEN,
            COMMAND => COMMAND_HEADER_LEN,
            HOST_TERMINATES | DATA_TO_CONTROLLER => DATA_HEADER_LEN,
            other => return Err(PduError::Type(other)),
        };
        if usize::from(header_length) != expected || length < expected || length > MAX_LEN {
            return Err(PduError::Length { pdu_type, header_length, length });
        }
        // Header digest and data digest.
        if matches!(pdu_type, COMMAND | DATA_TO_CONTROLLER) && flags & 3 != 0 {
            return Err(PduError::Digest(pdu_type));
        }
        Ok(header)
    }

    /// How many bytes follow the header.
    pub(super) fn body_len(&self) -> usize {
        self.length - HEADER_LEN
    }

    /// The data behind the PDU's own header.
    fn data<'a>(&self, body: &'a [u8]) -> Result<&'a [u8], PduError> {
        let header_length = usize::from(self.header_length);
        if self.length == header_length {
            return Ok(&[]);
        }
        let offset = usize::from(self.data_offset);
        let error = PduError::DataOffset {
            pdu_type: self.pdu_type,
            offset: self.data_offset,
            length: self.length,
        };
        if offset < header_length {
            return Err(error);
        }
        body.get(offset - HEADER_LEN..).ok_or(error)
    }
}

impl FromHost {
    /// Reads what follows the header: [`Header::body_len`] bytes.
    pub(super) fn parse(header: &Header, body: &[u8]) -> Result<Self, PduError> {
        let wrong_length = PduError::Length {
            pdu_type: header.pdu_type,
            header_length: header.header_length,
            length: body.len() + HEADER_LEN,
        };
        if body.len() != header.body_len() {
            return Err(wrong_length);
        }
        match header.pdu_type {
            INITIALIZE_REQUEST => match (word(body, 0), body.get(2)) {
                (Some(0), Some(0)) => Ok(Self::Initialize),
                (format, alignment) => Err(PduError::Initialize {
                    format: format.unwrap_or(u16::MAX),
                    alignment: alignment.copied().unwrap_or(u8::MAX),
                }),
            },
            COMMAND => {
                let entry = body.first_chunk().ok_or(wrong_length)?;
                Ok(Self::Command { entry: *entry, data: header.data(body)?.to_vec() })
            }
            DATA_TO_CONTROLLER => Self::parse_data(header, body).ok_or(wrong_length)?,
            HOST_TERMINATES => Ok(Self::Terminate { status: word(body, 0).ok_or(wrong_length)? }),
            other => Err(PduError::Type(other)),
        }
    }

    /// None where the fields do not fit.
    fn parse_data(header: &Header, body: &[u8]) -> Option<Result<Self, PduError>> {
        let (command_id, transfer_tag) = (word(body, 0)?, word(body, 2)?);
        let offset = usize::try_from(double_word(body, 4)?).ok()?;
        let announced = double_word(body, 8)?;
        let bytes = match header.data(body) {
            Ok(bytes) => bytes.to_vec(),
            Err(error) => return Some(Err(error)),
        };
        if usize::try_from(announced) != Ok(bytes.len()) {
            return Some(Err(PduError::DataLength { announced, found: bytes.len() }));
        }
        Some(Ok(Self::Data(Chunk { command_id, transfer_tag, offset, bytes })))
    }
}

impl ToHost {
    /// The unit as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Initialized => {
                let mut bytes = start(INITIALIZE_RESPONSE, 0, INITIALIZE_LEN, 0);
                // PFV 0, CPDA 0, no digests, MAXH2CDATA.
                bytes.extend([0; 4]);
                bytes.extend(length_field(MAX_DATA_LEN));
                bytes.resize(INITIALIZE_LEN, 0);
                bytes
            }
            Self::Response(completion) => {
                let mut bytes = start(RESPONSE, 0, DATA_HEADER_LEN, 0);
                bytes.extend(completion.encode());
                bytes
            }
            Self::Data { command_id, bytes: data } => {
                let mut bytes = start(DATA_TO_HOST, LAST_DATA, DATA_HEADER_LEN, data.len());
                bytes.extend(command_id.to_le_bytes());
                bytes.extend([0; 2 + 4]);
                bytes.extend(length_field(data.len()));
                bytes.extend([0; 4]);
                bytes.extend(data);
                bytes
            }
            Self::ReadyToTransfer { command_id, transfer_tag, length } => {
                let mut bytes = start(READY_TO_TRANSFER, 0, DATA_HEADER_LEN, 0);
                bytes.extend(command_id.to_le_bytes());
                bytes.extend(transfer_tag.to_le_bytes());
                bytes.extend([0; 4]);
                bytes.extend(length.to_le_bytes());
                bytes.extend([0; 4]);
                bytes
            }
        }
    }
}

/// A common header, of a unit whose own header is `header_length` bytes long and whose data follows at once.
fn start(pdu_type: u8, flags: u8, header_length: usize, data_length: usize) -> Vec<u8> {
    let header_byte = u8::try_from(header_length).unwrap_or(u8::MAX);
    let data_offset = if data_length == 0 { 0 } else { header_byte };
    let mut bytes = Vec::with_capacity(header_length + data_length);
    bytes.extend([pdu_type, flags, header_byte, data_offset]);
    bytes.extend(length_field(header_length + data_length));
    bytes
}

/// Lengths are bounded by MDTS, far below 4 GiB.
fn length_field(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|field| u16::from_le_bytes(*field))
}

fn double_word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|field| u32::from_le_bytes(*field))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Result<FromHost, PduError> {
        let (header, body) = bytes.split_first_chunk().unwrap();
        FromHost::parse(&Header::parse(*header)?, body)
    }

    fn unit(pdu_type: u8, header_length: usize, data: &[u8], fields: &[u8]) -> Vec<u8> {
        let mut bytes = start(pdu_type, 0, header_length, data.len());
        bytes.extend(fields);
        bytes.resize(header_length, 0);
        bytes.extend(data);
        bytes
    }

    #[test]
    fn what_a_host_sends_is_read() {
        assert_eq!(parse(&unit(0, 128, &[], &[])), Ok(FromHost::Initialize));
        let entry = [7; COMMAND_LEN];
        assert_eq!(
            parse(&unit(4, 72, &[1, 2], &entry)),
            Ok(FromHost::Command { entry, data: vec![1, 2] })
        );
        let fields = [3, 0, 9, 0, 0, 1, 0, 0, 4, 0, 0, 0];
        let chunk = Chunk { command_id: 3, transfer_tag: 9, offset: 256, bytes: vec![8; 4] };
        assert_eq!(parse(&unit(6, 24, &[8; 4], &fields)), Ok(FromHost::Data(chunk)));
        assert_eq!(parse(&unit(2, 24, &[], &[5, 0])), Ok(FromHost::Terminate { status: 5 }));
    }

    #[test]
    fn what_no_host_sends_ends_the_connection() {
        let other_format = unit(0, 128, &[], &[1]);
        let other_alignment = unit(0, 128, &[], &[0, 0, 3]);
        let mut digest = unit(4, 72, &[], &[]);
        digest[1] = 1;
        let mut data_in_header = unit(4, 72, &[1], &[]);
        data_in_header[3] = 8;
        let mut data_outside = unit(4, 72, &[1], &[]);
        data_outside[3] = 80;
        let mut endless = unit(4, 72, &[], &[]);
        endless[4..8].fill(0xff);
        let short_of_data = unit(6, 24, &[8; 4], &[0, 0, 0, 0, 0, 0, 0, 0, 5]);
        for (bytes, expected) in [
            (unit(0x05, 24, &[], &[]), "none of a host's"),
            (unit(0, 24, &[], &[]), "impossible length 24"),
            (endless, "impossible length"),
            (other_format, "protocol format 1"),
            (other_alignment, "data alignment 3"),
            (digest, "digests"),
            (data_in_header, "data at 8"),
            (data_outside, "data at 80"),
            (short_of_data, "announces 5 bytes and brings 4"),
        ] {
            let error = parse(&bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_a_controller_sends_is_laid_out_as_the_standard_says() {
        let initialized = ToHost::Initialized.encode();
        assert_eq!(initialized[..8], [1, 0, 128, 0, 128, 0, 0, 0]);
        assert_eq!(initialized[12..16], 0x2_0000_u32.to_le_bytes());
        let data = ToHost::Data { command_id: 0x102, bytes: vec![9; 3] }.encode();
        assert_eq!(data[..8], [7, 4, 24, 24, 27, 0, 0, 0]);
        assert_eq!(data[8..20], [2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
        assert_eq!(data[24..], [9; 3]);
        let ready = ToHost::ReadyToTransfer { command_id: 1, transfer_tag: 2, length: 512 };
        assert_eq!(
            ready.encode(),
            [9, 0, 24, 0, 24, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(
            pdu_type in prop_oneof![Just(0_u8), Just(2), Just(4), Just(6), any::<u8>()],
            rest in proptest::collection::vec(any::<u8>(), 3),
            body in proptest::collection::vec(any::<u8>(), 0..300),
            honest in any::<bool>(),
        ) {
            let mut bytes = vec![pdu_type];
            bytes.extend(rest);
            let length = u32::try_from(body.len() + HEADER_LEN).unwrap();
            bytes.extend(if honest { length } else { length.swap_bytes() }.to_le_bytes());
            if honest {
                bytes[1] &= !3;
                bytes[2] = match pdu_type { 0 => 128, 4 => 72, _ => 24 };
            }
            bytes.extend(&body);
            if let Ok(FromHost::Data(chunk)) = parse(&bytes) {
                prop_assert!(chunk.bytes.len() <= body.len());
            }
        }
    }
}

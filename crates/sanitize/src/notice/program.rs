//! The program for UEFI on x86-64: a PE32+ image of one section that prints a text, waits a minute and returns an error, so
//! that the firmware goes on to the next boot option.

/// Entry point, with the image's handle in RCX and the system table in RDX (UEFI 2.10, section 2.3.4.1). `as --64` gives
/// the same bytes for the instructions beside them.
#[rustfmt::skip]
const CODE: [u8; 64] = [
    0x53,                                       // push   %rbx
    0x48, 0x83, 0xec, 0x20,                     // sub    $0x20,%rsp
    0x48, 0x89, 0xd3,                           // mov    %rdx,%rbx
    0x48, 0x8b, 0x4b, 0x40,                     // mov    0x40(%rbx),%rcx       ConOut
    0xff, 0x51, 0x30,                           // call   *0x30(%rcx)           ClearScreen
    0x48, 0x8b, 0x4b, 0x40,                     // mov    0x40(%rbx),%rcx
    0x48, 0x8d, 0x15, 0x26, 0x00, 0x00, 0x00,   // lea    text(%rip),%rdx
    0xff, 0x51, 0x08,                           // call   *0x8(%rcx)            OutputString
    0xb9, 0x00, 0x87, 0x93, 0x03,               // mov    $60000000,%ecx
    0x48, 0x8b, 0x5b, 0x60,                     // mov    0x60(%rbx),%rbx       BootServices
    0xff, 0x93, 0xf8, 0x00, 0x00, 0x00,         // call   *0xf8(%rbx)           Stall
    0x48, 0xb8, 0x0e, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x80,                     // movabs $0x800000000000000e,%rax  EFI_NOT_FOUND
    0x48, 0x83, 0xc4, 0x20,                     // add    $0x20,%rsp
    0x5b,                                       // pop    %rbx
    0xc3,                                       // ret
    0x0f, 0x1f, 0x40, 0x00,                     // nop, up to the text
];

/// Of the headers, and of the section within the file.
const FILE_ALIGNMENT: usize = 0x200;
/// Where the section is put in memory.
const SECTION_AT: u32 = 0x1000;

/// The program's file.
pub(super) fn program(text: &str) -> Vec<u8> {
    let mut section = CODE.to_vec();
    section.extend(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    // A text is at most 2 KiB, so both fit four times over.
    let in_memory = u32::try_from(section.len()).unwrap_or(u32::MAX);
    section.resize(section.len().next_multiple_of(FILE_ALIGNMENT), 0);
    let in_file = u32::try_from(section.len()).unwrap_or(u32::MAX);
    let mut file = headers(in_memory, in_file);
    file.resize(FILE_ALIGNMENT, 0);
    file.extend(section);
    file
}

/// Microsoft PE and COFF specification: MS-DOS stub, signature, COFF header, optional header, one section.
fn headers(in_memory: u32, in_file: u32) -> Vec<u8> {
    let mut out = vec![0; 0x40];
    out[..2].copy_from_slice(b"MZ");
    out[0x3c] = 0x40;
    let mut put = |bytes: &[u8]| out.extend(bytes);
    put(b"PE\0\0");
    put(&0x8664_u16.to_le_bytes()); // x86-64
    put(&1_u16.to_le_bytes()); // sections
    put(&[0; 12]); // time, symbols
    put(&240_u16.to_le_bytes()); // optional header
    put(&0x0022_u16.to_le_bytes()); // executable, large addresses
    put(&0x020b_u16.to_le_bytes()); // PE32+
    put(&[0; 2]); // linker
    put(&in_file.to_le_bytes()); // code
    put(&[0; 8]); // data
    put(&SECTION_AT.to_le_bytes()); // entry point
    put(&SECTION_AT.to_le_bytes()); // code begins
    put(&[0; 8]); // image base: anywhere, nothing has to be relocated
    put(&SECTION_AT.to_le_bytes()); // alignment in memory
    put(&0x200_u32.to_le_bytes()); // alignment in the file
    put(&[0; 16]); // versions
    put(&(SECTION_AT + in_memory.next_multiple_of(SECTION_AT)).to_le_bytes()); // image
    put(&0x200_u32.to_le_bytes()); // headers
    put(&[0; 4]); // checksum
    put(&10_u16.to_le_bytes()); // EFI application
    put(&[0; 2 + 4 * 8 + 4]); // characteristics, stack and heap, loader flags
    put(&16_u32.to_le_bytes()); // data directories
    put(&[0; 16 * 8]);
    put(b".text\0\0\0");
    put(&in_memory.to_le_bytes());
    put(&SECTION_AT.to_le_bytes());
    put(&in_file.to_le_bytes());
    put(&0x200_u32.to_le_bytes()); // where in the file
    put(&[0; 12]); // relocations, line numbers
    put(&0x6000_0020_u32.to_le_bytes()); // code, executable, readable
    out
}

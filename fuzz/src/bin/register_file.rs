//! An owner's asset register: whatever the bytes, it is refused or read within its limits, and what is kept of it can be
//! stored and read again. Input: one byte for what a person says about the file; then CSV, XLSX or ODS.
#![no_main]

use libfuzzer_sys::fuzz_target;
use register::limits::{MAX_CELL_LEN, MAX_COLUMNS, MAX_ROWS};
use register::{Hint, Separator, propose, read, rows};
use rehome_fuzz::round_trip;

fuzz_target!(
    // A panic of the workbook reader that we use is caught there, and refused: only others are findings. Those end the
    // process all the same, since nothing catches them.
    init: drop(std::panic::take_hook()),
    |bytes: &[u8]| {
        let Some((&first, file)) = bytes.split_first() else { return };
        let Ok(sheet) = read(file, &hint(first)) else { return };
        assert!(sheet.rows.len() <= MAX_ROWS as usize);
        for row in &sheet.rows {
            assert!(row.cells.len() <= MAX_COLUMNS as usize);
            assert!(row.cells.iter().all(|cell| cell.text().len() <= MAX_CELL_LEN));
        }
        let Ok(assets) = rows(&sheet, &propose(&sheet)) else { return };
        let mut numbers: Vec<_> = assets.iter().map(|asset| asset.row).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), assets.len(), "two assets of one row");
        for asset in &assets {
            let json = serde_json::to_vec(asset).expect("an asset can be written");
            assert_eq!(round_trip(&json).as_ref(), Some(asset));
        }
    }
);

fn hint(byte: u8) -> Hint {
    let separator = match byte & 0x03 {
        1 => Some(Separator::Semicolon),
        2 => Some(Separator::Tab),
        _ => None,
    };
    let header_row = (byte & 0x04 != 0).then(|| "2".parse().ok()).flatten();
    let encoding = (byte & 0x08 != 0).then(|| "cp1250".parse().ok()).flatten();
    Hint { separator, header_row, encoding, sheet: None }
}

//! Files made to harm: each is refused, quickly and by name.

use std::time::Instant;

use proptest::prelude::*;
use register::{Hint, RowNumber, read};

use crate::workbook::{ODS_REST, archive, ods, ods_row, xlsx, xlsx_row};

fn refused(bytes: &[u8]) -> String {
    let started = Instant::now();
    let error = read(bytes, &Hint::default()).expect_err("it was read");
    assert!(started.elapsed().as_secs() < 20, "took {:?}: {error}", started.elapsed());
    error.to_string()
}

fn check(bytes: &[u8], message: &str) {
    let refused = refused(bytes);
    assert!(refused.contains(message), "{refused}");
}

const HEADER: [&str; 2] = ["Nr inw.", "Nr seryjny"];

#[test]
fn what_is_no_spreadsheet_is_called_by_its_name() {
    let word = archive(&[("word/document.xml", b"<w/>")]);
    let encrypted = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and so on";
    for (bytes, message) in [
        (&b""[..], "the file is empty"),
        (b" \r\n ", "the file is empty"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\xEF\xBB\xBF <HTML><table>", "a web page"),
        (b"<?xml version=\"1.0\"?>", "an XML document"),
        (b"{\\rtf1", "a text document"),
        (encrypted, "an old Excel workbook (.xls) or one under a password"),
        (&word, "a Word document"),
        (b"PK\x03\x04 and nothing", "failed to read the workbook"),
        (b"PK\x05\x06", "an archive without a workbook"),
        (b"Ala;ma;kota\n1;2;3\n", "the file: no header found in the first 2 rows"),
        // An asset that speaks of its serial number is no header.
        (b"Kod;Gdzie;Co\n7;tu;Laptop\n8;nr seryjny zatarty;Laptop\n", "no header found"),
        (b"a\0b", "the encoding cannot be told"),
        (b"Nr inw.;S/N\n1;ab\x1b[2Kcd\n", "row 2, column B holds the control character U+001B"),
        (b"Nr inw.;S/N\n1;\"ab\n2;cd\n", "row 2, column B: the quoted cell is never closed"),
    ] {
        check(bytes, message);
    }
    let hint = Hint { header_row: Some("4".parse::<RowNumber>().unwrap()), ..Hint::default() };
    let error = read(b"Nr inw.;S/N\n1;2\n", &hint).unwrap_err();
    assert_eq!(error.to_string(), "row 4 is empty and cannot be the header: say which row is");
}

#[test]
fn text_that_is_too_large_is_refused() {
    let long = format!("Nr inw.;S/N\n1;{}\n", "A".repeat(5_000));
    let wide = format!("Nr inw.;S/N{}\n", ";x".repeat(1_000_000));
    let tall = format!("Nr inw.;S/N\n{}", "1;2\n".repeat(100_001));
    let empty = format!("Nr inw.;S/N\n{}", format!("{}1\n", ";".repeat(999)).repeat(2_000));
    check(long.as_bytes(), "row 2, column B has more than 4000 bytes in a cell");
    check(wide.as_bytes(), "row 1, column ALM has more than 1000 columns");
    check(tall.as_bytes(), "the file has more than 100000 rows");
    check(empty.as_bytes(), "the file has more than 1000000 cells");
    check(&vec![b'a'; 33 << 20], "the file has more than 33554432 bytes");
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![b' '; 100 << 20];
    check(&archive(&[("xl/workbook.xml", &zeros)]), "67108864 bytes when it is unpacked");
    let tags = b"<a/>".repeat(7_000_000);
    check(&archive(&[("xl/workbook.xml", &tags)]), "6000000 XML tags");

    let corners = xlsx_row(1, &HEADER) + r#"<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#;
    check(&xlsx(&[("A", true, &corners)], &[]), "sheet \"A\" has more than 100000 rows");
    let beyond = xlsx_row(1, &HEADER) + r#"<row r="2"><c r="XFD2"><v>1</v></c></row>"#;
    check(
        &xlsx(&[("A", true, &beyond)], &[]),
        "sheet \"A\", row 2, column XFD has more than 1000 columns",
    );
    let long = "A".repeat(3_900);
    let uses: String = (2..60_000)
        .map(|row| format!(r#"<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>"#))
        .collect();
    check(
        &xlsx(&[("A", true, &(xlsx_row(1, &HEADER) + &uses))], &[&long]),
        "67108864 bytes of text",
    );
}

#[test]
fn repeats_of_opendocument_do_not_go_off() {
    // What stays below the limit is read, all of it.
    let many = r#"<table:table-row table:number-rows-repeated="90000"><table:table-cell office:value-type="string" table:number-columns-repeated="10"><text:p>x</text:p></table:table-cell></table:table-row>"#;
    let sheet = read(&ods(&[("A", &(ods_row(&HEADER) + many))]), &Hint::default()).unwrap();
    assert_eq!((sheet.rows.len(), sheet.headers.len()), (90_000, 10));
    let filled = r#"<table:table-cell office:value-type="string" table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell>"#;
    let rows =
        format!(r#"<table:table-row table:number-rows-repeated="6000">{filled}</table:table-row>"#);
    check(&ods(&[("A", &(ods_row(&HEADER) + &rows))]), "1000000 cells");
    let far = ods_row(&HEADER)
        + ODS_REST
        + r#"<table:table-row><table:table-cell table:number-columns-repeated="16000"/><table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>"#;
    check(&ods(&[("A", &far)]), "1000000 cells");
    let long = format!(
        r#"<table:table-row table:number-rows-repeated="90000"><table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell></table:table-row>"#,
        "A".repeat(3_900)
    );
    check(&ods(&[("A", &(ods_row(&HEADER) + &long))]), "bytes of repeated cells");
    let words =
        r#"<table:table-row table:number-rows-repeated="-1"><table:table-cell/></table:table-row>"#;
    check(&ods(&[("A", words)]), "failed to read the workbook");
}

/// Words of which hostile XML is made.
const PIECES: [&str; 26] = [
    r#"<row r="2">"#,
    r#"<row r="4294967295">"#,
    r#"<row r="0">"#,
    "<row>",
    "</row>",
    r#"<c r="A2">"#,
    r#"<c r="ZZZZZZZZ9">"#,
    r#"<c r="A99999999999">"#,
    r#"<c r="1">"#,
    r#"<c r="" t="s">"#,
    r#"<c t="s">"#,
    r#"<c t="d">"#,
    r#"<c t="e">"#,
    r#"<c s="1">"#,
    r#"<c s="99">"#,
    "</c>",
    "<v>",
    "1e308",
    "-1",
    "99999",
    "</v>",
    "<f>",
    "</f>",
    "<is><t>",
    "x",
    "]]>",
];
const ODS_PIECES: [&str; 18] = [
    "<table:table-row>",
    r#"<table:table-row table:number-rows-repeated="0">"#,
    "</table:table-row>",
    r#"<table:table-row table:number-rows-repeated="90">"#,
    r#"<table:table-row table:number-rows-repeated="99999999999">"#,
    "<table:table-cell>",
    r#"<table:table-cell office:value-type="string">"#,
    r#"<table:table-cell office:value="1">"#,
    r#"<table:table-cell office:value="x">"#,
    r#"<table:table-cell table:number-columns-repeated="0" office:value="1">"#,
    r#"<table:table-cell table:number-columns-repeated="70" table:formula="x">"#,
    "</table:table-cell>",
    "<table:covered-table-cell/>",
    "<text:p>",
    "x",
    "&amp;",
    "</text:p>",
    "</table:table>",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn broken_workbooks_never_panic(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..14),
        ods_pieces in prop::collection::vec(prop::sample::select(&ODS_PIECES[..]), 0..14),
    ) {
        let rows = xlsx_row(1, &HEADER) + &pieces.concat();
        let _ = read(&xlsx(&[("A", true, &rows)], &["shared"]), &Hint::default());
        let rows = ods_row(&HEADER) + &ods_pieces.concat();
        let _ = read(&ods(&[("A", &rows)]), &Hint::default());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), head in 0..4_usize) {
        let heads: [&[u8]; 4] = [b"", b"PK\x03\x04", b"Nr inw.;S/N\n", b"\xFF\xFE"];
        let file = [heads[head], &bytes].concat();
        match read(&file, &Hint::default()) {
            Ok(sheet) => prop_assert!(!sheet.headers.is_empty()),
            Err(error) => {
                let message = error.to_string();
                prop_assert!(!message.chars().any(char::is_control), "{message:?}");
            }
        }
    }
}

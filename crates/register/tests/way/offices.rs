//! Registers as offices hand them in.

use register::{Format, Hint, Sheet, WhyLeftOut, propose, read, rows};

use crate::workbook::{ODS_REST, ods, ods_row, xlsx, xlsx_row};

const HEADER: [&str; 6] =
    ["Lp.", "Nr inw.", "Nazwa", "Nr seryjny", "Osoba odpowiedzialna", "Wartość pocz."];
const ASSETS: [[&str; 6]; 3] = [
    ["1", "UM/491/0001", "Laptop Dell Latitude E6440", "5CG4410ABC", "Żaneta Łęcka", "3 299,00"],
    ["2", "UM/491/0002", "Laptop \"HP\" 840 G3; 14 cali", "pf0 1abcd", "Jan Kowalski", "2.500,5"],
    ["3", "UM/491/0003", "Laptop Łódź", "brak", "", ""],
];

/// What [`ASSETS`] come to: asset number, serial number, hundredths.
fn expected() -> Vec<(String, Option<String>, Option<i64>)> {
    let row = |asset: &str, serial: Option<&str>, value| {
        (asset.to_owned(), serial.map(str::to_owned), value)
    };
    vec![
        row("UM/491/0001", Some("5CG4410ABC"), Some(329_900)),
        row("UM/491/0002", Some("PF01ABCD"), Some(250_050)),
        row("UM/491/0003", None, None),
    ]
}

fn check(sheet: &Sheet, format: &str, first_row: u32) {
    assert_eq!(sheet.format.to_string(), format);
    let assets = rows(sheet, &propose(sheet)).unwrap();
    let kept = assets.iter().map(|it| {
        let serial = it.serial.as_ref().map(|serial| serial.as_str().to_owned());
        (it.asset.as_ref().unwrap().to_string(), serial, it.value.map(|value| value.0))
    });
    assert_eq!(kept.collect::<Vec<_>>(), expected());
    assert_eq!(assets[0].row.0.get(), first_row);
    let all = serde_json::to_string(&assets).unwrap();
    assert!(!all.contains("Kowalski") && !all.contains("Łęcka"), "{all}");
    assert!(!format!("{sheet:?}").contains("Kowalski"));
}

fn csv(separator: char, line_end: &str) -> String {
    let cell = |text: &&str| format!("\"{}\"", text.replace('"', "\"\""));
    let line = |cells: &[&str; 6]| {
        cells.iter().map(cell).collect::<Vec<_>>().join(&separator.to_string()) + line_end
    };
    std::iter::once(&HEADER).chain(&ASSETS).map(line).collect()
}

#[test]
fn separators_and_encodings_are_found_out() {
    let utf_16 = |text: &str| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let cp1250 = |text: &str| encoding_rs::WINDOWS_1250.encode(text).0.into_owned();
    let latin_2 = |text: &str| encoding_rs::ISO_8859_2.encode(text).0.into_owned();
    let polish = "likely, by its Polish letters";
    for (bytes, format) in [
        (
            csv(';', "\r\n").into_bytes(),
            "CSV, UTF-8 (certain), cells separated by semicolons".to_owned(),
        ),
        (csv(',', "\n").into_bytes(), "CSV, UTF-8 (certain), cells separated by commas".to_owned()),
        (
            format!("\u{feff}{}", csv(';', "\r\n")).into_bytes(),
            "CSV, UTF-8 (as the file or you say), cells separated by semicolons".to_owned(),
        ),
        (
            utf_16(&csv('\t', "\r\n")),
            "CSV, UTF-16LE (as the file or you say), cells separated by tabulators".to_owned(),
        ),
        (
            cp1250(&csv(';', "\r\n")),
            format!("CSV, CP1250 ({polish}), cells separated by semicolons"),
        ),
        (
            latin_2(&csv(';', "\r")),
            format!("CSV, ISO-8859-2 ({polish}), cells separated by semicolons"),
        ),
    ] {
        check(&read(&bytes, &Hint::default()).unwrap(), &format, 2);
    }
    let announced = format!("sep=,\r\n{}", csv(',', "\r\n"));
    let format = "CSV, UTF-8 (certain), cells separated by commas";
    check(&read(announced.as_bytes(), &Hint::default()).unwrap(), format, 3);
}

#[test]
fn titles_totals_and_blank_rows_are_no_assets() {
    let text = csv(';', "\n");
    let (header, assets) = text.split_once('\n').unwrap();
    let titled = format!(
        "Urząd Miasta;;;;;\nEwidencja sprzętu, stan na 2024-12-31;;;;;\n;;;;;\n{header}\n1;2;3;4;5;6\n{assets}{header}\n\n\
         Razem;;;;;5799,50\n"
    );
    let sheet = read(titled.as_bytes(), &Hint::default()).unwrap();
    check(&sheet, "CSV, UTF-8 (certain), cells separated by semicolons", 6);
    let left_out: Vec<_> = sheet.left_out.iter().map(|it| (it.row.0.get(), it.why)).collect();
    assert_eq!(
        left_out,
        [(5, WhyLeftOut::ColumnNumbers), (9, WhyLeftOut::HeaderAgain), (11, WhyLeftOut::Total)]
    );
}

fn escaped(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|it| it.replace('"', "&quot;")).collect()
}

#[test]
fn workbooks_are_read_whatever_they_are_called() {
    let rows_of = |row: &dyn Fn(u32, &[&str]) -> String| -> String {
        let all = std::iter::once(&HEADER).chain(&ASSETS).zip(3..);
        all.map(|(cells, number)| {
            let cells = escaped(cells);
            row(number, &cells.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect()
    };
    let data = xlsx_row(1, &["Urząd Miasta"]) + &rows_of(&xlsx_row);
    let book = xlsx(
        &[
            ("Opis", true, &xlsx_row(1, &["Instrukcja"])),
            ("Środki", true, &data),
            ("Kopia", false, &data),
        ],
        &[],
    );
    check(&read(&book, &Hint::default()).unwrap(), "XLSX, sheet \"Środki\"", 4);

    let title =
        ods_row(&["Urząd Miasta"]) + "<table:table-row><table:table-cell/></table:table-row>";
    let data = title + &rows_of(&|_, cells| ods_row(cells)) + ODS_REST;
    let book = ods(&[("Środki", &data), ("Arkusz2", ODS_REST)]);
    check(&read(&book, &Hint::default()).unwrap(), "ODS, sheet \"Środki\"", 4);
}

#[test]
fn two_sheets_that_may_be_the_register_are_asked_about() {
    let data = xlsx_row(1, &["Nr inw.", "Nr seryjny"]) + &xlsx_row(2, &["1", "5CG4410ABC"]);
    let book = xlsx(&[("2023", true, &data), ("2024", true, &data)], &[]);
    let refused = read(&book, &Hint::default()).unwrap_err().to_string();
    assert!(refused.contains(r#""2023", "2024""#), "{refused}");
    let hint = |sheet: &str| Hint { sheet: Some(sheet.to_owned()), ..Hint::default() };
    let sheet = read(&book, &hint("2024")).unwrap();
    assert_eq!(sheet.format, Format::Xlsx { sheet: "2024".to_owned() });
    let refused = read(&book, &hint("2025")).unwrap_err().to_string();
    assert_eq!(refused, r#"there is no sheet "2025"; the workbook has "2023", "2024""#);
}

#[test]
fn typed_cells_of_workbooks_are_read_by_what_they_mean() {
    let header = xlsx_row(1, &["Nr inw.", "Nr seryjny", "Uwagi", "Wartość"]);
    // A shared string, a number, a date, the result of a formula.
    let row = r#"<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2"><v>123498765432</v></c><c r="C2" s="1"><v>45657</v></c><c r="D2"><f>1000*1.23+0.5</f><v>1230.5</v></c></row>"#;
    let book = xlsx(&[("A", true, &(header + row))], &["UM &amp; 1"]);
    let sheet = read(&book, &Hint::default()).unwrap();
    let assets = rows(&sheet, &propose(&sheet)).unwrap();
    let text = serde_json::to_value(&assets).unwrap();
    assert_eq!(text[0]["asset"], "UM & 1");
    assert_eq!(text[0]["serial"], "123498765432");
    assert_eq!(text[0]["note"], "2024-12-31");
    assert_eq!(text[0]["value"], 123_050);

    let header = ods_row(&["Nr inw.", "Nr seryjny", "Uwagi", "Wartość"]);
    let row = r#"<table:table-row><table:table-cell office:value-type="string"><text:p>UM &amp; 1</text:p></table:table-cell><table:table-cell office:value-type="float" office:value="123498765432"><text:p>1,23E+11</text:p></table:table-cell><table:table-cell office:value-type="date" office:date-value="2024-12-31"><text:p>31.12.24</text:p></table:table-cell><table:table-cell office:value-type="currency" office:value="1230.5" table:formula="of:=1000*1.23+0.5"><text:p>1 230,50 zł</text:p></table:table-cell></table:table-row>"#;
    let sheet = read(&ods(&[("A", &(header + row + ODS_REST))]), &Hint::default()).unwrap();
    assert_eq!(rows(&sheet, &propose(&sheet)).unwrap(), assets);
}

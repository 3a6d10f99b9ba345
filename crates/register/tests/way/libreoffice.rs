//! Files that a real LibreOffice saved: `tests/libreoffice/README.md` says how.

use register::{Hint, propose, read, rows};

const UTF8: &[u8] = include_bytes!("../libreoffice/register_utf8.csv");
const CP1250: &[u8] = include_bytes!("../libreoffice/register_cp1250.csv");
const ODS: &[u8] = include_bytes!("../libreoffice/register.ods");
const XLSX: &[u8] = include_bytes!("../libreoffice/register.xlsx");

#[test]
fn each_file_comes_to_the_same_assets_and_to_nobodys_name() {
    for (bytes, format) in [
        (UTF8, "CSV, UTF-8 (certain), cells separated by semicolons"),
        (CP1250, "CSV, CP1250 (likely, by its Polish letters), cells separated by semicolons"),
        (ODS, "ODS, sheet \"register\""),
        (XLSX, "XLSX, sheet \"register\""),
    ] {
        let sheet = read(bytes, &Hint::default()).unwrap();
        assert_eq!(sheet.format.to_string(), format);
        assert!(sheet.left_out.is_empty(), "{format}: {:?}", sheet.left_out);
        let assets = rows(&sheet, &propose(&sheet)).unwrap();
        let kept = assets.iter().map(|it| {
            let text = |text: Option<&dyn ToString>| text.map(ToString::to_string);
            (
                text(it.asset.as_ref().map(|it| it as &dyn ToString)).unwrap(),
                text(it.serial.as_ref().map(|it| it as &dyn ToString)).unwrap(),
                text(it.manufacturer.as_ref().map(|it| it as &dyn ToString)).unwrap(),
                it.value.map(|value| value.0),
                text(it.note.as_ref().map(|it| it as &dyn ToString)),
            )
        });
        let row = |asset: &str, serial: &str, maker: &str, value, note: Option<&str>| {
            let note = note.map(str::to_owned);
            (asset.to_owned(), serial.to_owned(), maker.to_owned(), Some(value), note)
        };
        let expected = [
            row("ŚT-0001", "PF01ABCD", "Lenovo", 123_456, Some("brak zasilacza")),
            // With its zeros: the column was imported as text.
            row("ŚT-0002", "0047110815", "Dell", 234_500, None),
            row("ŚT-0003", "5CG1234XYZ", "HP", 99_999, Some("pęknięty; bez baterii")),
        ];
        assert_eq!(kept.collect::<Vec<_>>(), expected, "{format}");
        let all = serde_json::to_string(&assets).unwrap();
        for name in ["Łucja", "Ćwik", "Gęś"] {
            assert!(!all.contains(name) && !format!("{sheet:?}").contains(name), "{format}: {all}");
        }
    }
}

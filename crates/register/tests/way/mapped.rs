//! What columns mean, and what of rows is refused.

use register::{Because, Hint, Mapping, Role, Sheet, propose, read, rows};

fn sheet(text: &str) -> Sheet {
    read(text.as_bytes(), &Hint::default()).unwrap()
}

fn roles(text: &str) -> Vec<Role> {
    propose(&sheet(text)).columns.iter().map(|it| it.role).collect()
}

#[test]
fn columns_mean_what_their_words_and_cells_say() {
    use Role::{Asset, Ignored, Location, Manufacturer, Model, Note, Person, Serial, Value};
    for (text, expected) in [
        (
            "Asset Tag,Serial,Model,Manufacturer,Location,Assigned to,Purchase price,Notes\n",
            vec![Asset, Serial, Model, Manufacturer, Location, Person, Value, Note],
        ),
        (
            "Nr inw.;Nazwa;Model;S/N\n1;Laptop;E6440;5CG4410ABC\n",
            vec![Asset, Ignored, Model, Serial],
        ),
        // People under a header that does not say so.
        ("Nr inw.;Uwagi\n1;Jan Kowalski\n2;NOWAK Anna\n3;zalany\n", vec![Asset, Person]),
        ("Nr inw.;Gdzie\n1;Jan Kowalski\n2;a.b@c.pl\n", vec![Asset, Person]),
        // Serial numbers under a header that does not say so.
        ("Nr inw.;Kod\n1;5CG4410ABC\n2;PF01ABCD\n3;R90ABCDE\n", vec![Asset, Serial]),
        (
            "Nr inw.;Kod;Znak\n1;5CG441A;5CG442A\n2;PF01ABCD;B7654321\n3;R90ABCDE;C7654321\n",
            vec![Asset, Ignored, Ignored],
        ),
        // A twin that is empty.
        ("Nr inw.;Nr seryjny;S/N\n1;;5CG4410ABC\n", vec![Asset, Ignored, Serial]),
        ("Nr inw.;Wartość netto;Wartość początkowa\n1;5;6\n", vec![Asset, Ignored, Value]),
        // A list.
        ("Nr seryjny\n5CG4410ABC\nPF01ABCD\n", vec![Serial]),
    ] {
        assert_eq!(roles(text), expected, "{text}");
    }
}

/// The problems of a register under the mapping that is proposed for it.
fn problems(text: &str) -> Vec<String> {
    let sheet = sheet(text);
    let problems = rows(&sheet, &propose(&sheet)).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn every_problem_names_its_place_and_what_to_do() {
    let header = "Nr inw.;Nr seryjny;Nazwa;Wartość;Uwagi";
    for (row, message) in [
        (
            "1;5CG4410ABC",
            "row 2 has 2 cells and ends before column C: a cell may be broken over two lines",
        ),
        ("1;A1B2C3;x;5;;y", "row 2 has 6 cells, the header 5: a separator may stand inside"),
        (
            ";brak;Laptop;5;",
            "row 2 has neither serial nor asset number: add one, or delete the row",
        ),
        (
            "1;1,23457E+11;x;5;",
            "row 2, column B: the spreadsheet program has cut digits off the serial number",
        ),
        ("1;=A1;x;5;", "row 2, column B: the serial number \"=A1\" is a formula"),
        (
            "#N/A;A1B2C3;x;5;",
            "row 2, column A: the asset number \"#N/A\" is a formula or the error of one",
        ),
        (
            "1;A1B2C3;x;1.234;",
            "row 2, column D: \"1.234\" is no amount that can be read one way only",
        ),
        (
            "1;A1B2C3;x;5;oddał a.b@c.pl\n2;A1B2C4;x;5;ok\n3;A1B2C5;x;5;ok\n4;A1B2C6;x;5;ok",
            "row 2, column E: the note holds an e-mail address, which must not be kept",
        ),
        ("1;A1B2C3;x;5;\n2;a1b2 c3;x;5;", "rows 2 and 3 have the same serial number \"A1B2C3\""),
        ("um 1;A1B2C3;x;5;\nUM1;A1B2C4;x;5;", "rows 2 and 3 have the same asset number \"UM1\""),
    ] {
        let found = problems(&format!("{header}\n{row}\n"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(message), "{}", found[0]);
        assert!(!found[0].contains("a.b@c.pl"));
    }
    assert_eq!(
        problems(&format!("{header}\n")),
        ["there is no asset below the header in row 1: check that this is the right sheet"]
    );
    let two = problems("Nr inw.;Nr seryjny;S/N\n1;5CG4410ABC;5CG4410ABD\n");
    assert_eq!(
        two,
        ["columns B and C are both mapped as serial number: set one of them to ignored"]
    );
}

#[test]
fn a_mapping_is_remembered_and_corrected() {
    let first = sheet("Nr inw.;Nr seryjny;S/N\n1;5CG4410ABC;5CG4410ABD\n");
    let mut mapping = propose(&first);
    mapping.columns[1].role = Role::Ignored;
    mapping.columns[1].because = Because::Said;
    let kept = serde_json::to_string_pretty(&mapping).unwrap();
    let again: Mapping = serde_json::from_str(&kept).unwrap();
    assert_eq!(again, mapping);

    let next = sheet("NR INW. ;nr seryjny;S / N;\n7;X;5CG4410ABE;\n");
    let assets = rows(&next, &again).unwrap();
    assert_eq!(assets[0].serial.as_ref().unwrap().as_str(), "5CG4410ABE");

    let other = sheet("Nr seryjny;Nr inw.;S/N\n1;2;3\n");
    let refused = rows(&other, &again).unwrap_err();
    assert!(refused[0].to_string().starts_with("the mapping was made for another header"));

    let unknown = kept.replacen("\"role\"", "\"roll\"", 1);
    assert!(serde_json::from_str::<Mapping>(&unknown).is_err(), "unknown fields are refused");
    mapping.columns[2].column = mapping.columns[0].column;
    let refused = rows(&first, &mapping).unwrap_err();
    assert!(
        refused[0]
            .to_string()
            .starts_with("the mapping names column A, which is not there or named twice")
    );
}

#[test]
fn assets_are_stored_as_they_were_kept() {
    let sheet = sheet("Nr inw.;Nr seryjny;Nazwa;Wartość\n#12;5cg4410abc;=HP;1,5\n13;brak;;\n");
    let assets = rows(&sheet, &propose(&sheet)).unwrap();
    let stored = serde_json::to_string(&assets).unwrap();
    assert_eq!(serde_json::from_str::<Vec<register::AssetRow>>(&stored).unwrap(), assets);
    for (was, becomes) in [
        ("5CG4410ABC", "Default string"),
        ("#12", "brak"),
        ("=HP", "\\u001b[2K"),
        ("note", "person"),
    ] {
        let changed = stored.replacen(was, becomes, 1);
        assert!(serde_json::from_str::<Vec<register::AssetRow>>(&changed).is_err(), "{changed}");
    }
}

//! The owner's asset register, as an office of today saves it: semicolons, decimal commas, Windows-1250, a title above the
//! header and a total below it.

/// A laptop of the register.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    pub(crate) number: String,
    pub(crate) model: String,
    pub(crate) serial: String,
}

/// Whose desks the laptops stood on: nobody is to be found in anything that is kept.
pub(crate) const PEOPLE: [&str; 4] =
    ["Zofia Kowalska", "Łukasz Wójcik", "Żaneta Dąbrowska", "Paweł Źrebiec"];

/// The file.
pub(crate) fn file(assets: &[Asset]) -> Vec<u8> {
    let mut text = "Urząd Miejski – ewidencja środków trwałych;;;;;\r\n".to_owned();
    text.push_str("Lp.;Nr inw.;Nazwa;Nr seryjny;Osoba odpowiedzialna;Wartość pocz.\r\n");
    for (i, it) in assets.iter().enumerate() {
        let (person, value) = (PEOPLE[i % PEOPLE.len()], 2_899 + 37 * i);
        let row =
            format!("{};{};{};{};{person};{value},50\r\n", i + 1, it.number, it.model, it.serial);
        text.push_str(&row);
    }
    text.push_str("Razem;;;;;112640,00\r\n");
    text.chars().map(cp1250).collect()
}

/// A character in Windows-1250.
fn cp1250(character: char) -> u8 {
    match character {
        'ą' => 0xb9,
        'ć' => 0xe6,
        'ę' => 0xea,
        'ł' => 0xb3,
        'Ł' => 0xa3,
        'ń' => 0xf1,
        'ó' => 0xf3,
        'ś' => 0x9c,
        'ź' => 0x9f,
        'Ź' => 0x8f,
        'ż' => 0xbf,
        'Ż' => 0xaf,
        '–' => 0x96,
        other => u8::try_from(other).ok().filter(u8::is_ascii).expect("a letter of this list"),
    }
}

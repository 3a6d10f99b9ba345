//! Whether a register's words and a machine's own can mean the same thing. They are never equal: "Laptop HP 840 G3" is
//! "Hewlett-Packard", "HP EliteBook 840 G3". Only what cannot be the same thing is a contradiction.

use crate::words::fold;

/// Words by which a maker goes. Makers of one group are one: their names are mixed on lids and in books.
const MAKERS: [&[&str]; 17] = [
    &["acer", "packard bell", "gateway", "emachines", "extensa", "travelmate", "aspire"],
    &["apple", "macbook", "imac"],
    &["asus", "asustek"],
    &["dell", "latitude", "optiplex", "vostro", "inspiron", "alienware"],
    &["fujitsu", "siemens", "lifebook", "esprimo"],
    &["getac"],
    &["hp", "hewlett", "compaq", "elitebook", "probook", "elitedesk", "prodesk"],
    &["huawei", "honor", "matebook"],
    &["lenovo", "ibm", "thinkpad", "thinkcentre", "ideapad"],
    &["lg", "lge"],
    &["medion"],
    &["microsoft", "surface"],
    &["msi", "micro star"],
    &["panasonic", "toughbook", "matsushita"],
    &["samsung"],
    &["sony", "vaio"],
    &["toshiba", "dynabook", "tecra", "satellite"],
];

/// Whether two descriptions name makers, and no maker is in both.
pub(crate) fn makers_contradict(a: &str, b: &str) -> bool {
    let (a, b) = (makers(a), makers(b));
    !a.is_empty() && !b.is_empty() && !a.iter().any(|maker| b.contains(maker))
}

fn makers(text: &str) -> Vec<usize> {
    let folded = format!(" {} ", fold(text));
    let named = |names: &&[&str]| names.iter().any(|name| folded.contains(&format!(" {name} ")));
    MAKERS.iter().enumerate().filter(|(_, names)| named(names)).map(|(index, _)| index).collect()
}

/// Whether two descriptions each name a type (`T440`, `840`), and neither's occurs in the other.
pub(crate) fn models_contradict(a: &str, b: &str) -> bool {
    let (types_a, types_b) = (types(a), types(b));
    if types_a.is_empty() || types_b.is_empty() {
        return false;
    }
    let run = |text: &str| fold(text).replace(' ', "");
    let (run_a, run_b) = (run(a), run(b));
    let occurs = |types: &[String], run: &str| types.iter().any(|it| run.contains(it.as_str()));
    !occurs(&types_a, &run_b) && !occurs(&types_b, &run_a)
}

/// The words with which makers tell types apart: with a digit, and no size, speed, processor or year.
fn types(text: &str) -> Vec<String> {
    let folded = fold(text);
    folded.split(' ').filter(|word| is_type(word)).map(str::to_owned).collect()
}

fn is_type(word: &str) -> bool {
    const UNITS: [&str; 9] = ["gb", "tb", "mb", "g", "hz", "mhz", "ghz", "cali", "w"];
    const PARTS: [&str; 11] =
        ["i3", "i5", "i7", "i9", "m3", "m5", "m7", "ddr2", "ddr3", "ddr4", "ddr5"];
    let is_digit = |it: char| it.is_ascii_digit();
    let n_digits = word.chars().filter(|it| is_digit(*it)).count();
    let unit = word.trim_start_matches(is_digit);
    let is_size = unit.len() < word.len() && UNITS.contains(&unit);
    let is_system = word.starts_with("win") && n_digits > 0;
    let is_number = unit.is_empty();
    // `12`, `15`: inches. `2015`: a year. `256`: gigabytes. Both of the latter may be types too, and are no proof.
    let is_doubtful = is_number
        && (n_digits < 3
            || word.starts_with("19")
            || word.starts_with("20")
            || ["120", "128", "160", "240", "250", "256", "320", "480", "500", "512"]
                .contains(&word));
    n_digits > 0
        && word.len() >= 3
        && !is_size
        && !is_system
        && !is_doubtful
        && !PARTS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_the_same_contradicts() {
        for (register, machine, makers, models) in [
            ("Laptop HP 840 G3", "Hewlett-Packard HP EliteBook 840 G3", false, false),
            ("Dell Latitude E6440", "Dell Inc. Latitude E6440", false, false),
            ("ThinkPad T440", "LENOVO 20AWS0AB00 ThinkPad T440p", false, false),
            ("IBM T440", "LENOVO 20AWS0AB00 ThinkPad T440p", false, false),
            ("Laptop Dell Latitude 14 i5 8GB 256 Win10", "Dell Inc. Latitude E6440", false, false),
            ("Komputer przenośny", "Dell Inc. Latitude E6440", false, false),
            ("Dell Latitude E6440", "Dell Inc. Latitude E7450", false, true),
            ("Lenovo", "Dell Inc. Latitude E7450", true, false),
            ("Laptop HP 840 G3", "LENOVO 20AWS0AB00 ThinkPad T440p", true, true),
            ("Toshiba Satellite", "Dynabook Europe", false, false),
        ] {
            assert_eq!(makers_contradict(register, machine), makers, "{register} | {machine}");
            assert_eq!(models_contradict(register, machine), models, "{register} | {machine}");
        }
    }
}

//! What firmware says where it has nothing to say. One list, for those who read it from the machine and for those who
//! read it from somebody's register: a text that one of them takes for a serial number and the other does not would match
//! machines that have nothing in common.

/// Lower-case letters and digits only.
const PLACEHOLDERS: [&str; 35] = [
    "0123456789",
    "1234567890",
    "123456789",
    "12345678",
    "1234567",
    "123456",
    "asset",
    "basboardserialnumber",
    "baseboardserialnumber",
    "boardserialnumber",
    "chassisserialnumber",
    "default",
    "defaultstring",
    "empty",
    "filledbyoem",
    "invalid",
    "na",
    "none",
    "notapplicable",
    "notavailable",
    "notprovided",
    "notspecified",
    "null",
    "oem",
    "ref",
    "serial",
    "serialnumber",
    "sernum",
    "systemmanufacturer",
    "systemproductname",
    "systemserialnumber",
    "systemversion",
    "tobefilledbyoem",
    "tobefilledbyoemo",
    "unknown",
];

/// Whether a text is what vendors write when they have none, however it is capitalized and punctuated; also one character
/// over and over (`00000000`, `XXXX`, `-`), or nothing.
pub fn is_placeholder(text: &str) -> bool {
    let bare: String =
        text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let mut characters = bare.chars();
    let Some(first) = characters.next() else { return true };
    characters.all(|it| it == first) || PLACEHOLDERS.contains(&bare.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_told_from_what_does() {
        for text in [
            "",
            " - ",
            "0",
            "XXXX",
            "To Be Filled By O.E.M. ",
            "Default string",
            "N/A",
            "123456789",
        ] {
            assert!(is_placeholder(text), "{text:?}");
        }
        for text in ["PF01ABCD", "00000001", "None Such Laptops", "ŻÓŁW", "234567890"] {
            assert!(!is_placeholder(text), "{text:?}");
        }
        // Written as they are compared, or they would never be found.
        for placeholder in PLACEHOLDERS {
            let bare = placeholder.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
            assert!(bare, "{placeholder}");
        }
    }
}

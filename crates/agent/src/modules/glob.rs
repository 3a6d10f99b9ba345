//! Patterns of `modules.alias`, by the rules of fnmatch(3) without flags.

/// Whether `text` matches `pattern`, where `*` is any run, `?` any one byte and `[a-f]`, `[!0]` a set.
///
/// Module aliases are ASCII, so bytes are characters. Runs in time proportional to both lengths: on a
/// mismatch only the last `*` is asked to take one byte more.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            last_star = Some((p + 1, t));
            p += 1;
            continue;
        }
        match (pattern.get(p), text.get(t)) {
            (None, None) => return true,
            (Some(_), Some(&byte)) => {
                if let Some(next) = step(pattern, p, byte) {
                    (p, t) = (next, t + 1);
                    continue;
                }
            }
            _ => {}
        }
        match last_star {
            Some((after_star, from)) if from < text.len() => {
                last_star = Some((after_star, from + 1));
                (p, t) = (after_star, from + 1);
            }
            _ => return false,
        }
    }
}

/// The position after the one element at `p`, if that element takes `byte`.
fn step(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match pattern[p] {
        b'?' => Some(p + 1),
        b'[' => match set(&pattern[p + 1..], byte) {
            Some((true, len)) => Some(p + 1 + len),
            Some((false, _)) => None,
            // A bracket that is never closed stands for itself.
            None => (byte == b'[').then_some(p + 1),
        },
        b'\\' if pattern.get(p + 1) == Some(&byte) => Some(p + 2),
        literal => (literal == byte).then_some(p + 1),
    }
}

/// Whether the set that starts behind `[` holds `byte`, and how long it is with its `]`.
fn set(set: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(set.first(), Some(b'!' | b'^'));
    let first = usize::from(negated);
    let mut at = first;
    let mut found = false;
    loop {
        let low = *set.get(at)?;
        if low == b']' && at > first {
            return Some((found != negated, at + 1));
        }
        match (set.get(at + 1), set.get(at + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => {
                found |= (low..=high).contains(&byte);
                at += 3;
            }
            _ => {
                found |= low == byte;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::matches;

    #[test]
    fn patterns_of_modules_alias() {
        let e1000 = "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00";
        for (pattern, text, expected) in [
            ("pci:v00008086d0000100Esv*sd*bc*sc*i*", e1000, true),
            ("pci:v00008086d0000100Fsv*sd*bc*sc*i*", e1000, false),
            ("pci:v*d*sv*sd*bc01sc06i01*", e1000, false),
            ("pci:v*d*sv*sd*bc02sc00i*", e1000, true),
            ("usb:v0BDAp815[0-3]d*dc*", "usb:v0BDAp8153d3000dc00", true),
            ("usb:v0BDAp815[0-3]d*dc*", "usb:v0BDAp8154d3000dc00", false),
            ("a[!b]c", "abc", false),
            ("a[!b]c", "axc", true),
            ("a[^b-d]c", "acc", false),
            ("[]]", "]", true),
            ("[a-]", "-", true),
            ("a[b", "a[b", true),
            ("a[b", "ab", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("*", "", true),
            ("**a", "bba", true),
            ("acpi*:PNP0C0A:*", "acpi:PNP0C0A:", true),
            ("*x*y*", "aaxbbybb", true),
            ("*x*y", "aaxbbybb", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} against {text}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_word_matches_itself_alone(word in "[a-z0-9:]{0,20}", other in "[a-z0-9:]{0,20}") {
            prop_assert!(matches(&word, &word));
            prop_assert_eq!(matches(&word, &other), word == other);
        }

        #[test]
        fn a_star_takes_anything(head in "[a-z]{0,8}", middle in "[ -~]{0,12}", tail in "[a-z]{0,8}") {
            let pattern = format!("{head}*{tail}");
            let text = format!("{head}{middle}{tail}");
            prop_assert!(matches(&pattern, &text));
        }

        #[test]
        fn no_pattern_panics(pattern in "[\\[\\]!^*?\\\\a-c-]{0,16}", text in "[\\[\\]a-c-]{0,16}") {
            matches(&pattern, &text);
        }
    }
}

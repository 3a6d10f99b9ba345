//! Who a machine is, judged from all of its parts together. Pure.
//!
//! Each part alone can lie: docks share addresses, boards share UUIDs, serial numbers are left empty.

use protocol::MachineIdentity;

/// How what is seen relates to a machine that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Relation {
    /// The same machine.
    Same,
    /// Another machine.
    Different,
    /// Some parts agree and others contradict: a person must look. Says which.
    Conflict(String),
}

/// Compares a machine that is seen with one that is known.
pub(crate) fn compare(known: &MachineIdentity, seen: &MachineIdentity) -> Relation {
    let parts = [
        ("UUID", &known.uuid, &seen.uuid),
        ("system serial", &known.system_serial, &seen.system_serial),
        ("board serial", &known.board_serial, &seen.board_serial),
        ("chassis serial", &known.chassis_serial, &seen.chassis_serial),
    ];
    let (mut agree, mut differ) = (Vec::new(), Vec::new());
    for (name, known, seen) in parts {
        if let (Some(known), Some(seen)) = (known, seen) {
            let equal = known.eq_ignore_ascii_case(seen);
            if equal { &mut agree } else { &mut differ }.push(name);
        }
    }
    let macs_shared = !known.macs.is_disjoint(&seen.macs);
    let macs_differ = !macs_shared && !known.macs.is_empty() && !seen.macs.is_empty();
    let conflict = |what: &str| Relation::Conflict(what.to_owned());
    match (agree.as_slice(), differ.as_slice()) {
        ([], []) if !macs_shared => Relation::Different,
        // Only the addresses can be compared. That is enough where neither side has anything else.
        ([], []) if has_parts(known) || has_parts(seen) => {
            conflict("only a network address agrees, nothing else can be compared")
        }
        ([], []) => Relation::Same,
        // A shared address with all else different is a dock, a dongle or a spare part.
        ([], _) => Relation::Different,
        (["UUID"], []) if macs_differ => {
            conflict("the UUID agrees, the network addresses differ, no serial number tells")
        }
        (_, []) => Relation::Same,
        (agree, differ) => Relation::Conflict(format!(
            "{} the same, {} different",
            agree.join(" and "),
            differ.join(" and ")
        )),
    }
}

/// Whether anything at all tells the machine from others.
pub(crate) fn is_blank(identity: &MachineIdentity) -> bool {
    !has_parts(identity) && identity.macs.is_empty()
}

fn has_parts(identity: &MachineIdentity) -> bool {
    let MachineIdentity { uuid, system_serial, board_serial, chassis_serial, macs: _ } = identity;
    [uuid, system_serial, board_serial, chassis_serial].iter().any(|part| part.is_some())
}

#[cfg(test)]
mod tests {
    use protocol::MacAddr;

    use super::*;

    /// `uuid/system/board/chassis/mac,mac`; `-` is absent.
    fn identity(text: &str) -> MachineIdentity {
        let mut parts = text.split('/').map(|part| (part != "-").then(|| part.to_owned()));
        let mut part = || parts.next().unwrap();
        let (uuid, system_serial, board_serial, chassis_serial) = (part(), part(), part(), part());
        let macs = part().unwrap_or_default();
        let macs = macs.split(',').filter(|mac| !mac.is_empty());
        let macs = macs.map(|mac| MacAddr([2, 0, 0, 0, 0, mac.parse().unwrap()])).collect();
        MachineIdentity { uuid, system_serial, board_serial, chassis_serial, macs }
    }

    fn check(known: &str, seen: &str, expected: &str) {
        for (a, b) in [(known, seen), (seen, known)] {
            let got = match compare(&identity(a), &identity(b)) {
                Relation::Same => "same",
                Relation::Different => "different",
                Relation::Conflict(_) => "conflict",
            };
            assert_eq!(got, expected, "{a} seen as {b}");
        }
    }

    #[test]
    fn parts_are_judged_together() {
        check("u/s/b/c/1", "u/s/b/c/1", "same");
        check("U/s/b/c/1", "u/S/b/c/1", "same");
        // A part that one look did not give says nothing.
        check("u/s/-/-/1", "u/s/b/c/1", "same");
        check("-/s/-/-/1", "u/s/b/c/2", "same");
        // Another network card in the same machine.
        check("u/s/b/c/1", "u/s/b/c/2", "same");
        check("u/-/-/-/1", "u/-/-/-/1,2", "same");
        // A dock's address, seen before on another machine.
        check("u/s/-/-/1", "v/t/-/-/1", "different");
        check("u/-/-/-/1", "v/-/-/-/1", "different");
        check("-/s/-/-/1", "-/t/-/-/1", "different");
        check("u/s/-/-/1", "v/t/-/-/2", "different");
        // Contradictions.
        check("u/s/-/-/1", "u/t/-/-/1", "conflict");
        check("u/s/-/-/1", "v/s/-/-/1", "conflict");
        check("u/s/b/-/1", "u/s/d/-/1", "conflict");
        check("u/-/-/-/1", "u/-/-/-/2", "conflict");
        check("u/-/-/-/1", "-/t/-/-/1", "conflict");
        // Nothing but addresses.
        check("-/-/-/-/1", "-/-/-/-/1,2", "same");
        check("-/-/-/-/1", "-/-/-/-/2", "different");
        check("-/-/-/-/-", "-/-/-/-/-", "different");
    }
}

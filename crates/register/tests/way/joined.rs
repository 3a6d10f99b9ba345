//! The register joined with the bench.

use proptest::prelude::*;
use register::{
    AssetRow, Hint, MachineOutcome, Matches, RowOutcome, Seen, SerialField, WhyMissing, WhyUnknown,
    matched, propose, read, rows,
};

fn assets(lines: &[&str]) -> Vec<AssetRow> {
    let text = format!("Nr inw.;Nr seryjny;Nazwa\n{}\n", lines.join("\n"));
    let sheet = read(text.as_bytes(), &Hint::default()).unwrap();
    rows(&sheet, &propose(&sheet)).unwrap()
}

fn seen(id: u8, system: &str, board: &str, model: &str) -> Seen {
    let text = |it: &str| (!it.is_empty()).then(|| it.to_owned());
    Seen {
        id: protocol::MachineId::from_bytes([id; 16]),
        system_serial: text(system),
        board_serial: text(board),
        chassis_serial: text(system),
        manufacturer: None,
        model: text(model),
    }
}

/// Each row and machine in a few letters: what became of it, and with whom.
fn in_short(matches: &Matches) -> Vec<String> {
    let id = |it: &protocol::MachineId| format!("m{}", it.as_bytes()[0]);
    let ids = |all: &mut dyn Iterator<Item = String>| all.collect::<Vec<_>>().join("+");
    let rows = matches.rows.iter().map(|(row, outcome)| match outcome {
        RowOutcome::Matched(link) => format!("{row} is {} by {:?}", id(&link.machine), link.by),
        RowOutcome::Conflicting { link, contradictions } => {
            format!("{row} conflicts with {}: {}", id(&link.machine), contradictions.len())
        }
        RowOutcome::Ambiguous(it) => {
            format!("{row} ambiguous: {}", ids(&mut it.machines.iter().map(id)))
        }
        RowOutcome::Missing { why, resembles } => {
            format!("{row} missing, {why:?}: {}", ids(&mut resembles.iter().map(id)))
        }
    });
    let machines = matches.machines.iter().map(|(machine, outcome)| match outcome {
        MachineOutcome::Matched(link) => format!("{} is {}", id(machine), link.row),
        MachineOutcome::Conflicting { link, .. } => {
            format!("{} conflicts with {}", id(machine), link.row)
        }
        MachineOutcome::Ambiguous(it) => {
            format!(
                "{} ambiguous: {}",
                id(machine),
                ids(&mut it.rows.iter().map(ToString::to_string))
            )
        }
        MachineOutcome::Unknown { why, resembles } => {
            format!(
                "{} unknown, {why:?}: {}",
                id(machine),
                ids(&mut resembles.iter().map(ToString::to_string))
            )
        }
    });
    rows.chain(machines).collect()
}

#[test]
fn rows_and_machines_are_joined() {
    for (lines, bench, expected) in [
        // Case and blanks, by system or by board.
        (
            vec!["1;pf0 1abcd;", "2;L1HF4AB00XY;"],
            vec![seen(1, "PF01ABCD", "", ""), seen(2, "To be filled by O.E.M.", "l1hf4ab00xy", "")],
            vec!["2 is m1 by System", "3 is m2 by Board", "m1 is 2", "m2 is 3"],
        ),
        // 0 and O are two letters; the likeness is said.
        (
            vec!["1;PFO1ABCD;"],
            vec![seen(1, "PF01ABCD", "", "")],
            vec!["2 missing, NotSeen: m1", "m1 unknown, NotInRegister: 2"],
        ),
        // Placeholders match nothing, not even each other.
        (
            vec!["1;Default string;", "2;0;", "3;123456789;"],
            vec![seen(1, "Default string", "0", ""), seen(2, "123456789", "", "")],
            vec![
                "2 missing, NoSerial: ",
                "3 missing, NoSerial: ",
                "4 missing, NoSerial: ",
                "m1 unknown, NoSerial: ",
                "m2 unknown, NoSerial: ",
            ],
        ),
        // A board that was moved: two machines for a row; the row that is bound to one of them is in it too.
        (
            vec!["1;PF01ABCD;", "2;PF02ABCD;"],
            vec![
                seen(1, "PF01ABCD", "", ""),
                seen(2, "PF02ABCD", "PF01ABCD", ""),
                seen(3, "R90X1Y2Z", "", ""),
            ],
            vec![
                "2 ambiguous: m1+m2",
                "3 ambiguous: m1+m2",
                "m1 ambiguous: 2+3",
                "m2 ambiguous: 2+3",
                "m3 unknown, NotInRegister: ",
            ],
        ),
        (
            vec!["1;PF01ABCD;Laptop HP 840 G3", "2;PF02ABCD;Laptop Lenovo T440"],
            vec![
                seen(1, "PF01ABCD", "", "LENOVO 20AWS0AB00 ThinkPad T440p"),
                seen(2, "PF02ABCD", "", "LENOVO 20AWS0AB00 ThinkPad T440p"),
            ],
            vec!["2 conflicts with m1: 2", "3 is m2 by System", "m1 conflicts with 2", "m2 is 3"],
        ),
    ] {
        assert_eq!(in_short(&matched(&assets(&lines), &bench)), expected, "{lines:?}");
    }
}

/// Serial numbers with few letters, so that many coincide, and placeholders among them.
fn serial() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[AB]{2}[01]{2}7",
        1 => Just("Default string".to_owned()),
        1 => Just(String::new()),
        1 => "[ab]{2} [01]{2}7",
        1 => "[AB]{2}O[01]7",
    ]
}

prop_compose! {
    fn bench()(all in prop::collection::vec((0..12_u8, serial(), serial(), serial(), 0..3_usize), 0..12)) -> Vec<Seen> {
        let models = ["", "Dell E6440", "Lenovo T440"];
        all.into_iter().map(|(id, system, board, chassis, model)| {
            let mut it = seen(id, &system, &board, models[model]);
            it.chassis_serial = Some(chassis);
            it
        }).collect()
    }
}

prop_compose! {
    fn register()(all in prop::collection::vec((serial(), 0..3_usize), 1..12)) -> Vec<AssetRow> {
        // Twice the same serial number is refused earlier; here it may well come, and must not break anything.
        let models = ["", "Dell E6440", "Laptop HP 840 G3"];
        all.iter().zip(1..).flat_map(|((serial, model), number)| {
            let mut one = assets(&[&format!("{number};{serial};{}", models[*model])]);
            one[0].row = number.to_string().parse().unwrap();
            one
        }).collect()
    }
}

/// What a whole town's register and a full hall cost at each step of a person. It took some seconds once.
#[test]
fn ten_thousand_rows_and_some_hundred_strangers_are_joined_in_no_time() {
    let lines: Vec<_> = (0..10_000).map(|n| format!("A/{n};PF1X{n:05};Laptop")).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let rows = assets(&lines);
    let mut all = Vec::new();
    for n in 0..400_u16 {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        let mut it = seen(0, &format!("PFIX{n:05}"), &format!("L1HF{n:07}"), "Laptop");
        it.id = protocol::MachineId::from_bytes(id);
        it.chassis_serial = Some(format!("MJ{n:06}"));
        all.push(it);
    }
    let start = std::time::Instant::now();
    let matches = matched(&rows, &all);
    assert!(start.elapsed() < std::time::Duration::from_secs(2), "{:?}", start.elapsed());
    for outcome in matches.machines.values() {
        let MachineOutcome::Unknown { resembles, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(resembles.len(), 1, "1 and I look alike");
    }
}

proptest! {
    #[test]
    fn each_row_and_machine_is_in_one_class_and_both_sides_agree(rows in register(), seen in bench()) {
        let matches = matched(&rows, &seen);
        prop_assert_eq!(matches.rows.len(), rows.len());
        prop_assert!(serde_json::to_string(&matches).is_ok());
        let ids: std::collections::BTreeSet<_> = seen.iter().map(|it| it.id).collect();
        prop_assert!(matches.machines.keys().eq(ids.iter()));
        for (row, outcome) in &matches.rows {
            match outcome {
                RowOutcome::Matched(link) => {
                    prop_assert_eq!(link.row, *row);
                    let other = MachineOutcome::Matched(link.clone());
                    prop_assert_eq!(&matches.machines[&link.machine], &other);
                }
                RowOutcome::Conflicting { link, contradictions } => {
                    prop_assert!(!contradictions.is_empty());
                    let other = MachineOutcome::Conflicting {
                        link: link.clone(), contradictions: contradictions.clone() };
                    prop_assert_eq!(&matches.machines[&link.machine], &other);
                }
                RowOutcome::Ambiguous(tangle) => {
                    prop_assert!(tangle.rows.contains(row));
                    prop_assert!(tangle.rows.len() + tangle.machines.len() > 2);
                    for machine in &tangle.machines {
                        let other = MachineOutcome::Ambiguous(tangle.clone());
                        prop_assert_eq!(&matches.machines[machine], &other);
                    }
                }
                RowOutcome::Missing { why, resembles } => {
                    let asset = rows.iter().find(|it| it.row == *row).unwrap();
                    prop_assert_eq!(*why == WhyMissing::NoSerial, asset.serial.is_none());
                    let serial = asset.serial.as_ref();
                    let equal = |text: &Option<String>| text.as_deref()
                        .and_then(register::SerialNumber::parse)
                        .is_some_and(|it| Some(&it) == serial);
                    let anyone = seen.iter().any(|it| equal(&it.system_serial)
                        || equal(&it.board_serial) || equal(&it.chassis_serial));
                    prop_assert!(!anyone, "a machine with this serial number was seen");
                    let like = |it: &&Seen| {
                        let texts = [&it.system_serial, &it.board_serial, &it.chassis_serial];
                        let mut serials = texts.into_iter().flatten().filter_map(|it| register::SerialNumber::parse(it));
                        matches!(matches.machines[&it.id], MachineOutcome::Unknown { .. })
                            && serials.any(|it| serial.is_some_and(|serial| serial.resembles(&it)))
                    };
                    let like: std::collections::BTreeSet<_> = seen.iter().filter(like).map(|it| it.id).collect();
                    prop_assert!(resembles.iter().eq(like.iter()), "{:?} are not {:?}", resembles, like);
                }
            }
        }
        let bound = matches.machines.values().filter(|it| matches!(it, MachineOutcome::Matched(_))).count();
        let rows_bound = matches.rows.values().filter(|it| matches!(it, RowOutcome::Matched(_))).count();
        prop_assert_eq!(bound, rows_bound);
        for outcome in matches.machines.values() {
            if let MachineOutcome::Unknown { why: WhyUnknown::NoSerial, resembles } = outcome {
                prop_assert!(resembles.is_empty());
            }
            if let MachineOutcome::Matched(link) = outcome {
                prop_assert!(matches!(link.by, SerialField::System | SerialField::Board | SerialField::Chassis));
            }
        }
    }

    #[test]
    fn the_order_of_rows_and_machines_does_not_matter(
        (rows, shuffled_rows) in register().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        (seen, shuffled_seen) in bench().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
    ) {
        prop_assert_eq!(matched(&rows, &seen), matched(&shuffled_rows, &shuffled_seen));
    }
}

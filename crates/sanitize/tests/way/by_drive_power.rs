//! Power that goes at any command of a drive that erases itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use drive::sim::Command;
use proptest::prelude::*;

use crate::rig::small_eraser;

#[test]
fn a_cut_at_any_command_ends_without_evidence_and_the_next_run_with_it() {
    for index in 0.. {
        let Some(whole) = small_eraser(index) else { break };
        whole.sanitize().unwrap();
        let technique = whole.planned.techniques[0];
        for n in cuts(index) {
            let eraser = small_eraser(index).unwrap();
            eraser.drive.cut_power_after(n);
            let ended = eraser.sanitize();
            assert!(ended.is_err(), "{technique:?}: evidence although the power went at {n}");
            eraser.drive.power_cut();
            eraser.drive.power_on();
            if let Err(failed) = eraser.sanitize() {
                panic!("{technique:?}, cut at command {n}: {}", failed.sentence());
            }
            assert_eq!(eraser.drive.n_old_sectors(), 0, "{technique:?}, cut at command {n}");
        }
    }
}

/// Every command that is neither a read nor a write, the one after it, and of the hundreds of reads and writes that look
/// alike one in thirty-one.
fn cuts(index: usize) -> BTreeSet<u64> {
    let eraser = small_eraser(index).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    eraser.drive.on_command(move |command| noted.lock().unwrap().push(command));
    eraser.sanitize().unwrap();
    let seen = seen.lock().unwrap();
    let is_alike =
        |command: &Command| matches!(command, Command::Read { .. } | Command::Write { .. });
    let is_cut =
        |n: usize| n.is_multiple_of(31) || !is_alike(&seen[n]) || n > 0 && !is_alike(&seen[n - 1]);
    (0..seen.len()).filter(|&n| is_cut(n)).map(|n| n as u64).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Cut again and again, anywhere: evidence only ever comes with a clean medium.
    #[test]
    fn cuts_in_a_row_never_certify_old_data(
        index in 0..10_usize, cuts in proptest::collection::vec(0_u64..3_000, 1..4),
    ) {
        let eraser = small_eraser(index).unwrap();
        for n in cuts {
            eraser.drive.cut_power_after(n);
            let ended = eraser.sanitize();
            eraser.drive.power_cut();
            eraser.drive.power_on();
            prop_assert!(ended.is_err() || eraser.drive.n_old_sectors() == 0);
        }
        prop_assert!(eraser.sanitize().is_ok());
    }
}

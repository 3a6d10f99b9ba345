//! Power that goes at any instant.

use proptest::prelude::*;
use sanitize::FailureCause;

use crate::rig::{SIZE, dirty_drive, identity, is_dirty, sanitize};

/// How many commands a whole run takes.
fn n_commands() -> u64 {
    let drive = dirty_drive("A", SIZE);
    sanitize(&drive, &identity("A", SIZE)).unwrap();
    drive.n_commands()
}

#[test]
fn a_cut_at_any_command_ends_without_evidence_and_a_new_run_with_it() {
    let n_commands = n_commands();
    assert!(n_commands > 20, "the run has become too short to be cut: {n_commands}");
    for n in 0..n_commands {
        let drive = dirty_drive("A", SIZE);
        drive.cut_power_after(n);
        let failed = sanitize(&drive, &identity("A", SIZE)).unwrap_err();
        let is_gone = matches!(
            failed.cause,
            FailureCause::Gone(_) | FailureCause::Identity(_) | FailureCause::Flush(_)
        );
        assert!(is_gone, "command {n}: {failed}");

        drive.power_on();
        sanitize(&drive, &identity("A", SIZE)).unwrap();
        assert!(!is_dirty(&drive, SIZE));
    }
}

#[test]
fn what_was_verified_survives_a_cut() {
    let drive = dirty_drive("A", SIZE);
    sanitize(&drive, &identity("A", SIZE)).unwrap();
    drive.power_cut();
    drive.power_on();
    assert!(!is_dirty(&drive, SIZE), "an honest drive has flushed before it is verified");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Cut again and again: evidence only ever comes with a clean medium.
    #[test]
    fn cuts_in_a_row_never_certify_old_data(cuts in proptest::collection::vec(0_u64..60, 1..4)) {
        let drive = dirty_drive("A", SIZE);
        for n in cuts {
            drive.cut_power_after(n);
            let ended = sanitize(&drive, &identity("A", SIZE));
            drive.power_cut();
            drive.power_on();
            prop_assert!(ended.is_err() || !is_dirty(&drive, SIZE));
        }
    }
}

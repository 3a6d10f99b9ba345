//! Drives that erase themselves, and how that goes wrong.

use std::sync::Mutex;
use std::time::Duration;

use drive::sim::{Access, AtaDevice, Command, EraseFault, Fault, Kind, Leaves, NvmeDevice};
use protocol::policy::Verification;
use protocol::{ByteLen, Media, Stage, Technique};
use sanitize::{Doing, FailureCause, Progress};

use crate::rig::{ERASER_SIZE, Eraser, PASSWORD, erasers};

#[test]
fn every_technique_ends_in_evidence_whatever_it_leaves() {
    for Eraser { planned, .. } in erasers() {
        let technique = planned.techniques[0];
        for leaves in [Leaves::Zeros, Leaves::Ones, Leaves::Random(3)] {
            let eraser = with(technique, |ata, nvme| {
                ata.after_erase = leaves;
                nvme.after_erase = leaves;
            });
            let verified = eraser.sanitize().unwrap_or_else(|failed| {
                panic!("{technique:?} {leaves:?}: {failed}");
            });
            assert_eq!(eraser.drive.n_old_sectors(), 0, "{technique:?}");
            let evidence = verified.evidence();
            let canaries = evidence.canaries.as_ref().unwrap();
            assert_eq!((canaries.placed, canaries.found), (10_000, 0));
            assert!(canaries.miss_probability_e9 < 50_000, "{canaries:?}");
            let old = evidence.old_content.unwrap();
            assert!(old.sampled > 1000 && old.same == 0 && old.changed == old.sampled, "{old:?}");
            let [observed] = &evidence.techniques[..] else { panic!("{evidence:?}") };
            assert!(observed.pass.is_none() && !observed.commands.is_empty(), "{observed:?}");
            let reports = if is_nvme(technique) { 3 } else { 1 };
            assert_eq!((evidence.before.len(), evidence.after.len()), (reports, reports));
            let all_zero = evidence.zeros == ByteLen(ERASER_SIZE);
            assert_eq!(all_zero, eraser.drive.peek(0, 512).iter().all(|&byte| byte == 0));
            let shown = format!("{evidence:?} {verified:?}");
            assert!(!shown.contains(PASSWORD), "a password shows in the evidence");
        }
    }
}

#[test]
fn an_overwrite_after_it_hides_nothing_from_the_look_before_it() {
    for technique in [Technique::NvmeFormatUserData, Technique::AtaSecurityEraseEnhanced] {
        let mut eraser = with(technique, |_, _| {});
        eraser.planned.techniques.push(Technique::OverwriteZeros);
        let verified = eraser.sanitize().unwrap();
        let evidence = verified.evidence();
        assert_eq!(evidence.zeros, ByteLen(ERASER_SIZE));
        assert_eq!(evidence.canaries.as_ref().map(|canaries| canaries.found), Some(0));

        let mut liar = with(technique, |_, _| {});
        liar.planned.techniques.push(Technique::OverwriteZeros);
        liar.drive.lie(drive::sim::Lie::EraseKeepsAll);
        let failed = liar.sanitize().unwrap_err();
        assert!(matches!(failed.cause, FailureCause::CanariesFound { .. }), "{failed}");
        assert_eq!(failed.stage, Stage::Sanitize);
    }
}

#[test]
fn a_sampled_look_and_a_pattern_are_enough_where_the_policy_says_so() {
    let mut eraser = with(Technique::NvmeSanitizeBlockErase, |_, _| {});
    eraser.planned.proof.verification = Verification::Sampled;
    let verified = eraser.sanitize().unwrap();
    let read = verified.evidence().verification.bytes.0;
    assert!((ERASER_SIZE / 10..ERASER_SIZE / 2).contains(&read), "{read}");

    let mut eraser = with(Technique::NvmeSanitizeBlockErase, |_, _| {});
    eraser.planned.techniques.push(Technique::OverwritePattern);
    let evidence = eraser.sanitize().unwrap().evidence().clone();
    assert_eq!(evidence.zeros, ByteLen(0));
    assert_eq!(evidence.verification.bytes, ByteLen(ERASER_SIZE));
}

#[test]
fn what_stands_in_the_way_is_named_before_anything_is_erased() {
    let erase = Technique::AtaSecurityErase;
    let sanitize = Technique::AtaSanitizeBlockErase;
    type Change = fn(&mut AtaDevice);
    type IsNamed = fn(&FailureCause) -> bool;
    type Case = (Technique, Change, IsNamed);
    let cases: [Case; 5] = [
        (erase, |ata| ata.frozen = true, |cause| matches!(cause, FailureCause::Frozen)),
        (
            erase,
            |ata| ata.security = false,
            |cause| matches!(cause, FailureCause::NotOffered { .. }),
        ),
        (
            Technique::AtaSecurityEraseEnhanced,
            |ata| ata.enhanced = false,
            |cause| matches!(cause, FailureCause::NotOffered { .. }),
        ),
        (
            sanitize,
            |ata| ata.block_erase = false,
            |cause| matches!(cause, FailureCause::NotOffered { .. }),
        ),
        (
            sanitize,
            |ata| ata.fixed_sense = true,
            |cause| matches!(cause, FailureCause::SanitizeUnknown { .. }),
        ),
    ];
    for (technique, change, is_named) in cases {
        let eraser = with(technique, |ata, _| change(ata));
        let failed = eraser.sanitize().unwrap_err();
        assert!(is_named(&failed.cause), "{technique:?}: {failed}");
    }
    // A stranger's password: not a sector is touched, and ours does not open it.
    let eraser = with(erase, |ata, _| ata.locked_with = Some([b'x'; 32]));
    let dirty = eraser.drive.n_old_sectors();
    let failed = eraser.sanitize().unwrap_err();
    assert!(matches!(failed.cause, FailureCause::NotOurPassword(_)), "{failed}");
    assert_eq!(eraser.drive.n_old_sectors(), dirty);
}

#[test]
fn a_drive_that_stands_still_is_said_to_and_waited_for() {
    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);
    impl Progress for Heard {
        fn advanced(&self, _: Doing, _: ByteLen, _: ByteLen) {}
        fn stalled(&self, sentence: &str) {
            self.0.lock().unwrap().push(sentence.to_owned());
        }
    }
    // As Intel's 660p: 655 of 65,536, for ever.
    let for_ever = EraseFault::SanitizeStalls { progress: 655, polls: None };
    for technique in [Technique::NvmeSanitizeBlockErase, Technique::AtaSanitizeBlockErase] {
        let eraser = with(technique, |_, _| {});
        eraser.drive.add_erase_fault(for_ever);
        let heard = Heard::default();
        let failed = eraser.sanitize_watched(&heard).unwrap_err();
        assert!(matches!(failed.cause, FailureCause::StillRunning { percent: 0, .. }), "{failed}");
        let heard = heard.0.into_inner().unwrap();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert!(heard[0].contains("still running") && heard[0].contains("ERASER"), "{heard:?}");
        assert!(!failed.commands.is_empty() && failed.commands.len() < 12, "{:?}", failed.commands);
    }
}

#[test]
fn failures_of_the_drive_are_its_own_and_the_next_run_ends_well() {
    let fails = EraseFault::SanitizeFails { progress: 0x8000 };
    for (technique, fault) in [
        (Technique::NvmeSanitizeBlockErase, fails),
        (Technique::AtaSanitizeOverwrite, fails),
        (Technique::AtaSecurityErase, EraseFault::EraseFails),
        (Technique::NvmeFormatUserData, EraseFault::EraseFails),
        (Technique::AtaSecurityErase, EraseFault::TimesOut { opcode: 0xf4, times: Some(1) }),
        (Technique::NvmeFormatUserData, EraseFault::TimesOut { opcode: 0x80, times: Some(1) }),
    ] {
        let eraser = with(technique, |_, _| {});
        eraser.drive.add_erase_fault(fault);
        let failed = eraser.sanitize().unwrap_err();
        assert_eq!(failed.stage, Stage::Sanitize);
        assert!(!failed.commands.is_empty(), "{technique:?} {fault:?}");
        let verified = eraser.sanitize();
        verified.unwrap_or_else(|failed| panic!("{technique:?} {fault:?}: {}", failed.sentence()));
        assert_eq!(eraser.drive.n_old_sectors(), 0);
    }
}

#[test]
fn a_drive_that_does_not_say_how_far_it_is_is_asked_again_a_few_times() {
    for technique in [Technique::AtaSanitizeBlockErase, Technique::NvmeSanitizeBlockErase] {
        for (times, is_waited_for) in [(Some(4), true), (None, false)] {
            let eraser = with(technique, |ata, nvme| {
                (ata.sanitize_steps, nvme.sanitize_steps) = (40, 40);
            });
            eraser.drive.on_command({
                let (drive, n_questions) = (eraser.drive.clone(), Mutex::new(0));
                move |command| {
                    let is_question = matches!(
                        command,
                        Command::Ata { command: 0xb4, feature: 0 } | Command::Nvme { opcode: 0x02 }
                    );
                    let mut n_questions = n_questions.lock().unwrap();
                    *n_questions += u32::from(is_question && drive.is_sanitizing());
                    // Once it has said that it goes on.
                    if is_question && *n_questions == 3 {
                        drive.add_erase_fault(EraseFault::StatusRefused { times });
                    }
                }
            });
            let run = eraser.sanitize();
            match run {
                Ok(_) => assert!(is_waited_for, "{technique:?}"),
                Err(failed) => {
                    let is_unknown = matches!(failed.cause, FailureCause::SanitizeUnknown { .. });
                    assert!(is_unknown && !is_waited_for, "{technique:?} {times:?}: {failed}");
                }
            }
        }
    }
}

#[test]
fn a_disk_faster_than_any_disk_is_not_believed() {
    let technique = Technique::AtaSanitizeOverwrite;
    // As much as no machine simulates in the ten seconds that a disk would need.
    let disk = AtaDevice { overwrite: true, rotation: 5400, ..AtaDevice::default() };
    let mut eraser = Eraser::sized(Kind::Ata(disk), &[technique], 4 << 30, 1000);
    eraser.planned.media = Media::Magnetic;
    let failed = eraser.sanitize().unwrap_err();
    assert!(matches!(failed.cause, FailureCause::TooFast { least_ms: 10_737, .. }), "{failed}");

    let mut eraser = with(technique, |ata, _| ata.rotation = 5400);
    eraser.planned.media = Media::Magnetic;
    eraser.drive.on_command(|command| {
        if matches!(command, Command::Ata { feature: 0x0014, .. }) {
            std::thread::sleep(Duration::from_millis(40));
        }
    });
    eraser.sanitize().unwrap();
}

#[test]
fn bad_sectors_cost_a_canary_its_place_and_are_listed_in_the_end() {
    let eraser = with(Technique::NvmeSanitizeBlockErase, |_, _| {});
    let bad = Fault { sectors: 5000..5100, access: Access::Write, times: None };
    eraser.drive.add_fault(bad);
    let verified = eraser.sanitize().unwrap();
    assert_eq!(verified.evidence().canaries.as_ref().unwrap().placed, 10_000);

    let eraser = with(Technique::NvmeSanitizeBlockErase, |_, _| {});
    let bad = Fault { sectors: 5000..5100, access: Access::Read, times: None };
    eraser.drive.add_fault(bad);
    let failed = eraser.sanitize().unwrap_err();
    assert_eq!((failed.n_bad_ranges, failed.bad_bytes), (1, ByteLen(100 * 512)), "{failed}");
}

/// A drive that knows everything, changed.
fn with(technique: Technique, change: impl FnOnce(&mut AtaDevice, &mut NvmeDevice)) -> Eraser {
    let (mut ata, mut nvme) = crate::rig::devices();
    change(&mut ata, &mut nvme);
    let kind = if is_nvme(technique) { Kind::Nvme(nvme) } else { Kind::Ata(ata) };
    Eraser::new(kind, &[technique])
}

fn is_nvme(technique: Technique) -> bool {
    technique.name().starts_with("nvme")
}

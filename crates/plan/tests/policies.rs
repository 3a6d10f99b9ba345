//! Policy files: ours say what our values say, and what is wrong with another is named.

use protocol::plan::{Claim, Media, Technique};
use protocol::policy::{Policy, Verification};
use rehome_plan::policy::{self, PolicyProblem, check};

const FILES: [&str; 3] = [
    include_str!("../../../policies/default.toml"),
    include_str!("../../../policies/overwrite-only.toml"),
    include_str!("../../../policies/firmware+overwrite.toml"),
];

#[test]
fn the_files_we_ship_are_the_values_the_appliance_knows() {
    for (text, value) in FILES.into_iter().zip(policy::builtin()) {
        assert_eq!(toml::from_str::<Policy>(text).unwrap(), value);
        assert_eq!(check(&value), Ok(()));
    }
}

#[test]
fn a_file_with_a_word_too_many_is_not_read() {
    for (place, more) in [
        ("name =", "keep = \"sda\""),
        ("at_least =", "unless = \"sda\""),
        ("canaries =", "seed = 1"),
    ] {
        let text = FILES[0].replacen(place, &format!("{more}\n{place}"), 1);
        let error = toml::from_str::<Policy>(&text).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{more}: {error}");
    }
}

#[test]
fn a_technique_is_called_the_same_in_files_and_in_sentences() {
    for technique in Technique::ALL {
        assert_eq!(serde_json::to_value(technique).unwrap(), technique.name());
    }
}

/// Expects that the change to the `default` policy is a problem, the only one, and told so.
fn refused(change: impl FnOnce(&mut Policy), problem: PolicyProblem, sentence: &str) {
    let mut policy = policy::default();
    change(&mut policy);
    assert_eq!(problem.to_string(), sentence);
    assert_eq!(check(&policy), Err(vec![problem]));
}

fn refused_name(name: &str) {
    let problem = PolicyProblem::Name { name: name.to_owned() };
    let sentence = format!(
        "the name {name:?} is not 1 to 40 lower-case letters, digits, - and + that start with a letter"
    );
    refused(|p| p.name = name.to_owned(), problem, &sentence);
}

#[test]
fn names_that_cannot_be_file_names_are_refused() {
    for name in ["", "Default", "a b", "../x", "+a", "1a", "zażółć", "a\n", &"a".repeat(41)] {
        refused_name(name);
    }
    for name in ["a", "nist-800-88+twice", &"a".repeat(40)] {
        let named = Policy { name: name.to_owned(), ..policy::default() };
        assert_eq!(check(&named), Ok(()), "{name}");
    }
}

#[test]
fn rules_that_can_never_hold_are_refused() {
    use Media::{Flash, Magnetic};
    use Technique as T;
    refused(
        |p| p.magnetic.techniques.clear(),
        PolicyProblem::NoTechnique { media: Magnetic },
        "the rule for magnetic disks names no technique",
    );
    refused(
        |p| p.flash.techniques.push(T::NvmeFormatUserData),
        PolicyProblem::Twice { media: Flash, technique: T::NvmeFormatUserData },
        "the rule for flash names nvme-format-user-data twice",
    );
    refused(
        |p| p.magnetic.techniques.insert(0, T::NvmeFormatUserData),
        PolicyProblem::Impossible { media: Magnetic, technique: T::NvmeFormatUserData },
        "the rule for magnetic disks names nvme-format-user-data, which does not exist for it",
    );
    refused(
        |p| p.magnetic.techniques.push(T::AtaSecurityErase),
        PolicyProblem::AfterOverwrite { media: Magnetic, technique: T::AtaSecurityErase },
        "the rule for magnetic disks names ata-security-erase after an overwrite, which every drive can do, so it \
         would never be used; put it first",
    );
    for technique in [T::AtaSecurityEraseEnhanced, T::NvmeFormatCrypto, T::OverwritePattern] {
        refused(
            |p| {
                p.flash.techniques.push(technique);
                p.flash.then = Some(T::OverwriteZeros);
            },
            PolicyProblem::TooWeak {
                media: Flash,
                technique,
                reaches: Some(Claim::Clear),
                at_least: Claim::Purge,
            },
            &format!(
                "the rule for flash names {}, which reaches no more than Clear on any drive, but demands Purge",
                technique.name()
            ),
        );
    }
}

#[test]
fn throwing_away_a_key_is_no_rule_where_no_drive_says_that_it_always_encrypted() {
    use Technique as T;
    let alone = |technique, at_least| {
        move |p: &mut Policy| {
            p.flash.techniques = vec![technique];
            p.flash.at_least = at_least;
        }
    };
    for technique in [T::NvmeSanitizeCryptoErase, T::NvmeFormatCrypto] {
        for at_least in [Claim::Clear, Claim::Purge] {
            let media = Media::Flash;
            refused(
                alone(technique, at_least),
                PolicyProblem::TooWeak { media, technique, reaches: None, at_least },
                &format!(
                    "the rule for flash names {}, which reaches nothing by itself on any drive, but demands {at_least:?}",
                    technique.name()
                ),
            );
        }
    }
    let mut policy = policy::default();
    alone(T::AtaSanitizeCryptoScramble, Claim::Purge)(&mut policy);
    assert_eq!(check(&policy), Ok(()), "there are ATA drives that say so");
    alone(T::NvmeFormatCrypto, Claim::Clear)(&mut policy);
    policy.flash.then = Some(T::OverwriteZeros);
    assert_eq!(check(&policy), Ok(()), "the overwrite is worth Clear");
}

#[test]
fn what_follows_is_an_overwrite_and_not_the_same_again() {
    use Technique as T;
    let media = Media::Flash;
    refused(
        |p| p.flash.then = Some(T::NvmeSanitizeBlockErase),
        PolicyProblem::ThenNoOverwrite { media, then: T::NvmeSanitizeBlockErase },
        "the rule for flash ends with nvme-sanitize-block-erase, but only overwrite-zeros or overwrite-pattern may \
         follow a technique",
    );
    refused(
        |p| {
            p.flash = policy::overwrite_only().flash;
            p.flash.then = Some(T::OverwriteZeros);
        },
        PolicyProblem::ThenRepeats { media, then: T::OverwriteZeros },
        "the rule for flash has only overwrite-zeros both as technique and as what follows; leave `then` out",
    );
}

#[test]
fn a_proof_that_proves_nothing_is_refused() {
    for canaries in [0, 999, 1_000_001, u32::MAX] {
        refused(
            |p| p.proof.canaries = canaries,
            PolicyProblem::Canaries { canaries },
            &format!("{canaries} canaries are not between 1000 and 1000000"),
        );
    }
    let with_power_cycle = |mut policy: Policy| {
        policy.proof.power_cycle = true;
        check(&policy)
    };
    assert_eq!(with_power_cycle(policy::overwrite_only()), Ok(()));
    assert_eq!(with_power_cycle(policy::firmware_and_overwrite()), Ok(()));
    refused(
        |p| {
            p.proof.power_cycle = true;
            p.magnetic = policy::overwrite_only().magnetic;
        },
        PolicyProblem::PowerCycle { media: Media::Flash },
        "power_cycle needs a content that is known: the rule for flash must end with overwrite-zeros",
    );
}

#[test]
fn a_second_look_needs_a_whole_first_one() {
    for policy in [policy::overwrite_only(), policy::firmware_and_overwrite()] {
        let mut policy = policy;
        policy.proof.verification = Verification::Sampled;
        assert_eq!(check(&policy), Ok(()), "{}", policy.name);
        policy.proof.power_cycle = true;
        let problems = check(&policy).unwrap_err();
        assert_eq!(problems, [PolicyProblem::PowerCycleSampled], "{}", policy.name);
        assert_eq!(
            problems[0].to_string(),
            "power_cycle needs verification = \"full\": the second look confirms what a reading of every sector has \
             found"
        );
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let mut policy = policy::default();
    policy.name.clear();
    policy.flash.techniques.clear();
    policy.proof.canaries = 0;
    assert_eq!(check(&policy).unwrap_err().len(), 3);
}

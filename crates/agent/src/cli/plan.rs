//! `plan`: what a job that only wipes would do, as a table.

use std::process::ExitCode;

use protocol::job::JobKind;
use protocol::plan::{Claim, ClaimReason, PlannedDrive, Refusal, Technique};
use protocol::{DriveUnit, Inventory, Plan, Policy};

use super::judge::{self, Verdict, Wish};
use super::{REFUSED, output};
use crate::roots::Roots;

/// One line: node, drive, technique, claim, why.
type Row = [String; 5];

/// Prints the plan for the whole machine; refused if there is none.
pub(super) fn show(
    roots: &Roots,
    inventory: &Inventory,
    policy: Policy,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let wish = Wish::new(JobKind::Wipe {}, policy);
    let plan = judge::whole(inventory, &wish);
    match (&plan, json) {
        (Ok(plan), true) => output::print_json(plan)?,
        (Err(refusals), true) => output::print_json(refusals)?,
        (plan, false) => output::print(&describe(roots, inventory, &wish, plan.as_ref()))?,
    }
    Ok(if plan.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

/// The table and, below it, what would come of it all.
pub(super) fn describe(
    roots: &Roots,
    inventory: &Inventory,
    wish: &Wish,
    plan: Result<&Plan, &Vec<Refusal>>,
) -> String {
    let mut rows: Vec<Row> = vec![["NODE", "DRIVE", "TECHNIQUE", "CLAIM", "WHY"].map(Into::into)];
    rows.extend(inventory.drives.iter().map(|unit| row(roots, inventory, wish, unit)));
    let mut text = table(&rows);
    text.push('\n');
    match plan {
        Ok(plan) => {
            let (n, left) = (plan.drives.len(), plan.left_alone.len());
            text += &format!("A wipe would sanitize drives: {n}, and leave alone: {left}.\n");
        }
        Err(refusals) => {
            text += "A wipe would do nothing to this machine:\n";
            for Refusal { what, sentence, .. } in refusals {
                text += &format!("  {what}: {sentence}\n");
            }
        }
    }
    text
}

fn row(roots: &Roots, inventory: &Inventory, wish: &Wish, unit: &DriveUnit) -> Row {
    let none = || "-".to_owned();
    // Mains concerns the machine and stands below the table.
    let mut plugged_in = inventory.clone();
    plugged_in.power.mains_online = None;
    let (technique, claim, why) = match judge::one(&plugged_in, unit, wish) {
        Verdict::Planned(PlannedDrive { techniques, claim, reasons, .. }) => {
            let reasons: Vec<_> = reasons.into_iter().map(reason_in_words).collect();
            let claim = claim_in_words(claim).to_owned();
            (techniques_in_words(&techniques), claim, reasons.join("; "))
        }
        Verdict::LeftAlone(why) => (none(), none(), format!("left alone: {why}")),
        Verdict::Refused(refusals) => {
            let sentences: Vec<_> = refusals.into_iter().map(|refusal| refusal.sentence).collect();
            (none(), none(), format!("refused: {}", sentences.join("; ")))
        }
    };
    [roots.device(&unit.kernel_name).display().to_string(), unit.label(), technique, claim, why]
}

pub(super) fn techniques_in_words(techniques: &[Technique]) -> String {
    techniques.iter().copied().map(technique_in_words).collect::<Vec<_>>().join(", then ")
}

fn technique_in_words(technique: Technique) -> &'static str {
    match technique {
        Technique::OverwriteZeros => "overwrite with zeros",
        Technique::OverwritePattern => "overwrite with a keyed pattern",
        Technique::AtaSanitizeBlockErase => "SANITIZE: block erase",
        Technique::AtaSanitizeCryptoScramble => "SANITIZE: crypto scramble",
        Technique::AtaSanitizeOverwrite => "SANITIZE: overwrite",
        Technique::AtaSecurityEraseEnhanced => "SECURITY ERASE, enhanced",
        Technique::AtaSecurityErase => "SECURITY ERASE",
        Technique::NvmeSanitizeBlockErase => "NVMe Sanitize: block erase",
        Technique::NvmeSanitizeCryptoErase => "NVMe Sanitize: crypto erase",
        Technique::NvmeSanitizeOverwrite => "NVMe Sanitize: overwrite",
        Technique::NvmeFormatUserData => "NVMe Format: user data erase",
        Technique::NvmeFormatCrypto => "NVMe Format: crypto erase",
    }
}

pub(super) fn claim_in_words(claim: Claim) -> &'static str {
    match claim {
        Claim::Clear => "Clear",
        Claim::Purge => "Purge",
    }
}

fn reason_in_words(reason: ClaimReason) -> &'static str {
    match reason {
        ClaimReason::FlashOverprovisioning => {
            "not Purge: overwriting does not reach retired and spare flash cells"
        }
        ClaimReason::RemappedSectors => {
            "not Purge: overwriting does not reach remapped and hidden sectors"
        }
        ClaimReason::SecurityEraseOnFlash => "not Purge: SECURITY ERASE is none for flash",
        ClaimReason::NormalSecurityErase => "not Purge: only the enhanced SECURITY ERASE is",
        ClaimReason::EncryptionUnknown => {
            "not Purge: whether the drive always encrypted is not known"
        }
        ClaimReason::NoEraseCommand => {
            "it has no erase command of its own that the policy allows and that can be relied on"
        }
        ClaimReason::SecurityFrozen => {
            "its security commands are frozen by this machine's firmware"
        }
        ClaimReason::SanitizeFrozen => {
            "its sanitize commands are frozen until it was without power"
        }
    }
}

/// Columns as wide as their widest cell; the last one runs free.
fn table(rows: &[Row]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..4).filter_map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            text += &format!("{cell:width$}  ");
        }
        text += &row[4];
        text.push('\n');
    }
    text
}

//! The parts of a machine's page. Whatever a machine says of itself is shown as text and as nothing else.

use maud::{Markup, html};
use protocol::plan::PlannedDrive;
use protocol::{DriveUnit, Inventory};

use super::super::history::Line;
use super::super::icon::{Icon, icon};
use super::super::lang::Lang;
use super::super::page::moment;
use crate::bench::{Bench, Machine, Verified};
use crate::live::Live;
use crate::view;

pub(super) fn certificate(lang: Lang, machine: &Machine) -> Markup {
    let words = lang.words();
    let earned = machine.sanitizing_work().is_some_and(|it| it.finished.is_some())
        && machine.attention_reasons().is_empty();
    html! {
        section aria-labelledby="certificate" {
            h2 #certificate { (words.certificate) }
            @if earned {
                p {
                    a .button .primary download
                        href={ "/machines/" (machine.number.0) "/certificate" } {
                        (icon(Icon::Done)) (words.certificate_get)
                    }
                }
                @if let Some(work) = machine.sanitizing_work() {
                    p { (words.certificate_id) ": "
                        code { (evidence::certificate::id_of(&machine.id, &work.job.batch).grouped()) } }
                }
                p .hint { (words.certificate_hint) }
            } @else { p .hint { (words.certificate_none) } }
        }
    }
}

/// The lot that it was worked on for.
pub(super) fn lot(lang: Lang, bench: &Bench, machine: &Machine) -> Markup {
    let batch = machine.admission.as_ref().and_then(|it| bench.batch(&it.job.batch));
    let lot = batch.and_then(|it| it.lot).and_then(|lot| bench.lot(&lot));
    html! {
        @if let Some(lot) = lot {
            section aria-labelledby="lot" {
                h2 #lot { (lang.lots().of_lot) }
                p { a href={ "/lots/" (lot.id) } { (lot.owner) } }
                p .hint { (lang.lots().of_lot_hint) }
            }
        }
    }
}

pub(super) fn identity(lang: Lang, machine: &Machine, lines: &[Line]) -> Markup {
    let (words, identity) = (lang.words(), &machine.identity);
    let rows = [
        ("UUID", &identity.uuid),
        (words.serial, &identity.system_serial),
        (words.board_serial, &identity.board_serial),
        (words.chassis_serial, &identity.chassis_serial),
    ];
    html! {
        section aria-labelledby="identity" {
            h2 #identity { (words.identity) }
            dl {
                @for (name, value) in rows {
                    @if let Some(value) = value { dt { (name) } dd { (value) } }
                }
                dt { (words.addresses) }
                dd { @for mac in &identity.macs { code { (mac) } " " } }
                @if let Some(agent) = machine.agent() {
                    dt { (words.key) } dd { code { (agent.fingerprint()) } }
                }
                @if let Some(line) = lines.first() {
                    dt { (words.first_seen) } dd { (moment(line.at)) }
                }
            }
        }
    }
}

pub(super) fn hardware(lang: Lang, machine: &Machine) -> Markup {
    let words = lang.words();
    let Some(inventory) = &machine.inventory else { return html! {} };
    let Inventory { product, cpu, memory, power, boot, controllers, .. } = inventory;
    let model = view::model(product);
    let mains = match power.mains_online {
        Some(true) => words.mains_on,
        Some(false) => words.mains_off,
        None => words.mains_unknown,
    };
    html! {
        section aria-labelledby="hardware" {
            h2 #hardware { (words.hardware) }
            dl {
                dt { (words.model) } dd { (model) }
                dt { (words.processor) } dd { (cpu.model) ", " (lang.threads(cpu.threads)) }
                dt { (words.memory) } dd { (lang.bytes(*memory)) }
                dt { (words.mains) } dd { (mains) ", " (lang.batteries(power.batteries)) }
                dt { (words.firmware) }
                dd {
                    (lang.firmware(boot.firmware))
                    @match boot.secure_boot {
                        Some(true) => { ", " (words.secure_boot_on) }
                        Some(false) => { ", " (words.secure_boot_off) }
                        None => {}
                    }
                    ", lockdown " (boot.lockdown)
                }
                dt { (words.controllers) }
                @for controller in controllers {
                    dd {
                        code { (controller.address) " " (controller.id) } " "
                        (controller.driver.as_deref().unwrap_or("–"))
                        @if let Some(why) = &controller.unexplained {
                            span .bad lang="en" { " " (why) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn drives(lang: Lang, machine: &Machine) -> Markup {
    let words = lang.words();
    let drives = machine.inventory.iter().flat_map(|inventory| &inventory.drives);
    let proven = |drive: &DriveUnit| match (&drive.identity, &machine.admission) {
        (Ok(identity), Some(admission)) => admission.proven_gone.contains(identity),
        _ => false,
    };
    html! {
        section aria-labelledby="drives" {
            h2 #drives { (words.drives) }
            div .scroll {
                table {
                    thead { tr {
                        th scope="col" { (words.drive) }
                        th scope="col" { (words.bus) }
                        th scope="col" { (words.content) }
                    } }
                    tbody {
                        @for drive in drives {
                            tr {
                                th scope="row" {
                                    @match &drive.identity {
                                        Ok(identity) => (lang.drive(identity)),
                                        Err(why) => {
                                            (drive.kernel_name) " (" (lang.bytes(drive.size)) ") "
                                            span lang="en" { (why) }
                                        }
                                    }
                                }
                                td {
                                    (lang.bus(drive.bus))
                                    @if drive.rotational { ", " (words.rotating) }
                                    @if drive.removable { ", " (words.removable) }
                                }
                                td {
                                    @if proven(drive) {
                                        span .data .gone { (icon(Icon::DriveEmpty)) (words.gone) }
                                    } @else {
                                        span .data .there { (icon(Icon::Drive)) (words.still_there) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn plan(lang: Lang, machine: &Machine) -> Markup {
    let words = lang.words();
    let consent = machine.admission.as_ref().and_then(|admission| admission.consents.last());
    html! {
        section aria-labelledby="plan" {
            h2 #plan { (words.plan) }
            @match consent {
                None => p .hint { (words.no_plan) },
                Some(consent) => {
                    p { (words.policy) ": " b { (consent.plan.policy) } }
                    @for drive in &consent.plan.drives { (planned(lang, machine, drive)) }
                    @for refusal in &consent.plan.left_alone {
                        div .planned {
                            h3 { (words.left_alone) ": " (refusal.what) }
                            p { (lang.refusal(refusal.code)) }
                            p .hint lang="en" { (refusal.sentence) }
                        }
                    }
                }
            }
        }
    }
}

fn planned(lang: Lang, machine: &Machine, drive: &PlannedDrive) -> Markup {
    let words = lang.words();
    let by_drive = drive.techniques.iter().any(|technique| technique.is_by_drive());
    let verified = machine.admission.as_ref().and_then(|it| it.verified.get(&drive.identity));
    html! {
        div .planned {
            h3 { (lang.drive(&drive.identity)) }
            dl {
                dt { (words.medium) } dd { (lang.media(drive.media)) }
                dt { (words.technique) }
                @for technique in &drive.techniques { dd { (lang.technique(*technique)) } }
                dt { (words.proof) } dd { (lang.proof(&drive.proof, by_drive)) }
                dt { (words.claim) } dd { (lang.claim(drive.claim)) }
                @if !drive.reasons.is_empty() {
                    dt { (words.why_not_more) }
                    @for reason in &drive.reasons { dd { (lang.claim_reason(*reason)) } }
                }
            }
            @if drive.unlock { p { b { (words.unlock_first) } } }
            @if let Some(verified) = verified { (proven(lang, verified)) }
            @if drive.receives_image { p { b { (words.plan_image) } } }
        }
    }
}

/// What was seen of a drive that is verified.
fn proven(lang: Lang, verified: &Verified) -> Markup {
    let (words, evidence) = (lang.words(), &verified.evidence);
    html! {
        h4 { (words.proven_how) }
        dl {
            @if let Some(canaries) = &evidence.canaries {
                dt { (words.canaries) } dd { (lang.canaries(canaries)) }
            }
            @if let Some(old) = &evidence.old_content {
                dt { (words.content) } dd { (lang.old_content(old)) }
            }
            dt { (words.surface_read) }
            dd { (lang.bytes(evidence.verification.bytes)) " (" (lang.verification(evidence.method)) ")" }
            @if verified.seen_again { dt { (words.seen_again) } dd { (icon(Icon::Done)) } }
        }
    }
}

pub(super) fn history(lang: Lang, lines: &[Line]) -> Markup {
    let words = lang.words();
    html! {
        section aria-labelledby="history" {
            h2 #history { (words.history) }
            ol .history {
                @for line in lines.iter().rev() {
                    li class=[line.bad.then_some("bad")] {
                        (moment(line.at))
                        div {
                            @if line.bad { (icon(Icon::Alert)) }
                            (line.told.sentence)
                            @if let Some(verbatim) = &line.told.verbatim {
                                p .hint { (verbatim) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn boot_trace(lang: Lang, machine: &Machine, live: &Live) -> Markup {
    let words = lang.words();
    let traces = machine.identity.macs.iter().map(|mac| (mac, live.boot_trace(&mac.to_string())));
    let traces: Vec<_> = traces.filter(|(_, lines)| !lines.is_empty()).collect();
    html! {
        section aria-labelledby="trace" {
            h2 #trace { (words.boot_trace) }
            @if traces.is_empty() { p .hint { (words.no_boot_trace) } }
            @for (mac, lines) in &traces {
                h3 { code { (mac) } }
                ol .history {
                    @for line in lines {
                        li class=[line.attention.then_some("bad")] {
                            (moment(line.at)) div lang="en" { (line.sentence) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{BatchId, JobKind, Policy, Step};

    use super::*;
    use crate::scene::hardware::laptop;
    use crate::scene::{MANUAL, Scene};

    /// What the page says of plan and proof of a laptop with an NVMe drive that was wiped by this policy.
    fn said(policy: Policy, lang: Lang) -> String {
        let mut scene = Scene::new();
        scene.arm_by(policy, BatchId::from_bytes([1; 16]), 1, JobKind::Wipe {});
        let agent = scene.finish(&laptop(1));
        plan(lang, scene.machine(&agent)).into_string()
    }

    /// A restart is no power cycle.
    #[test]
    fn a_look_after_a_mere_restart_is_not_told_as_one_with_fresh_power() {
        let mut scene = Scene::new();
        scene.arm(1, 1, JobKind::Wipe {});
        let mut first = scene.boot(&laptop(1), MANUAL);
        scene.pick(&[first.number]).unwrap();
        let request = scene.request(&first, &laptop(1));
        scene.consent(&first, &request).unwrap();
        let steps = scene.wiped(&first);
        scene.report(&mut first, steps);
        let mut second = scene.boot(&laptop(1), MANUAL);
        let request = scene.request(&second, &laptop(1));
        scene.consent(&second, &request).unwrap();
        let before = scene.machine(&second).admission.as_ref().unwrap().before.first_key_value();
        let (drive, record) = before.map(|(drive, it)| (drive.clone(), it.record)).unwrap();
        let confirmed = Step::VerificationConfirmed { drive, record, sectors_sampled: 5 };
        let ticket = scene.wiped(&second).remove(0);
        scene.report(&mut second, vec![ticket, confirmed]);
        for (lang, told, power) in
            [(Lang::En, "How it was proven", "power"), (Lang::Pl, "Jak to wykazano", "zasilani")]
        {
            let page = plan(lang, scene.machine(&second)).into_string();
            assert!(page.contains(told) && !page.contains(power), "{page}");
        }
    }

    #[test]
    fn policy_techniques_claim_reasons_and_proof_are_told() {
        let (default, overwrite) = (plan::policy::default, plan::policy::overwrite_only);
        let both = plan::policy::firmware_and_overwrite;
        for (policy, lang, words) in [
            (
                default(),
                Lang::En,
                &[
                    "<b>default</b>",
                    "NVMe Format, user data erase",
                    "Purge",
                    "10,000 canaries placed, none found",
                    "of 4,096 sectors sampled before, 4,000 have changed",
                    "3.22 GB (every sector is read)",
                ][..],
            ),
            (
                default(),
                Lang::Pl,
                &[
                    "<b>default</b>",
                    "Dysk kasuje wszystkie dane użytkownika",
                    "rozmieszczono znaczniki: 10\u{a0}000, nie znaleziono żadnego",
                    "zmienione: 4000",
                    "3,22 GB (odczyt każdego sektora)",
                ],
            ),
            (
                overwrite(),
                Lang::En,
                &["overwrite-only", "Zeros over every", "Clear", "Spare and retired flash cells"],
            ),
            (overwrite(), Lang::Pl, &["Zera na każdy", "zapasowych i wycofanych komórek"]),
            (both(), Lang::En, &["firmware+overwrite", "NVMe Format", "Zeros over every", "Purge"]),
        ] {
            let page = said(policy, lang);
            for word in words {
                assert!(page.contains(word), "{word:?} is not in {page}");
            }
        }
        assert!(!said(overwrite(), Lang::En).contains("canaries"), "there were none");
    }
}

//! Why a person must look at a machine, with what to do about it.

use maud::{Markup, html};

use super::guard::Visitor;
use super::icon::{Icon, icon};
use super::lang::Lang;
use super::page::token;
use crate::bench::{Bench, Machine};

/// One reason.
#[derive(Debug)]
struct Concern {
    title: String,
    /// What machine or coordinator say, in English.
    verbatim: Option<String>,
    remedy: &'static str,
}

/// All reasons of a machine; empty where there are none.
pub(super) fn concerns(visitor: &Visitor, bench: &Bench, machine: &Machine) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    // What is done is done: refusals of an earlier boot concern nobody any more.
    let all = if machine.is_finished() { Vec::new() } else { list(lang, bench, machine) };
    let unsettled = machine.open_conflicts().next().is_some();
    html! {
        @if !all.is_empty() {
            section .concerns aria-labelledby="concerns" {
                h2 #concerns { (icon(Icon::Alert)) (words.needs_you) }
                @for concern in &all {
                    div .concern {
                        h3 { (concern.title) }
                        @if let Some(verbatim) = &concern.verbatim { p lang="en" { (verbatim) } }
                        p { b { (words.what_to_do) ": " } (concern.remedy) }
                    }
                }
                @if unsettled {
                    form method="post" action={ "/machines/" (machine.number.0) "/settle" } {
                        (token(visitor))
                        button { (words.looked_at) }
                    }
                }
            }
        }
    }
}

fn list(lang: Lang, bench: &Bench, machine: &Machine) -> Vec<Concern> {
    let conflicts = machine.open_conflicts().map(|conflict| Concern {
        title: lang.identity_conflict(bench.machine(&conflict.with).map(|other| other.number)),
        verbatim: Some(conflict.what.clone()),
        remedy: lang.settle_conflict(),
    });
    let blank = crate::identity::is_blank(&machine.identity).then(|| {
        let (title, remedy) = lang.blank_identity();
        Concern { title: title.to_owned(), verbatim: None, remedy }
    });
    let reported = machine.attention.clone().map(|sentence| {
        let (title, remedy) = lang.reported();
        Concern { title: title.to_owned(), verbatim: Some(sentence), remedy }
    });
    let refusals = machine.admission.iter().flat_map(|admission| &admission.refusals);
    let refusals = refusals.map(|refusal| Concern {
        title: lang.refusal(refusal.code).to_owned(),
        verbatim: Some(format!("{}: {}", refusal.what, refusal.sentence)),
        remedy: lang.remedy(refusal.code),
    });
    conflicts.chain(blank).chain(reported).chain(refusals).collect()
}

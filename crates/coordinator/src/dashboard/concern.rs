//! Why a person must look at a machine, with what to do about it.

use maud::{Markup, html};
use protocol::{MachineNumber, Refusal};

use super::guard::Visitor;
use super::icon::{Icon, icon};
use super::lang::Lang;
use super::page::token;
use crate::access::Action;
use crate::bench::{Bench, Machine};

/// One reason.
#[derive(Debug, Clone)]
pub(super) enum Concern {
    /// It may be the same as another machine.
    Identity { other: Option<MachineNumber>, what: String },
    /// It cannot be told from others.
    Blank,
    /// Work has stopped, in the words of agent or coordinator.
    Stopped(String),
    /// A drive stands still while it erases itself; work goes on.
    StandsStill(String),
    /// A person stopped all machines while it was at work.
    Halted,
    /// A person wanted to look at its drives: it waits for that.
    Held,
    /// A person has to say whether its model works.
    AwaitsVerdict,
    /// A person put it, or a drive in it, on the list of what is never touched.
    Protected(String),
    /// There is no consent.
    Refused(Refusal),
}

/// All reasons of a machine; none once it is finished, as no work is to go on.
pub(super) fn concerns(bench: &Bench, machine: &Machine) -> Vec<Concern> {
    if machine.is_finished() {
        return Vec::new();
    }
    let identity = machine.open_conflicts().map(|conflict| Concern::Identity {
        other: bench.machine(&conflict.with).map(|other| other.number),
        what: conflict.what.clone(),
    });
    let blank = crate::identity::is_blank(&machine.identity).then_some(Concern::Blank);
    let stopped = machine.attention.clone().map(Concern::Stopped);
    let stalled = machine.admission.iter().flat_map(|admission| &admission.stalled);
    let stalled = stalled.map(|(drive, said)| Concern::StandsStill(format!("{drive}: {said}")));
    let held = machine.admission.as_ref().is_some_and(|it| it.holds()).then_some(Concern::Held);
    let halted = machine.admission.as_ref().is_some_and(|it| it.halted.is_some());
    let halted = halted.then_some(Concern::Halted);
    let awaits = machine.admission.as_ref().is_some_and(|it| it.awaits_verdict());
    let held = held.into_iter().chain(awaits.then_some(Concern::AwaitsVerdict));
    let refusals = machine.admission.iter().flat_map(|admission| &admission.refusals);
    let refused = refusals.cloned().map(Concern::Refused);
    let protected = machine.protected().map(|why| Concern::Protected(why.to_owned()));
    protected
        .into_iter()
        .chain(identity)
        .chain(blank)
        .chain(halted)
        .chain(stopped)
        .chain(stalled)
        .chain(held)
        .chain(refused)
        .collect()
}

impl Concern {
    /// What it is, in a few words.
    pub(super) fn title(&self, lang: Lang) -> String {
        match self {
            Self::Identity { other, .. } => lang.identity_conflict(*other),
            Self::Blank => lang.blank_identity().0.to_owned(),
            Self::Stopped(_) => lang.stopped().0.to_owned(),
            Self::StandsStill(_) => lang.stands_still().0.to_owned(),
            Self::Held => lang.held().0.to_owned(),
            Self::AwaitsVerdict => lang.awaits_verdict().0.to_owned(),
            Self::Halted => lang.halted().0.to_owned(),
            Self::Protected(_) => lang.is_protected().0.to_owned(),
            Self::Refused(refusal) => lang.refusal(refusal.code).to_owned(),
        }
    }

    /// What machine or coordinator say, in English.
    pub(super) fn verbatim(&self) -> Option<String> {
        match self {
            Self::Identity { what, .. } => Some(what.clone()),
            Self::Blank | Self::Held | Self::Halted | Self::AwaitsVerdict => None,
            Self::Stopped(sentence) | Self::StandsStill(sentence) | Self::Protected(sentence) => {
                Some(sentence.clone())
            }
            Self::Refused(refusal) => Some(format!("{}: {}", refusal.what, refusal.sentence)),
        }
    }

    /// The machine that it may be the same as.
    fn other(&self) -> Option<MachineNumber> {
        match self {
            Self::Identity { other, .. } => *other,
            Self::Blank
            | Self::Stopped(_)
            | Self::StandsStill(_)
            | Self::Held
            | Self::Halted
            | Self::AwaitsVerdict
            | Self::Protected(_)
            | Self::Refused(_) => None,
        }
    }

    fn remedy(&self, lang: Lang) -> &'static str {
        match self {
            Self::Identity { .. } => lang.settle_conflict(),
            Self::Blank => lang.blank_identity().1,
            Self::Stopped(_) => lang.stopped().1,
            Self::StandsStill(_) => lang.stands_still().1,
            Self::Held => lang.held().1,
            Self::AwaitsVerdict => lang.awaits_verdict().1,
            Self::Halted => lang.halted().1,
            Self::Protected(_) => lang.is_protected().1,
            Self::Refused(refusal) => lang.remedy(refusal.code),
        }
    }
}

/// All reasons at length, on the machine's page.
pub(super) fn section(visitor: &Visitor, machine: &Machine, concerns: &[Concern]) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let unsettled = concerns.iter().any(|it| matches!(it, Concern::Identity { .. }));
    html! {
        @if !concerns.is_empty() {
            section .concerns aria-labelledby="concerns" {
                h2 #concerns { (icon(Icon::Alert)) (words.needs_you) }
                @for concern in concerns {
                    div .concern {
                        h3 { (concern.title(lang)) }
                        @if let Some(verbatim) = concern.verbatim() {
                            p lang="en" { (verbatim) }
                        }
                        p { b { (words.what_to_do) ": " } (concern.remedy(lang)) }
                    }
                }
                @if unsettled && visitor.may(Action::Settle) {
                    form method="post" action={ "/machines/" (machine.number.0) "/settle" } {
                        (token(visitor))
                        @for other in concerns.iter().filter_map(Concern::other) {
                            input type="hidden" name="with" value=(other.0);
                        }
                        button { (words.looked_at) }
                    }
                }
            }
        }
    }
}

//! The parts of a lot's page.

use maud::{Markup, html};
use protocol::LotId;

use super::super::guard::Visitor;
use super::super::icon::{Icon, icon};
use super::super::lang::Lang;
use super::super::page::{moment, token};
use crate::access::Action;
use crate::lots::actions::Named;
use crate::lots::reckoning::Obstacle;
use crate::lots::view::{LotView, PaperView, PulledView, ThingView, UnknownView};
use crate::policies::SHIPPED;

/// The reckoning in a row of counts.
pub(super) fn sums(lang: Lang, lot: &LotView) -> Markup {
    let (words, sums) = (lang.lots(), lot.sums);
    let ended = sums.erased + sums.pulled + sums.returned;
    let to_do = (sums.received - ended.min(sums.received)) as usize + lot.unknown.len();
    let counts = [
        ("seen", Icon::List, sums.received, words.received),
        ("done", Icon::DriveEmpty, sums.erased, words.erased),
        ("silent", Icon::Drive, sums.pulled, words.pulled),
        ("working", Icon::Hand, sums.returned, words.returned),
    ];
    html! {
        span .summary {
            @for (tone, sign, n, word) in counts {
                span class={ "count " (tone) } { (icon(sign)) b { (n) } " " (word) }
            }
            @if to_do > 0 {
                span .count .needs-person { (icon(Icon::Alert)) b { (to_do) } " " (words.to_do) }
            }
            @if !lot.missing.is_empty() {
                span .count .waiting { (icon(Icon::Silent)) b { (lot.missing.len()) } " " (words.missing) }
            }
        }
    }
}

/// A form about the lot: what it wants, its fields, its button.
pub(super) fn wish(
    visitor: &Visitor,
    lot: LotId,
    name: &str,
    fields: &Markup,
    button: &str,
) -> Markup {
    // As `LotWish::action` has it, which is asked again when the form comes.
    let action = match name {
        "accept" | "state" => Action::AcceptPolicy,
        "close" | "reopen" => Action::Close,
        _ => Action::TakeIn,
    };
    html! {
        @if visitor.may(action) {
            form .small method="post" action={ "/lots/" (lot) "/wish" } {
                (token(visitor))
                input type="hidden" name="wish" value=(name);
                (fields)
                button { (button) }
            }
        }
    }
}

/// A line of text that must not be empty, within a form of its own.
fn line(label: &str, name: &str, value: &str, required: bool) -> Markup {
    html! {
        label { (label) input name=(name) value=(value) required[required] maxlength="300"; }
    }
}

fn thing_fields(named: &Named) -> Markup {
    html! {
        @match named {
            Named::Machine(number) => { input type="hidden" name="machine" value=(number.0); }
            Named::Item(item) => { input type="hidden" name="item" value=(item); }
        }
    }
}

/// What the owner gave in writing.
pub(super) fn papers(visitor: &Visitor, lot: &LotView, today: &str) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.lots());
    let told = |paper: &Option<PaperView>| match paper {
        None => html! { span .bad { (icon(Icon::Alert)) " " (words.not_yet) } },
        Some(paper) => html! {
            (paper.by) ", " (paper.on) " " (paper.reference)
            @if let Some((name, digest)) = &paper.policy {
                br; span .hint { (name) @if let Some(digest) = digest { ", SHA-256 " code { (digest) } } }
            }
        },
    };
    let dated = html! {
        label { (words.day) input type="date" name="on" value=(today) required; }
        (line(words.reference, "reference", "", false))
    };
    html! {
        section aria-labelledby="papers" {
            h2 #papers { (words.papers) }
            dl .stacked {
                dt { (words.accepted) } dd { (told(&lot.accepted)) }
                dt { (words.stated) } dd { (told(&lot.stated)) }
                dt { (words.register) }
                dd {
                    @match &lot.register {
                        None => (words.register_none),
                        Some(register) => { (lang.rows(register.rows)) ", " (moment(register.at)) }
                    }
                }
            }
            @if lot.closed.is_none() {
                details open[lot.accepted.is_none()] {
                    summary { (words.accept_title) }
                    (wish(visitor, lot.id, "accept", &html! {
                        label {
                            (lang.words().policy)
                            select name="policy" { @for it in &SHIPPED { option value=(it.name) { (it.name) } } }
                        }
                        (line(words.accepted_by, "name", "", true))
                        (dated)
                    }, words.record))
                }
                details open[lot.stated.is_none()] {
                    summary { (words.state_title) }
                    (wish(visitor, lot.id, "state", &html! {
                        (line(words.stated_by, "name", "", true))
                        (dated)
                    }, words.record))
                }
                (upload(visitor, lot))
            }
        }
    }
}

fn upload(visitor: &Visitor, lot: &LotView) -> Markup {
    let words = visitor.lang.lots();
    html! {
        details open[lot.register.is_none()] {
            summary { (words.register) }
            @if lot.register.is_some() { p .hint { (words.register_again) } }
            @if visitor.may(Action::OpenLot) {
                form .small method="post" enctype="multipart/form-data" action={ "/lots/" (lot.id) "/register" } {
                    (token(visitor))
                    label { (words.register_take) input type="file" name="file" required accept=".csv,.txt,.xlsx,.ods"; }
                    button { (words.register_read) }
                }
            }
        }
    }
}

/// What was received, that which needs a person first.
pub(super) fn things(visitor: &Visitor, lot: &LotView) -> Markup {
    let words = visitor.lang.lots();
    let mut sorted: Vec<&ThingView> = lot.received.iter().collect();
    sorted.sort_by_key(|it| it.in_the_way.is_empty());
    html! {
        section aria-labelledby="things" {
            h2 #things { (words.things) }
            @if sorted.is_empty() { p { (words.nothing_received) } } @else {
                div .scroll { table {
                    thead { tr {
                        @for head in [words.thing, words.asset, words.serial, words.model, words.ended] {
                            th scope="col" { (head) }
                        }
                    } }
                    tbody { @for it in sorted { (thing(visitor, lot, it)) } }
                } }
            }
        }
    }
}

fn thing(visitor: &Visitor, lot: &LotView, it: &ThingView) -> Markup {
    let lang = visitor.lang;
    html! {
        tr {
            th scope="row" {
                @match &it.thing {
                    Named::Machine(number) => { a href={ "/machines/" (number.0) } { (lang.named(&it.thing)) } }
                    Named::Item(_) => (lang.named(&it.thing)),
                }
                @if let Some(because) = &it.because { p .hint { (because) } }
            }
            td { (it.asset.as_deref().unwrap_or_default()) }
            td { (it.serial.as_deref().unwrap_or_default()) }
            td { (it.model) }
            td {
                @if let Some(end) = it.end {
                    span .data .gone { (icon(Icon::Done)) (lang.lot_end(end)) }
                }
                @if let Some(observed) = it.observed { p .hint { (lang.observed_thing(observed)) } }
                @for obstacle in &it.in_the_way {
                    p .bad { (icon(Icon::Alert)) " " (lang.obstacle(obstacle)) }
                }
                @if lot.closed.is_none() && it.end.is_none() { (ways_out(visitor, lot, it)) }
            }
        }
    }
}

/// What a person may do about a thing that stands in the way.
fn ways_out(visitor: &Visitor, lot: &LotView, it: &ThingView) -> Markup {
    let words = visitor.lang.lots();
    let of = thing_fields(&it.thing);
    let because = line(words.because, "because", "", true);
    let about_register = it
        .in_the_way
        .iter()
        .any(|it| matches!(it, Obstacle::RegisterContradicts { .. } | Obstacle::RegisterAmbiguous));
    html! {
        @if about_register {
            details { summary { (words.assign_now) }
                (wish(visitor, lot.id, "assign", &html! {
                    (of)
                    label { (words.row) input name="row" inputmode="numeric" pattern="[0-9]+" required
                        value=[it.row]; }
                    (because)
                }, words.record))
            }
        }
        details {
            summary { (words.pull_title) }
            (wish(visitor, lot.id, "pull", &html! {
                (of)
                (line(words.drive_model, "model", "", true))
                (line(words.drive_serial, "serial", "", true))
                (line(words.bag, "bag", "", true))
                (because)
            }, words.pull_now))
        }
        details {
            summary { (words.other_ends) }
            (wish(visitor, lot.id, "nothing-inside", &html! { (of) (because) }, words.inside_now))
            (wish(visitor, lot.id, "give-back", &html! {
                (of) (line(words.fate_paper, "reference", "", true))
            }, words.give_back_now))
        }
    }
}

/// Machines that nobody has placed.
pub(super) fn unknown(visitor: &Visitor, lot: &LotView) -> Markup {
    let words = visitor.lang.lots();
    html! {
        @if !lot.unknown.is_empty() && lot.closed.is_none() {
            section .concerns aria-labelledby="unknown" {
                h2 #unknown { (icon(Icon::Alert)) (words.unknown_title) }
                p .hint { (words.unknown_hint) }
                @for it in &lot.unknown { (stranger(visitor, lot.id, it)) }
            }
        }
    }
}

fn stranger(visitor: &Visitor, lot: LotId, it: &UnknownView) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.lots());
    let fields = html! {
        input type="hidden" name="machine" value=(it.machine.0);
        (line(words.because, "because", "", true))
    };
    html! {
        div .concern {
            h3 {
                a href={ "/machines/" (it.machine.0) } { (lang.named(&Named::Machine(it.machine))) }
                ": " (it.model) " " (it.serial.as_deref().unwrap_or_default())
            }
            @if !it.resembles.is_empty() {
                p .hint {
                    (words.resembles)
                    @for row in &it.resembles { " " (row) }
                }
            }
            div .pair {
                (wish(visitor, lot, "receive", &fields, words.receive))
                (wish(visitor, lot, "refuse", &fields, words.refuse))
            }
        }
    }
}

/// Drives that were taken out, those without a fate first.
pub(super) fn bags(visitor: &Visitor, lot: &LotView) -> Markup {
    let (lang, words) = (visitor.lang, visitor.lang.lots());
    let mut sorted: Vec<&PulledView> = lot.pulled.iter().collect();
    sorted.sort_by_key(|it| it.fate.is_some());
    html! {
        @if !sorted.is_empty() {
            section aria-labelledby="bags" {
                h2 #bags { (words.bags) }
                div .scroll { table {
                    thead { tr {
                        @for head in [words.bag, words.drive, words.from, words.fate] { th scope="col" { (head) } }
                    } }
                    tbody { @for it in sorted {
                        tr {
                            th scope="row" { (it.bag) }
                            td { (it.name) p .hint { (it.because) } }
                            td { @if let Some(from) = &it.from { (lang.named(from)) } }
                            td {
                                @match &it.fate {
                                    Some(fate) => (lang.fate(fate)),
                                    None => {
                                        p .bad { (icon(Icon::Alert)) " " (words.fate_none) }
                                        @if lot.closed.is_none() { (fates(visitor, lot.id, &it.bag)) }
                                    }
                                }
                            }
                        }
                    } }
                } }
            }
        }
    }
}

fn fates(visitor: &Visitor, lot: LotId, bag: &str) -> Markup {
    let words = visitor.lang.lots();
    let bag = html! { input type="hidden" name="bag" value=(bag); };
    html! {
        details open { summary { (words.fate_destroyed) }
            (wish(visitor, lot, "destroyed", &html! {
                (bag) (line(words.fate_how, "how", "", true)) (line(words.reference, "reference", "", false))
            }, words.record))
        }
        details { summary { (words.fate_sanitized) }
            (wish(visitor, lot, "sanitized", &html! {
                (bag)
                label { (words.fate_machine) input name="machine" inputmode="numeric" pattern="[0-9]+" required; }
            }, words.record))
        }
        details { summary { (words.fate_returned) }
            (wish(visitor, lot, "drive-returned", &html! {
                (bag) (line(words.fate_paper, "reference", "", true))
            }, words.record))
        }
        details { summary { (words.fate_put_back) }
            (wish(visitor, lot, "put-back", &html! {
                (bag) (line(words.because, "because", "", true))
            }, words.record))
        }
    }
}

/// The form that takes in what never boots.
pub(super) fn take_in(visitor: &Visitor, lot: &LotView) -> Markup {
    let words = visitor.lang.lots();
    html! {
        @if lot.closed.is_none() {
            section aria-labelledby="take-in" {
                h2 #take-in { (words.take_in_title) }
                p .hint { (words.take_in_hint) }
                (wish(visitor, lot.id, "take-in", &html! {
                    div .pair {
                        (line(words.serial, "serial", "", false))
                        (line(words.asset, "asset", "", false))
                    }
                    (line(words.because, "because", "", true))
                }, words.take_in_now))
            }
        }
    }
}

/// Rows of which nothing was seen.
pub(super) fn missing(visitor: &Visitor, lot: &LotView) -> Markup {
    let words = visitor.lang.lots();
    html! {
        @if !lot.missing.is_empty() {
            section aria-labelledby="missing" {
                details {
                    summary #missing { (words.missing_title) ": " (lot.missing.len()) }
                    div .scroll { table {
                        thead { tr {
                            @for head in [words.row, words.asset, words.serial, words.model] {
                                th scope="col" { (head) }
                            }
                        } }
                        tbody { @for row in &lot.missing {
                            tr {
                                th scope="row" { (row.row) }
                                td { @if let Some(asset) = &row.asset { (asset) } }
                                td { @if let Some(serial) = &row.serial { (serial.as_str()) } }
                                td { @if let Some(model) = &row.model { (model) } }
                            }
                        } }
                    } }
                }
            }
        }
    }
}

/// Closing, by a person who counts.
pub(super) fn close(visitor: &Visitor, lot: &LotView) -> Markup {
    let words = visitor.lang.lots();
    let count = |label: &str, name: &str| {
        html! {
            label { (label) input .short name=(name) inputmode="numeric" pattern="[0-9]+" required autocomplete="off"; }
        }
    };
    html! {
        section aria-labelledby="close" {
            @match &lot.closed {
                Some(closed) => {
                    h2 #close { (icon(Icon::Done)) (words.closed) }
                    p { (closed.by) ", " (moment(closed.at)) }
                    p { (closed.because) }
                    (wish(visitor, lot.id, "reopen", &line(words.because, "because", "", true), words.reopen_now))
                }
                None => {
                    h2 #close { (words.close_title) }
                    @if lot.may_close {
                        p .hint { (words.even) " " (words.close_hint) }
                        (wish(visitor, lot.id, "close", &html! {
                            div .counts {
                                (count(words.received, "received"))
                                (count(words.erased, "erased"))
                                (count(words.pulled, "pulled"))
                                (count(words.returned, "returned"))
                                (count(words.missing, "missing"))
                            }
                            (line(words.close_because, "because", "", !lot.missing.is_empty()))
                        }, words.close_now))
                    } @else { p .notice { (icon(Icon::List)) span { (words.uneven) } } }
                }
            }
        }
    }
}

/// What leaves the workshop with the lot.
pub(super) fn take_away(visitor: &Visitor, lot: &LotView) -> Markup {
    let words = visitor.lang.lots();
    html! {
        section aria-labelledby="take-away" {
            h2 #take-away { (words.take_away) }
            @if visitor.may(Action::ExportCertificate) {
                p { a .button download href={ "/lots/" (lot.id) "/certificates" } { (words.export_certificates) } }
                p .hint { (words.export_certificates_hint) " " a href="/verify" { (words.verify_here) } }
            }
            p { a .button download href={ "/lots/" (lot.id) "/table" } { (words.export_csv) } }
        }
    }
}

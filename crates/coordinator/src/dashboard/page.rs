//! The frame of every page.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::guard::Visitor;
use super::icon::{Icon, icon};
use super::lang::Lang;
use super::panic;
use crate::access::Action;
use crate::simulated;

/// A page, ready to be sent.
#[derive(Debug)]
pub(super) struct Page(StatusCode, Markup);

impl Page {
    /// The same page with another status.
    pub(super) fn with(self, status: StatusCode) -> Self {
        Self(status, self.1)
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let html = [(CONTENT_TYPE, "text/html; charset=utf-8")];
        (self.0, html, self.1.into_string()).into_response()
    }
}

/// Where a page stands in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Bench,
    Pick,
    Arm,
    Lots,
    Protected,
    Log,
    Users,
}

/// What a page is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) title: &'a str,
    pub(super) place: Place,
    /// Its own address, for switching the language.
    pub(super) path: &'a str,
    /// Whether it changes while one looks at it.
    pub(super) live: bool,
}

/// A page for somebody who is logged in.
pub(super) fn page(visitor: &Visitor, head: Head<'_>, content: Markup) -> Page {
    let (lang, words) = (visitor.lang, visitor.lang.words());
    let menu = [
        (Place::Bench, "/bench", words.bench),
        (Place::Pick, "/pick", words.pick),
        (Place::Arm, "/arm", words.arm),
        (Place::Lots, "/lots", words.lots),
        (Place::Protected, "/protected", words.protected),
        (Place::Log, "/log", words.log),
        (Place::Users, "/users", words.users),
    ];
    let shown = |place| match place {
        // Who may not arm finds the batches there.
        Place::Bench | Place::Lots | Place::Protected | Place::Log | Place::Arm => true,
        Place::Pick => visitor.may(Action::Pick),
        Place::Users => visitor.may(Action::ManageUsers),
    };
    let header = html! {
        nav aria-label=(words.menu) {
            @for (place, href, word) in menu.into_iter().filter(|it| shown(it.0)) {
                a href=(href) aria-current=[(place == head.place).then_some("page")] { (word) }
            }
        }
        div .who {
            (languages(lang, head.path))
            span .name { span .hidden { (words.logged_in_as) " " } (visitor.visit.actor.name) }
            form method="post" action="/logout" {
                (token(visitor))
                button .quiet { (words.log_out) }
            }
        }
    };
    let content = html! {
        div #panic { (panic::markup(visitor, visitor.panic.as_ref())) }
        (content)
    };
    frame(lang, head.title, head.live, header, content)
}

/// A page for somebody who is not logged in.
pub(super) fn outside_page(lang: Lang, title: &str, path: &str, content: Markup) -> Page {
    let header = html! { div .who { (languages(lang, path)) } };
    frame(lang, title, false, header, content)
}

/// A page that says why something was not done.
pub(super) fn refusal_page(lang: Lang, status: StatusCode, sentence: &str) -> Page {
    let words = lang.words();
    let content = html! {
        h1 { (words.refused) }
        p .notice .bad role="alert" { (icon(Icon::Alert)) span { (sentence) } }
        p { a .button href="/bench" { (words.back_to_bench) } }
    };
    outside_page(lang, words.refused, "/", content).with(status)
}

/// Why something was not done, above the form that asked for it. What stands verbatim may be in English.
pub(super) fn refusal(sentence: &str, verbatim: Option<&str>) -> Markup {
    html! {
        p .notice .bad role="alert" {
            (icon(Icon::Alert))
            span {
                (sentence)
                @if let Some(verbatim) = verbatim { ": " span lang="en" { (verbatim) } }
            }
        }
    }
}

/// The form field that proves that a form is ours.
pub(super) fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name="token" value=(visitor.visit.form_token); }
}

/// A moment. The script turns it into the browser's own time.
pub(super) fn moment(at: protocol::UnixMillis) -> Markup {
    let text = crate::calendar::utc(at);
    html! { time datetime=(text.replace(' ', "T").replace("TUTC", "Z")) { (text) } }
}

fn languages(lang: Lang, path: &str) -> Markup {
    html! {
        span .languages role="group" aria-label=(lang.words().languages) {
            @for other in [Lang::En, Lang::Pl] {
                a href={ (path) "?lang=" (other.code()) } lang=(other.code())
                    hreflang=(other.code()) aria-current=[(other == lang).then_some("true")] {
                    (other.code().to_uppercase())
                }
            }
        }
    }
}

fn frame(lang: Lang, title: &str, live: bool, header: Markup, content: Markup) -> Page {
    let words = lang.words();
    let body = html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Rehome" }
                link rel="stylesheet" href="/assets/dashboard.css";
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                script src="/assets/dashboard.js" defer {}
                @if live { noscript { meta http-equiv="refresh" content="5"; } }
            }
            body data-live=[live.then_some("/events")] {
                a .skip href="#content" { (words.skip) }
                header {
                    a .brand href="/bench" { (icon(Icon::Mark)) "Rehome" }
                    (header)
                }
                @if simulated::is_noted() {
                    p .simulated role="note" { (icon(Icon::Alert)) strong { (words.simulated) } }
                }
                main #content tabindex="-1" { (content) }
                p #lost .notice .bad role="alert" hidden { (icon(Icon::Alert)) span { (words.connection_lost) } }
            }
        }
    };
    Page(StatusCode::OK, body)
}

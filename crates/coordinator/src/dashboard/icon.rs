//! Icons: each has its own outline, so that none rests on its color.

use maud::{Markup, PreEscaped, html};

/// An icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    Alert,
    Silent,
    Work,
    Done,
    Hand,
    List,
    Drive,
    DriveEmpty,
    Mark,
}

/// An icon as part of a page. It says nothing to a screen reader: a word always stands beside it.
pub(super) fn icon(icon: Icon) -> Markup {
    // Our own constants, nothing from outside.
    let shape = match icon {
        Icon::Alert => r#"<path d="M12 2 23 21H1Z"/><path class="cut" d="M12 9v6m0 2v2"/>"#,
        Icon::Silent => {
            r#"<path class="line" d="M7 2v6m10-6v6M5 8h14v4a7 7 0 0 1-14 0Zm7 11v4M2 22 22 3"/>"#
        }
        Icon::Work => {
            r#"<path class="line" d="M20.5 12a8.5 8.5 0 1 1-3-6.5"/><path d="M22 1v8h-8Z"/>"#
        }
        Icon::Done => {
            r#"<circle cx="12" cy="12" r="11"/><path class="cut" d="m6.5 12.5 4 4 7-8.5"/>"#
        }
        Icon::Hand => r#"<path d="M3 12 12 2l9 10h-5v10H8V12Z"/>"#,
        Icon::List => r#"<path class="line" d="M4 5h16M4 12h16M4 19h10"/>"#,
        Icon::Drive => {
            r#"<path d="M4 3h16v18H4Z"/><circle class="cut" cx="12" cy="10" r="4"/><path class="cut" d="M8 18h8"/>"#
        }
        Icon::DriveEmpty => {
            r#"<path class="line" d="M4 3h16v18H4Z"/><path class="line" d="m8 12 3 3 5-6"/>"#
        }
        Icon::Mark => {
            r#"<path d="M3 3h8v8H3Zm10 0h8v8h-8ZM3 13h8v8H3Z"/><path class="line" d="m14 17 2.5 2.5L21 14.5"/>"#
        }
    };
    html! {
        svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false" {
            (PreEscaped(shape))
        }
    }
}

//! The plain words that belong to a policy: a page of Markdown with headings, paragraphs, lists, bold, italics and code,
//! and nothing else.

use maud::{Markup, html};

/// The page as HTML, its headings two levels down.
pub(super) fn explanation(markdown: &str) -> Markup {
    html! { @for block in blocks(markdown) { (block.markup()) } }
}

/// A block of a page.
#[derive(Debug, PartialEq, Eq)]
enum Block<'a> {
    Title(&'a str),
    Heading(&'a str),
    List(Vec<String>),
    Paragraph(String),
}

impl Block<'_> {
    fn markup(&self) -> Markup {
        match self {
            Self::Title(text) => html! { h3 { (inline(text)) } },
            Self::Heading(text) => html! { h4 { (inline(text)) } },
            Self::List(items) => html! { ul { @for item in items { li { (inline(item)) } } } },
            Self::Paragraph(text) => html! { p { (inline(text)) } },
        }
    }
}

fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    // Whether the line before belongs to the same block.
    let mut open = false;
    for line in markdown.lines() {
        let text = line.trim();
        let was_open = std::mem::replace(&mut open, !text.is_empty());
        if text.is_empty() {
            continue;
        }
        if let Some(heading) = text.strip_prefix("## ") {
            blocks.push(Block::Heading(heading));
            open = false;
        } else if let Some(title) = text.strip_prefix("# ") {
            blocks.push(Block::Title(title));
            open = false;
        } else if let Some(item) = text.strip_prefix("- ") {
            match blocks.last_mut() {
                Some(Block::List(items)) if was_open => items.push(item.to_owned()),
                _ => blocks.push(Block::List(vec![item.to_owned()])),
            }
        } else {
            match blocks.last_mut().filter(|_| was_open) {
                Some(Block::Paragraph(before)) => *before = format!("{before} {text}"),
                Some(Block::List(items)) => {
                    let last = items.pop().unwrap_or_default();
                    items.push(format!("{last} {text}"));
                }
                _ => blocks.push(Block::Paragraph(text.to_owned())),
            }
        }
    }
    blocks
}

/// Text with bold, italics and code. A mark without its counterpart is text.
fn inline(text: &str) -> Markup {
    let marks = [("**", Mark::Bold), ("`", Mark::Code), ("*", Mark::Italics)];
    let first = marks
        .into_iter()
        .filter_map(|(mark, kind)| {
            let (before, rest) = text.split_once(mark)?;
            let (inside, after) = rest.split_once(mark)?;
            // As in a product of two numbers: that is no mark.
            let is_text = !inside.is_empty() && inside.trim() == inside;
            is_text.then_some((before, inside, after, kind))
        })
        // Of two that begin at the same place the longer one is listed first.
        .min_by_key(|(before, ..)| before.len());
    let Some((before, inside, after, kind)) = first else { return html! { (text) } };
    html! {
        (before)
        @match kind {
            Mark::Bold => b { (inline(inside)) },
            Mark::Italics => i { (inline(inside)) },
            Mark::Code => code { (inside) },
        }
        (inline(after))
    }
}

#[derive(Debug, Clone, Copy)]
enum Mark {
    Bold,
    Italics,
    Code,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;
    use crate::policies::SHIPPED;

    #[test]
    fn a_page_of_markdown_becomes_html() {
        for (markdown, expected) in [
            (
                "# A `b`\n\nOne\ntwo.\n\nThree.",
                "<h3>A <code>b</code></h3><p>One two.</p><p>Three.</p>",
            ),
            (
                "## A\n- **b:** c *d*\n- e\n  f\n\n- g",
                "<h4>A</h4><ul><li><b>b:</b> c <i>d</i></li><li>e f</li></ul><ul><li>g</li></ul>",
            ),
            ("2 * 3 < 7 ** and ` so on", "<p>2 * 3 &lt; 7 ** and ` so on</p>"),
            ("**a *b* c**", "<p><b>a <i>b</i> c</b></p>"),
            ("", ""),
        ] {
            assert_eq!(explanation(markdown).into_string(), expected);
        }
    }

    #[test]
    fn nothing_of_what_is_shipped_is_left_as_marks() {
        for shipped in &SHIPPED {
            for language in [Language::En, Language::Pl] {
                let html = explanation(shipped.explanation(language)).into_string();
                assert!(html.starts_with("<h3>") && html.contains("<h4>") && html.contains("<li>"));
                for mark in ["**", "`", "#", "](", "|", "<p>-", "*"] {
                    assert!(!html.contains(mark), "{mark} is left in {}: {html}", shipped.name);
                }
            }
        }
    }
}

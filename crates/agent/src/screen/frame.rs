//! A picture of the state as lines of styled text. Pure: what is shown in, cells out.

use protocol::api::Progress;
use sys::terminal::TerminalSize;

use super::numerals;
use super::words::Labels;
use super::{Shown, State};

/// Empty columns at both sides.
const MARGIN: usize = 4;
/// Columns that a pixel of the large number takes at scale 1: a cell is twice as high as wide.
const PIXEL_COLUMNS: usize = 2;
const MAX_BAR: usize = 100;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As the terminal does it.
    Plain,
    /// Brighter.
    Bold,
    /// Less important.
    Dim,
    /// The title line.
    Title,
    /// A lit pixel of the number.
    Lit,
    /// The done part of the bar.
    Done,
    /// The part of the bar to come.
    Rest,
    /// What is wrong.
    Problem,
}

/// A line: pieces from left to right.
pub(super) type Line = Vec<(Style, String)>;

/// The picture, exactly as many lines as the terminal has, none longer than a line of it.
pub(super) fn frame(shown: &Shown, size: TerminalSize) -> Vec<Line> {
    let (rows, columns) = (usize::from(size.rows), usize::from(size.columns));
    let width = columns.saturating_sub(2 * MARGIN).max(1);
    let (state, labels) = (&shown.state, shown.lang.labels());
    let mut lines = vec![title(&shown.site, columns), Line::new()];
    lines.push(indented(Style::Dim, labels.machine.to_owned()));
    lines.extend(number(state, rows, width));
    lines.push(Line::new());
    if state.number.is_none() {
        lines.extend(paragraph(Style::Dim, labels.no_number, width));
        lines.push(Line::new());
    }
    lines.push(stages(shown));
    lines.push(Line::new());
    lines.extend(paragraph(Style::Bold, &state.sentence.text(shown.lang), width));
    if let Some(progress) = state.progress {
        lines.push(Line::new());
        lines.push(bar(progress, width));
        lines.push(indented(Style::Plain, counts(progress, labels)));
    }
    if let Some(problem) = &state.problem {
        lines.push(Line::new());
        lines.extend(paragraph(Style::Problem, &format!("{} {problem}", labels.problem), width));
    }
    if let Some(fingerprint) = &state.fingerprint {
        // At the bottom, so that it stays where the eye has found it.
        lines.resize(lines.len().max(rows.saturating_sub(2)), Line::new());
        let text = format!("{} {fingerprint}  ({})", labels.agent, labels.compare);
        lines.push(indented(Style::Dim, clipped(&text, width)));
    }
    lines.resize(rows, Line::new());
    lines.iter().map(|line| fitted(line, columns)).collect()
}

fn title(site: &str, columns: usize) -> Line {
    let left = "  Rehome";
    let right = format!("{}  ", plain(site));
    let gap = columns.saturating_sub(left.chars().count() + right.chars().count());
    vec![(Style::Title, format!("{left}{}{right}", " ".repeat(gap)))]
}

fn number(state: &State, rows: usize, width: usize) -> Vec<Line> {
    let text = state.number.map_or_else(|| "--".to_owned(), |number| number.to_string());
    let pixels_wide = numerals::row(&text, 0).len();
    let scale = (rows / 3 / numerals::HEIGHT).min(width / PIXEL_COLUMNS / pixels_wide).max(1);
    let style = if state.number.is_some() { Style::Lit } else { Style::Rest };
    let mut lines = Vec::new();
    for row in 0..numerals::HEIGHT {
        let mut line = indent();
        for lit in numerals::row(&text, row) {
            let cells = " ".repeat(PIXEL_COLUMNS * scale);
            line.push((if lit { style } else { Style::Plain }, cells));
        }
        lines.extend(std::iter::repeat_n(line, scale));
    }
    lines
}

fn stages(shown: &Shown) -> Line {
    let mut line = indent();
    for (stage, name) in shown.lang.stages() {
        if line.len() > 1 {
            line.push((Style::Dim, " > ".to_owned()));
        }
        let style = if stage == shown.state.stage { Style::Title } else { Style::Dim };
        line.push((style, name.to_owned()));
    }
    line
}

fn bar(progress: Progress, width: usize) -> Line {
    let cells = width.min(MAX_BAR);
    let done = share(progress, cells);
    let mut line = indent();
    line.push((Style::Done, " ".repeat(done)));
    line.push((Style::Rest, " ".repeat(cells - done)));
    line
}

/// How many of `parts` are done; all of them only at the very end.
fn share(progress: Progress, parts: usize) -> usize {
    let (done, total) = (u128::from(progress.done.0), u128::from(progress.total.0));
    let share = (done * parts as u128).checked_div(total).unwrap_or(0);
    usize::try_from(share).unwrap_or(parts).min(parts)
}

fn counts(progress: Progress, labels: &Labels) -> String {
    let length =
        |bytes: protocol::ByteLen| bytes.to_string().replace('.', &labels.decimal.to_string());
    let percent = share(progress, 100);
    let mut text = format!(
        "{percent} %   {} {} {}   {}/s",
        length(progress.done),
        labels.of,
        length(progress.total),
        length(progress.rate)
    );
    let left = progress.total.0.saturating_sub(progress.done.0).checked_div(progress.rate.0);
    if let Some(seconds) = left {
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        text.push_str(&match hours {
            0 => format!("   {} {minutes}:{seconds:02}", labels.left),
            _ => format!("   {} {hours}:{minutes:02}:{seconds:02}", labels.left),
        });
    }
    text
}

/// The text in lines of at most `width` characters, broken at spaces where there are any.
fn paragraph(style: Style, text: &str, width: usize) -> Vec<Line> {
    let mut lines = vec![String::new()];
    for word in plain(text).split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        loop {
            let line = lines.last_mut().map(|line| (line.chars().count(), line));
            let Some((len, line)) = line else { break };
            let gap = usize::from(len > 0);
            if len + gap + word.len() <= width {
                line.push_str(if gap == 1 { " " } else { "" });
                line.extend(word.drain(..));
                break;
            }
            if len == 0 {
                line.extend(word.drain(..width));
            }
            lines.push(String::new());
        }
    }
    lines.into_iter().map(|line| indented(style, line)).collect()
}

/// Without what a terminal would obey instead of show: the text may come from elsewhere.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

fn clipped(text: &str, width: usize) -> String {
    plain(text).chars().take(width).collect()
}

fn fitted(line: &Line, columns: usize) -> Line {
    let mut left = columns;
    let mut fitted = Line::new();
    for (style, text) in line {
        let text: String = text.chars().take(left).collect();
        left -= text.chars().count();
        if !text.is_empty() {
            fitted.push((*style, text));
        }
    }
    fitted
}

fn indent() -> Line {
    vec![(Style::Plain, " ".repeat(MARGIN))]
}

fn indented(style: Style, text: String) -> Line {
    let mut line = indent();
    line.push((style, text));
    line
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;
    use protocol::{ByteLen, MachineNumber, Stage};

    use super::super::{Lang, Sentence};
    use super::*;

    const SMALL: TerminalSize = TerminalSize { rows: 25, columns: 80 };

    fn shown(lang: Lang) -> Shown {
        let progress = Progress {
            done: ByteLen(1_449_551_462),
            total: ByteLen(3_221_225_472),
            rate: ByteLen(120_000_000),
        };
        let state = State {
            number: NonZeroU32::new(7).map(MachineNumber),
            fingerprint: Some("1f1f-1f1f".into()),
            stage: Stage::Sanitize,
            sentence: Sentence::Working(
                sanitize::Doing::Overwriting,
                "SAMSUNG SSD PM981 serial S3 (3.22 GB)".into(),
            ),
            progress: Some(progress),
            problem: Some("żółć: three sectors were not written".into()),
        };
        Shown { state, site: "Warsztat Poznań".into(), lang }
    }

    fn text(shown: &Shown, size: TerminalSize) -> Vec<String> {
        let lines = frame(shown, size);
        lines.iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    #[test]
    fn everything_is_on_a_small_screen_in_both_languages() {
        for (lang, words) in [
            (
                Lang::En,
                [
                    "44 %   1.44 GB of 3.22 GB   120 MB/s   time left 0:14",
                    "What is wrong: żółć",
                    "Erasing: writing over all of SAMSUNG",
                ],
            ),
            (
                Lang::Pl,
                [
                    "44 %   1,44 GB z 3,22 GB   120 MB/s   pozostało 0:14",
                    "Co jest nie tak: żółć",
                    "Kasowanie: nadpisuję cały dysk SAMSUNG",
                ],
            ),
        ] {
            let text = text(&shown(lang), SMALL);
            assert_eq!(text.len(), 25);
            for word in words.iter().chain(&["1f1f-1f1f", "Warsztat Poznań"]) {
                assert!(
                    text.iter().any(|line| line.contains(word)),
                    "{word:?} is not in {text:#?}"
                );
            }
        }
    }

    #[test]
    fn all_stages_fit_a_small_screen() {
        for lang in [Lang::En, Lang::Pl] {
            let shown = shown(lang);
            let text: String = stages(&shown).into_iter().map(|(_, text)| text).collect();
            assert!(text.chars().count() <= 80 - MARGIN, "{text}");
        }
    }

    #[test]
    fn the_bar_is_full_only_when_all_is_done() {
        for (done, total, expected) in
            [(0, 10, 0), (999_999, 1_000_000, 99), (10, 10, 100), (11, 10, 100), (0, 0, 0)]
        {
            let progress =
                Progress { done: ByteLen(done), total: ByteLen(total), rate: ByteLen(0) };
            assert_eq!(share(progress, 100), expected, "{done} of {total}");
        }
    }

    #[test]
    fn words_of_others_cannot_steer_the_terminal() {
        let mut shown = shown(Lang::En);
        shown.state.problem = Some("\x1b[2J\x07gone\u{9b}5m".into());
        shown.state.sentence = Sentence::Verbatim("\x1b]0;x".into());
        shown.site = "\x1bc".into();
        for line in text(&shown, SMALL) {
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_is_longer_than_the_terminal(rows in 0_u16..70, columns in 0_u16..250, words in "\\PC{0,300}") {
            let mut shown = shown(Lang::Pl);
            shown.state.problem = Some(words);
            let text = text(&shown, TerminalSize { rows, columns });
            prop_assert_eq!(text.len(), usize::from(rows));
            for line in text {
                prop_assert!(line.chars().count() <= usize::from(columns));
            }
        }
    }
}

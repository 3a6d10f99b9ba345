//! Asking for a drive's serial number before it is touched.

use std::io::{self, BufRead, IsTerminal as _, Write};

use anyhow::Context as _;
use protocol::TicketId;
use protocol::plan::PlannedDrive;
use sanitize::ConsentedDrive;

use super::random_bytes;
use super::refused::Refused;

/// Consent for the drive: by `--serial`, or by typing its serial number at the terminal.
pub(super) fn consent(
    planned: &PlannedDrive,
    given: Option<&str>,
    consequence: &str,
) -> anyhow::Result<ConsentedDrive> {
    let question = question(planned, consequence);
    let typed = match given {
        Some(given) => {
            eprint!("{question}");
            given.to_owned()
        }
        None if io::stdin().is_terminal() => ask(&question, io::stdin().lock(), io::stderr())?,
        None => {
            let drive = &planned.identity;
            let sentence = format!(
                "{drive}: there is no terminal to ask for its serial number: give --serial"
            );
            return Err(Refused(sentence).into());
        }
    };
    let run = TicketId::from_bytes(random_bytes()?);
    ConsentedDrive::by_hand(planned, &typed, run).map_err(|error| Refused(error.to_string()).into())
}

/// What a person sees of the drive before deciding. What is on it is not read.
fn question(planned: &PlannedDrive, consequence: &str) -> String {
    let identity = &planned.identity;
    let wwn = identity.wwn.as_deref().unwrap_or("none");
    format!(
        "model   {}\nserial  {}\nwwn     {wwn}\nsize    {} ({} bytes, sectors of {})\n\
         content was not looked at\n\n{consequence}\n",
        identity.model,
        identity.serial,
        identity.size,
        identity.size.0,
        planned.sector_size.bytes()
    )
}

/// One line, without its line end and with everything else, spaces included.
fn ask(question: &str, mut from: impl BufRead, mut to: impl Write) -> anyhow::Result<String> {
    let doing = "asking for the drive's serial number";
    write!(to, "{question}Type the drive's serial number to go on: ").context(doing)?;
    to.flush().context(doing)?;
    let mut line = String::new();
    from.read_line(&mut line).context(doing)?;
    let typed = line.strip_suffix('\n').unwrap_or(&line);
    Ok(typed.strip_suffix('\r').unwrap_or(typed).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_end_is_taken_off() {
        for (line, typed) in [
            ("S1-A\n", "S1-A"),
            ("S1-A\r\n", "S1-A"),
            ("S1-A", "S1-A"),
            (" S1-A \n", " S1-A "),
            ("S1-A\nS2\n", "S1-A"),
            ("", ""),
        ] {
            let mut shown = Vec::new();
            assert_eq!(ask("?\n", line.as_bytes(), &mut shown).unwrap(), typed, "{line:?}");
            assert!(String::from_utf8(shown).unwrap().starts_with("?\nType"));
        }
    }
}

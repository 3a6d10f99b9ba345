//! What is never touched: machines and drives that a person names. Pure.

use std::fmt;

use protocol::{Inventory, MachineIdentity, PersonId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::event::Happening;

/// The longest mark and the longest reason, in characters.
const MAX_LEN: usize = 300;
/// Shorter ones are nobody's serial number, but may be a slip of the finger.
const MIN_LEN: usize = 3;

/// Something that a machine or a drive says of itself: a serial number, UUID, network address or World Wide Name.
/// Upper and lower case make no difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Mark(String);

/// Who protects it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protected {
    pub(crate) by: PersonId,
    pub(crate) because: String,
    pub(crate) at: UnixMillis,
}

/// Why a mark is not protected, or goes on being so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtectError {
    #[error(
        "a mark is a serial number, UUID, network address or World Wide Name: one line of {MIN_LEN} to {MAX_LEN} characters"
    )]
    Mark,
    #[error("say why with --because: one line of at most {MAX_LEN} characters")]
    Reason,
    #[error("{0} is protected already; `rehome protect list` shows by whom")]
    Twice(Mark),
    #[error("{0} is not protected; `rehome protect list` shows what is")]
    Not(Mark),
}

impl Mark {
    /// As a person typed it.
    ///
    /// # Errors
    /// When it is no line that anything could say of itself.
    pub(crate) fn typed(text: &str) -> Result<Self, ProtectError> {
        // Measured as it is written: some letters become two or three when they are capitalized.
        line(&text.to_uppercase(), MIN_LEN).map(Self).ok_or(ProtectError::Mark)
    }

    /// One that was never checked, as a mistake of the program would write it.
    #[cfg(test)]
    pub(crate) fn unchecked(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether the machine, or one of the drives in sight, says this of itself: now, or when it was seen first. People
    /// copy marks from labels and from other programs, which write them with other dashes, blanks and prefixes.
    pub(crate) fn fits(&self, who: &MachineIdentity, inventory: Option<&Inventory>) -> bool {
        let bare_mark = bare(&self.0);
        let is = |text: &str| {
            text.trim().to_uppercase() == self.0
                || (!bare_mark.is_empty() && bare(text) == bare_mark)
        };
        let drives = inventory.into_iter().flat_map(|it| &it.drives);
        let mut drives = drives.filter_map(|drive| drive.identity.as_ref().ok());
        let says = |who: &MachineIdentity| {
            let MachineIdentity { uuid, system_serial, board_serial, chassis_serial, macs } = who;
            let parts = [uuid, system_serial, board_serial, chassis_serial];
            parts.into_iter().flatten().any(|text| is(text))
                || macs.iter().any(|mac| is(&mac.to_string()))
        };
        says(who)
            || inventory.is_some_and(|it| says(&it.identity))
            || drives.any(|it| is(&it.serial) || it.wwn.as_deref().is_some_and(is))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Mark {
    type Error = ProtectError;
    fn try_from(text: String) -> Result<Self, ProtectError> {
        // Only as it is written: a journal must read back byte for byte.
        Self::typed(&text)
            .and_then(|mark| if mark.0 == text { Ok(mark) } else { Err(ProtectError::Mark) })
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        mark.0
    }
}

/// Protects what says this of itself.
pub(crate) fn protect(
    bench: &Bench,
    mark: &str,
    by: PersonId,
    because: &str,
) -> Result<Happening, ProtectError> {
    let mark = Mark::typed(mark)?;
    let because = line(because, 1).ok_or(ProtectError::Reason)?;
    if bench.protected(&mark).is_some() {
        return Err(ProtectError::Twice(mark));
    }
    Ok(Happening::Protected { mark, by, because })
}

/// Protects it no more.
pub(crate) fn unprotect(
    bench: &Bench,
    mark: &str,
    by: PersonId,
    because: &str,
) -> Result<Happening, ProtectError> {
    let mark = Mark::typed(mark)?;
    let because = line(because, 1).ok_or(ProtectError::Reason)?;
    if bench.protected(&mark).is_none() {
        return Err(ProtectError::Not(mark));
    }
    Ok(Happening::Unprotected { mark, by, because })
}

/// Letters and digits, without what tells a World Wide Name's kind.
fn bare(text: &str) -> String {
    let text = text.trim().to_uppercase();
    let prefixes = ["NAA.", "EUI.", "WWN-", "0X"];
    let rest = prefixes.iter().find_map(|it| text.strip_prefix(it)).unwrap_or(&text);
    // `wwn-0x5002…`, as links under /dev name it.
    let rest = rest.strip_prefix("0X").unwrap_or(rest);
    rest.chars().filter(|it| it.is_alphanumeric()).collect()
}

fn line(text: &str, least: usize) -> Option<String> {
    let text = text.trim();
    let n = text.chars().count();
    (n >= least && n <= MAX_LEN && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use protocol::JobKind;

    use super::*;
    use crate::scene::hardware::laptop;
    use crate::scene::{AUTOMATIC, MANUAL, OLA, Scene};

    fn add(scene: &mut Scene, mark: &str) {
        let happening = protect(&scene.bench, mark, OLA, "the mayor's own").unwrap();
        scene.apply(vec![happening]);
    }

    #[test]
    fn whatever_a_machine_or_its_drive_says_of_itself_protects_it() {
        let mac = laptop(1).nics[0].mac.to_string();
        let uuid = laptop(1).identity.uuid.unwrap();
        for mark in ["sys001", " BRD001 ", "drive001", &mac, &uuid] {
            for seen_before in [false, true] {
                let mut scene = Scene::new();
                scene.arm(1, 2, JobKind::Wipe {});
                if !seen_before {
                    add(&mut scene, mark);
                }
                let agent = scene.boot(&laptop(1), if seen_before { MANUAL } else { AUTOMATIC });
                if seen_before {
                    add(&mut scene, mark);
                }
                assert!(scene.machine(&agent).admission.is_none(), "{mark} was admitted by itself");
                let why = scene.pick(&[agent.number]).unwrap_err().to_string();
                assert!(why.contains("protected") && why.contains("mayor"), "{mark}: {why}");
                let other = scene.boot(&laptop(2), MANUAL);
                scene.pick(&[other.number]).unwrap();
            }
        }
    }

    #[test]
    fn a_mark_is_known_however_a_label_writes_it() {
        let mut seen = laptop(1);
        let drive = seen.drives[0].identity.as_mut().unwrap();
        (drive.serial, drive.wwn) = ("S1-2 3_X".into(), Some("naa.5002538d40a1b2c3".into()));
        let uuid = seen.identity.uuid.clone().unwrap();
        for mark in [
            "52-54-00-00-00-01",
            "525400000001",
            "5254.0000.0001",
            "naa.5002538d40a1b2c3",
            "0x5002538d40a1b2c3",
            "wwn-0x5002538D40A1B2C3",
            "5 002538 D40A1B2C3",
            "s12 3x",
            &uuid.replace('-', ""),
            "SYS 001",
        ] {
            let mark = Mark::typed(mark).unwrap();
            assert!(mark.fits(&seen.identity, Some(&seen)), "{mark}");
            assert!(!mark.fits(&laptop(2).identity, Some(&laptop(2))), "{mark}");
        }
        assert!(!Mark::typed("---").unwrap().fits(&seen.identity, Some(&seen)));
    }

    #[test]
    fn what_a_machine_says_of_itself_later_protects_it_too() {
        let mut scene = Scene::new();
        scene.arm(1, 1, JobKind::Wipe {});
        let mut silent = laptop(1);
        silent.identity.board_serial = None;
        let first = scene.boot(&silent, MANUAL);
        scene.pick(&[first.number]).unwrap();
        add(&mut scene, "BRD001");
        assert_eq!(scene.machine(&first).protected(), None);
        let mut agent = scene.boot(&laptop(1), MANUAL);
        assert_eq!(agent.id, first.id);
        assert!(scene.machine(&agent).protected().is_some());
        // Its ticket was given before the mark was set.
        let mut scene = Scene::new();
        scene.arm(1, 1, JobKind::Wipe {});
        scene.boot(&silent, MANUAL);
        agent = scene.boot(&laptop(1), MANUAL);
        scene.pick(&[agent.number]).unwrap();
        let request = scene.request(&agent, &laptop(1));
        scene.consent(&agent, &request).unwrap();
        add(&mut scene, "BRD001");
        let steps = scene.wiped(&agent);
        let refused = scene.try_report(&mut agent, steps);
        assert!(refused.unwrap().to_string().contains("void"), "the ticket was used");
    }

    #[test]
    fn a_machine_that_is_protected_after_it_was_picked_gets_no_ticket_and_uses_none() {
        let mut scene = Scene::new();
        scene.arm(1, 1, JobKind::Wipe {});
        let mut agent = scene.boot(&laptop(1), MANUAL);
        scene.pick(&[agent.number]).unwrap();
        let request = scene.request(&agent, &laptop(1));
        scene.consent(&agent, &request).unwrap();
        add(&mut scene, "DRIVE001");
        let steps = scene.wiped(&agent);
        let refused = scene.try_report(&mut agent, steps);
        assert!(refused.unwrap().to_string().contains("void"), "the ticket was used");
        let request = scene.request(&agent, &laptop(1));
        let reply = scene.consent(&agent, &request);
        assert!(!matches!(reply, Ok(protocol::PlanReply::Ticket { .. })), "{reply:?}");
        // It is nobody's any more: it goes on.
        let freed = unprotect(&scene.bench, "drive001", OLA, "a slip").unwrap();
        scene.apply(vec![freed]);
        assert!(scene.machine(&agent).attention_reasons().is_empty());
    }

    #[test]
    fn what_is_done_may_be_protected_and_keeps_its_certificate() {
        let mut scene = Scene::new();
        scene.arm(1, 1, JobKind::Wipe {});
        let agent = scene.finish(&laptop(1));
        add(&mut scene, "SYS001");
        assert!(scene.machine(&agent).attention_reasons().is_empty());
    }

    #[test]
    fn marks_and_reasons_are_lines_and_each_is_there_once() {
        let mut scene = Scene::new();
        for bad in ["", " ", "ab", "a\nb", &"x".repeat(301), &"ß".repeat(151), &"ΐ".repeat(101)] {
            assert_eq!(protect(&scene.bench, bad, OLA, "x"), Err(ProtectError::Mark), "{bad:?}");
        }
        assert_eq!(protect(&scene.bench, "SYS001", OLA, " "), Err(ProtectError::Reason));
        for good in ["ß".repeat(150), "ΐ".repeat(100), "x".repeat(300)] {
            let mark = Mark::typed(&good).unwrap();
            assert_eq!(Mark::try_from(String::from(mark.clone())), Ok(mark), "it is read again");
        }
        add(&mut scene, "SYS001");
        assert!(matches!(protect(&scene.bench, "sys001", OLA, "x"), Err(ProtectError::Twice(_))));
        assert!(matches!(unprotect(&scene.bench, "sys002", OLA, "x"), Err(ProtectError::Not(_))));
    }
}

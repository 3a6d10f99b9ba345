//! Waiting for words in a growing log: serial consoles, coordinators, DHCP servers.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a waiting reader looks again.
const POLL: Duration = Duration::from_millis(100);
/// How much of a log's end an error message shows, bytes.
const EXCERPT_LEN: u64 = 3000;

/// A reader of a log that grows. Each successful wait moves on behind what it found, so that
/// a later wait never finds the same words again.
#[derive(Debug)]
pub struct LogTail {
    path: PathBuf,
    /// File offset of the first byte not yet in `pending`.
    read_offset: u64,
    pending: Vec<u8>,
}

impl LogTail {
    /// A reader from the start of `path`, which need not exist yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read_offset: 0, pending: Vec::new() }
    }

    /// The log file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until one of `needles` appears and returns its index: the one that stands first.
    /// `writer_ended` says why nothing more will come (the writer died), to end the wait early.
    ///
    /// # Errors
    /// After `timeout`, or when the writer ended; both show the end of the log.
    pub fn wait_any(
        &mut self,
        needles: &[&str],
        timeout: Duration,
        mut writer_ended: impl FnMut() -> Result<Option<String>>,
    ) -> Result<usize> {
        let deadline = Instant::now() + timeout;
        loop {
            // Asked before reading: what the writer wrote last is then still read.
            let ended = writer_ended()?;
            self.read_new()?;
            if let Some(index) = self.take_first(needles) {
                return Ok(index);
            }
            let reason = match ended {
                Some(reason) => reason,
                None if Instant::now() >= deadline => format!("nothing after {timeout:?}"),
                None => {
                    sleep(POLL);
                    continue;
                }
            };
            bail!(
                "waited for {needles:?} in {}: {reason}; it ends with:\n{}",
                self.path.display(),
                excerpt(&self.path)
            );
        }
    }

    /// Whether `needle` is in the log, behind what was found last. Moves on behind nothing.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn shows(&mut self, needle: &str) -> Result<bool> {
        self.read_new()?;
        Ok(find(&self.pending, needle.as_bytes()).is_some())
    }

    /// Forgets what was written so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn skip_to_end(&mut self) -> Result<()> {
        self.read_new()?;
        self.pending.clear();
        Ok(())
    }

    fn take_first(&mut self, needles: &[&str]) -> Option<usize> {
        let (end, index) = needles
            .iter()
            .enumerate()
            .filter_map(|(index, needle)| {
                let start = find(&self.pending, needle.as_bytes())?;
                Some((start, start + needle.len(), index))
            })
            .min()
            .map(|(_, end, index)| (end, index))?;
        self.pending.drain(..end);
        Some(index)
    }

    fn read_new(&mut self) -> Result<()> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("failed to open {}", self.path.display()));
            }
        };
        let n_read = file
            .seek(SeekFrom::Start(self.read_offset))
            .and_then(|_| file.read_to_end(&mut self.pending))
            .with_context(|| format!("failed to read {}", self.path.display()))?;
        self.read_offset += n_read as u64;
        Ok(())
    }
}

/// The last lines of a log without terminal control sequences; says so when it cannot be read.
pub fn excerpt(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(EXCERPT_LEN)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => plain_text(&bytes),
        Err(error) => format!("({} cannot be read: {error})", path.display()),
    }
}

/// Drops ANSI control sequences and other control characters; firmware draws with them.
fn plain_text(bytes: &[u8]) -> String {
    let mut plain = String::new();
    let text = String::from_utf8_lossy(bytes);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                // CSI: parameters end with a letter. Anything else is a single character.
                if chars.next() == Some('[') {
                    chars.by_ref().find(|c| c.is_ascii_alphabetic());
                }
            }
            '\n' | '\t' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tail_of(text: &str) -> (tempfile::TempDir, LogTail) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("serial.log");
        fs::write(&path, text).unwrap();
        (dir, LogTail::new(&path))
    }

    #[test]
    fn a_wait_takes_the_first_and_moves_on() {
        let (_dir, mut tail) = tail_of("boot panic login: boot");
        let now = Duration::ZERO;
        assert_eq!(tail.wait_any(&["login:", "panic"], now, || Ok(None)).unwrap(), 1);
        assert_eq!(tail.wait_any(&["login:", "panic"], now, || Ok(None)).unwrap(), 0);
        assert_eq!(tail.wait_any(&["boot"], now, || Ok(None)).unwrap(), 0);
        assert!(tail.wait_any(&["boot"], now, || Ok(None)).is_err());
    }

    #[test]
    fn a_dead_writer_ends_the_wait_at_once_and_the_log_is_shown() {
        let (_dir, mut tail) = tail_of("\u{1b}[2J\u{1b}[01;01HOut of memory\r\n");
        let error = tail
            .wait_any(&["login:"], Duration::from_secs(60), || Ok(Some("it exited".to_owned())))
            .unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("it exited") && message.contains("\nOut of memory"), "{message}");
    }
}

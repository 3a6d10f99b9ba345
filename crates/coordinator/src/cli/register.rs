//! `rehome register ...`

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use protocol::Sha256Digest;
use register::{
    AssetRow, Encoding, HeaderKey, Hint, Mapping, Problem, RowNumber, Separator, Sheet, limits,
    propose, read, rows,
};

use super::Verdict;
use crate::console::{say, say_json, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read an asset register (CSV, XLSX, ODS) and say how it is understood; exits with 0 if it can be imported, with 1
    /// and every problem if not, with 2 if it cannot be read
    Check(Check),
}

/// A register's file and how it is read.
#[derive(Debug, Args)]
pub(super) struct Reading {
    /// The register
    file: PathBuf,
    /// The sheet of the workbook [default: the only one with a header]
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// The row of the header [default: found by its words]
    #[arg(long, value_name = "ROW")]
    header_row: Option<RowNumber>,
    /// How a CSV file's bytes are read: utf-8, utf-16le, utf-16be, cp1250, iso-8859-2 [default: found out]
    #[arg(long, value_name = "ENCODING")]
    encoding: Option<Encoding>,
    /// What stands between a CSV file's cells: semicolon, comma, tab [default: found out]
    #[arg(long, value_name = "SEPARATOR")]
    separator: Option<Separator>,
    /// What the columns mean, in a file that --save-mapping wrote and you corrected
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    reading: Reading,
    /// Write what the columns seem to mean to a new file, to be corrected
    #[arg(long, value_name = "FILE", conflicts_with = "mapping")]
    save_mapping: Option<PathBuf>,
}

/// Needs no coordinator.
pub(super) fn run(command: &Command, json: bool) -> Result<Verdict> {
    match command {
        Command::Check(check) => self::check(check, json),
    }
}

/// A register, read and understood.
#[derive(Debug)]
pub(super) struct Understood {
    /// SHA-256 of the file.
    pub(super) file: Sha256Digest,
    pub(super) mapping: Mapping,
    sheet: Sheet,
    /// The assets, or every reason why there are none.
    pub(super) found: Result<Vec<AssetRow>, Vec<Problem>>,
}

impl Reading {
    /// Reads the file; its columns mean what a person says, else what they meant in a register with the same header,
    /// else what their words say.
    pub(super) fn understand(&self, remembered: &[Mapping]) -> Result<Understood> {
        let hint = Hint {
            sheet: self.sheet.clone(),
            header_row: self.header_row,
            encoding: self.encoding,
            separator: self.separator,
        };
        let bytes = bytes_of(&self.file)?;
        let sheet = read(&bytes, &hint)
            .with_context(|| format!("failed to read {}", self.file.display()))?;
        let key = HeaderKey::of(&sheet);
        let mapping = match &self.mapping {
            Some(path) => saved(path)?,
            None => remembered
                .iter()
                .find(|it| it.key == key)
                .cloned()
                .unwrap_or_else(|| propose(&sheet)),
        };
        let found = rows(&sheet, &mapping);
        Ok(Understood { file: evidence::sha256(&bytes), mapping, sheet, found })
    }
}

impl Understood {
    /// Says how the file is understood.
    pub(super) fn print(&self) -> Result<()> {
        print(&self.sheet, &self.mapping, &self.found)
    }
}

fn check(check: &Check, json: bool) -> Result<Verdict> {
    let understood = check.reading.understand(&[])?;
    let Understood { mapping, sheet, found, .. } = &understood;
    if let Some(path) = &check.save_mapping {
        save(path, mapping)?;
    }
    let verdict = if found.is_ok() { Verdict::Done } else { Verdict::Refused };
    if json {
        print_json(sheet, mapping, found)?;
    } else {
        understood.print()?;
    }
    Ok(verdict)
}

/// The file, or as much of it as shows that it is too long.
fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    let failed = || format!("failed to read {}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(failed)?;
    file.take(limits::MAX_FILE_LEN as u64 + 1).read_to_end(&mut bytes).with_context(failed)?;
    Ok(bytes)
}

fn saved(path: &Path) -> Result<Mapping> {
    let bytes = bytes_of(path)?;
    serde_json::from_slice(&bytes).with_context(|| {
        format!("{} holds no mapping; write one with --save-mapping", path.display())
    })
}

/// Writes a new file only: what a person corrected is not overwritten.
fn save(path: &Path, mapping: &Mapping) -> Result<()> {
    let failed = || format!("failed to write the mapping to the new file {}", path.display());
    let file = File::create_new(path).with_context(failed)?;
    serde_json::to_writer_pretty(file, mapping).with_context(failed)
}

fn print_json(
    sheet: &Sheet,
    mapping: &Mapping,
    found: &Result<Vec<AssetRow>, Vec<Problem>>,
) -> Result<()> {
    let problems: Vec<String> = found.as_ref().err().into_iter().flatten().map(said).collect();
    let answer = serde_json::json!({
        "read": sheet.format,
        "header_row": sheet.header_row,
        "rows": sheet.rows.len(),
        "left_out": sheet.left_out,
        "mapping": mapping,
        "assets": found.as_ref().ok(),
        "problems": problems,
    });
    Ok(say_json(&answer.to_string())?)
}

fn print(
    sheet: &Sheet,
    mapping: &Mapping,
    found: &Result<Vec<AssetRow>, Vec<Problem>>,
) -> Result<()> {
    say(&format!("read as {}", sheet.format))?;
    say(&format!("header in row {}, {} rows below it", sheet.header_row, sheet.rows.len()))?;
    for it in &sheet.left_out {
        say(&format!("row {} is left out: {}", it.row, it.why))?;
    }
    say("")?;
    let columns = mapping.columns.iter().map(|it| {
        let kept = if it.role.is_kept() { "kept" } else { "not kept" };
        [
            it.column.to_string(),
            it.header.clone(),
            it.role.to_string(),
            kept.to_owned(),
            it.because.to_string(),
        ]
    });
    let columns: Vec<_> = columns.collect();
    table(["COLUMN", "HEADER", "MEANS", "KEPT", "WHY"], &columns)?;
    say("")?;
    match found {
        Ok(assets) => {
            let with_serial = assets.iter().filter(|it| it.serial.is_some()).count();
            say(&format!(
                "{} assets, {with_serial} of them with a serial number to be matched by",
                assets.len()
            ))?;
        }
        Err(problems) => {
            for problem in problems {
                say(&format!("refused: {}", said(problem)))?;
            }
            say(&format!(
                "problems: {}; nothing can be imported before they are mended",
                problems.len()
            ))?;
        }
    }
    Ok(())
}

fn said(problem: &Problem) -> String {
    problem.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(file: &Path, mapping: Option<&Path>, save_mapping: Option<&Path>) -> Check {
        let reading = Reading {
            file: file.to_owned(),
            sheet: None,
            header_row: None,
            encoding: None,
            separator: None,
            mapping: mapping.map(Path::to_owned),
        };
        Check { reading, save_mapping: save_mapping.map(Path::to_owned) }
    }

    #[test]
    fn a_register_is_checked_corrected_and_checked_again() {
        let dir = tempfile::tempdir().unwrap();
        let (file, mapping) = (dir.path().join("register.bin"), dir.path().join("mapping.json"));
        std::fs::write(&file, "Nr inw.;Nr seryjny;S/N\n1;5CG4410ABC;5CG4410ABD\n").unwrap();
        for json in [false, true] {
            let verdict = check(&asked(&file, None, None), json).unwrap();
            assert_eq!(verdict, Verdict::Refused, "two columns claim to be the serial number");
        }
        check(&asked(&file, None, Some(&mapping)), true).unwrap();
        let again = check(&asked(&file, None, Some(&mapping)), true).unwrap_err();
        assert!(again.to_string().starts_with("failed to write the mapping"), "{again:#}");

        let corrected = std::fs::read_to_string(&mapping).unwrap();
        let corrected = corrected.replacen("\"serial\"", "\"ignored\"", 1);
        std::fs::write(&mapping, corrected).unwrap();
        for json in [false, true] {
            let verdict = check(&asked(&file, Some(&mapping), None), json).unwrap();
            assert_eq!(verdict, Verdict::Done);
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_failure() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("register.csv");
        let refused = check(&asked(&file, None, None), false).unwrap_err();
        assert!(format!("{refused:#}").contains("No such file"), "{refused:#}");
        std::fs::write(&file, "%PDF-1.7").unwrap();
        let refused = check(&asked(&file, None, None), false).unwrap_err();
        assert!(format!("{refused:#}").contains("this is a PDF document"), "{refused:#}");
        std::fs::write(&file, "S/N\n5CG4410ABC\n").unwrap();
        let refused = check(&asked(&file, Some(&file), None), false).unwrap_err();
        assert!(format!("{refused:#}").contains("holds no mapping"), "{refused:#}");
    }
}

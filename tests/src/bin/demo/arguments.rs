//! `--out DIR`, `--disk uefi=FILE`, `--disk bios=FILE`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use workshop::main_job::Kind;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Where everything is left.
    pub(crate) out: PathBuf,
    uefi: Option<PathBuf>,
    bios: Option<PathBuf>,
}

impl Arguments {
    /// Reads the command line.
    pub(crate) fn read(words: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut arguments = Self { out: "out/demo".into(), ..Self::default() };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--out" => arguments.out = value()?.into(),
                "--disk" => {
                    let value = value()?;
                    match value.split_once('=') {
                        Some(("uefi", file)) => arguments.uefi = Some(file.into()),
                        Some(("bios", file)) => arguments.bios = Some(file.into()),
                        _ => bail!("--disk takes uefi=FILE or bios=FILE, not {value:?}"),
                    }
                }
                other => {
                    bail!("{other:?} is unknown; the demo takes --out DIR and --disk uefi=FILE")
                }
            }
        }
        arguments.out = std::path::absolute(&arguments.out)?;
        Ok(arguments)
    }

    /// The dirty disk that was given for this laptop.
    pub(crate) fn disk(&self, kind: Kind) -> Option<&PathBuf> {
        match kind {
            Kind::Uefi => self.uefi.as_ref(),
            Kind::Bios => self.bios.as_ref(),
        }
    }
}

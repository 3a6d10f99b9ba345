//! `rehome site ...`

use anyhow::Result;
use clap::Subcommand;

use super::{Asker, whoami};
use crate::data_dir::DataDir;
use crate::key_rotation::{self, Word};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Let the site's key hand over to a new one; stop `rehome serve` before. Certificates by the keys before go on
    /// verifying, and machines that are switched on must be restarted
    RotateKey {
        /// Why
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    let Command::RotateKey { because, by } = command;
    // Nobody may sign by the old key meanwhile.
    let data = DataDir::open(&asker.data)?;
    let word = Word { by: by.unwrap_or_else(whoami), because };
    let rotated = key_rotation::rotate(&data, word).await?;
    let (key, images) = (rotated.keys.present(), rotated.images);
    let count = rotated.keys.rotations().len();
    let only_finished = rotated.only_finished;
    let answer = serde_json::json!({
        "key": key, "rotations": count, "images": images, "only_finished": only_finished,
    });
    let before = match only_finished {
        true => "a rotation that was interrupted is finished, no other was begun: ",
        false => "",
    };
    let path = data.join(crate::site::PUBLIC);
    asker.said(
        answer.to_string().as_bytes(),
        &format!(
            "{before}the site's key is {key} now (rotation {count}); manifests of {images} images were signed again. Hand out {} \
             anew: with it the certificates of all keys verify",
            path.display()
        ),
    )
}

//! The secret by which a monitor reads the metrics, and nothing else: monitors ask for years and cannot log in again
//! after each restart, as a user's program does.

use std::path::{Path, PathBuf};

use protocol::Sha256Digest;

use crate::private_file::{self, PrivateFileError};
use crate::random::{self, RandomError};

/// Name of the file in the data directory.
const FILE: &str = "metrics.token";
const REMEDY: &str = "delete it; the next start makes another one";

/// Why the metrics cannot be guarded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsTokenError {
    #[error(transparent)]
    File(#[from] PrivateFileError),
    #[error(
        "{0} holds no token of 64 hexadecimal digits; delete it, the next start makes another one"
    )]
    Malformed(PathBuf),
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The token, by its digest: comparing tells nothing by its duration.
#[derive(Debug)]
pub(crate) struct MetricsToken(Sha256Digest);

impl MetricsToken {
    /// That of a data directory, made the first time.
    ///
    /// # Errors
    /// When others may have read it, or it cannot be read or made.
    pub(crate) fn open(data: &Path) -> Result<Self, MetricsTokenError> {
        let path = data.join(FILE);
        let token = match private_file::read(&path, REMEDY)? {
            Some(text) => text.trim().to_owned(),
            None => {
                let token = hex::encode(random::bytes::<32>()?);
                private_file::replace(&path, format!("{token}\n").as_bytes())?;
                token
            }
        };
        let is_ours = token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_ours {
            return Err(MetricsTokenError::Malformed(path));
        }
        Ok(Self(evidence::sha256(token.as_bytes())))
    }

    /// Whether this is it.
    pub(crate) fn is(&self, secret: &str) -> bool {
        evidence::sha256(secret.as_bytes()) == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_stays_is_private_and_a_short_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let token = MetricsToken::open(folder.path()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(token.is(text.trim()) && !token.is("") && !token.is(&text));
        assert!(MetricsToken::open(folder.path()).unwrap().is(text.trim()), "it stays");
        for short in ["", "\n", "0123", &format!("{}x", &text[..63])] {
            private_file::replace(&path, short.as_bytes()).unwrap();
            let refused = MetricsToken::open(folder.path());
            assert!(matches!(refused, Err(MetricsTokenError::Malformed(_))), "{short:?}");
        }
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .unwrap();
        let exposed = MetricsToken::open(folder.path()).unwrap_err().to_string();
        assert!(exposed.contains("others may read"), "{exposed}");
    }
}

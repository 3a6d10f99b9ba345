//! What a run needs that nobody else may know.

use std::fmt;

use protocol::DrivePassword;

/// Fresh for every run, and gone with it.
pub struct Secrets {
    seed: [u8; 32],
    password: Option<DrivePassword>,
}

impl Secrets {
    /// `seed` comes from the system's generator of random numbers and was never used before: canaries, samples, digests
    /// and the pattern derive from it, so whoever knew it could make up what is looked for.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, password: None }
    }

    /// With the drive's password, which has to be on somebody else's disk or paper already: an erase that is interrupted
    /// leaves the drive locked with it.
    pub fn with_password(self, password: DrivePassword) -> Self {
        Self { password: Some(password), ..self }
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    pub(crate) fn password(&self) -> Option<&DrivePassword> {
        self.password.as_ref()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

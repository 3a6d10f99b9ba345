//! Who may log in: a private file of the data directory, with the journal as its witness.

mod change;
mod password;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use argon2::password_hash;
use protocol::{PersonId, Sha256Digest};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::access::{Actor, Role};
use crate::journal::JournalError;
use crate::private_file::{self, PrivateFileError};
use crate::random::RandomError;

pub(crate) use change::{FIRST_NAME, First};

/// Name of the file in the data directory.
pub(crate) const FILE: &str = "users.json";
/// The hash of the one password there was before there were users.
pub(crate) const FORMERLY: &str = "dashboard.hash";
/// What to do once others may have read the hashes, or they are gone.
const REMEDY: &str = "make new passwords with `rehome user password NAME`";
/// The longest name, in characters.
pub(crate) const MAX_NAME_LEN: usize = 60;
/// Users at most: the file is read at each request.
pub(crate) const MAX_USERS: usize = 200;

/// Why users cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    #[error(transparent)]
    File(#[from] PrivateFileError),
    #[error("there is no {path}; start `rehome serve`, which makes the first user")]
    Missing { path: PathBuf },
    #[error("{path} cannot be read ({why}); restore it from a copy, nothing was changed")]
    Malformed { path: PathBuf, why: String },
    #[error(
        "the password's hash of {name} is none ({why}); `rehome user password {name:?}` makes a new one"
    )]
    BadHash { name: String, why: password_hash::Error },
    #[error("failed to hash a password: {0}")]
    Hash(password_hash::Error),
    #[error("no password was made")]
    Random(#[source] RandomError),
    #[error(
        "a name has 1 to {MAX_NAME_LEN} characters, no control characters and no blanks at its ends"
    )]
    Name,
    #[error("there is a user {0:?} already; names differ by more than upper and lower case")]
    Taken(String),
    #[error("there are {MAX_USERS} users already; remove one first")]
    Full,
    #[error("there is no user {0:?}; `rehome user list` shows them")]
    Unknown(String),
    #[error("{0:?} is the only supervisor; make another one first")]
    LastSupervisor(String),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl UsersError {
    /// Whether somebody looked and said no, in contrast to something that did not work.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Name | Self::Taken(_) | Self::Full | Self::Unknown(_) | Self::LastSupervisor(_)
        )
    }
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    /// The random id by which the journal knows this person.
    pub(crate) person: PersonId,
    /// The name, typed at the login.
    pub(crate) name: String,
    /// What this person may do.
    pub(crate) role: Role,
    /// The password's argon2id hash, a PHC string.
    password: String,
}

/// Which user it was, password and role included, without telling them: visits end when any of it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(Sha256Digest);

/// The users' file. It is read again at each use, so that a change counts at once, everywhere. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Users {
    path: PathBuf,
    /// One change at a time; two processes are kept apart by the data directory's lock.
    changing: Arc<Mutex<()>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    users: Vec<User>,
}

impl User {
    /// As whom this user acts.
    pub(crate) fn actor(&self) -> Actor {
        Actor { name: self.name.clone(), role: self.role, person: Some(self.person) }
    }

    /// See [`Mark`].
    pub(crate) fn mark(&self) -> Mark {
        let Self { person, name, role, password } = self;
        Mark(evidence::sha256(format!("{person}\n{name}\n{}\n{password}", role.name()).as_bytes()))
    }

    /// Which password it is, without telling it: by this the journal knows that it was changed.
    fn hash(&self) -> Sha256Digest {
        evidence::sha256(self.password.as_bytes())
    }

    /// Whether this is the name. Nobody has to remember how it was capitalized.
    fn is_named(&self, name: &str) -> bool {
        self.name.to_lowercase() == name.to_lowercase()
    }
}

impl Users {
    /// The file in a data directory.
    pub(crate) fn of(data: &Path) -> Self {
        Self { path: data.join(FILE), changing: Arc::default() }
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn all(&self) -> Result<Vec<User>, UsersError> {
        let missing = || UsersError::Missing { path: self.path.clone() };
        self.read()?.map(|file| file.users).ok_or_else(missing)
    }

    /// Whose name and password these are, with all the work that takes: call it where blocking is allowed. Gives also
    /// who it is where the password is wrong.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn check(&self, name: &str, password: &str) -> Result<Checked, UsersError> {
        let user = self.all()?.into_iter().find(|user| user.is_named(name));
        let hash = user.as_ref().map(|user| user.password.as_str());
        let right = password::check(password, hash).map_err(|why| UsersError::BadHash {
            name: user.as_ref().map(|user| user.name.clone()).unwrap_or_default(),
            why,
        })?;
        Ok(match user {
            Some(user) if right => Checked::Right(user),
            user => Checked::Wrong(user.map(|user| user.person)),
        })
    }

    /// Whether the file can be used; it need not be there yet.
    ///
    /// # Errors
    /// When it cannot.
    pub(crate) fn check_file(&self) -> Result<(), UsersError> {
        self.read().map(drop)
    }

    fn read(&self) -> Result<Option<File>, UsersError> {
        let Some(text) = private_file::read(&self.path, REMEDY)? else { return Ok(None) };
        let malformed = |why: serde_json::Error| UsersError::Malformed {
            path: self.path.clone(),
            why: why.to_string(),
        };
        serde_json::from_str(&text).map(Some).map_err(malformed)
    }

    fn write(&self, mut users: Vec<User>) -> Result<(), UsersError> {
        users.sort_by(|a, b| a.name.cmp(&b.name));
        let malformed = |why: serde_json::Error| UsersError::Malformed {
            path: self.path.clone(),
            why: why.to_string(),
        };
        let text = serde_json::to_string_pretty(&File { users }).map_err(malformed)?;
        Ok(private_file::replace(&self.path, format!("{text}\n").as_bytes())?)
    }
}

/// What became of a name and a password.
#[derive(Debug)]
pub(crate) enum Checked {
    /// They fit.
    Right(User),
    /// They do not; the person, if there is one of this name.
    Wrong(Option<PersonId>),
}

#[cfg(test)]
mod tests;

//! Logging in and out, by whichever door: rate limits, argon2 in bounded parallel, visits, and what the journal is told.

mod attempts;
mod refused;
mod visits;

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::access::{Actor, Role};
use crate::event::Happening;
use crate::journal::{Journal, JournalError};
use crate::random::RandomError;
use crate::users::{Checked, User, Users, UsersError};
use attempts::Attempts;
use refused::RefusedLogins;
use visits::Visits;

pub(crate) use visits::{Door, VISIT_TIME, Visit};

/// Passwords that are checked at a time, 19 MiB and some tens of milliseconds each.
const MAX_HASHING: usize = 2;

/// Why somebody is not logged in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// Too many attempts.
    #[error("too many attempts to log in; try again in {} s", .0.as_secs() + 1)]
    Wait(Duration),
    /// Nobody has this name and this password.
    #[error("nobody has this name and this password")]
    Wrong,
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error("checking the password was not finished")]
    Interrupted,
}

/// The users and their visits.
#[derive(Debug)]
pub(crate) struct Login {
    /// Who may log in.
    pub(crate) users: Users,
    visits: Visits,
    attempts: Attempts,
    refused: RefusedLogins,
    hashing: Semaphore,
}

impl Login {
    /// Of the users in a data directory.
    pub(crate) fn of(data: &Path) -> Self {
        Self {
            users: Users::of(data),
            visits: Visits::default(),
            attempts: Attempts::default(),
            refused: RefusedLogins::default(),
            hashing: Semaphore::new(MAX_HASHING),
        }
    }

    /// Logs somebody in and gives the visit's secret. That stands in the journal before it is given, and so does, in
    /// groups, that somebody was refused.
    ///
    /// # Errors
    /// When name and password do not fit, there were too many attempts, or nothing can be recorded.
    pub(crate) async fn log_in(
        &self,
        journal: &Journal,
        address: IpAddr,
        (name, password): (String, String),
        door: Door,
    ) -> Result<String, LoginError> {
        if let Err(wait) = self.attempts.count(address, Instant::now()) {
            tracing::warn!(target: "login", %address, "too many attempts to log in");
            self.refused.note(journal, None);
            return Err(LoginError::Wait(wait));
        }
        let user = match self.check(name, password).await? {
            Checked::Right(user) => user,
            Checked::Wrong(person) => {
                tracing::warn!(target: "login", %address, "a wrong name or password");
                self.refused.note(journal, person);
                return Err(LoginError::Wrong);
            }
        };
        self.attempts.forgive(address);
        let logged_in = Happening::LoggedIn { person: user.person };
        journal.decide(move |_, _| (vec![logged_in], ())).await?;
        let secret = self.visits.begin(&user, door, Instant::now())?;
        tracing::info!(target: "login", %address, "logged in");
        Ok(secret)
    }

    /// How many logins were refused since the start.
    pub(crate) fn n_refused(&self) -> u64 {
        self.refused.count()
    }

    /// Ends a visit. It is ended even where that cannot be recorded.
    ///
    /// # Errors
    /// When nothing can be recorded.
    pub(crate) async fn log_out(
        &self,
        journal: &Journal,
        actor: &Actor,
        secret: &str,
    ) -> Result<(), JournalError> {
        self.visits.end(secret);
        let person = actor.person(journal).await?;
        journal.decide(move |_, _| (vec![Happening::LoggedOut { person }], ())).await
    }

    /// Gives a user another role. The user's visits end, also where it is the former one again before anybody looks.
    ///
    /// # Errors
    /// As of [`Users::set_role`].
    pub(crate) async fn set_role(
        &self,
        journal: &Journal,
        by: &Actor,
        name: &str,
        role: Role,
    ) -> Result<(), UsersError> {
        self.users.set_role(journal, by, name, role).await?;
        self.visits.end_of(name);
        Ok(())
    }

    /// Makes a user's new password; the user's visits end.
    ///
    /// # Errors
    /// As of [`Users::renew`].
    pub(crate) async fn renew(
        &self,
        journal: &Journal,
        by: &Actor,
        name: &str,
    ) -> Result<String, UsersError> {
        let made = self.users.renew(journal, by, name).await?;
        self.visits.end_of(name);
        Ok(made)
    }

    /// Removes a user; the user's visits end.
    ///
    /// # Errors
    /// As of [`Users::remove`].
    pub(crate) async fn remove(
        &self,
        journal: &Journal,
        by: &Actor,
        name: &str,
    ) -> Result<(), UsersError> {
        self.users.remove(journal, by, name).await?;
        self.visits.end_of(name);
        Ok(())
    }

    /// Whose visit this is, if it lasts. `asks`: whether a person wants something, in contrast to a page that only stays
    /// open.
    ///
    /// # Errors
    /// When the users cannot be read.
    pub(crate) fn find(
        &self,
        secret: &str,
        door: Door,
        asks: bool,
    ) -> Result<Option<Visit>, UsersError> {
        let users: Vec<User> = self.users.all()?;
        Ok(self.visits.find(secret, door, &users, Instant::now(), asks))
    }

    /// All the work of argon2, whatever was typed, and never more of it at once than there are places.
    async fn check(&self, name: String, password: String) -> Result<Checked, LoginError> {
        let _place = self.hashing.acquire().await.map_err(|_| LoginError::Interrupted)?;
        let users = self.users.clone();
        let checked = tokio::task::spawn_blocking(move || users.check(name.trim(), &password));
        Ok(checked.await.map_err(|_| LoginError::Interrupted)??)
    }
}

//! Changes of users. The journal is told first: nobody is let in of whom it does not know. Should the file then not be
//! written, the journal is told how it stayed.

use std::collections::BTreeMap;

use protocol::{PersonId, Sha256Digest};

use super::{FORMERLY, MAX_NAME_LEN, MAX_USERS, User, Users, UsersError, password};
use crate::access::{Actor, Role};
use crate::bench::Bench;
use crate::event::Happening;
use crate::journal::Journal;
use crate::private_file;

/// Name of the first user, who makes the others.
pub(crate) const FIRST_NAME: &str = "supervisor";

/// What the start found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// The first user was made, with this password, to be shown once.
    Made(String),
    /// The first user was made and has the password of the dashboard from before there were users.
    Kept,
    /// There are users.
    There,
}

impl Users {
    /// Makes the first user where there is none yet, and has the journal know all users as they are in the file.
    ///
    /// # Errors
    /// When the file is there but of no use, or something cannot be written.
    pub(crate) async fn first(&self, journal: &Journal) -> Result<First, UsersError> {
        let _changing = self.changing.lock().await;
        let first = match self.read()? {
            Some(_) => First::There,
            None => self.make_first(journal).await?,
        };
        // Nobody shall log in by it again, should the users' file ever be missing.
        private_file::remove(&self.path.with_file_name(FORMERLY))?;
        self.tell(journal).await?;
        Ok(first)
    }

    /// Adds a user and gives the password, to be shown once.
    ///
    /// # Errors
    /// When the name is none or taken, or something cannot be written.
    pub(crate) async fn add(
        &self,
        journal: &Journal,
        by: &Actor,
        name: &str,
        role: Role,
    ) -> Result<String, UsersError> {
        let plain = !name.is_empty() && name.trim() == name && !name.chars().any(char::is_control);
        if !plain || name.chars().count() > MAX_NAME_LEN {
            return Err(UsersError::Name);
        }
        let (made, hash) = make().await?;
        let _changing = self.changing.lock().await;
        let mut users = self.all()?;
        if let Some(user) = users.iter().find(|user| user.is_named(name)) {
            return Err(UsersError::Taken(user.name.clone()));
        }
        if users.len() >= MAX_USERS {
            return Err(UsersError::Full);
        }
        let (by, person) = (by.person(journal).await?, journal.person(name.to_owned()).await?);
        let user = User { person, name: name.to_owned(), role, password: hash };
        let added = Happening::UserAdded { person, role, hash: Some(user.hash()), by: Some(by) };
        users.push(user);
        self.change(journal, added, users).await?;
        Ok(made)
    }

    /// Gives a user another role.
    ///
    /// # Errors
    /// When there is no such user, it is the only supervisor, or something cannot be written.
    pub(crate) async fn set_role(
        &self,
        journal: &Journal,
        by: &Actor,
        name: &str,
        role: Role,
    ) -> Result<(), UsersError> {
        let _changing = self.changing.lock().await;
        let mut users = self.all()?;
        let at = find(&users, name)?;
        if users[at].role == role {
            return Ok(());
        }
        users[at].role = role;
        keeps_a_supervisor(&users, name)?;
        let (person, by) = (users[at].person, Some(by.person(journal).await?));
        let changed = Happening::UserChanged { person, role, password: false, hash: None, by };
        self.change(journal, changed, users).await
    }

    /// Makes a user's new password and gives it, to be shown once.
    ///
    /// # Errors
    /// When there is no such user, or something cannot be written.
    pub(crate) async fn renew(
        &self,
        journal: &Journal,
        by: &Actor,
        name: &str,
    ) -> Result<String, UsersError> {
        let (made, hash) = make().await?;
        let _changing = self.changing.lock().await;
        let mut users = self.all()?;
        let at = find(&users, name)?;
        users[at].password = hash;
        let (person, role, by) = (users[at].person, users[at].role, by.person(journal).await?);
        let (hash, by) = (Some(users[at].hash()), Some(by));
        let changed = Happening::UserChanged { person, role, password: true, hash, by };
        self.change(journal, changed, users).await?;
        Ok(made)
    }

    /// Removes a user: nobody logs in by this name any more. What the person did stays in the journal.
    ///
    /// # Errors
    /// When there is no such user, it is the only supervisor, or something cannot be written.
    pub(crate) async fn remove(
        &self,
        journal: &Journal,
        by: &Actor,
        name: &str,
    ) -> Result<(), UsersError> {
        let _changing = self.changing.lock().await;
        let mut users = self.all()?;
        let removed = users.remove(find(&users, name)?);
        keeps_a_supervisor(&users, name)?;
        let by = Some(by.person(journal).await?);
        let removed = Happening::UserRemoved { person: removed.person, by };
        self.change(journal, removed, users).await
    }

    async fn make_first(&self, journal: &Journal) -> Result<First, UsersError> {
        // Once there were users, that password is not the supervisor's any more.
        let is_upgrade = journal.published().bench.users().is_empty();
        let formerly = self.path.with_file_name(FORMERLY);
        let kept = match is_upgrade {
            true => private_file::read(&formerly, super::REMEDY)?,
            false => None,
        };
        let (first, hash) = match kept {
            Some(hash) => (First::Kept, hash.trim().to_owned()),
            None => {
                let (made, hash) = make().await?;
                (First::Made(made), hash)
            }
        };
        let person = journal.person(FIRST_NAME.to_owned()).await?;
        let (name, role) = (FIRST_NAME.to_owned(), Role::Supervisor);
        self.write(vec![User { person, name, role, password: hash }])?;
        Ok(first)
    }

    async fn change(
        &self,
        journal: &Journal,
        happening: Happening,
        users: Vec<User>,
    ) -> Result<(), UsersError> {
        journal.decide(move |_, _| (vec![happening], ())).await?;
        let written = self.write(users);
        if written.is_err() {
            self.tell(journal).await?;
        }
        written
    }

    /// Tells the journal of whatever it does not know as the file has it: somebody restored the file, or the power went.
    async fn tell(&self, journal: &Journal) -> Result<(), UsersError> {
        let users = self.all()?.into_iter();
        let users = users.map(|user| (user.person, (user.role, user.hash()))).collect();
        Ok(journal.decide(move |bench, _| (untold(bench, &users), ())).await?)
    }
}

fn untold(bench: &Bench, users: &BTreeMap<PersonId, (Role, Sha256Digest)>) -> Vec<Happening> {
    let known = bench.users();
    let gone = known.keys().filter(|person| !users.contains_key(person));
    let gone = gone.map(|person| Happening::UserRemoved { person: *person, by: None });
    let new = users.iter().filter_map(|(&person, &(role, hash))| {
        let Some(known) = known.get(&person) else {
            return Some(Happening::UserAdded { person, role, hash: Some(hash), by: None });
        };
        // Earlier versions did not say which password it is.
        let password = bench.password_of(&person).is_some_and(|it| *it != hash);
        let changed = Happening::UserChanged { person, role, password, hash: Some(hash), by: None };
        (*known != role || password).then_some(changed)
    });
    gone.chain(new).collect()
}

fn find(users: &[User], name: &str) -> Result<usize, UsersError> {
    let at = users.iter().position(|user| user.is_named(name));
    at.ok_or_else(|| UsersError::Unknown(name.to_owned()))
}

fn keeps_a_supervisor(users: &[User], name: &str) -> Result<(), UsersError> {
    match users.iter().any(|user| user.role == Role::Supervisor) {
        true => Ok(()),
        false => Err(UsersError::LastSupervisor(name.to_owned())),
    }
}

/// Hashing takes tens of milliseconds of a processor.
async fn make() -> Result<(String, String), UsersError> {
    let made = tokio::task::spawn_blocking(password::make).await;
    made.map_err(|error| UsersError::Journal(crate::journal::JournalError::Interrupted(error)))?
}

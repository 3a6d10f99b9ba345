//! `rehome user ...` and `rehome log`

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use super::machine::Number;
use super::{Asker, whoami};
use crate::access::{Actor, Role};
use crate::admin::client::{ClientError, get, post, tell};
use crate::admin::{AddUserRequest, NewPassword, RoleRequest, UserView};
use crate::calendar::utc;
use crate::console::{say, table};
use crate::dashboard::Log;
use crate::data_dir::DataDir;
use crate::journal::Journal;
use crate::key_rotation;
use crate::site::Site;
use crate::users::{First, Users};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a user and print the password once
    Add {
        name: String,
        /// What this user may do
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        by: By,
    },
    /// All users
    List,
    /// Give a user another role; the user is logged out
    Role {
        name: String,
        role: Role,
        #[command(flatten)]
        by: By,
    },
    /// Make a user's new password and print it once; the user is logged out
    Password {
        name: String,
        #[command(flatten)]
        by: By,
    },
    /// Remove a user, who is logged out; what the user did stays in the journal
    Remove {
        name: String,
        #[command(flatten)]
        by: By,
    },
}

#[derive(Debug, Args)]
pub(super) struct By {
    /// Who says so [default: the user's name]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Which actions are wanted.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Only of this person: the id, as `--json` shows it
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// Only about this machine
    #[arg(long, value_name = "NUMBER")]
    machine: Option<Number>,
    /// Only before the action of this index
    #[arg(long, value_name = "INDEX")]
    before: Option<u64>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    most: u32,
}

/// Through a serving coordinator, or on the data directory itself where none serves.
pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    match command {
        Command::List => list(asker).await,
        Command::Add { name, role, by } => {
            let request = AddUserRequest { name, role };
            let path = "/users";
            let done = post(&asker.data, path, &by.name(), &request).await;
            let AddUserRequest { name, role } = request;
            let password = match offline(done)? {
                Some(answer) => serde_json::from_slice(&answer)?,
                None => {
                    let (_data, journal, users) = open(&asker.data).await?;
                    let password = users.add(&journal, &by.actor(), &name, role).await?;
                    NewPassword { name, password }
                }
            };
            told(asker, &password)
        }
        Command::Password { name, by } => {
            let done = tell(&asker.data, &path(&name, "password"), &by.name()).await;
            let password = match offline(done)? {
                Some(answer) => serde_json::from_slice(&answer)?,
                None => {
                    let (_data, journal, users) = open(&asker.data).await?;
                    let password = users.renew(&journal, &by.actor(), &name).await?;
                    NewPassword { name, password }
                }
            };
            told(asker, &password)
        }
        Command::Role { name, role, by } => {
            let request = RoleRequest { role };
            let done = post(&asker.data, &path(&name, "role"), &by.name(), &request).await;
            if offline(done)?.is_none() {
                let (_data, journal, users) = open(&asker.data).await?;
                users.set_role(&journal, &by.actor(), &name, role).await?;
            }
            asker.said(b"{}", &format!("{name} is {} now", role.name()))
        }
        Command::Remove { name, by } => {
            let done = tell(&asker.data, &path(&name, "remove"), &by.name()).await;
            if offline(done)?.is_none() {
                let (_data, journal, users) = open(&asker.data).await?;
                users.remove(&journal, &by.actor(), &name).await?;
            }
            asker.said(b"{}", &format!("{name} may no longer log in"))
        }
    }
}

/// `rehome log`
pub(super) async fn log(asker: &Asker, wanted: &Wanted) -> Result<()> {
    let Wanted { person, machine, before, most } = wanted;
    let machine = machine.map(|Number(number)| number.0.to_string());
    let before = before.map(|index| index.to_string());
    let asked = [("person", person.clone()), ("machine", machine), ("before", before)];
    let mut path = format!("/log?most={most}");
    for (key, value) in asked {
        if let Some(value) = value {
            path.push_str(&format!("&{key}={}", encoded(&value)));
        }
    }
    let answer = get(&asker.data, &path).await?;
    if asker.json {
        return asker.show(&answer);
    }
    let log: Log = serde_json::from_slice(&answer).context("reading the answer")?;
    let cells = log.actions.iter().map(|action| {
        let machine = action.machine.map(|number| number.to_string()).unwrap_or_default();
        let verbatim = action.verbatim.iter().map(|text| format!(": {text}")).collect::<String>();
        let name = action.name.clone().unwrap_or_else(|| "-".to_owned());
        [utc(action.at), name, machine, format!("{}{verbatim}", action.sentence)]
    });
    table(["WHEN", "WHO", "MACHINE", "WHAT"], &cells.collect::<Vec<_>>())?;
    match log.actions.last().filter(|_| log.more) {
        Some(last) => Ok(say(&format!("older actions: rehome log --before {}", last.index))?),
        None => Ok(()),
    }
}

async fn list(asker: &Asker) -> Result<()> {
    let users: Vec<UserView> = match offline(get(&asker.data, "/users").await)? {
        Some(answer) => serde_json::from_slice(&answer).context("reading the answer")?,
        None => Users::of(&asker.data).all()?.into_iter().map(UserView::of).collect(),
    };
    if asker.json {
        return asker.show(&serde_json::to_vec(&users)?);
    }
    let cells = users.into_iter().map(|it| [it.name, it.role.name().to_owned()]);
    Ok(table(["NAME", "ROLE"], &cells.collect::<Vec<_>>())?)
}

fn told(asker: &Asker, made: &NewPassword) -> Result<()> {
    let NewPassword { name, password } = made;
    asker.said(
        &serde_json::to_vec(made)?,
        &format!("password of {name} (shown only now): {password}"),
    )
}

/// The answer; none where nobody serves, and only then.
fn offline<T>(done: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match done {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The data directory's users and journal. Its lock keeps `rehome serve` from starting meanwhile.
async fn open(data: &Path) -> Result<(DataDir, Journal, Users)> {
    let data = DataDir::open(data)?;
    key_rotation::finish(&data)?;
    let site = Site::open(data.path())?;
    let journal = Journal::open_of_either_kind(&data.join("journal.db"), site.public())?;
    let users = Users::of(data.path());
    if let First::Made(password) = users.first(&journal).await? {
        say(&format!(
            "the first user is supervisor, with the password {password} (shown only now)"
        ))?;
    }
    Ok((data, journal, users))
}

fn path(name: &str, what: &str) -> String {
    format!("/users/{}/{what}", encoded(name))
}

/// As it may stand in an address.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

impl By {
    fn name(&self) -> String {
        self.by.clone().unwrap_or_else(whoami)
    }

    fn actor(&self) -> Actor {
        Actor { name: self.name(), role: Role::Supervisor, person: None }
    }
}

impl Command {
    /// A new password for somebody.
    pub(super) fn password_of(name: &str) -> Self {
        Self::Password { name: name.to_owned(), by: By { by: None } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Founding;

    #[tokio::test]
    async fn users_are_changed_at_rest_after_half_a_rotation_and_on_a_simulated_site() {
        for simulated in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let data = DataDir::open(folder.path()).unwrap();
            let site = Site::open(data.path()).unwrap().public();
            drop(Journal::open(&data.join("journal.db"), Founding { site, simulated }).unwrap());
            let key = key_rotation::interrupted(&data).await;
            drop(data);
            let (_data, journal, users) = open(folder.path()).await.unwrap();
            let by = By { by: Some("Ola".into()) }.actor();
            users.add(&journal, &by, "Ewa", Role::Auditor).await.unwrap();
            assert_eq!(Site::open(folder.path()).unwrap().public(), key);
        }
    }
}

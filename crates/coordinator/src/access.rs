//! Who may do what: three roles, one table, and routes that cannot be made without a rule of it.

mod routes;

use clap::ValueEnum;
use protocol::PersonId;
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use routes::Rule;
pub(crate) use routes::{Denied, Need, Ruled};

use crate::journal::{Journal, JournalError};

/// What a person is at the bench. Each may do whatever those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(utoipa::ToSchema)]
pub(crate) enum Role {
    /// Reads everything and takes certificates along; changes nothing.
    Auditor,
    /// Works at the bench: picks, looks, holds, releases.
    Technician,
    /// Answers for the bench: arms, accepts, and says who may log in.
    Supervisor,
}

/// What a person can do through a page or the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Look at machines, batches and the log of actions.
    Read,
    /// Take a certificate along.
    ExportCertificate,
    /// End one's own visit.
    LogOut,
    /// Admit machines to an armed batch.
    Pick,
    /// Say that a machine of unclear identity was compared with others.
    Settle,
    /// Have a machine wait.
    Hold,
    /// Let a held machine go on.
    Release,
    /// Say whether a model works, of which the first machine went first.
    JudgeModel,
    /// See sectors of a held machine's drive.
    Look,
    /// Record what comes in, is taken out and goes back: of a lot's laptops and drives.
    TakeIn,
    /// Stop everything before the next destructive command.
    Panic,
    /// Take that back. What was stopped does not go on by it.
    EndPanic,
    /// Arm a batch.
    Arm,
    /// End a batch.
    Disarm,
    /// Take a clock for right that was set.
    AcceptClock,
    /// Record that a lot's owner accepts the policy and states that nothing unique is on its drives.
    AcceptPolicy,
    /// Open a lot, and take the owner's register.
    OpenLot,
    /// Close a lot, or open it again.
    Close,
    /// Say that a drive's lock is ours.
    AdoptLock,
    /// Say which machines are never touched.
    Protect,
    /// Add, change and remove users.
    ManageUsers,
}

impl Action {
    /// Every action with the least role that may do it: the one table.
    pub(crate) const TABLE: [(Self, Role); 21] = [
        (Self::Read, Role::Auditor),
        (Self::ExportCertificate, Role::Auditor),
        (Self::LogOut, Role::Auditor),
        (Self::Pick, Role::Technician),
        (Self::Settle, Role::Technician),
        (Self::Hold, Role::Technician),
        (Self::Release, Role::Technician),
        (Self::JudgeModel, Role::Technician),
        (Self::Look, Role::Technician),
        (Self::TakeIn, Role::Technician),
        (Self::Panic, Role::Technician),
        (Self::EndPanic, Role::Supervisor),
        (Self::Arm, Role::Supervisor),
        (Self::Disarm, Role::Supervisor),
        (Self::AcceptClock, Role::Supervisor),
        (Self::AcceptPolicy, Role::Supervisor),
        (Self::OpenLot, Role::Supervisor),
        (Self::Close, Role::Supervisor),
        (Self::AdoptLock, Role::Supervisor),
        (Self::Protect, Role::Supervisor),
        (Self::ManageUsers, Role::Supervisor),
    ];

    /// The least role that may do this.
    pub(crate) fn least(self) -> Role {
        let rule = Self::TABLE.into_iter().find(|(action, _)| *action == self);
        // A test holds that every action stands in the table; none that is missing is for everybody.
        rule.map_or(Role::Supervisor, |(_, role)| role)
    }
}

impl Role {
    /// Whether somebody of this role may do that.
    pub(crate) fn may(self, action: Action) -> bool {
        self >= action.least()
    }

    /// As it is typed and shown on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Technician => "technician",
            Self::Supervisor => "supervisor",
        }
    }
}

/// Who asks for something, whichever door they came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    /// The name, for people to read.
    pub(crate) name: String,
    /// What they are at the bench.
    pub(crate) role: Role,
    /// A user's id; none of somebody who came by the Unix socket and is known by name only.
    pub(crate) person: Option<PersonId>,
}

impl Actor {
    /// The id by which the journal knows this person, made at first use.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub(crate) async fn person(&self, journal: &Journal) -> Result<PersonId, JournalError> {
        match self.person {
            Some(person) => Ok(person),
            None => journal.person(self.name.clone()).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auditor_changes_nothing_and_a_technician_does_not_arm() {
        let of = |role: Role| {
            let table = Action::TABLE.into_iter().filter(|(action, _)| role.may(*action));
            table.map(|(action, _)| action).collect::<Vec<_>>()
        };
        let reads = [Action::Read, Action::ExportCertificate, Action::LogOut];
        assert_eq!(of(Role::Auditor), reads);
        for action in [Action::Arm, Action::Disarm, Action::AcceptClock, Action::ManageUsers] {
            assert!(!of(Role::Technician).contains(&action), "{action:?}");
        }
        assert!(of(Role::Technician).contains(&Action::Panic));
        assert_eq!(of(Role::Supervisor).len(), Action::TABLE.len());
        for (at, (action, _)) in Action::TABLE.into_iter().enumerate() {
            let again = Action::TABLE[at + 1..].iter().any(|(other, _)| *other == action);
            assert!(!again, "{action:?} stands twice in the table");
        }
    }

    /// The page that people read says what the table says.
    #[test]
    fn the_table_stands_in_the_threat_model() {
        let page = include_str!("../../../docs/security.md");
        for (action, role) in Action::TABLE {
            let row = format!("| `{action:?}` | {} |", role.name());
            assert!(page.contains(&row), "docs/security.md has no row {row}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, Action::TABLE.len(), "docs/security.md has rows that the table has not");
    }
}

//! What a ticket allows, once.

use std::collections::{BTreeSet, HashSet};

use protocol::{
    AgentKey, DriveIdentity, MachineId, Nonce, Plan, PlannedDrive, Sha256Digest, Ticket, TicketId,
    UnixMillis,
};

/// The consent to destroy what is on the drives of one plan. Not to be copied; used up drive by drive.
#[derive(Debug)]
pub struct Consent {
    drives: Vec<ConsentedDrive>,
}

/// The consent for one drive: out of a [`Consent`], or [by hand](Self::by_hand). Claiming the drive uses it up.
#[derive(Debug)]
pub struct ConsentedDrive {
    ticket: TicketId,
    planned: PlannedDrive,
}

/// How far the coordinator's clock may have run ahead since this machine took the time from it.
const MAX_EARLY_MS: u64 = 60_000;

/// What the agent knows of itself while it judges a ticket.
#[derive(Debug, Clone, Copy)]
pub struct ConsentContext {
    /// The machine, as enrolled.
    pub machine: MachineId,
    /// The key of this boot.
    pub agent: AgentKey,
    /// The nonce of the request that the ticket answers.
    pub nonce: Nonce,
    /// Now, by the clock as set from the coordinator.
    pub now: UnixMillis,
}

/// Tickets that this process has used up. A restarted agent has another key, so one boot's memory is enough.
#[derive(Debug, Default)]
pub struct UsedTickets(HashSet<TicketId>);

/// Why a ticket allows nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConsentError {
    /// For another machine.
    #[error("the ticket is for machine {ticket}, this is {own}")]
    Machine {
        /// The machine in the ticket or plan.
        ticket: MachineId,
        /// This machine.
        own: MachineId,
    },
    /// For another agent: perhaps that of an earlier boot.
    #[error("the ticket is for agent {}, this is {}: ask for a new one", ticket.fingerprint(), own.fingerprint())]
    Agent {
        /// The agent in the ticket.
        ticket: AgentKey,
        /// This agent.
        own: AgentKey,
    },
    /// Not the answer to our request.
    #[error("the ticket answers another request than ours: ask for a new one")]
    Nonce,
    /// For another plan.
    #[error("the ticket is for plan {ticket}, ours is {own}: look at the machine again")]
    Plan {
        /// Digest in the ticket.
        ticket: Sha256Digest,
        /// Digest of our plan.
        own: Sha256Digest,
    },
    /// Too late.
    #[error("the ticket expired {late_ms} ms ago: ask for a new one")]
    Expired {
        /// By how much.
        late_ms: u64,
    },
    /// Dated in the future: one of the clocks was set since.
    #[error("the ticket was issued {early_ms} ms from now: ask for a new one")]
    Early {
        /// By how much.
        early_ms: u64,
    },
    /// Its life ends before it begins.
    #[error("the ticket was issued after its own expiry")]
    Backwards,
    /// Seen before.
    #[error("ticket {0} was used before: ask for a new one")]
    Used(TicketId),
    /// Two planned drives could not be told apart.
    #[error("the plan names {0} twice")]
    SameDrive(Box<DriveIdentity>),
    /// What was typed is not the drive's serial number.
    #[error(
        "{typed:?} was typed, but this is {drive}: nothing was touched; compare it with the drive's label"
    )]
    Serial {
        /// What was typed, cut to 80 characters.
        typed: String,
        /// The drive that was asked about.
        drive: Box<DriveIdentity>,
    },
}

impl Consent {
    /// Judges a ticket whose signature has been verified against the site's key, and uses it up.
    ///
    /// `plan_digest` is the digest of `plan` as computed on this machine.
    pub fn from_ticket(
        ticket: &Ticket,
        plan: &Plan,
        plan_digest: &Sha256Digest,
        context: &ConsentContext,
        used: &mut UsedTickets,
    ) -> Result<Self, ConsentError> {
        check(ticket, plan, plan_digest, context)?;
        let mut names = BTreeSet::new();
        for planned in &plan.drives {
            if !names.insert(&planned.identity) {
                return Err(ConsentError::SameDrive(Box::new(planned.identity.clone())));
            }
        }
        if !used.0.insert(ticket.ticket) {
            return Err(ConsentError::Used(ticket.ticket));
        }
        let ticket_id = ticket.ticket;
        let consented =
            |planned: &PlannedDrive| ConsentedDrive { ticket: ticket_id, planned: planned.clone() };
        Ok(Self { drives: plan.drives.iter().map(consented).collect() })
    }

    /// The consent for each drive, in the order of the plan; there is none for a second time.
    pub fn into_drives(self) -> Vec<ConsentedDrive> {
        self.drives
    }
}

fn check(
    ticket: &Ticket,
    plan: &Plan,
    plan_digest: &Sha256Digest,
    context: &ConsentContext,
) -> Result<(), ConsentError> {
    for machine in [ticket.machine, plan.machine] {
        if machine != context.machine {
            return Err(ConsentError::Machine { ticket: machine, own: context.machine });
        }
    }
    if ticket.agent != context.agent {
        return Err(ConsentError::Agent { ticket: ticket.agent, own: context.agent });
    }
    if ticket.nonce != context.nonce {
        return Err(ConsentError::Nonce);
    }
    if ticket.plan != *plan_digest {
        return Err(ConsentError::Plan { ticket: ticket.plan, own: *plan_digest });
    }
    if ticket.issued_at > ticket.expires_at {
        return Err(ConsentError::Backwards);
    }
    let early_ms = ticket.issued_at.0.saturating_sub(context.now.0);
    if early_ms > MAX_EARLY_MS {
        return Err(ConsentError::Early { early_ms });
    }
    if context.now >= ticket.expires_at {
        return Err(ConsentError::Expired { late_ms: context.now.0 - ticket.expires_at.0 });
    }
    Ok(())
}

impl ConsentedDrive {
    /// Consent where there is no coordinator: a person who runs a stage by hand names the drive by its serial number.
    ///
    /// It is a second way beside a ticket because a stage must be usable, and testable, on any Linux without a site.
    /// It is weaker in one thing only: nobody signed. It covers one drive, of which [`Target::claim`] makes sure as
    /// ever, and each further drive takes typing anew. `typed_serial` has to be all of the serial number, letter for
    /// letter, and has to come from a person: a program that fills it in from what the drive says has asked nobody.
    /// `run` is random and new; it stands where a ticket's id would and marks what is written.
    ///
    /// [`Target::claim`]: crate::Target::claim
    ///
    /// # Errors
    /// [`ConsentError::Serial`] unless both are equal.
    pub fn by_hand(
        planned: &PlannedDrive,
        typed_serial: &str,
        run: TicketId,
    ) -> Result<Self, ConsentError> {
        // No identity has an empty serial; were there one, Enter alone would name it.
        if typed_serial.is_empty() || typed_serial != planned.identity.serial {
            return Err(ConsentError::Serial {
                typed: typed_serial.chars().take(80).collect(),
                drive: Box::new(planned.identity.clone()),
            });
        }
        Ok(Self { ticket: run, planned: planned.clone() })
    }

    /// The drive, by what it says of itself.
    pub fn identity(&self) -> &DriveIdentity {
        &self.planned.identity
    }

    /// What may be done to it, and nothing else.
    pub fn planned(&self) -> &PlannedDrive {
        &self.planned
    }

    /// Whether a password has to be kept somewhere before it is touched.
    pub fn takes_password(&self) -> bool {
        let sanitizes = self.planned.proven_by.is_none();
        self.planned.unlock
            || sanitizes && self.planned.techniques.iter().any(|it| it.takes_password())
    }

    /// The ticket behind it.
    pub(crate) fn ticket(&self) -> TicketId {
        self.ticket
    }
}

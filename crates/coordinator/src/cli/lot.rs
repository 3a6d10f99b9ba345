//! `rehome lot ...`

mod print;
mod things;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use protocol::LotId;
use register::RowNumber;

use super::machine::Number;
use super::register::Reading;
use super::{Asker, whoami};
use crate::admin::client::{get, post};
use crate::admin::lots::{OpenLot, Opened, WishRequest};
use crate::calendar::Day;
use crate::console::say;
use crate::lots::actions::LotWish;
use crate::lots::step::Sums;
use crate::policies;
use things::{Lots, Thing};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open a lot: what one owner hands over together
    Open {
        /// The institution that hands it over (no person's name)
        #[arg(long, value_name = "TEXT")]
        owner: String,
        /// The owner's paper: number of the order or agreement
        #[arg(long, value_name = "TEXT", default_value = "")]
        reference: String,
        /// Who of the owner accepts how drives are sanitized, if that is here already (see accept)
        #[arg(long, value_name = "NAME")]
        accepted_by: Option<String>,
        /// What they accept: a name from `rehome policy list`, or a file
        #[arg(long, value_name = "NAME|FILE", default_value = "default", requires = "accepted_by")]
        policy: String,
        /// Who of the owner states that nothing on the drives exists only there, likewise (see state)
        #[arg(long, value_name = "NAME")]
        stated_by: Option<String>,
        /// The day of those papers, as 2026-11-22 [default: today]
        #[arg(long, value_name = "DAY")]
        on: Option<Day>,
        /// Who says so [default: the user's name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// All lots
    List,
    /// What a lot received, where each thing ended, and what stands in the way of closing it
    Show { lot: Option<LotId> },
    /// Take the owner's asset register; `rehome register check` says beforehand how it is understood
    Import {
        #[command(flatten)]
        reading: Reading,
        #[command(flatten)]
        whose: Whose,
    },
    /// Record that the owner accepts how drives are sanitized
    Accept {
        /// A name from `rehome policy list`, or a file
        #[arg(long, value_name = "NAME|FILE", default_value = "default")]
        policy: String,
        /// Who accepts it for the owner
        #[arg(long, value_name = "NAME")]
        accepted_by: String,
        #[command(flatten)]
        paper: Paper,
        #[command(flatten)]
        whose: Whose,
    },
    /// Record that the owner states: nothing on these drives exists only there
    State {
        /// Who states it for the owner
        #[arg(long, value_name = "NAME")]
        stated_by: String,
        #[command(flatten)]
        paper: Paper,
        #[command(flatten)]
        whose: Whose,
    },
    /// A machine that was seen belongs to the lot, though the register does not say so
    Receive {
        machine: Number,
        #[command(flatten)]
        reason: Reason,
    },
    /// A machine that was seen does not belong to the lot
    Refuse {
        machine: Number,
        #[command(flatten)]
        reason: Reason,
    },
    /// Take in a laptop that never boots
    TakeIn {
        /// Its serial number, by the label
        #[arg(long, value_name = "TEXT", default_value = "")]
        serial: String,
        /// The owner's number of it, by the sticker
        #[arg(long, value_name = "TEXT", default_value = "")]
        asset: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Say which row of the register something is
    Assign {
        thing: Thing,
        row: RowNumber,
        #[command(flatten)]
        reason: Reason,
    },
    /// A drive was taken out and put into a bag
    Pull {
        /// Out of this: the number of a machine, or what `rehome lot show` calls it
        from: Thing,
        /// Model, by the drive's label
        #[arg(long, value_name = "TEXT")]
        model: String,
        /// Serial number, by the drive's label
        #[arg(long, value_name = "TEXT")]
        serial: String,
        /// The number on the bag
        #[arg(long, value_name = "TEXT")]
        bag: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// What became of the drive in a bag
    #[command(subcommand)]
    Bag(Bag),
    /// A drive was put in
    Swap {
        thing: Thing,
        /// Model, by the drive's label
        #[arg(long, value_name = "TEXT")]
        model: String,
        /// Serial number, by the drive's label
        #[arg(long, value_name = "TEXT")]
        serial: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Somebody looked inside: there is no drive but those that are known
    NothingInside {
        thing: Thing,
        #[command(flatten)]
        reason: Reason,
    },
    /// It was returned to the owner as it is
    GiveBack {
        thing: Thing,
        /// Number of the paper that says so, without the name of whoever took it: it stays in the journal for good
        #[arg(long, value_name = "TEXT")]
        reference: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// It was not returned, after all
    NotGivenBack {
        thing: Thing,
        #[command(flatten)]
        reason: Reason,
    },
    /// Close the lot; what you counted must be what is reckoned
    Close {
        /// Machines and laptops taken in
        #[arg(long, value_name = "N")]
        received: u32,
        /// Of these, proven erased
        #[arg(long, value_name = "N", default_value_t = 0)]
        erased: u32,
        /// Of these, with drives pulled
        #[arg(long, value_name = "N", default_value_t = 0)]
        pulled: u32,
        /// Of these, returned
        #[arg(long, value_name = "N", default_value_t = 0)]
        returned: u32,
        /// Rows of the register of which nothing was received
        #[arg(long, value_name = "N", default_value_t = 0)]
        missing: usize,
        /// What is known of the missing ones
        #[arg(long, value_name = "TEXT", default_value = "")]
        because: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Open a closed lot again
    Reopen {
        #[command(flatten)]
        reason: Reason,
    },
}

/// What became of the drive in a bag.
#[derive(Debug, Subcommand)]
pub(super) enum Bag {
    /// It was destroyed
    Destroyed {
        bag: String,
        /// How, as "shredded, DIN 66399 H-4"
        #[arg(long, value_name = "TEXT")]
        how: String,
        /// The paper that says so
        #[arg(long, value_name = "TEXT", default_value = "")]
        reference: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// It was sanitized in a machine, under a batch of its own; the journal has to prove it
    Sanitized {
        bag: String,
        /// The machine
        #[arg(long = "in", value_name = "NUMBER")]
        machine: Number,
        #[command(flatten)]
        whose: Whose,
    },
    /// It was returned to the owner, with what is on it
    Returned {
        bag: String,
        /// Number of the paper that says so, without the name of whoever took it: it stays in the journal for good
        #[arg(long, value_name = "TEXT")]
        reference: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// It was put back where it was
    PutBack {
        bag: String,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Which lot, and who says so.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// The lot [default: the only open one]
    #[arg(long, value_name = "LOT")]
    lot: Option<LotId>,
    /// Who says so [default: the user's name]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Why.
#[derive(Debug, Args)]
pub(super) struct Reason {
    /// Why
    #[arg(long, value_name = "TEXT")]
    because: String,
    #[command(flatten)]
    whose: Whose,
}

/// A paper of the owner.
#[derive(Debug, Args)]
pub(super) struct Paper {
    /// The day that it has, as 2026-11-22 [default: today]
    #[arg(long, value_name = "DAY")]
    on: Option<Day>,
    /// Its number
    #[arg(long, value_name = "TEXT", default_value = "")]
    reference: String,
}

impl Paper {
    fn day(&self) -> Result<Day> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
        let today = u64::try_from(now).ok().and_then(|now| Day::of(protocol::UnixMillis(now)));
        self.on.or(today).context("the clock shows no day of the calendar; give one with --on")
    }
}

pub(super) async fn run(asker: &Asker, command: Command) -> Result<()> {
    let data = &asker.data;
    match command {
        Command::Open { owner, reference, accepted_by, policy, stated_by, on, by } => {
            let by = by.unwrap_or_else(whoami);
            let paper = Paper { on, reference: reference.clone() };
            let mut wishes = Vec::new();
            // Looked up first: an unknown policy opens no lot.
            if let Some(accepted_by) = accepted_by {
                let (policy, on, reference) =
                    (policies::find(&policy)?, paper.day()?, paper.reference.clone());
                wishes.push(LotWish::Accept { policy, accepted_by, on, reference });
            }
            if let Some(stated_by) = stated_by {
                let (on, reference) = (paper.day()?, paper.reference.clone());
                wishes.push(LotWish::State { stated_by, on, reference });
            }
            let answer = post(data, "/lots", &by, &OpenLot { owner, reference }).await?;
            let Opened { lot } = serde_json::from_slice(&answer)?;
            for wish in wishes {
                post(data, &format!("/lots/{lot}/wish"), &by, &WishRequest { wish }).await?;
            }
            asker.said(&answer, &format!("open: {lot}"))
        }
        Command::List => print::list(asker, &get(data, "/lots").await?),
        Command::Show { lot } => {
            let lots = Lots::ask(asker).await?;
            let lot = match lot {
                Some(lot) => lot,
                None => lots.only()?,
            };
            print::show(asker, &get(data, &format!("/lots/{lot}")).await?)
        }
        Command::Import { reading, whose } => import(asker, &reading, whose).await,
        command => {
            let lots = Lots::ask(asker).await?;
            let (whose, wish) = wanted(&lots, command)?;
            let said = said(&wish);
            ask(asker, &lots, whose, wish, said).await
        }
    }
}

async fn import(asker: &Asker, reading: &Reading, whose: Whose) -> Result<()> {
    let remembered = get(&asker.data, "/lots/mappings").await?;
    let understood = reading.understand(&serde_json::from_slice::<Vec<_>>(&remembered)?)?;
    if !asker.json {
        understood.print()?;
    }
    let Ok(rows) = understood.found else {
        bail!("nothing was imported; mend what is said above, then try again")
    };
    let said = format!("imported: {} assets", rows.len());
    let (file, mapping) = (understood.file, understood.mapping);
    let lots = Lots::ask(asker).await?;
    ask(asker, &lots, whose, LotWish::Import { file, mapping, rows }, &said).await
}

async fn ask(asker: &Asker, lots: &Lots, whose: Whose, wish: LotWish, said: &str) -> Result<()> {
    let lot = match (whose.lot, &wish) {
        (Some(lot), _) => lot,
        (None, LotWish::Reopen { .. }) => bail!("say which lot with --lot"),
        (None, _) => lots.only()?,
    };
    let by = whose.by.unwrap_or_else(whoami);
    let answer =
        post(&asker.data, &format!("/lots/{lot}/wish"), &by, &WishRequest { wish }).await?;
    asker.said(&answer, said)
}

/// What a command wants, and of which lot.
fn wanted(lots: &Lots, command: Command) -> Result<(Whose, LotWish)> {
    let because = |reason: Reason| (reason.whose, reason.because);
    Ok(match command {
        Command::Accept { policy, accepted_by, paper, whose } => {
            let (policy, on) = (policies::find(&policy)?, paper.day()?);
            (whose, LotWish::Accept { policy, accepted_by, on, reference: paper.reference })
        }
        Command::State { stated_by, paper, whose } => {
            let on = paper.day()?;
            (whose, LotWish::State { stated_by, on, reference: paper.reference })
        }
        Command::Receive { machine: Number(machine), reason } => {
            let (whose, because) = because(reason);
            (whose, LotWish::Receive { machine, because })
        }
        Command::Refuse { machine: Number(machine), reason } => {
            let (whose, because) = because(reason);
            (whose, LotWish::Refuse { machine, because })
        }
        Command::TakeIn { serial, asset, reason } => {
            let (whose, because) = because(reason);
            (whose, LotWish::TakeIn { serial, asset, because })
        }
        Command::Assign { thing, row, reason } => {
            let (whose, because) = because(reason);
            (whose, LotWish::Assign { subject: lots.named(&thing)?, row, because })
        }
        Command::Pull { from, model, serial, bag, reason } => {
            let (whose, because) = because(reason);
            (whose, LotWish::Pull { from: lots.named(&from)?, model, serial, bag, because })
        }
        Command::Bag(bag) => bagged(bag),
        Command::Swap { thing, model, serial, reason } => {
            let (whose, because) = because(reason);
            (whose, LotWish::Swap { subject: lots.named(&thing)?, model, serial, because })
        }
        Command::NothingInside { thing, reason } => {
            let (whose, because) = because(reason);
            (whose, LotWish::NothingInside { subject: lots.named(&thing)?, because })
        }
        Command::GiveBack { thing, reference, whose } => {
            (whose, LotWish::GiveBack { subject: lots.named(&thing)?, reference })
        }
        Command::NotGivenBack { thing, reason } => {
            let (whose, because) = because(reason);
            (whose, LotWish::NotGivenBack { subject: lots.named(&thing)?, because })
        }
        Command::Close { received, erased, pulled, returned, missing, because, whose } => {
            let sums = Sums { received, erased, pulled, returned };
            (whose, LotWish::Close { sums, missing, because })
        }
        Command::Reopen { reason } => {
            let (whose, because) = because(reason);
            (whose, LotWish::Reopen { because })
        }
        Command::Open { .. } | Command::List | Command::Show { .. } | Command::Import { .. } => {
            bail!("this command asks for itself")
        }
    })
}

fn bagged(bag: Bag) -> (Whose, LotWish) {
    match bag {
        Bag::Destroyed { bag, how, reference, whose } => {
            (whose, LotWish::Destroyed { bag, how, reference })
        }
        Bag::Sanitized { bag, machine: Number(machine), whose } => {
            (whose, LotWish::Sanitized { bag, machine })
        }
        Bag::Returned { bag, reference, whose } => {
            (whose, LotWish::DriveReturned { bag, reference })
        }
        Bag::PutBack { bag, reason: Reason { because, whose } } => {
            (whose, LotWish::PutBack { bag, because })
        }
    }
}

fn said(wish: &LotWish) -> &'static str {
    match wish {
        LotWish::Close { .. } => "closed; its batches are disarmed",
        LotWish::Reopen { .. } => "open again",
        _ => "recorded",
    }
}

/// Says nothing more than that there is nothing.
fn nothing(sentence: &str) -> Result<()> {
    Ok(say(sentence)?)
}

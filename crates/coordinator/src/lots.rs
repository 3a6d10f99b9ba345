//! Lots: what one owner handed over together, from the register to the last paper.
//!
//! A lot answers for things, a batch for consent: one lot may be worked on in several batches. Everything received has
//! to come out as proven erased, as drives that were pulled and whose fate is known, or as returned to the owner.

pub(crate) mod actions;
pub(crate) mod claim;
pub(crate) mod decide;
mod error;
mod inside;
pub(crate) mod lot;
pub(crate) mod reckoning;
mod sentence;
pub(crate) mod step;
pub(crate) mod view;

#[cfg(test)]
mod tests;

pub(crate) use error::LotError;
pub(crate) use lot::Lot;
pub(crate) use step::LotEvent;

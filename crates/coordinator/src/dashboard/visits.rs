//! Who is logged in. In memory only: a restart of the coordinator ends all visits.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::Sha256Digest;

use super::password::PasswordMark;
use crate::random::{self, RandomError};

/// How long one login lasts.
pub(crate) const VISIT_TIME: Duration = Duration::from_secs(12 * 3600);
/// Visits at a time; the one that ends first makes room.
const MAX_VISITS: usize = 200;

/// A person who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// The name that goes into the journal with what this person decides.
    pub(crate) name: String,
    /// What every form of this visit must repeat, 64 hexadecimal digits.
    pub(crate) form_token: String,
    password: PasswordMark,
    until: Instant,
}

/// All visits, by digest of their secret: looking one up tells nothing by its duration.
#[derive(Debug, Default)]
pub(crate) struct Visits(Mutex<HashMap<Sha256Digest, Visit>>);

impl Visits {
    /// Begins a visit and gives its secret, 64 hexadecimal digits.
    pub(crate) fn begin(
        &self,
        name: String,
        password: PasswordMark,
        now: Instant,
    ) -> Result<String, RandomError> {
        let secret = hex::encode(random::bytes::<32>()?);
        let form_token = hex::encode(random::bytes::<32>()?);
        let visit = Visit { name, form_token, password, until: now + VISIT_TIME };
        let mut visits = self.lock();
        visits.retain(|_, visit| visit.until > now);
        if visits.len() >= MAX_VISITS {
            let first = visits.iter().min_by_key(|(_, visit)| visit.until).map(|(key, _)| *key);
            first.map(|key| visits.remove(&key));
        }
        visits.insert(evidence::sha256(secret.as_bytes()), visit);
        Ok(secret)
    }

    /// Whose secret this is, as long as it lasts and the password is still the same.
    pub(crate) fn find(&self, secret: &str, password: PasswordMark, now: Instant) -> Option<Visit> {
        let visits = self.lock();
        let visit = visits.get(&evidence::sha256(secret.as_bytes()))?;
        (visit.until > now && visit.password == password).then(|| visit.clone())
    }

    /// Ends a visit.
    pub(crate) fn end(&self, secret: &str) {
        self.lock().remove(&evidence::sha256(secret.as_bytes()));
    }

    /// A panic elsewhere cannot leave the map half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<Sha256Digest, Visit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    /// Whether a form carries this visit's token, in the same time whatever it carries.
    pub(crate) fn sent(&self, token: &str) -> bool {
        let (ours, theirs) = (self.form_token.as_bytes(), token.as_bytes());
        let differences = ours.iter().zip(theirs).fold(0, |sum, (a, b)| sum | (a ^ b));
        ours.len() == theirs.len() && std::hint::black_box(differences) == 0
    }
}

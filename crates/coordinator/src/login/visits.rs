//! Who is logged in. In memory only: a restart of the coordinator ends all visits.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::Sha256Digest;

use crate::access::Actor;
use crate::random::{self, RandomError};
use crate::users::{Mark, User};

/// How long one login lasts.
pub(crate) const VISIT_TIME: Duration = Duration::from_secs(12 * 3600);
/// A visit ends when nothing was asked for so long. A page that only stays open asks for nothing.
pub(crate) const IDLE_TIME: Duration = Duration::from_secs(2 * 3600);
/// Visits of one person at a time; the oldest makes room. With [`crate::users::MAX_USERS`] that bounds them all, and
/// nobody's logins end somebody else's visit.
const MAX_OF_ONE: usize = 10;

/// By which door somebody came. A secret of one is worth nothing at the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// A browser with a cookie.
    Browser,
    /// A program with a bearer token.
    Program,
}

/// A person who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// Who.
    pub(crate) actor: Actor,
    /// What every form of this visit must repeat, 64 hexadecimal digits.
    pub(crate) form_token: String,
    mark: Mark,
    door: Door,
    until: Instant,
    last: Instant,
}

/// All visits, by digest of their secret: looking one up tells nothing by its duration.
#[derive(Debug, Default)]
pub(crate) struct Visits(Mutex<HashMap<Sha256Digest, Visit>>);

impl Visits {
    /// Begins a visit and gives its secret, 64 hexadecimal digits.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub(crate) fn begin(
        &self,
        user: &User,
        door: Door,
        now: Instant,
    ) -> Result<String, RandomError> {
        let secret = hex::encode(random::bytes::<32>()?);
        let form_token = hex::encode(random::bytes::<32>()?);
        let (actor, mark, until) = (user.actor(), user.mark(), now + VISIT_TIME);
        let visit = Visit { actor, form_token, mark, door, until, last: now };
        let mut visits = self.lock();
        visits.retain(|_, visit| visit.lasts(now));
        let theirs = visits.iter().filter(|(_, visit)| visit.actor.person == Some(user.person));
        let mut theirs: Vec<_> = theirs.map(|(key, visit)| (visit.until, *key)).collect();
        theirs.sort_unstable_by_key(|(until, _)| *until);
        for (_, key) in theirs.iter().take((theirs.len() + 1).saturating_sub(MAX_OF_ONE)) {
            visits.remove(key);
        }
        visits.insert(key(secret.as_str()), visit);
        Ok(secret)
    }

    /// Whose secret this is, as long as the visit lasts and its user is as at the login. `asks`: whether a person wants
    /// something, in contrast to a page that only stays open.
    pub(crate) fn find(
        &self,
        secret: &str,
        door: Door,
        users: &[User],
        now: Instant,
        asks: bool,
    ) -> Option<Visit> {
        let mut visits = self.lock();
        let visit = visits.get_mut(&key(secret))?;
        let user = users.iter().find(|user| visit.actor.person == Some(user.person));
        // For good: the user may be as before again some day.
        if !visit.lasts(now) || user.is_none_or(|user| user.mark() != visit.mark) {
            visits.remove(&key(secret));
            return None;
        }
        if visit.door != door {
            return None;
        }
        if asks {
            visit.last = now;
        }
        Some(visit.clone())
    }

    /// Ends a visit.
    pub(crate) fn end(&self, secret: &str) {
        self.lock().remove(&key(secret));
    }

    /// Ends all visits of a user.
    pub(crate) fn end_of(&self, name: &str) {
        self.lock().retain(|_, visit| visit.actor.name.to_lowercase() != name.to_lowercase());
    }

    /// A panic elsewhere cannot leave the map half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<Sha256Digest, Visit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(secret: &str) -> Sha256Digest {
    evidence::sha256(secret.as_bytes())
}

impl Visit {
    fn lasts(&self, now: Instant) -> bool {
        self.until > now && now.saturating_duration_since(self.last) < IDLE_TIME
    }

    /// Whether a form carries this visit's token, in the same time whatever it carries.
    pub(crate) fn sent(&self, token: &str) -> bool {
        let (ours, theirs) = (self.form_token.as_bytes(), token.as_bytes());
        let differences = ours.iter().zip(theirs).fold(0, |sum, (a, b)| sum | (a ^ b));
        ours.len() == theirs.len() && std::hint::black_box(differences) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_ends_by_time_by_idleness_and_by_any_change_of_its_user() {
        let json = |role: &str| {
            let person = "11".repeat(16);
            let text = format!(
                r#"{{"person":"{person}","name":"Ola","role":"{role}","password":"$hash"}}"#
            );
            [serde_json::from_str::<User>(&text).unwrap()]
        };
        let (ola, demoted) = (json("technician"), json("auditor"));
        for other in [&demoted[..], &[]] {
            let (visits, now) = (Visits::default(), Instant::now());
            let secret = visits.begin(&ola[0], Door::Browser, now).unwrap();
            let find = |users| visits.find(&secret, Door::Browser, users, now, true);
            assert!(find(&ola).is_some() && find(other).is_none());
            assert!(find(&ola).is_none(), "what has ended does not come back");
        }
        let (visits, start) = (Visits::default(), Instant::now());
        let secret = visits.begin(&ola[0], Door::Browser, start).unwrap();
        let find = |users: &[User], door, after: Duration, asks| {
            visits.find(&secret, door, users, start + after, asks).is_some()
        };
        let minute = Duration::from_secs(60);
        assert!(!find(&ola, Door::Program, minute, true), "a cookie is no bearer token");
        let (almost, late) = (IDLE_TIME - minute, IDLE_TIME + minute);
        assert!(find(&ola, Door::Browser, almost, false), "looked at, not used");
        assert!(!find(&ola, Door::Browser, late, true), "an open page does not keep it");
        let secret = visits.begin(&ola[0], Door::Browser, start).unwrap();
        let mut now = start;
        while now + almost < start + VISIT_TIME {
            now += almost;
            assert!(visits.find(&secret, Door::Browser, &ola, now, true).is_some());
        }
        assert!(visits.find(&secret, Door::Browser, &ola, start + VISIT_TIME, true).is_none());
    }

    #[test]
    fn logins_of_one_end_no_visit_of_another() {
        let user = |n: u8| {
            let person = format!("{n:02x}").repeat(16);
            let text = format!(
                r#"{{"person":"{person}","name":"User {n}","role":"auditor","password":"$hash"}}"#
            );
            serde_json::from_str::<User>(&text).unwrap()
        };
        let (visits, start, users) = (Visits::default(), Instant::now(), [user(1), user(2)]);
        let begin = |which: &User, n: usize| {
            let now = start + Duration::from_secs(n as u64);
            visits.begin(which, Door::Program, now).unwrap()
        };
        let lasts = |secret: &str| {
            let now = start + Duration::from_secs(600);
            visits.find(secret, Door::Program, &users, now, true).is_some()
        };
        let patient = begin(&users[0], 0);
        let many: Vec<_> = (1..=500).map(|n| begin(&users[1], n)).collect();
        assert!(lasts(&patient), "an auditor has thrown the others out");
        let left = many.iter().rposition(|secret| !lasts(secret)).unwrap() + 1;
        assert_eq!(many.len() - left, MAX_OF_ONE, "the last ones stay");
        assert_eq!(many.iter().filter(|secret| lasts(secret)).count(), MAX_OF_ONE);
        visits.end_of("USER 2");
        assert!(lasts(&patient) && many.iter().all(|secret| !lasts(secret)));
    }
}

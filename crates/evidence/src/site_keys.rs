//! The keys of one site, each with the word of the one before: what certificates are checked against.

use std::str::FromStr;

use protocol::{SiteKey, UnixMillis};

use crate::key::SigningKey;
use crate::rotation::{Handover, Rotation, RotationError};

/// More rotations than this are no site's.
const MAX_ROTATIONS: usize = 1000;

/// A site's keys in a line, from the oldest that is known to the present one. Never empty, never forked, every link
/// signed by both of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteKeys {
    keys: Vec<SiteKey>,
    rotations: Vec<Rotation>,
}

/// Why keys are not those of one site.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiteKeysError {
    /// The file's first line is no key.
    #[error("the first line is no public key: {0}")]
    NoKey(String),
    /// One of the rotations is not believed.
    #[error("rotation {number}")]
    Rotation {
        /// Which, from 1.
        number: usize,
        /// Why.
        #[source]
        source: RotationError,
    },
    /// A key has two successors, or two predecessors.
    #[error("it forks: {of} has two {what}, {one} and {other}")]
    Forked {
        /// Of which key.
        of: SiteKey,
        /// Successors or predecessors.
        what: &'static str,
        /// One of them.
        one: SiteKey,
        /// The other one.
        other: SiteKey,
    },
    /// A key comes back.
    #[error("it repeats: key {0} comes twice")]
    Repeated(SiteKey),
    /// A rotation does not continue the one before.
    #[error("it is broken: a rotation from {expected} was due, but there is one from {got}")]
    Broken {
        /// The key that was due.
        expected: SiteKey,
        /// The one that stands there.
        got: SiteKey,
    },
    /// The rotations lead to another key than the present one.
    #[error("it ends elsewhere: the rotations lead to {got}, but the present key is {present}")]
    End {
        /// Where they lead.
        got: SiteKey,
        /// Where they should.
        present: SiteKey,
    },
    /// Nobody rotates that often.
    #[error("it has {0} rotations, which is more than {MAX_ROTATIONS}")]
    TooMany(usize),
}

impl From<SiteKey> for SiteKeys {
    fn from(key: SiteKey) -> Self {
        Self { keys: vec![key], rotations: Vec::new() }
    }
}

impl From<&SiteKey> for SiteKeys {
    fn from(key: &SiteKey) -> Self {
        Self::from(*key)
    }
}

impl From<&Self> for SiteKeys {
    fn from(keys: &Self) -> Self {
        keys.clone()
    }
}

impl SiteKeys {
    /// The keys that `rotations` lead through to `present`.
    ///
    /// # Errors
    /// [`SiteKeysError`] names what is wrong.
    pub fn new(rotations: Vec<Rotation>, present: SiteKey) -> Result<Self, SiteKeysError> {
        if rotations.len() > MAX_ROTATIONS {
            return Err(SiteKeysError::TooMany(rotations.len()));
        }
        let mut found: Option<Self> = None;
        for (number, rotation) in (1..).zip(rotations) {
            let open = |source| SiteKeysError::Rotation { number, source };
            let Handover { old, .. } = rotation.open().map_err(open)?;
            let mut keys = found.unwrap_or_else(|| Self::from(old));
            keys.follow(rotation)?;
            found = Some(keys);
        }
        let keys = found.unwrap_or_else(|| Self::from(present));
        match keys.present() {
            got if got == present => Ok(keys),
            got => Err(SiteKeysError::End { got, present }),
        }
    }

    /// Takes the next rotation.
    ///
    /// # Errors
    /// When it is not believed, or does not begin with the present key. Nothing has changed then.
    pub fn follow(&mut self, rotation: Rotation) -> Result<(), SiteKeysError> {
        let number = self.rotations.len() + 1;
        let open = |source| SiteKeysError::Rotation { number, source };
        let Handover { old, new, .. } = rotation.open().map_err(open)?;
        if let Some(at) = self.keys.iter().position(|key| *key == old)
            && let Some(successor) = self.keys.get(at + 1)
            && *successor != new
        {
            let (one, what) = (*successor, "successors");
            return Err(SiteKeysError::Forked { of: old, what, one, other: new });
        }
        if self.keys.contains(&new) {
            return Err(SiteKeysError::Repeated(new));
        }
        if old != self.present() {
            return Err(SiteKeysError::Broken { expected: self.present(), got: old });
        }
        self.keys.push(new);
        self.rotations.push(rotation);
        Ok(())
    }

    /// Lets the present key, `old`, hand over to `new`.
    ///
    /// # Errors
    /// When `old` is not the present key, or `new` was one before.
    pub fn rotate(
        &mut self,
        old: &SigningKey,
        new: &SigningKey,
        at: UnixMillis,
    ) -> Result<Rotation, SiteKeysError> {
        let rotation = Rotation::sign(old, new, at).map_err(|error| SiteKeysError::Rotation {
            number: self.rotations.len() + 1,
            source: RotationError::Malformed(error.to_string()),
        })?;
        self.follow(rotation.clone())?;
        Ok(rotation)
    }

    /// These and `other` in one line, where they have a key in common; none where they are of different sites.
    ///
    /// # Errors
    /// When they contradict one another: one key with two successors, or two predecessors.
    pub fn join(&self, other: &Self) -> Result<Option<Self>, SiteKeysError> {
        let position = |keys: &Self, key| keys.keys.iter().position(|it| *it == key);
        let common =
            self.keys.iter().enumerate().find_map(|(at, key)| Some((at, position(other, *key)?)));
        let Some((mine, theirs)) = common else { return Ok(None) };
        // It is the first common one, so at most one of both lines has keys before it.
        if mine > 0 && theirs > 0 {
            let (of, what) = (self.keys[mine], "predecessors");
            let (one, other) = (self.keys[mine - 1], other.keys[theirs - 1]);
            return Err(SiteKeysError::Forked { of, what, one, other });
        }
        let (head, from) = if mine > 0 { (self, mine) } else { (other, theirs) };
        let mut joined =
            Self { keys: head.keys[..=from].to_vec(), rotations: head.rotations[..from].to_vec() };
        let (mut one, mut two) = (self.rotations[mine..].iter(), other.rotations[theirs..].iter());
        loop {
            match (one.next(), two.next()) {
                (None, None) => return Ok(Some(joined)),
                (Some(next), None) | (None, Some(next)) => joined.follow(next.clone())?,
                (Some(next), Some(rival)) => {
                    joined.follow(next.clone())?;
                    let open = |source| SiteKeysError::Rotation { number: joined.len(), source };
                    let Handover { old, new, .. } = rival.open().map_err(open)?;
                    if new != joined.present() {
                        let (what, one) = ("successors", joined.present());
                        return Err(SiteKeysError::Forked { of: old, what, one, other: new });
                    }
                }
            }
        }
    }

    /// The oldest key.
    pub fn first(&self) -> SiteKey {
        self.keys[0]
    }

    /// The key that signs now.
    pub fn present(&self) -> SiteKey {
        self.keys[self.keys.len() - 1]
    }

    /// Whether this is one of them.
    pub fn contains(&self, key: &SiteKey) -> bool {
        self.keys.contains(key)
    }

    /// All of them, the oldest first.
    pub fn keys(&self) -> &[SiteKey] {
        &self.keys
    }

    /// How each followed the one before.
    pub fn rotations(&self) -> &[Rotation] {
        &self.rotations
    }

    /// The file `site.pub`: the present key, then the rotations that led to it, a line each.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.present());
        for rotation in &self.rotations {
            text.push_str(&rotation.to_json());
            text.push('\n');
        }
        text
    }

    fn len(&self) -> usize {
        self.keys.len()
    }
}

impl FromStr for SiteKeys {
    type Err = SiteKeysError;

    /// Reads the file `site.pub`. White space around it, a byte order mark and line ends of another system are borne:
    /// people copy it.
    fn from_str(text: &str) -> Result<Self, SiteKeysError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.trim().split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let key = lines.next().unwrap_or_default();
        let key = key.parse().map_err(|error: protocol::ids::ParseIdError| {
            SiteKeysError::NoKey(error.to_string())
        })?;
        let rotations = (1..).zip(lines).map(|(number, line)| {
            let bad = |source| SiteKeysError::Rotation { number, source };
            Rotation::from_json(line).map_err(bad)
        });
        Self::new(rotations.collect::<Result<_, _>>()?, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32]).unwrap()
    }

    fn public(seed: u8) -> SiteKey {
        SiteKey::from_bytes(key(seed).public())
    }

    fn rotation(from: u8, to: u8) -> Rotation {
        Rotation::sign(&key(from), &key(to), UnixMillis(7)).unwrap()
    }

    /// The keys of these seeds, one after the other.
    fn line(seeds: &[u8]) -> SiteKeys {
        let rotations = seeds.windows(2).map(|it| rotation(it[0], it[1])).collect();
        SiteKeys::new(rotations, public(seeds[seeds.len() - 1])).unwrap()
    }

    #[test]
    fn a_line_of_keys_is_read_back_and_one_key_alone_is_the_file_of_old() {
        for seeds in [&[1][..], &[1, 2], &[1, 2, 3]] {
            let keys = line(seeds);
            assert_eq!(keys.to_text().parse::<SiteKeys>().unwrap(), keys);
            assert_eq!(keys.to_text().replace('\n', "\r\n").parse::<SiteKeys>().unwrap(), keys);
            assert_eq!((keys.first(), keys.present()), (public(1), public(seeds[seeds.len() - 1])));
        }
        assert_eq!(line(&[1]).to_text(), format!("{}\n", public(1)));
        assert_eq!(format!(" {} \n\n", public(1)).parse::<SiteKeys>().unwrap(), line(&[1]));
        // As Notepad saves it.
        let with_mark = format!("\u{feff}{}", line(&[1, 2]).to_text().replace('\n', "\r\n"));
        assert_eq!(with_mark.parse::<SiteKeys>().unwrap(), line(&[1, 2]));
    }

    #[test]
    fn what_forks_repeats_breaks_or_is_half_signed_is_refused_by_name() {
        let check = |rotations: &[Rotation], present: u8, name: &str| {
            let error = SiteKeys::new(rotations.to_vec(), public(present)).unwrap_err();
            let said = match &error {
                SiteKeysError::Rotation { source, .. } => source.to_string(),
                other => other.to_string(),
            };
            assert!(said.contains(name), "{said:?} does not say {name:?}");
        };
        let [one, two, fork, back] = [(1, 2), (2, 3), (1, 3), (2, 1)].map(|(a, b)| rotation(a, b));
        check(&[one.clone(), fork], 3, "it forks");
        check(&[one.clone(), back], 1, "it repeats");
        check(&[one.clone(), one.clone()], 2, "it repeats");
        check(&[rotation(1, 1)], 1, "it repeats");
        check(&[one.clone(), rotation(5, 6)], 6, "it is broken");
        check(std::slice::from_ref(&one), 3, "it ends elsewhere");
        check(&[two.clone(), one.clone()], 2, "it repeats");
        for (at, which) in [(0, "the old key"), (1, "the new key")] {
            let mut half = one.to_json();
            let stranger = rotation(1, 9).to_json();
            let signature = |json: &str| {
                let json: serde_json::Value = serde_json::from_str(json).unwrap();
                json["signatures"][at]["sig"].as_str().unwrap().to_owned()
            };
            half = half.replace(&signature(&half), &signature(&stranger));
            let half = Rotation::from_json(&half).unwrap();
            check(&[half], 2, which);
        }
        // Signed by one key twice is signed by one key only.
        let json: serde_json::Value = serde_json::from_str(&one.to_json()).unwrap();
        let mut twice = json.clone();
        twice["signatures"][1] = json["signatures"][0].clone();
        let twice = Rotation::from_json(&twice.to_string()).unwrap();
        check(&[twice], 2, "the new key");
        let text = format!("{}\n{}\n", public(2), one.to_json().replace(':', ": "));
        assert!(text.parse::<SiteKeys>().is_err(), "another byte form was taken");
        assert!("".parse::<SiteKeys>().is_err() && "site".parse::<SiteKeys>().is_err());
    }

    #[test]
    fn two_parts_of_one_line_join_and_rivals_do_not() {
        let joined = |one: &[u8], other: &[u8]| line(one).join(&line(other));
        for (one, other, all) in [
            (&[1, 2, 3][..], &[1][..], &[1, 2, 3][..]),
            (&[1, 2, 3], &[3], &[1, 2, 3]),
            (&[1, 2], &[2, 3], &[1, 2, 3]),
            (&[2, 3], &[1, 2, 3, 4], &[1, 2, 3, 4]),
            (&[1, 2, 3], &[1, 2, 3], &[1, 2, 3]),
        ] {
            assert_eq!(joined(one, other).unwrap().unwrap(), line(all));
            assert_eq!(joined(other, one).unwrap().unwrap(), line(all));
        }
        assert_eq!(joined(&[1, 2], &[3, 4]).unwrap(), None);
        for (one, other) in [(&[1, 2][..], &[1, 3][..]), (&[1, 3], &[2, 3]), (&[1, 2, 3], &[2, 4])]
        {
            for error in [joined(one, other), joined(other, one)] {
                assert!(matches!(error, Err(SiteKeysError::Forked { .. })), "{error:?}");
            }
        }
        // A line that comes back to where another one began.
        assert!(joined(&[1, 2], &[2, 1]).is_err());
    }
}

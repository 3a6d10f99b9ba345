//! The policies that come with Rehome, and those that people bring as files.

use std::path::{Path, PathBuf};

use protocol::{Policy, Sha256Digest};

use crate::config::Language;

/// A policy that comes with Rehome, and what it means in plain words.
#[derive(Debug)]
pub(crate) struct Shipped {
    /// Its name.
    pub(crate) name: &'static str,
    /// The file, as somebody may copy and change it.
    pub(crate) file: &'static str,
    english: &'static str,
    polish: &'static str,
}

macro_rules! shipped {
    ($name:literal) => {
        Shipped {
            name: $name,
            file: include_str!(concat!("../../../policies/", $name, ".toml")),
            english: include_str!(concat!("../../../policies/", $name, ".en.md")),
            polish: include_str!(concat!("../../../policies/", $name, ".pl.md")),
        }
    };
}

/// What is offered, the default first.
pub(crate) const SHIPPED: [Shipped; 3] =
    [shipped!("default"), shipped!("overwrite-only"), shipped!("firmware+overwrite")];

/// A policy file larger than this is none.
const MAX_LEN: u64 = 64 * 1024;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error("failed to read the policy {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "there is no policy {name:?} and no file of that name; `rehome policy list` shows what there is"
    )]
    NoSuch { name: String },
    /// Looked at and refused.
    #[error("the policy {name} is refused: {}", .problems.join("; "))]
    Refused {
        /// Its name, or that of its file.
        name: String,
        /// What is wrong with it, each in plain words.
        problems: Vec<String>,
    },
}

impl Shipped {
    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        SHIPPED.iter().find(|shipped| shipped.name == name)
    }

    /// What it demands.
    ///
    /// # Errors
    /// Never, as a test shows; but there is no other way to say so.
    pub(crate) fn policy(&self) -> Result<Policy, PolicyError> {
        parse(self.file).map_err(|problems| refused(self.name, problems))
    }

    /// What it leaves possible, in plain words, as Markdown.
    pub(crate) fn explanation(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.english,
            Language::Pl => self.polish,
        }
    }
}

/// The policy that a person names: one that comes with Rehome, or else a file.
///
/// # Errors
/// When there is neither, or the file holds no policy that makes sense.
pub(crate) fn find(wanted: &str) -> Result<Policy, PolicyError> {
    match Shipped::named(wanted) {
        Some(shipped) => shipped.policy(),
        None if Path::new(wanted).exists() => read(Path::new(wanted)),
        None => Err(PolicyError::NoSuch { name: wanted.to_owned() }),
    }
}

/// Reads a policy from a file and checks it.
///
/// # Errors
/// Every problem there is, once it can be read.
pub(crate) fn read(path: &Path) -> Result<Policy, PolicyError> {
    use std::io::Read as _;
    let failed = |source| PolicyError::Read { path: path.to_owned(), source };
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_LEN + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_LEN {
        return Err(refused(&name, vec![format!("it has more than {MAX_LEN} bytes")]));
    }
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| refused(&name, vec!["it is no text in UTF-8".to_owned()]))?;
    parse(&text).map_err(|problems| refused(&name, problems))
}

/// Checks a policy that came from elsewhere, as a coordinator must before it arms a batch.
///
/// # Errors
/// Every problem there is.
pub(crate) fn check(policy: &Policy) -> Result<(), PolicyError> {
    let problems = problems(policy);
    if problems.is_empty() { Ok(()) } else { Err(refused(&policy.name, problems)) }
}

/// By which two policies of one name are told apart: SHA-256 of the policy as JSON, whatever its file looks like.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn digest(policy: &Policy) -> Result<Sha256Digest, serde_json::Error> {
    Ok(evidence::sha256(&serde_json::to_vec(policy)?))
}

fn parse(text: &str) -> Result<Policy, Vec<String>> {
    let policy: Policy = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        vec![format!("line {line}: {}", error.message().replace('\n', " "))]
    })?;
    let problems = problems(&policy);
    if problems.is_empty() { Ok(policy) } else { Err(problems) }
}

fn problems(policy: &Policy) -> Vec<String> {
    let inner = plan::policy::check(policy).err().unwrap_or_default();
    let mut problems: Vec<_> = inner.iter().map(ToString::to_string).collect();
    // A name stands on certificates and is all that most readers ever see of a policy.
    let shipped = plan::policy::builtin().into_iter().find(|shipped| shipped.name == policy.name);
    if shipped.is_some_and(|shipped| shipped != *policy) {
        problems.push(format!(
            "the name {:?} is that of a policy that comes with Rehome and demands something else; choose another name",
            policy.name
        ));
    }
    problems
}

fn refused(name: &str, problems: Vec<String>) -> PolicyError {
    PolicyError::Refused { name: name.to_owned(), problems }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_what_the_agents_know_and_is_explained() {
        let files: Vec<_> = SHIPPED.iter().map(|it| it.policy().unwrap()).collect();
        assert_eq!(files, plan::policy::builtin());
        for shipped in &SHIPPED {
            assert_eq!(Shipped::named(shipped.name).unwrap().name, shipped.policy().unwrap().name);
            for language in [Language::En, Language::Pl] {
                let text = shipped.explanation(language);
                assert!(text.contains("Clear") && text.len() > 500, "{}: {text}", shipped.name);
            }
        }
    }

    #[test]
    fn every_problem_of_a_file_is_told() {
        let good = SHIPPED[0].file.replace("name = \"default\"", "name = \"ours\"");
        let changed = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            good.replacen(from, to, 1)
        };
        for (text, words) in [
            (good.clone(), &[][..]),
            (SHIPPED[0].file.to_owned(), &[]),
            (
                changed("name = \"ours\"", "name = \"default\"\n").replace("10_000", "20_000"),
                &["comes with Rehome"],
            ),
            (changed("10_000", "7"), &["7 canaries"]),
            (
                changed("\"ours\"", "\"Our Policy\"").replace("10_000", "7"),
                &["Our Policy", "7 canaries"],
            ),
            (changed("canaries", "canary"), &["line", "canary"]),
            (changed("\"overwrite-zeros\"", "\"shred\""), &["line", "shred"]),
            ("[flash".to_owned(), &["line 1"]),
            (String::new(), &["line 1", "name"]),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &text).unwrap();
            let problems = match read(file.path()) {
                Ok(_) => Vec::new(),
                Err(PolicyError::Refused { problems, .. }) => problems,
                Err(other) => panic!("{other}"),
            };
            assert_eq!(problems.is_empty(), words.is_empty(), "{problems:?}: {text}");
            let all = problems.join("\n");
            assert!(words.iter().all(|word| all.contains(word)), "{words:?}: {all}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![b'#'; 65 * 1024]).unwrap();
        assert!(matches!(read(file.path()), Err(PolicyError::Refused { .. })));
        assert!(matches!(read(Path::new("/nonexistent")), Err(PolicyError::Read { .. })));
        assert!(matches!(find("nonexistent"), Err(PolicyError::NoSuch { .. })));
    }
}

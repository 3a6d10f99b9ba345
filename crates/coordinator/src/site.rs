//! The site's keys: one signs tickets, images and certificates, one speaks TLS.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evidence::{SigningKey, SiteKeys};
use protocol::{Sha256Digest, SiteKey, TicketId};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use ring::hmac;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::private_file::{self, PrivateFileError};

/// Name of the private key in the data directory.
pub(crate) const KEY: &str = "site.key";
/// Name of the public keys in the data directory.
pub(crate) const PUBLIC: &str = "site.pub";
/// What to do once others may have read a key.
const EXPOSED: &str = "begin a new site";

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteError {
    #[error(transparent)]
    File(#[from] PrivateFileError),
    #[error("failed to write {path}; is the disk full?")]
    Publish {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("failed to read {path}")]
    ReadPublic {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} holds no key of ours: {why}")]
    Malformed { path: PathBuf, why: String },
    #[error(
        "there is a journal but no site key {path}; put the key back, without it nothing in the \
         journal can be continued"
    )]
    Lost { path: PathBuf },
    #[error("failed to make a key: {0}")]
    Make(String),
    #[error("failed to set up TLS")]
    Tls(#[source] rustls::Error),
}

/// The keys.
#[derive(Debug)]
pub(crate) struct Site {
    /// Signs tickets, manifests and certificates.
    pub(crate) key: SigningKey,
    /// Whether this is a rehearsal's throw-away key: its certificates say so and prove nothing.
    pub(crate) simulated: bool,
    /// SHA-256 of the TLS public key (SubjectPublicKeyInfo), which agents pin.
    pub(crate) tls_key: Sha256Digest,
    /// The TLS side.
    pub(crate) tls: Arc<rustls::ServerConfig>,
}

impl Site {
    /// Reads the site's keys from `data`, or makes them when there is no journal yet.
    ///
    /// # Errors
    /// [`SiteError`] says what to do.
    pub(crate) fn open(data: &Path) -> Result<Self, SiteError> {
        let key = signing_key(data)?;
        let (tls, tls_key) = tls(data)?;
        let site = Self { key, simulated: false, tls_key, tls };
        // A file that ends in our key may name more keys than we know here: only the journal knows all.
        if published(data)?.is_none_or(|keys| keys.present() != site.public()) {
            publish(data, &site.public().into())?;
        }
        Ok(site)
    }

    /// The public key.
    pub(crate) fn public(&self) -> SiteKey {
        SiteKey::from_bytes(self.key.public())
    }

    /// The token that the system installed under a ticket shows at its first boot, 64 hexadecimal digits.
    /// Derived, so that a repeated answer is the same answer and no secret needs storing.
    pub(crate) fn first_boot_token(&self, ticket: TicketId) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.seed());
        let mut message = b"rehome first boot ".to_vec();
        message.extend_from_slice(ticket.as_bytes());
        hex::encode(hmac::sign(&key, &message))
    }
}

/// The site's public key, by the private one in `data`; none if there is none yet.
///
/// # Errors
/// When what is there cannot be read, or others may read it.
pub(crate) fn read_public(data: &Path) -> Result<Option<SiteKey>, SiteError> {
    let key = read_key(&data.join(KEY))?;
    Ok(key.map(|key| SiteKey::from_bytes(key.public())))
}

/// Writes the public keys for everybody, so that after a power cut it is the old or the new file.
///
/// # Errors
/// When that fails; the old one stays then.
pub(crate) fn publish(data: &Path, keys: &SiteKeys) -> Result<(), SiteError> {
    let path = data.join(PUBLIC);
    let text = keys.to_text();
    if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let half = data.join("site.pub.new");
    let write = || {
        let mut file = File::create(&half)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&half, &path)?;
        File::open(data)?.sync_all()
    };
    write().map_err(|source| {
        // On a full disk it would take the room it could not use. The first error is the one to tell.
        drop(std::fs::remove_file(&half));
        SiteError::Publish { path: path.clone(), source }
    })
}

/// The public keys as they were written; none if the file is missing or was damaged, for it can be written again.
///
/// # Errors
/// When it is there and cannot be read.
pub(crate) fn published(data: &Path) -> Result<Option<SiteKeys>, SiteError> {
    let path = data.join(PUBLIC);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok().and_then(|text| text.parse().ok())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SiteError::ReadPublic { path, source }),
    }
}

/// Reads a private key from `path`; none if there is no such file.
///
/// # Errors
/// When others may read it, or it is none.
pub(crate) fn read_key(path: &Path) -> Result<Option<SigningKey>, SiteError> {
    let Some(text) = private_file::read(path, EXPOSED)? else { return Ok(None) };
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| SiteError::Malformed {
        path: path.to_owned(),
        why: "64 hexadecimal digits were expected".to_owned(),
    })?;
    SigningKey::from_seed(seed).map(Some).map_err(|error| SiteError::Make(error.to_string()))
}

/// Makes a private key and writes it to `path`.
///
/// # Errors
/// When that fails; nothing is there then.
pub(crate) fn make_key(path: &Path) -> Result<SigningKey, SiteError> {
    let key = SigningKey::generate().map_err(|error| SiteError::Make(error.to_string()))?;
    private_file::replace(path, format!("{}\n", hex::encode(key.seed())).as_bytes())?;
    Ok(key)
}

fn signing_key(data: &Path) -> Result<SigningKey, SiteError> {
    let path = data.join(KEY);
    match read_key(&path)? {
        Some(key) => Ok(key),
        None if data.join("journal.db").exists() => Err(SiteError::Lost { path }),
        None => make_key(&path),
    }
}

fn tls(data: &Path) -> Result<(Arc<rustls::ServerConfig>, Sha256Digest), SiteError> {
    let path = data.join("tls.key");
    let make = |error: rcgen::Error| SiteError::Make(error.to_string());
    let key = match private_file::read(&path, EXPOSED)? {
        Some(pem) => KeyPair::from_pem(&pem)
            .map_err(|error| SiteError::Malformed { path: path.clone(), why: error.to_string() })?,
        None => {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make)?;
            private_file::replace(&path, key.serialize_pem().as_bytes())?;
            key
        }
    };
    // Agents pin the key; name and dates of the certificate mean nothing to them.
    let params = CertificateParams::new(vec!["rehome".to_owned()]).map_err(make)?;
    let certificate: CertificateDer<'static> = params.self_signed(&key).map_err(make)?.into();
    let digest = evidence::sha256(&key.subject_public_key_info());
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SiteError::Tls)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)
        .map_err(SiteError::Tls)?;
    Ok((Arc::new(config), digest))
}

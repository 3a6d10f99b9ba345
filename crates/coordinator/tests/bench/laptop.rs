//! An agent: what it says and how, without what it does to drives.

use std::sync::Arc;

use evidence::chain::ChainWriter;
use evidence::{Envelope, SigningKey};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use protocol::api::{ENROLLMENT_TYPE, SiteConfig, TICKET_TYPE};
use protocol::{
    AgentKey, Directive, DriveIdentity, Enrolled, Enrollment, Heartbeat, Inventory, Job, Nonce,
    Plan, PlanReply, PlanRequest, Sha256Digest, Stage, Step, Ticket, UnixMillis,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::coordinator::Coordinator;
use crate::observed;

pub(crate) struct Laptop {
    pub(crate) inventory: Inventory,
    /// Whether it says of itself that it is made up.
    pub(crate) simulated: bool,
    pub(crate) key: SigningKey,
    pub(crate) enrolled: Option<Enrolled>,
    pub(crate) chain: Option<ChainWriter>,
    /// Every record so far: what is sent again when an answer is lost.
    pub(crate) records: Vec<Envelope>,
}

pub(crate) type Answer = (StatusCode, Bytes);

impl Laptop {
    /// A laptop that has just booted the appliance: a new key.
    pub(crate) fn booted(inventory: Inventory) -> Self {
        let key = SigningKey::generate().unwrap();
        Self { inventory, simulated: false, key, enrolled: None, chain: None, records: Vec::new() }
    }

    pub(crate) fn agent(&self) -> AgentKey {
        AgentKey::from_bytes(self.key.public())
    }

    pub(crate) fn number(&self) -> u32 {
        self.enrolled.as_ref().unwrap().number.0.get()
    }

    pub(crate) fn enrollment(&self) -> Envelope {
        let enrollment = Enrollment {
            agent: self.agent(),
            version: "0.1.0".into(),
            inventory: self.inventory.clone(),
            simulated: self.simulated,
        };
        Envelope::sign(ENROLLMENT_TYPE, &enrollment, &self.key).unwrap()
    }

    pub(crate) async fn enroll(&mut self, at: &Coordinator) {
        let answer = self.post(at, "/agent/v1/enroll", &self.enrollment()).await;
        let enrolled: Enrolled = ok(&answer);
        if self.chain.is_none() {
            self.chain = Some(ChainWriter::start(enrolled.machine, self.agent()));
        }
        self.enrolled = Some(enrolled);
    }

    pub(crate) async fn heartbeat(&self, at: &Coordinator) -> Directive {
        let heartbeat = Heartbeat {
            stage: Stage::Plan,
            sentence: "asking".into(),
            progress: None,
            erasing_themselves: Vec::new(),
        };
        ok(&self.post(at, "/agent/v1/heartbeat", &heartbeat).await)
    }

    /// The job that it was admitted to.
    pub(crate) async fn job(&self, at: &Coordinator) -> Job {
        match self.heartbeat(at).await {
            Directive::Work { job, .. } => job,
            other => panic!("no work: {other:?}"),
        }
    }

    pub(crate) fn request(&self, job: &Job, nonce: u8) -> PlanRequest {
        self.request_with(job, &[], nonce)
    }

    /// A request where drives may be locked with our password.
    pub(crate) fn request_with(
        &self,
        job: &Job,
        our_locks: &[DriveIdentity],
        nonce: u8,
    ) -> PlanRequest {
        let machine = self.enrolled.as_ref().unwrap().machine;
        PlanRequest {
            nonce: Nonce::from_bytes([nonce; 32]),
            inventory: self.inventory.clone(),
            plan: plan::plan(machine, &self.inventory, job, &our_locks.iter().cloned().collect()),
        }
    }

    /// Asks for consent to `request` and checks the ticket as an agent must.
    pub(crate) async fn ticket(
        &self,
        at: &Coordinator,
        request: &PlanRequest,
    ) -> Result<(Ticket, String), PlanReply> {
        let reply: PlanReply = ok(&self.post(at, "/agent/v1/plan", request).await);
        let PlanReply::Ticket { ref envelope, ref first_boot_token, .. } = reply else {
            return Err(reply);
        };
        let envelope = Envelope::from_json(envelope.as_bytes()).unwrap();
        let ticket: Ticket = envelope.open(TICKET_TYPE, at.site.site_key.as_bytes()).unwrap();
        assert_eq!(ticket.nonce, request.nonce);
        assert_eq!(ticket.agent, self.agent());
        assert_eq!(ticket.plan, plan::digest(request.plan.as_ref().unwrap()));
        assert_eq!(ticket.expires_at.0 - ticket.issued_at.0, 60_000);
        Ok((ticket, first_boot_token.clone()))
    }

    pub(crate) fn note(&mut self, step: Step) {
        let uptime = self.records.len() as u64;
        let at = UnixMillis(1_700_000_000_000 + uptime);
        let chain = self.chain.as_mut().unwrap();
        self.records.push(chain.append(step, at, uptime, &self.key).unwrap());
    }

    pub(crate) async fn send(&self, at: &Coordinator, records: &[Envelope]) -> Answer {
        self.post(at, "/agent/v1/records", records).await
    }

    /// Notes what happens when a planned drive is wiped and read back.
    pub(crate) fn wipe(&mut self, ticket: &Ticket, plan: &Plan) {
        self.note(Step::TicketAccepted { ticket: ticket.ticket, plan: ticket.plan });
        for drive in &plan.drives {
            let identity = drive.identity.clone();
            let techniques = drive.techniques.clone();
            self.note(Step::SanitizeStarted { drive: identity.clone(), techniques });
            let observed = observed::techniques(drive);
            self.note(Step::Sanitized { drive: identity, observed });
            let verified_at = UnixMillis(1_700_000_000_000);
            self.note(Step::Verified(observed::evidence(drive, verified_at)));
        }
    }

    pub(crate) async fn get(&self, at: &Coordinator, path: &str) -> Answer {
        let session = self.enrolled.as_ref().map(|enrolled| enrolled.session.as_str());
        talk(at, Method::GET, path, session, Vec::new()).await
    }

    pub(crate) async fn post<T: Serialize + ?Sized>(
        &self,
        at: &Coordinator,
        path: &str,
        body: &T,
    ) -> Answer {
        let session = self.enrolled.as_ref().map(|enrolled| enrolled.session.as_str());
        let body = serde_json::to_vec(body).unwrap();
        talk(at, Method::POST, path, session, body).await
    }
}

/// What a good answer says.
pub(crate) fn ok<T: DeserializeOwned>((status, body): &Answer) -> T {
    assert_eq!(*status, StatusCode::OK, "{}", String::from_utf8_lossy(body));
    serde_json::from_slice(body).unwrap()
}

/// The sentence of a refusal of this status.
pub(crate) fn refusal((status, body): &Answer, expected: u16) -> String {
    let text = String::from_utf8_lossy(body);
    assert_eq!(status.as_u16(), expected, "{text}");
    let error: Value = serde_json::from_slice(body).unwrap_or_else(|_| panic!("no JSON: {text}"));
    error["error"].as_str().unwrap().to_owned()
}

/// One request over TLS with the coordinator's key pinned.
pub(crate) async fn talk(
    at: &Coordinator,
    method: Method,
    path: &str,
    session: Option<&str>,
    body: Vec<u8>,
) -> Answer {
    let stream = secured(at, TcpStream::connect(at.api()).await.unwrap()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "rehome");
    if let Some(session) = session {
        request = request.header("authorization", format!("Bearer {session}"));
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    (answer.status(), answer.into_body().collect().await.unwrap().to_bytes())
}

/// TLS with the coordinator's key pinned, over a connection to its port.
pub(crate) async fn secured(
    at: &Coordinator,
    stream: TcpStream,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let connector = tokio_rustls::TlsConnector::from(Arc::new(pinned(&at.site)));
    connector.connect(ServerName::try_from("rehome").unwrap(), stream).await
}

fn pinned(site: &SiteConfig) -> rustls::ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let verifier = Pinned { key: site.tls_key, provider: provider.clone() };
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Pinned {
    key: Sha256Digest,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    /// Looks for a DER sequence within the certificate that has the pinned digest: its SubjectPublicKeyInfo.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let der: &[u8] = end_entity;
        let found = (0..der.len().saturating_sub(2)).any(|at| {
            let len = usize::from(der[at + 1]) + 2;
            der[at] == 0x30
                && len < 130
                && at + len <= der.len()
                && evidence::sha256(&der[at..at + len]) == self.key
        });
        if found {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("another key than the pinned one".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

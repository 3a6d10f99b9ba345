//! The agent's end of `protocol::api`.

mod connection;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use evidence::{Envelope, SigningKey};
use hyper::StatusCode;
use hyper::body::Bytes;
use protocol::api::{
    ApiError, Directive, DrivePasswordReply, DrivePasswordRequest, ENROLLMENT_TYPE, Enrolled,
    Enrollment, Heartbeat, PlanReply, PlanRequest, RecordsAccepted, SiteConfig,
};
use protocol::event::DriveEvidence;
use protocol::witness::{LookAnswer, WitnessReply};
use protocol::{AgentKey, ImageId, Inventory, Sha256Digest, UnixMillis};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

pub(crate) use connection::{Ask, Connection, RequestError};

const ANSWER_LIMIT: usize = 1 << 20;
const MANIFEST_LIMIT: usize = osimage::MAX_ENVELOPE_LEN;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A session with the coordinator. Cheap to share; requests go one after another over one connection.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Mutex<Connection>,
    session: Mutex<Enrolled>,
    enrollment: Enrollment,
    key: Arc<SigningKey>,
}

impl Client {
    /// Enrolls, after setting the clock by the coordinator's: the two things that come before all else. The inventory
    /// comes with whether it is a simulated machine's.
    pub(crate) async fn enroll(
        site: &SiteConfig,
        key: Arc<SigningKey>,
        (inventory, simulated): (Inventory, bool),
        set_clock: impl FnOnce(UnixMillis) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let address = SocketAddr::from((site.address, site.api_port));
        let tls = tls::pinned(site.tls_key).context("preparing TLS")?;
        let mut connection = Connection::new(address, Some(tls));
        let time = get("/agent/v1/time", ANSWER_LIMIT);
        set_clock(read(&mut connection, &time).await?)?;
        let enrollment = Enrollment {
            agent: AgentKey::from_bytes(key.public()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            inventory,
            simulated,
        };
        let session = introduce(&mut connection, &enrollment, &key).await?;
        Ok(Self {
            connection: Mutex::new(connection),
            session: Mutex::new(session),
            enrollment,
            key,
        })
    }

    /// Who the coordinator takes this machine to be.
    pub(crate) async fn enrolled(&self) -> Enrolled {
        self.session.lock().await.clone()
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The coordinator's clock.
    pub(crate) async fn time(&self) -> anyhow::Result<UnixMillis> {
        self.send(get("/agent/v1/time", ANSWER_LIMIT)).await
    }

    pub(crate) async fn heartbeat(&self, heartbeat: &Heartbeat) -> anyhow::Result<Directive> {
        self.post("/agent/v1/heartbeat", heartbeat).await
    }

    pub(crate) async fn plan(&self, request: &PlanRequest) -> anyhow::Result<PlanReply> {
        self.post("/agent/v1/plan", request).await
    }

    /// The password of a drive that the accepted plan names.
    pub(crate) async fn drive_password(
        &self,
        request: &DrivePasswordRequest,
    ) -> anyhow::Result<DrivePasswordReply> {
        self.post("/agent/v1/drive-password", request).await
    }

    /// The evidence of an earlier verification that the coordinator named.
    pub(crate) async fn verified(&self, record: Sha256Digest) -> anyhow::Result<DriveEvidence> {
        self.send(get(&format!("/agent/v1/verified/{record}"), ANSWER_LIMIT)).await
    }

    /// Whether this machine, all of whose drives are verified, goes on.
    pub(crate) async fn witness(&self) -> anyhow::Result<WitnessReply> {
        self.send(get("/agent/v1/witness", ANSWER_LIMIT)).await
    }

    /// What was seen where a person asked to look.
    pub(crate) async fn look(&self, answer: &LookAnswer) -> anyhow::Result<()> {
        self.post("/agent/v1/look", answer).await
    }

    pub(crate) async fn records(&self, records: &[Envelope]) -> anyhow::Result<RecordsAccepted> {
        self.post("/agent/v1/records", &records).await
    }

    /// The manifest's envelope, not yet opened.
    pub(crate) async fn manifest(&self, image: ImageId) -> anyhow::Result<Envelope> {
        self.send(get(&format!("/agent/v1/image/{image}"), MANIFEST_LIMIT)).await
    }

    async fn post<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &Q,
    ) -> anyhow::Result<A> {
        let body = serde_json::to_vec(body).context("writing a request as JSON")?;
        self.send(Ask { body: Some(body.into()), ..get(path, ANSWER_LIMIT) }).await
    }

    /// A coordinator that was restarted has forgotten the session: the agent introduces itself again with the
    /// same key and repeats the request once.
    async fn send<A: DeserializeOwned>(&self, mut ask: Ask) -> anyhow::Result<A> {
        let mut connection = self.connection.lock().await;
        let mut session = self.session.lock().await;
        ask.session = Some(session.session.clone());
        let (status, body) = connection.ask(&ask).await?;
        if status != StatusCode::UNAUTHORIZED {
            return answer(&ask.path, status, &body);
        }
        let renewed = introduce(&mut connection, &self.enrollment, &self.key).await?;
        if renewed.machine != session.machine {
            bail!("the coordinator takes this machine for {} now", renewed.number);
        }
        *session = renewed;
        ask.session = Some(session.session.clone());
        read(&mut connection, &ask).await
    }
}

async fn introduce(
    connection: &mut Connection,
    enrollment: &Enrollment,
    key: &SigningKey,
) -> anyhow::Result<Enrolled> {
    let envelope =
        Envelope::sign(ENROLLMENT_TYPE, enrollment, key).context("writing enrollment")?;
    let body = Some(Bytes::from(envelope.to_json()));
    read(connection, &Ask { body, ..get("/agent/v1/enroll", ANSWER_LIMIT) }).await
}

fn get(path: &str, limit: usize) -> Ask {
    Ask { path: path.to_owned(), body: None, session: None, limit, timeout: ANSWER_TIMEOUT }
}

async fn read<A: DeserializeOwned>(connection: &mut Connection, ask: &Ask) -> anyhow::Result<A> {
    let (status, body) = connection.ask(ask).await?;
    answer(&ask.path, status, &body)
}

fn answer<A: DeserializeOwned>(path: &str, status: StatusCode, body: &[u8]) -> anyhow::Result<A> {
    if status.is_success() {
        return serde_json::from_slice(body)
            .with_context(|| format!("the answer to {path} is not what this agent understands"));
    }
    let sentence = match serde_json::from_slice::<ApiError>(body) {
        Ok(ApiError { error }) => error,
        Err(_) => "it gives no reason".to_owned(),
    };
    Err(Refused { path: path.to_owned(), status, sentence }.into())
}

/// Whether it may go by itself: no answer, one that blames the coordinator, or one that asks for patience.
pub(crate) fn may_pass(error: &anyhow::Error) -> bool {
    let busy = |refused: &Refused| {
        refused.status.is_server_error() || refused.status == StatusCode::TOO_MANY_REQUESTS
    };
    error.is::<RequestError>() || error.downcast_ref().is_some_and(busy)
}

/// The coordinator answered, and the answer is no.
#[derive(Debug, thiserror::Error)]
#[error("the coordinator refused {path} ({status}): {sentence}")]
pub(crate) struct Refused {
    path: String,
    status: StatusCode,
    sentence: String,
}

impl Refused {
    /// Whether asking again cannot help: a ticket came too late or its batch was ended, the coordinator's journal does
    /// not hold what these records continue, or another agent has taken this one's place.
    pub(crate) fn is_final(&self) -> bool {
        [StatusCode::GONE, StatusCode::BAD_REQUEST, StatusCode::CONFLICT].contains(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_again_helps_where_the_coordinator_is_busy_and_nowhere_else() {
        for (status, passes, is_final) in [
            (429, true, false),
            (503, true, false),
            (500, true, false),
            (401, false, false),
            (400, false, true),
            (409, false, true),
            (410, false, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let refused = answer::<()>("/agent/v1/records", status, b"").unwrap_err();
            assert_eq!(may_pass(&refused), passes, "{status}");
            assert_eq!(refused.downcast_ref().is_some_and(Refused::is_final), is_final, "{status}");
        }
    }
}

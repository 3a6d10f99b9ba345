//! A coordinator without sockets, and a browser of few words in front of it.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use evidence::SigningKey;
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use protocol::{AgentKey, Enrollment, Inventory, MachineId, MachineNumber};
use tokio::sync::watch;

use crate::access::{Actor, Role};
use crate::bench::Locks;
use crate::boot_files::BootSet;
use crate::clock::Clock;
use crate::config::{DhcpSetting, Settings};
use crate::coordinator::Coordinator;
use crate::dashboard::router;
use crate::disk_space::DiskSpace;
use crate::enrollment::{Crowd, Rules, enroll};
use crate::http::{Peer, REQUEST_TIME};
use crate::images::ImageStore;
use crate::journal::Journal;
use crate::live::Live;
use crate::login::Login;
use crate::lots::actions::{self, LotWish};
use crate::metrics::{Counted, MetricsToken};
use crate::policies::Shipped;
use crate::random;
use crate::recovery::RecoverySecret;
use crate::sessions::Sessions;
use crate::site::Site;
use crate::witness::Looks;

pub(super) const HOST: &str = "10.76.0.1";
/// The supervisor of these tests.
pub(super) const OLA: &str = "Ola Żądło";

/// Whoever may open the Unix socket.
pub(super) fn root() -> Actor {
    Actor { name: "root".into(), role: Role::Supervisor, person: None }
}

pub(super) struct Door {
    pub(super) coordinator: Arc<Coordinator>,
    pub(super) password: String,
    pub(super) data: tempfile::TempDir,
    router: Router,
    _stop: watch::Sender<bool>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: String,
    pub(super) cookies: Vec<String>,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) body: String,
}

/// Somebody who is logged in.
pub(super) struct Person {
    pub(super) cookie: String,
    pub(super) token: String,
}

impl Door {
    pub(super) async fn open() -> Self {
        Self::open_by(Clock::start(), REQUEST_TIME).await
    }

    /// With a clock of its own, and requests that take no longer than `time`.
    pub(super) async fn open_by(clock: Clock, time: Duration) -> Self {
        Self::open_as(false, clock, time).await
    }

    /// Of simulated machines, or of real ones.
    pub(super) async fn open_as(simulated: bool, clock: Clock, time: Duration) -> Self {
        Self::open_with(Settings::default(), simulated, clock, time).await
    }

    /// Whose disk has less room than must be free.
    pub(super) async fn open_without_room() -> Self {
        let settings = Settings { min_free_mb: Some(u32::MAX), ..Settings::default() };
        Self::open_with(settings, false, Clock::start(), REQUEST_TIME).await
    }

    async fn open_with(settings: Settings, simulated: bool, clock: Clock, time: Duration) -> Self {
        let data = tempfile::tempdir().unwrap();
        let address = Ipv4Addr::new(10, 76, 0, 1);
        let settings = Settings {
            data: Some(data.path().to_owned()),
            address: Some(address),
            dhcp: Some(DhcpSetting::Off),
            ..settings
        };
        let config = settings.resolve(|_| panic!("the address is given")).unwrap();
        let site = Arc::new(Site { simulated, ..Site::open(data.path()).unwrap() });
        let path = data.path().join("journal.db");
        let journal = Journal::open_by(clock, None, &path, site.public()).unwrap();
        let coordinator = Arc::new(Coordinator {
            images: ImageStore::open(data.path(), site.public()).unwrap(),
            boot_set: BootSet::read(&config.appliance).unwrap(),
            disk: DiskSpace::of(data.path(), config.min_free()),
            metrics_token: MetricsToken::open(data.path()).unwrap(),
            chunk_bytes: Counted::default(),
            config,
            site,
            recovery: RecoverySecret::open(data.path(), &Locks::default()).unwrap(),
            sessions: Sessions::default(),
            live: Live::new(journal.clock().clone()),
            login: Login::of(data.path()),
            journal,
            looks: Looks::default(),
            crowd: Crowd::new(1),
            http: SocketAddrV4::new(address, 80),
            api: SocketAddrV4::new(address, 443),
            dhcp_machines: OnceLock::new(),
            dhcp: DhcpSetting::Off,
        });
        let (login, journal) = (&coordinator.login, &coordinator.journal);
        login.users.first(journal).await.unwrap();
        let password = login.users.add(journal, &root(), OLA, Role::Supervisor).await.unwrap();
        let (stop, stopping) = watch::channel(false);
        let router = router(coordinator.clone(), stopping, time);
        Self { coordinator, password, data, router, _stop: stop }
    }

    /// A lot whose owner accepts to overwrite, unless there is one.
    pub(super) async fn open_lot(&self) {
        if self.coordinator.journal.published().bench.lots().next().is_some() {
            return;
        }
        let (name, on) = (String::from("Ola"), "2026-11-22".parse().unwrap());
        let by = self.coordinator.journal.person(name.clone()).await.unwrap();
        let opened = actions::open(&self.coordinator, by, "Town hall".into(), String::new());
        let lot = opened.await.unwrap();
        let policy = Shipped::named("overwrite-only").unwrap().policy().unwrap();
        let reference = String::new();
        for wish in [
            LotWish::Accept { policy, accepted_by: name.clone(), on, reference: reference.clone() },
            LotWish::State { stated_by: name.clone(), on, reference },
        ] {
            actions::wish(&self.coordinator, lot, &root(), wish).await.unwrap();
        }
    }

    /// A machine boots the appliance.
    pub(super) async fn boot(&self, inventory: Inventory) -> (MachineId, MachineNumber, AgentKey) {
        let agent = AgentKey::from_bytes(SigningKey::generate().unwrap().public());
        let enrollment = Enrollment { agent, version: "0.1.0".into(), inventory, simulated: false };
        let fresh = MachineId::from_bytes(random::bytes().unwrap());
        let rules = Rules { automatic: false, room: true };
        let decide = move |bench: &_, now| enroll(bench, now, &enrollment, fresh, rules);
        let (id, number) = self.coordinator.journal.decide(decide).await.unwrap().unwrap();
        (id, number, agent)
    }

    pub(super) async fn raw(&self, mut request: Request<Body>) -> Response<Body> {
        let peer = Peer(SocketAddr::from(([10, 76, 0, 9], 40_000)));
        request.extensions_mut().insert(peer);
        TowerToHyperService::new(self.router.clone()).call(request).await.unwrap()
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.raw(request).await;
        let (head, body) = response.into_parts();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
        Answer {
            status: head.status,
            location: head.headers.get("location").map(text).unwrap_or_default(),
            cookies: head.headers.get_all("set-cookie").iter().map(text).collect(),
            headers: head.headers,
            body: String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned(),
        }
    }

    pub(super) async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path).header("host", HOST).header("cookie", cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A form as a browser sends it from a page of ours.
    pub(super) async fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(form(path, cookie, fields, Some(&format!("https://{HOST}")))).await
    }

    pub(super) async fn try_password(&self, password: &str) -> Answer {
        self.try_login(OLA, password).await
    }

    pub(super) async fn try_login(&self, name: &str, password: &str) -> Answer {
        self.post("/login", "", &[("name", name), ("password", password)]).await
    }

    /// Somebody of this role, logged in.
    pub(super) async fn log_in_as(&self, role: Role) -> Person {
        let (login, journal) = (&self.coordinator.login, &self.coordinator.journal);
        let name = role.name().to_uppercase() + " of the bench";
        let password = login.users.add(journal, &root(), &name, role).await.unwrap();
        self.enter(self.try_login(&name, &password).await).await
    }

    pub(super) async fn log_in(&self) -> Person {
        self.open_lot().await;
        self.enter(self.try_password(&self.password).await).await
    }

    async fn enter(&self, answer: Answer) -> Person {
        assert_eq!((answer.status.as_u16(), answer.location.as_str()), (303, "/bench"));
        let cookie = answer.cookies[0].split(';').next().unwrap().to_owned();
        let page = self.get("/bench", &cookie).await.body;
        let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
        Person { token: rest[..64].to_owned(), cookie }
    }
}

pub(super) fn form(
    path: &str,
    cookie: &str,
    fields: &[(&str, &str)],
    origin: Option<&str>,
) -> Request<Body> {
    let encode =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    let body = pairs.collect::<Vec<_>>().join("&");
    let mut request = Request::post(path)
        .header("host", HOST)
        .header("cookie", cookie)
        .header("content-type", "application/x-www-form-urlencoded");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    request.body(Body::from(body)).unwrap()
}

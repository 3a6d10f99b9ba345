//! Every page and every form, for everybody: taken from the router's own list.

use axum::body::Body;
use axum::http::{Method, Request};

use super::door::{Door, HOST, Person, form};
use crate::access::{Need, Role, Rule};
use crate::dashboard::{pages, stream};
use crate::scene::hardware::laptop;

const ROLES: [Role; 3] = [Role::Auditor, Role::Technician, Role::Supervisor];

fn rules() -> Vec<Rule> {
    pages().rules().into_iter().chain(stream().rules()).collect()
}

/// Status and where it leads to.
async fn ask(door: &Door, rule: &Rule, person: Option<&Person>) -> (u16, String) {
    let path = rule.path.replace("{number}", "1").replace("{name}", "dashboard.css");
    let (cookie, token) = person.map_or(("", ""), |it| (it.cookie.as_str(), it.token.as_str()));
    let request = if rule.method == Method::POST {
        form(&path, cookie, &[("token", token)], Some(&format!("https://{HOST}")))
    } else {
        let request = Request::get(&path).header("host", HOST).header("cookie", cookie);
        request.body(Body::empty()).unwrap()
    };
    // Not read to its end: one of them has none.
    let response = door.raw(request).await;
    let location = response.headers().get("location").map(|it| it.to_str().unwrap().to_owned());
    (response.status().as_u16(), location.unwrap_or_default())
}

#[tokio::test]
async fn every_route_keeps_strangers_out_and_knows_who_may() {
    let door = Door::open().await;
    door.boot(laptop(1)).await;
    let rules = rules();
    assert!(rules.len() >= 23, "{rules:?}");
    let open: Vec<_> =
        rules.iter().filter(|it| it.need == Need::Nothing).map(|it| it.path).collect();
    assert_eq!(open, ["/", "/assets/{name}", "/verify", "/login"], "nothing else is for everybody");
    for rule in &rules {
        let (status, location) = ask(&door, rule, None).await;
        match rule.need {
            Need::Nothing => assert_ne!((status, location.as_str()), (303, "/"), "{rule:?}"),
            Need::Agent => panic!("{rule:?}: no page is for agents"),
            Need::May(_) => assert_eq!((status, location.as_str()), (303, "/"), "{rule:?}"),
        }
    }
    for role in ROLES {
        let person = door.log_in_as(role).await;
        // The last one ends the visit.
        let (last, rest): (Vec<_>, Vec<_>) = rules.iter().partition(|it| it.path == "/logout");
        for rule in rest.into_iter().chain(last) {
            let Need::May(action) = rule.need else { continue };
            let (status, location) = ask(&door, rule, Some(&person)).await;
            assert_eq!(status == 403, !role.may(action), "{role:?} {rule:?}: {status}");
            assert!(location != "/" || rule.path == "/logout", "{role:?} {rule:?}: logged out");
        }
    }
}

#[tokio::test]
async fn a_page_shows_only_what_the_role_may_do() {
    let door = Door::open().await;
    door.boot(laptop(1)).await;
    let ola = door.log_in().await;
    let arming = super::forms::arming(&ola, "1", "1");
    assert_eq!(door.post("/arm", &ola.cookie, &arming).await.status, 303);
    let offered = |page: &str, action: &str| page.contains(&format!("action=\"{action}\""));
    for role in ROLES {
        let person = door.log_in_as(role).await;
        let page = async |path: &str| door.get(path, &person.cookie).await.body;
        let (arm, bench, pick) = (page("/arm").await, page("/bench").await, page("/pick").await);
        let may_arm = role == Role::Supervisor;
        assert_eq!(offered(&arm, "/arm"), may_arm, "{role:?}");
        assert_eq!(offered(&arm, "/disarm"), may_arm, "{role:?}");
        assert_eq!(bench.contains(">Disarm</button>"), may_arm, "{role:?}");
        assert_eq!(bench.contains("href=\"/users\""), may_arm, "{role:?}");
        assert_eq!(bench.contains("href=\"/pick\""), role != Role::Auditor, "{role:?}");
        assert_eq!(pick.contains("class=\"danger\""), role != Role::Auditor, "{role:?}");
    }
}

#[tokio::test]
async fn a_supervisor_adds_users_who_then_log_in() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    let send = async |path: &str, fields: &[(&str, &str)]| {
        let fields = [&[("token", ola.token.as_str())], fields].concat();
        door.post(path, &ola.cookie, &fields).await
    };
    let evil = "<b>Ewa</b>";
    let page = send("/users", &[("name", evil), ("role", "technician")]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("&lt;b&gt;Ewa") && !page.body.contains(evil), "{}", page.body);
    let (_, rest) = page.body.split_once("<code>").unwrap();
    let (password, _) = rest.split_once("</code>").unwrap();
    assert_eq!(door.try_login(evil, password).await.status, 303);
    assert!(!door.get("/users", &ola.cookie).await.body.contains(password), "shown once");
    for (path, fields, status) in [
        ("/users", [("name", evil), ("role", "auditor")], 409),
        ("/users", [("name", ""), ("role", "auditor")], 409),
        ("/users", [("name", "Jan"), ("role", "king")], 400),
        ("/users/role", [("name", "nobody"), ("role", "auditor")], 409),
        ("/users/role", [("name", evil), ("role", "auditor")], 303),
        ("/users/remove", [("name", evil), ("role", "")], 303),
    ] {
        assert_eq!(send(path, &fields).await.status, status, "{path} {fields:?}");
    }
    assert_eq!(door.try_login(evil, password).await.status, 401);
}

//! Who gets in, and how often one may try.

use axum::body::Body;
use axum::http::Request;

use super::door::{Door, HOST, OLA, form, root};
use crate::access::Role;

#[tokio::test]
async fn every_page_but_the_login_needs_one() {
    let door = Door::open().await;
    door.boot(crate::scene::hardware::laptop(1)).await;
    for cookie in ["", "__Host-rehome=", &format!("__Host-rehome={}", "ab".repeat(32))] {
        for path in [
            "/bench",
            "/events",
            "/machines/1",
            "/machines/9",
            "/machines/1/certificate",
            "/arm",
            "/pick",
        ] {
            let answer = door.get(path, cookie).await;
            assert_eq!((answer.status.as_u16(), answer.location.as_str()), (303, "/"), "{path}");
            assert_eq!(answer.body, "", "{path}");
        }
        for path in ["/arm", "/pick", "/disarm", "/logout", "/machines/1/settle"] {
            let answer = door.post(path, cookie, &[("token", "")]).await;
            assert_eq!((answer.status.as_u16(), answer.location.as_str()), (303, "/"), "{path}");
        }
    }
    assert_eq!(door.get("/", "").await.status, 200);
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_strangers_and_ends_with_the_visit() {
    let door = Door::open().await;
    let answer = door.try_password(&door.password).await;
    let [cookie] = answer.cookies.as_slice() else { panic!("{:?}", answer.cookies) };
    let (secret, flags) = cookie.split_once("; ").unwrap();
    assert_eq!(secret.len(), "__Host-rehome=".len() + 64);
    assert_eq!(flags, "Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict");

    let ola = door.log_in().await;
    assert_eq!(door.get("/bench", &ola.cookie).await.status, 200);
    door.post("/logout", &ola.cookie, &[("token", &ola.token)]).await;
    assert_eq!(door.get("/bench", &ola.cookie).await.status, 303);
}

#[tokio::test]
async fn a_user_who_is_changed_or_removed_is_out_at_once() {
    let door = Door::open().await;
    let (users, journal) = (&door.coordinator.login.users, &door.coordinator.journal);
    let ola = door.log_in().await;
    let new = users.renew(journal, &root(), OLA).await.unwrap();
    assert_eq!(door.get("/bench", &ola.cookie).await.status, 303);
    assert_eq!(door.try_password(&door.password).await.status, 401);
    assert_eq!(door.try_password(&new).await.status, 303);

    let ewa = door.log_in_as(Role::Technician).await;
    assert_eq!(door.get("/pick", &ewa.cookie).await.status, 200);
    users.set_role(journal, &root(), "TECHNICIAN of the bench", Role::Auditor).await.unwrap();
    assert_eq!(door.get("/pick", &ewa.cookie).await.status, 303);
    let jan = door.log_in_as(Role::Auditor).await;
    assert_eq!(door.get("/bench", &jan.cookie).await.status, 200);
    users.remove(journal, &root(), "AUDITOR of the bench").await.unwrap();
    assert_eq!(door.get("/bench", &jan.cookie).await.status, 303);
}

#[tokio::test]
async fn a_wrong_password_gets_nothing_and_only_a_few_tries() {
    let door = Door::open().await;
    for _ in 0..5 {
        let answer = door.try_password("aaaa-bbbb-cccc-dddd-eeee").await;
        assert_eq!(answer.status, 401);
        assert!(answer.cookies.is_empty());
    }
    let answer = door.try_password(&door.password).await;
    assert_eq!(answer.status, 429, "even the right one has to wait");
    assert!(answer.cookies.is_empty());
}

#[tokio::test]
async fn a_login_from_elsewhere_is_refused() {
    let door = Door::open().await;
    let fields = [("name", OLA), ("password", door.password.as_str())];
    for origin in [None, Some("https://evil.example"), Some("null"), Some("http://10.76.0.1")] {
        let answer = door.send(form("/login", "", &fields, origin)).await;
        assert_eq!(answer.status, 403, "{origin:?}");
        assert!(answer.cookies.is_empty());
    }
}

#[tokio::test]
async fn the_language_is_what_was_chosen_or_else_what_the_browser_asks_for() {
    let door = Door::open().await;
    let page = async |path: &str, cookie: &str, accept: &str| {
        let request = Request::get(path)
            .header("host", HOST)
            .header("cookie", cookie)
            .header("accept-language", accept);
        door.send(request.body(Body::empty()).unwrap()).await
    };
    for (path, cookie, accept, code) in [
        ("/", "", "pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        ("/", "", "de", "en"),
        ("/", "rehome-lang=pl", "en", "pl"),
        ("/?lang=en", "rehome-lang=pl", "pl", "en"),
    ] {
        let answer = page(path, cookie, accept).await;
        assert!(
            answer.body.contains(&format!("<html lang=\"{code}\">")),
            "{path} {cookie} {accept}"
        );
    }
    let chosen = page("/?lang=pl", "", "en").await;
    assert!(chosen.cookies[0].starts_with("rehome-lang=pl; "));
    assert!(chosen.body.contains("Hasło"));
}

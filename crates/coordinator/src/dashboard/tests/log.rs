//! The log of actions.

use super::door::{Door, OLA};
use super::forms::arming;
use crate::access::Role;
use crate::scene::hardware::laptop;

#[tokio::test]
async fn the_log_says_who_did_what_in_both_languages_and_a_page_at_a_time() {
    let door = Door::open().await;
    door.boot(laptop(1)).await;
    assert_eq!(door.try_login(OLA, "wrong").await.status, 401);
    let ola = door.log_in().await;
    assert_eq!(door.post("/arm", &ola.cookie, &arming(&ola, "1", "1")).await.status, 303);
    let auditor = door.log_in_as(Role::Auditor).await;
    for (lang, words) in [
        ("en", ["Armed a batch", "Logged in", "Logins were refused", "Added a user", "technician"]),
        ("pl", ["Uzbrojono partię", "Zalogowanie", "Odmowa zalogowania", "Dodano", "technik"]),
    ] {
        let page = door.get(&format!("/log?lang={lang}"), &auditor.cookie).await.body;
        for word in &words[..4] {
            assert!(page.contains(word), "{word:?} is not in {page}");
        }
        assert!(page.contains(OLA) && !page.contains(words[4]), "{page}");
    }
    let users = door.coordinator.login.users.all().unwrap();
    let person = users.iter().find(|it| it.name == OLA).unwrap().person;
    let page = door.get(&format!("/log?person={person}&lang=en"), &auditor.cookie).await.body;
    assert!(page.contains("Armed a batch") && !page.contains("Added a user"), "{page}");
    let page = door.get("/log?machine=1&lang=en", &auditor.cookie).await.body;
    assert!(page.contains("Nobody did anything like that"), "{page}");
    for odd in ["machine=7", "person=%3Cscript%3E", "before=x", "machine=-1"] {
        let answer = door.get(&format!("/log?{odd}"), &auditor.cookie).await;
        assert!(answer.status == 200 && !answer.body.contains("<script>"), "{odd}");
    }
    for _ in 0..26 {
        let visitor = door.log_in().await;
        door.post("/logout", &visitor.cookie, &[("token", &visitor.token)]).await;
    }
    let page = door.get("/log?lang=en", &auditor.cookie).await.body;
    assert_eq!(page.matches("<time ").count(), 50, "{page}");
    let (_, rest) = page.split_once("name=\"before\" value=\"").unwrap();
    let (before, _) = rest.split_once('"').unwrap();
    let older = door.get(&format!("/log?lang=en&before={before}"), &auditor.cookie).await.body;
    assert!(older.contains("Armed a batch") && !older.contains("name=\"before\""), "{older}");
}

//! The panic button, on every page.

use super::door::Door;
use super::forms::arming;
use crate::access::Role;
use crate::scene::hardware::laptop;

const PAGES: [&str; 6] = ["/bench", "/pick", "/arm", "/lots", "/log", "/machines/1"];

#[tokio::test]
async fn every_page_has_the_button_and_then_what_takes_it_back() {
    let door = Door::open().await;
    door.boot(laptop(1)).await;
    let ola = door.log_in().await;
    let has = |page: &str, action: &str| page.contains(&format!("action=\"{action}\""));
    for (role, stops, ends) in [
        (Role::Auditor, false, false),
        (Role::Technician, true, false),
        (Role::Supervisor, true, true),
    ] {
        let person = door.log_in_as(role).await;
        for path in PAGES {
            let page = door.get(path, &person.cookie).await.body;
            assert_eq!((has(&page, "/panic"), has(&page, "/panic/over")), (stops, false), "{path}");
        }
        let fields = [("token", ola.token.as_str()), ("because", "<b>smoke</b>")];
        assert_eq!(door.post("/panic", &ola.cookie, &fields).await.status, 303);
        // Pressed twice is pressed.
        assert_eq!(door.post("/panic", &ola.cookie, &fields).await.status, 303);
        for path in PAGES {
            let page = door.get(path, &person.cookie).await.body;
            assert!(page.contains("&lt;b&gt;smoke") && !page.contains("<b>smoke"), "{path}");
            assert_eq!((has(&page, "/panic"), has(&page, "/panic/over")), (false, ends), "{path}");
        }
        let refused = door.post("/arm", &ola.cookie, &arming(&ola, "1", "1")).await;
        assert_eq!(refused.status, 409, "armed although everything is stopped");
        assert!(refused.body.contains("All machines are stopped."), "{}", refused.body);
        let fields = [("token", ola.token.as_str())];
        assert_eq!(door.post("/panic/over", &ola.cookie, &fields).await.status, 303);
    }
}

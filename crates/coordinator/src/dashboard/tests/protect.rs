//! The list of what is never touched, through forms.

use super::door::{Answer, Door, Person};
use crate::scene::hardware::laptop;

async fn post(door: &Door, ola: &Person, path: &str, mark: &str, because: &str) -> Answer {
    let fields = [("token", ola.token.as_str()), ("mark", mark), ("because", because)];
    door.post(path, &ola.cookie, &fields).await
}

#[tokio::test]
async fn a_person_protects_a_drive_sees_whose_it_is_and_takes_it_off_the_list() {
    let door = Door::open().await;
    door.boot(laptop(1)).await;
    let ola = door.log_in().await;
    let page = async || door.get("/protected?lang=en", &ola.cookie).await.body;
    assert!(page().await.contains("Nothing is protected."));
    assert_eq!(post(&door, &ola, "/protected", "drive001", "the mayor's own").await.status, 303);
    let listed = page().await;
    for shown in ["DRIVE001", "the mayor", "/machines/1", "Ola Żądło"] {
        assert!(listed.contains(shown), "{shown}: {listed}");
    }
    for (mark, because, why) in [
        ("Drive001", "again", "protected already"),
        ("<b>x</b>", "", "Say why"),
        ("ab", "short", "no serial number"),
    ] {
        let refused = post(&door, &ola, "/protected?lang=en", mark, because).await;
        assert_eq!(refused.status, 409, "{mark}");
        assert!(refused.body.contains(why), "{mark}: {}", refused.body);
    }
    assert_eq!(post(&door, &ola, "/protected", "<b>x</b>", "<i>").await.status, 303);
    let listed = page().await;
    assert!(!listed.contains("<b>x</b>") && !listed.contains("<i>"), "{listed}");
    assert!(listed.contains("is it typed as on the label"), "no machine bears it: {listed}");
    let off = post(&door, &ola, "/protected/remove", "DRIVE001", "not ours").await;
    assert_eq!(off.status, 303);
    assert!(!page().await.contains("DRIVE001"));
    let twice = post(&door, &ola, "/protected/remove?lang=en", "DRIVE001", "not ours").await;
    assert!(twice.body.contains("not on the list"), "{}", twice.body);
}

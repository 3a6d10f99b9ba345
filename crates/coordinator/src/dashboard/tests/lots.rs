//! A lot from its register to its end, through forms.

use axum::body::Body;
use axum::http::Request;

use super::door::{Answer, Door, HOST, Person};
use crate::scene::hardware::laptop;

const REGISTER: &str = "Nr inw.;Nr seryjny;Nazwa;Użytkownik\nA/1;SYS001;Laptop 14;Jan Kowalski\n\
                        A/2;SYS002;Laptop 14;Anna Nowak\nA/3;SYS003;Laptop 14;Ewa Lis\n";

pub(super) fn lot_of(door: &Door) -> String {
    door.coordinator.journal.published().bench.lots().next().unwrap().id.to_string()
}

async fn wish(door: &Door, ola: &Person, fields: &[(&str, &str)]) -> Answer {
    let token = [("token", ola.token.as_str())];
    let path = format!("/lots/{}/wish", lot_of(door));
    door.post(&path, &ola.cookie, &[&token, fields].concat()).await
}

/// A file as a browser sends it.
fn file(path: &str, ola: &Person, token: &str, content: &str) -> Request<Body> {
    let part = |name: &str, more: &str, content: &str| {
        format!(
            "--line\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{content}\r\n"
        )
    };
    let body = [
        part("token", "", token),
        part("file", "; filename=\"../../etc/register.csv\"", content),
        "--line--\r\n".to_owned(),
    ];
    Request::post(path)
        .header("host", HOST)
        .header("cookie", &ola.cookie)
        .header("origin", format!("https://{HOST}"))
        .header("content-type", "multipart/form-data; boundary=line")
        .body(Body::from(body.concat()))
        .unwrap()
}

#[tokio::test]
async fn a_register_is_shown_before_it_is_taken_and_no_person_in_it_is_kept() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    let lot = lot_of(&door);
    let (send, take) = (format!("/lots/{lot}/register"), format!("/lots/{lot}/register/take"));
    assert_eq!(door.send(file(&send, &ola, "forged", REGISTER)).await.status, 403);
    let shown = door.send(file(&send, &ola, &ola.token, REGISTER)).await;
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains("3 assets") && shown.body.contains("SYS002"), "{}", shown.body);
    for name in ["Kowalski", "Nowak", "Lis"] {
        assert!(!shown.body.contains(name), "{}", shown.body);
    }
    assert_eq!(door.coordinator.journal.published().bench.lots().next().unwrap().register, None);
    // A person corrects a meaning, looks again, and takes it.
    let digest = evidence::sha256(REGISTER.as_bytes()).to_string();
    let corrected = |what: &'static str| {
        [
            ("token", ola.token.clone()),
            ("file", digest.clone()),
            ("role-2", "note".into()),
            ("do", what.into()),
        ]
    };
    let fields = corrected("again");
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let again = door.post(&take, &ola.cookie, &fields).await;
    assert!(again.body.contains(r#"<option value="note" selected>"#), "{}", again.body);
    let fields = corrected("take");
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(door.post(&take, &ola.cookie, &fields).await.status, 303);
    {
        let published = door.coordinator.journal.published();
        let register = published.bench.lots().next().unwrap().register.clone().unwrap();
        assert_eq!(register.rows.len(), 3);
        assert!(register.rows[0].model.is_none() && register.rows[0].note.is_some());
        let all: Vec<u64> = (0..published.log.len()).collect();
        drop(published);
        let bodies = door.coordinator.journal.bodies(&all).unwrap();
        assert!(bodies.iter().all(|(_, body)| !body.contains("Kowalski")));
    }
    // It is not there any more; and the next register with this header means the same.
    assert_eq!(door.post(&take, &ola.cookie, &fields).await.status, 409);
    let next = REGISTER.replace("SYS00", "SYS01");
    let shown = door.send(file(&send, &ola, &ola.token, &next)).await;
    assert!(shown.body.contains(r#"<option value="note" selected>"#), "{}", shown.body);
    let mut evil = laptop(7);
    evil.identity.system_serial = Some("=cmd|' /C calc'!A0".into());
    let number = door.boot(evil).await.1.0.to_string();
    let receive = [("wish", "receive"), ("machine", &number), ("because", "it has our sticker")];
    assert_eq!(wish(&door, &ola, &receive).await.status, 303);
    let table = door.get(&format!("/lots/{lot}/table"), &ola.cookie).await.body;
    assert!(table.contains("\"'=cmd|' /C calc'!A0\""), "a serial number became a formula: {table}");
    let refused = door.send(file(&send, &ola, &ola.token, "%PDF-1.7")).await;
    assert!(refused.status == 409 && refused.body.contains("PDF"), "{}", refused.body);
}

#[tokio::test]
async fn what_never_boots_is_taken_in_its_drive_pulled_and_the_lot_closed() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    let page = format!("/lots/{}", lot_of(&door));
    let taken = [("wish", "take-in"), ("serial", "SYS003"), ("because", "no light")];
    assert_eq!(wish(&door, &ola, &taken).await.status, 303);
    let (_, stranger, _) = door.boot(laptop(9)).await;
    let body = door.get(&page, &ola.cookie).await.body;
    assert!(body.contains("Not in the register") && body.contains("taken in by hand"), "{body}");
    assert!(!body.contains(r#"name="received""#), "it offers to close: {body}");
    let closing = |received| {
        [
            ("wish", "close"),
            ("received", received),
            ("erased", "0"),
            ("pulled", "1"),
            ("returned", "0"),
            ("missing", "0"),
        ]
    };
    let refused = wish(&door, &ola, &closing("1")).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("cannot be closed: ") && refused.body.contains("machine 01"));

    let number = stranger.0.to_string();
    let refuse = [("wish", "refuse"), ("machine", &number), ("because", "our own")];
    assert_eq!(wish(&door, &ola, &refuse).await.status, 303);
    let item = {
        let published = door.coordinator.journal.published();
        published.bench.lots().next().unwrap().items[0].id.to_string()
    };
    let pull = [
        ("wish", "pull"),
        ("item", item.as_str()),
        ("model", "Old HDD"),
        ("serial", "H1"),
        ("bag", "<b>7</b>"),
        ("because", "dead board"),
    ];
    assert_eq!(wish(&door, &ola, &pull).await.status, 303);
    let body = door.get(&page, &ola.cookie).await.body;
    assert!(body.contains("&lt;b&gt;7&lt;/b&gt;") && body.contains("not known yet"), "{body}");
    let fate = [("wish", "destroyed"), ("bag", "<b>7</b>"), ("how", "shredded")];
    assert_eq!(wish(&door, &ola, &fate).await.status, 303);
    let miscounted = wish(&door, &ola, &closing("2")).await;
    assert!(
        miscounted.status == 409 && miscounted.body.contains("you said"),
        "{}",
        miscounted.body
    );
    assert_eq!(wish(&door, &ola, &closing("1")).await.status, 303);
    for (lang, words) in [("en", "Closed"), ("pl", "Zamknięto")] {
        let body = door.get(&format!("{page}?lang={lang}"), &ola.cookie).await.body;
        assert!(body.contains(words), "{body}");
    }
    let log = door.get("/log?lang=en", &ola.cookie).await.body;
    let bag = "Old HDD serial H1 · Number of the bag &lt;b&gt;7&lt;/b&gt; · Destroyed: shredded";
    for words in [bag, "Town hall ("] {
        assert!(log.contains(words), "{words:?} is not in {log}");
    }
    for (field, value) in [("wish", "nonsense"), ("wish", "")] {
        assert_eq!(wish(&door, &ola, &[(field, value)]).await.status, 400);
    }
}

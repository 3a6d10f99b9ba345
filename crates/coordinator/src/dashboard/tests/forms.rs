//! Arming, picking and disarming through the real bench, and forms that are not ours.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;

use super::door::{Door, HOST, Person, form};
use crate::bench::MachineState;
use crate::clock::Clock;
use crate::config::Language;
use crate::coordinator::Coordinator;
use crate::images::ImportOptions;
use crate::scene::hardware::laptop;

pub(super) fn arming<'a>(
    ola: &'a Person,
    count: &'a str,
    again: &'a str,
) -> [(&'a str, &'a str); 6] {
    let token = ola.token.as_str();
    [
        ("token", token),
        ("kind", "wipe"),
        ("policy", "overwrite-only"),
        ("seconds", "3600"),
        ("count", count),
        ("count-again", again),
    ]
}

pub(super) fn batch_of(door: &Door) -> String {
    let published = door.coordinator.journal.published();
    published.bench.batches().next().unwrap().id.to_string()
}

#[tokio::test]
async fn a_form_without_this_visits_token_or_from_elsewhere_changes_nothing() {
    let door = Door::open().await;
    let (ola, other) = (door.log_in().await, door.log_in().await);
    let events = *door.coordinator.journal.length().borrow();
    for token in ["", "00", &"0".repeat(64), &other.token] {
        let mut fields = arming(&ola, "2", "2");
        fields[0].1 = token;
        assert_eq!(door.post("/arm", &ola.cookie, &fields).await.status, 403, "{token}");
    }
    let fields = arming(&ola, "2", "2");
    for origin in [None, Some("https://evil.example"), Some("null")] {
        assert_eq!(door.send(form("/arm", &ola.cookie, &fields, origin)).await.status, 403);
    }
    let mut request = form("/arm", &ola.cookie, &fields, Some(&format!("https://{HOST}")));
    request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(door.send(request).await.status, 403);
    assert_eq!(*door.coordinator.journal.length().borrow(), events);
}

#[tokio::test]
async fn arming_needs_the_same_count_twice() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    for (count, again) in [("2", "3"), ("2", ""), ("0", "0"), ("-1", "-1"), ("two", "two")] {
        let answer = door.post("/arm", &ola.cookie, &arming(&ola, count, again)).await;
        assert_eq!(answer.status, 409, "{count} {again}");
        // What was chosen stays chosen: nobody shall arm with another policy than was wanted.
        let chosen = r#"<option value="overwrite-only" selected>"#;
        assert!(answer.body.contains(chosen), "{count} {again}: {}", answer.body);
    }
    for (field, value) in [
        ("seconds", "1"),
        ("kind", "refurbish"),
        ("kind", "x"),
        ("seconds", ""),
        ("policy", ""),
        ("policy", "lax"),
    ] {
        let mut fields = arming(&ola, "2", "2");
        fields.iter_mut().filter(|(name, _)| *name == field).for_each(|it| it.1 = value);
        assert_eq!(door.post("/arm", &ola.cookie, &fields).await.status, 409, "{field} {value}");
    }
    assert_eq!(door.coordinator.journal.published().bench.batches().count(), 0);
}

#[tokio::test]
async fn arming_shows_the_policies_and_their_meaning_and_takes_the_chosen_one() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    for (lang, language, words) in [
        ("en", Language::En, "What this policy means"),
        ("pl", Language::Pl, "Co oznacza ta polityka"),
    ] {
        let page = door.get(&format!("/arm?lang={lang}"), &ola.cookie).await.body;
        for policy in plan::policy::builtin() {
            assert!(page.contains(&format!("<option value=\"{}\"", policy.name)), "{page}");
            assert!(page.contains(&format!("{words}: {}", policy.name)), "{page}");
            let shipped = crate::policies::Shipped::named(&policy.name).unwrap();
            let title = shipped.explanation(language).lines().next().unwrap();
            let title = title.rsplit("`:").next().unwrap().trim();
            assert!(page.contains(title), "{title:?} is not in {page}");
        }
    }
    let answer = door.post("/arm", &ola.cookie, &arming(&ola, "1", "1")).await;
    assert_eq!(answer.status, 303);
    let armed = |door: &Door| {
        let published = door.coordinator.journal.published();
        published.bench.batches().map(|it| it.job.policy.clone()).collect::<Vec<_>>()
    };
    assert_eq!(armed(&door), [plan::policy::overwrite_only()]);
    let page = door.get("/arm", &ola.cookie).await.body;
    assert!(page.contains("<dd>overwrite-only</dd>"), "{page}");
}

#[tokio::test]
async fn what_only_looks_is_offered_in_both_languages_and_armed_without_the_owners_papers() {
    let door = Door::open().await;
    let ola = door.log_in().await;
    for (lang, words) in [
        ("en", ["Take stock only, write nothing", "say whether they are blank"]),
        ("pl", ["Tylko spisz sprzęt", "powiedz, czy są puste"]),
    ] {
        let page = door.get(&format!("/arm?lang={lang}"), &ola.cookie).await.body;
        for word in words.into_iter().chain(["value=\"inventory-only\"", "value=\"verify-only\""]) {
            assert!(page.contains(word), "{word:?} is not in {page}");
        }
        // There is no image, so nothing can be installed.
        assert!(!page.contains("value=\"image-only\""), "{page}");
    }
    // The owner has accepted another policy than this.
    for (kind, status) in [("wipe", 409), ("inventory-only", 303), ("verify-only", 303)] {
        let mut fields = arming(&ola, "2", "2");
        (fields[1].1, fields[2].1) = (kind, "default");
        assert_eq!(door.post("/arm", &ola.cookie, &fields).await.status, status, "{kind}");
    }
    let published = door.coordinator.journal.published();
    let mut armed: Vec<_> = published.bench.batches().map(|it| it.job.kind.word()).collect();
    armed.sort_unstable();
    assert_eq!(armed, ["inventory-only", "verify-only"]);
}

#[tokio::test]
async fn a_person_arms_picks_and_disarms() {
    let door = Door::open().await;
    let (_, number, agent) = door.boot(laptop(1)).await;
    door.boot(laptop(2)).await;
    let ola = door.log_in().await;
    let state = |number| {
        let published = door.coordinator.journal.published();
        published.bench.numbered(number).unwrap().state(true)
    };
    let answer = door.post("/arm", &ola.cookie, &arming(&ola, "1", "1")).await;
    assert_eq!((answer.status.as_u16(), answer.location.as_str()), (303, "/pick"));
    assert_eq!(state(number), MachineState::Waiting);

    let batch = batch_of(&door);
    let pick = format!("1:{}", agent.fingerprint());
    assert!(door.get("/pick", &ola.cookie).await.body.contains(&pick));
    let picking = async |machines: &[&str]| {
        let mut fields = vec![("token", ola.token.as_str()), ("batch", batch.as_str())];
        fields.extend(machines.iter().map(|machine| ("machine", *machine)));
        door.post("/pick", &ola.cookie, &fields).await
    };
    assert_eq!(picking(&[]).await.status, 409);
    assert_eq!(picking(&["1:0000-0000"]).await.status, 409, "another key than on the screen");
    assert_eq!(picking(&["1"]).await.status, 400, "no key at all");
    assert_eq!(picking(&[&pick, &pick]).await.status, 409, "all or none");
    assert_eq!(state(number), MachineState::Waiting);

    let answer = picking(&[&pick]).await;
    assert_eq!((answer.status.as_u16(), answer.location.as_str()), (303, "/bench"));
    assert_eq!(state(number), MachineState::Admitted);
    let page = door.get("/machines/1", &ola.cookie).await.body;
    assert!(page.contains("Picked by a person") && page.contains("Ola Żądło"));

    let fields = [("token", ola.token.as_str()), ("batch", batch.as_str())];
    assert_eq!(door.post("/disarm", &ola.cookie, &fields).await.location, "/bench");
    assert!(door.coordinator.journal.published().bench.batches().all(|batch| batch.disarmed));
    assert!(door.get("/bench", &ola.cookie).await.body.contains("Nothing is armed"));
}

#[tokio::test]
async fn without_room_nothing_is_armed_and_the_bench_says_so_in_both_languages() {
    let door = Door::open_without_room().await;
    let ola = door.log_in().await;
    let refused = door.post("/arm", &ola.cookie, &arming(&ola, "1", "1")).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("disk is nearly full"), "{}", refused.body);
    assert_eq!(door.coordinator.journal.published().bench.batches().count(), 0);
    for (lang, words) in [("en", "below 4294 TB"), ("pl", "Dysk koordynatora jest prawie pełny")] {
        let page = door.get(&format!("/bench?lang={lang}"), &ola.cookie).await.body;
        assert!(page.contains(words), "{words}: {page}");
    }
    let enough = Door::open().await;
    let ola = enough.log_in().await;
    assert!(!enough.get("/bench", &ola.cookie).await.body.contains("nearly full"));
}

#[tokio::test]
async fn a_form_that_never_ends_is_given_up() {
    let time = Duration::from_millis(300);
    let door = Door::open_by(Clock::start(), time).await;
    let mut request = form("/login", "", &[], Some(&format!("https://{HOST}")));
    let (mut sender, body) = Channel::<Bytes>::new(1);
    sender.send_data("name=O".into()).await.unwrap();
    *request.body_mut() = Body::new(body);
    let answer = tokio::time::timeout(Duration::from_secs(20), door.send(request)).await;
    assert_eq!(answer.expect("it waits for ever").status, 408);
    drop(sender);

    // The page that is kept fresh goes on.
    let door = Door::open_by(Clock::start(), Duration::from_secs(2)).await;
    let ola = door.log_in().await;
    let request = Request::get("/events").header("host", HOST).header("cookie", &ola.cookie);
    let mut events = door.raw(request.body(Body::empty()).unwrap()).await.into_body();
    assert!(events.frame().await.unwrap().unwrap().is_data());
    tokio::time::sleep(Duration::from_secs(3)).await;
    door.boot(laptop(1)).await;
    let next = tokio::time::timeout(Duration::from_secs(20), events.frame()).await;
    assert!(next.expect("nothing comes any more").unwrap().unwrap().is_data());
}

#[tokio::test]
async fn a_person_settles_an_identity_that_is_not_clear() {
    let door = Door::open().await;
    door.boot(laptop(1)).await;
    let mut twin = laptop(2);
    twin.identity.uuid = laptop(1).identity.uuid;
    let (id, ..) = door.boot(twin).await;
    let ola = door.log_in().await;
    let open = || {
        let published = door.coordinator.journal.published();
        published.bench.machine(&id).unwrap().open_conflicts().count()
    };
    assert_eq!(open(), 1);
    let page = door.get("/machines/2", &ola.cookie).await.body;
    assert!(page.contains("/machines/2/settle") && page.contains("It is not clear"));
    assert!(page.contains("<input type=\"hidden\" name=\"with\" value=\"1\">"), "{page}");
    for (with, status) in [(None, 409), (Some("x"), 400), (Some("2"), 409), (Some("1"), 303)] {
        assert_eq!(open(), 1, "{with:?}");
        let mut fields = vec![("token", ola.token.as_str())];
        fields.extend(with.map(|with| ("with", with)));
        let answer = door.post("/machines/2/settle", &ola.cookie, &fields).await;
        assert_eq!(answer.status, status, "{with:?}");
    }
    assert_eq!(open(), 0);
}

#[tokio::test]
async fn an_image_that_no_laptop_could_be_given_is_not_armed_and_the_page_says_why() {
    let door = Door::open().await;
    let raw = door.data.path().join("noise.raw");
    std::fs::File::create(&raw).unwrap().set_len(8 << 20).unwrap();
    let mut sgdisk = std::process::Command::new("sgdisk");
    sgdisk.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args(["-n1:2048:+4M", "-t1:8304"]);
    assert!(sgdisk.arg(&raw).output().unwrap().status.success());
    let options = ImportOptions {
        name: "noise".into(),
        title: "Noise".into(),
        created: 0,
        guids: osimage::Guids::Fresh,
        root: None,
    };
    let Coordinator { images, site, .. } = &*door.coordinator;
    let image = images.add(&raw, &options, &site.key, &mut |_| ()).unwrap().id.to_string();
    let ola = door.log_in().await;
    for (chosen, lang, words) in [
        (
            image.as_str(),
            "en",
            ["cannot be given to a laptop", "partition 1, holds no file system"],
        ),
        (image.as_str(), "pl", ["Nie uzbrojono", "partition 1, holds no file system"]),
        (&"0".repeat(64), "en", ["Not armed", "choose an image that is on this coordinator"]),
    ] {
        let mut fields = arming(&ola, "2", "2").to_vec();
        fields[1].1 = "refurbish";
        fields.extend([("image", chosen), ("locale", "pl_PL.UTF-8")]);
        let cookie = format!("{}; rehome-lang={lang}", ola.cookie);
        let answer = door.post("/arm", &cookie, &fields).await;
        assert_eq!(answer.status, 409, "{chosen}");
        for word in words {
            assert!(answer.body.contains(word), "{word:?} is not in: {}", answer.body);
        }
    }
    assert_eq!(door.coordinator.journal.published().bench.batches().count(), 0);
}

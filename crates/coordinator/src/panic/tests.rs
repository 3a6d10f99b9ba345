use protocol::{Directive, JobKind, Stage, Step};

use super::*;
use crate::directive::directive;
use crate::event::AdmittedHow;
use crate::journal::Journal;
use crate::records::RecordsError;
use crate::scene::hardware::laptop;
use crate::scene::{AUTOMATIC, Agent, HOUR, MANUAL, OLA, Scene};

fn panicked() -> Happening {
    Happening::Panicked { by: OLA, because: "smoke".into() }
}

fn over() -> Happening {
    Happening::PanicOver { by: OLA, because: String::new() }
}

/// A machine with a ticket, and what it reports of the wipe.
fn at_work() -> (Scene, Agent, Vec<Step>) {
    let mut scene = Scene::new();
    scene.arm(1, 2, JobKind::Wipe {});
    let agent = scene.boot(&laptop(1), MANUAL);
    scene.pick(&[agent.number]).unwrap();
    let request = scene.request(&agent, &laptop(1));
    scene.consent(&agent, &request).unwrap();
    let steps = scene.wiped(&agent);
    (scene, agent, steps)
}

fn told(scene: &Scene, agent: &Agent) -> Directive {
    directive(&scene.bench, scene.now, scene.machine(agent), &agent.public(), MANUAL)
}

fn is_stopped(scene: &Scene, agent: &Agent) -> bool {
    matches!(told(scene, agent), Directive::Stop { .. })
}

fn how(scene: &Scene, agent: &Agent) -> AdmittedHow {
    let bench = &scene.bench;
    let pick = crate::admission::Pick {
        number: agent.number,
        fingerprint: Some(agent.public().fingerprint()),
    };
    let decided = crate::admission::pick(bench, scene.now, &[pick], None, OLA, MANUAL).unwrap();
    let [Happening::Admitted { how, .. }] = &decided[..] else { panic!("{decided:?}") };
    how.clone()
}

#[test]
fn everybody_is_told_and_nobody_goes_on_when_it_is_over() {
    let (mut scene, mut agent, steps) = at_work();
    let waiting = scene.boot(&laptop(2), MANUAL);
    scene.report(&mut agent, steps[..2].to_vec());
    scene.apply(vec![panicked()]);
    for agent in [&agent, &waiting] {
        let Directive::Stop { reason } = told(&scene, agent) else { panic!("goes on") };
        assert!(reason.contains("(smoke)"), "{reason}");
    }
    assert_eq!(scene.state(&agent).name(), "attention");
    scene.apply(vec![over()]);
    assert!(is_stopped(&scene, &agent), "it goes on by itself");
    assert!(!is_stopped(&scene, &waiting), "nothing of it was stopped");

    // Nor by being switched off and on.
    let again = scene.boot(&laptop(1), MANUAL);
    assert!(is_stopped(&scene, &again), "a restart starts it");
    assert_eq!(how(&scene, &again), AdmittedHow::Continued { by: OLA });
    scene.pick(&[again.number]).unwrap();
    assert!(matches!(told(&scene, &again), Directive::Work { .. }));
}

#[test]
fn a_ticket_that_was_not_used_is_void() {
    for since in [vec![panicked()], vec![panicked(), over()]] {
        let (mut scene, mut agent, steps) = at_work();
        scene.apply(since);
        let refused = scene.try_report(&mut agent, steps[..1].to_vec());
        assert!(matches!(refused, Some(RecordsError::Void(_))), "{refused:?}");
        // Nothing had begun: it begins anew.
        assert_eq!(how(&scene, &agent), AdmittedHow::Picked { by: OLA });
    }
}

#[test]
fn what_was_proven_before_is_only_looked_at_again() {
    let (mut scene, mut agent, steps) = at_work();
    scene.report(&mut agent, steps);
    scene.apply(vec![panicked(), over()]);
    scene.pick(&[agent.number]).unwrap();
    let Directive::Work { verified_before, .. } = told(&scene, &agent) else { panic!("stopped") };
    assert_eq!(verified_before.len(), 1, "the drive would be erased again");
    assert!(scene.machine(&agent).attention_reasons().is_empty());
    // When it was stopped, and when it was let go on.
    assert_eq!(scene.machine(&agent).witnessed.len(), 2);
}

#[test]
fn only_what_was_in_order_is_continued() {
    // The drive had failed before.
    let (mut scene, mut agent, steps) = at_work();
    let sentence = "a cable".to_owned();
    let failed = Step::Failed { stage: Stage::Sanitize, sentence };
    scene.report(&mut agent, [&steps[..2], &[failed]].concat());
    scene.apply(vec![panicked(), over()]);
    assert_eq!(how(&scene, &agent), AdmittedHow::Picked { by: OLA });

    // Another batch, another consent.
    let (mut scene, mut agent, steps) = at_work();
    scene.report(&mut agent, steps[..2].to_vec());
    scene.apply(vec![panicked(), over()]);
    scene.later(HOUR);
    scene.arm(2, 1, JobKind::Wipe {});
    assert_eq!(how(&scene, &agent), AdmittedHow::Picked { by: OLA });
}

#[test]
fn nobody_is_admitted_by_itself_meanwhile() {
    let mut scene = Scene::new();
    scene.arm(1, 2, JobKind::Wipe {});
    scene.apply(vec![panicked()]);
    let agent = scene.boot(&laptop(1), AUTOMATIC);
    assert!(scene.machine(&agent).admission.is_none());
    scene.apply(vec![over()]);
    let waiting = crate::enrollment::admit_waiting;
    let admitted = waiting(&scene.bench, scene.now, agent.id, agent.public(), AUTOMATIC);
    assert!(admitted.is_some(), "admitted as ever");
}

#[test]
fn a_machine_that_is_done_is_let_go() {
    let mut scene = Scene::new();
    scene.arm(1, 1, JobKind::Wipe {});
    let agent = scene.finish(&laptop(1));
    scene.apply(vec![panicked()]);
    assert!(matches!(told(&scene, &agent), Directive::LocalDisk { .. }));
    assert_eq!(scene.machine(&agent).admission.as_ref().unwrap().halted, None);
}

/// The journal itself grants nothing, whoever asks; and what it holds outlives it.
#[tokio::test]
async fn nothing_is_granted_until_it_is_over_not_even_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (path, site) = (data.path().join("journal.sqlite"), protocol::SiteKey::from_bytes([1; 32]));
    let grants = async |journal: &Journal| journal.grant(|_, _| (Vec::new(), ())).await.is_ok();
    let journal = Journal::open(&path, site).unwrap();
    assert!(grants(&journal).await);
    journal.decide(|_, _| (vec![panicked()], ())).await.unwrap();
    assert!(!grants(&journal).await);
    drop(journal);
    let journal = Journal::open(&path, site).unwrap();
    assert_eq!(journal.published().bench.panic().unwrap().because, "smoke");
    assert!(!grants(&journal).await);
    end(&journal, OLA, " looked around ").await.unwrap();
    assert!(grants(&journal).await);
    assert!(matches!(end(&journal, OLA, "").await, Err(PanicError::NotOn)));
}

#[test]
fn a_reason_is_cut_and_never_refused() {
    assert_eq!(reason("  smoke \n"), "smoke");
    assert_eq!(reason(&"ż".repeat(500)).chars().count(), MAX_REASON);
}

//! What a ticket allows, and to whom.

use protocol::{AgentKey, MachineId, Nonce, Plan, Sha256Digest, Ticket, UnixMillis};
use sanitize::{Consent, ConsentContext, ConsentError, UsedTickets};

use crate::rig::{SIZE, consent, context, digest, identity, plan, ticket};

/// Everything that is judged together.
struct Case {
    ticket: Ticket,
    plan: Plan,
    digest: Sha256Digest,
    context: ConsentContext,
}

fn check(change: impl FnOnce(&mut Case)) -> Result<Consent, ConsentError> {
    let plan = plan(&[identity("A", SIZE)]);
    let mut case = Case { ticket: ticket(), plan, digest: digest(), context: context() };
    change(&mut case);
    let mut used = UsedTickets::default();
    Consent::from_ticket(&case.ticket, &case.plan, &case.digest, &case.context, &mut used)
}

#[test]
fn a_fitting_ticket_gives_consent_until_its_last_millisecond() {
    assert!(check(|_| ()).is_ok());
    assert!(check(|case| case.context.now = UnixMillis(1_999)).is_ok());
}

#[test]
fn whatever_does_not_fit_gives_none() {
    let other = MachineId::from_bytes([9; 16]);
    let machine = check(|case| case.ticket.machine = other).unwrap_err();
    assert!(matches!(machine, ConsentError::Machine { .. }), "{machine}");
    let machine = check(|case| case.plan.machine = other).unwrap_err();
    assert!(matches!(machine, ConsentError::Machine { .. }), "{machine}");
    let machine = check(|case| case.context.machine = other).unwrap_err();
    assert!(matches!(machine, ConsentError::Machine { .. }), "{machine}");

    let agent = check(|case| case.context.agent = AgentKey::from_bytes([9; 32])).unwrap_err();
    assert!(matches!(agent, ConsentError::Agent { .. }), "{agent}");

    let nonce = check(|case| case.ticket.nonce = Nonce::from_bytes([9; 32])).unwrap_err();
    assert_eq!(nonce, ConsentError::Nonce);

    let digest = check(|case| case.digest = Sha256Digest::from_bytes([9; 32])).unwrap_err();
    assert!(matches!(digest, ConsentError::Plan { .. }), "{digest}");

    let expired = check(|case| case.context.now = UnixMillis(2_000)).unwrap_err();
    assert_eq!(expired, ConsentError::Expired { late_ms: 0 });
    let expired = check(|case| case.context.now = UnixMillis(2_700)).unwrap_err();
    assert_eq!(expired, ConsentError::Expired { late_ms: 700 });

    let early = check(|case| {
        (case.ticket.issued_at, case.ticket.expires_at) = (UnixMillis(90_000), UnixMillis(99_000));
        case.context.now = UnixMillis(10_000);
    });
    assert_eq!(early.unwrap_err(), ConsentError::Early { early_ms: 80_000 });

    let backwards = check(|case| case.ticket.issued_at = UnixMillis(2_001)).unwrap_err();
    assert_eq!(backwards, ConsentError::Backwards);

    let twins = check(|case| case.plan.drives.push(case.plan.drives[0].clone())).unwrap_err();
    assert!(matches!(twins, ConsentError::SameDrive(_)), "{twins}");
}

#[test]
fn a_ticket_is_good_once_and_only_a_fitting_one_is_used_up() {
    let plan = plan(&[identity("A", SIZE)]);
    let mut used = UsedTickets::default();
    let late = ConsentContext { now: UnixMillis(3_000), ..context() };
    assert!(Consent::from_ticket(&ticket(), &plan, &digest(), &late, &mut used).is_err());
    assert!(Consent::from_ticket(&ticket(), &plan, &digest(), &context(), &mut used).is_ok());
    let again = Consent::from_ticket(&ticket(), &plan, &digest(), &context(), &mut used);
    assert_eq!(again.unwrap_err(), ConsentError::Used(ticket().ticket));
}

#[test]
fn each_drive_of_the_plan_is_given_once_and_no_other() {
    let drives = [identity("A", SIZE), identity("B", SIZE)];
    let given = consent(&drives).into_drives();
    assert!(given.iter().map(sanitize::ConsentedDrive::identity).eq(&drives));
}

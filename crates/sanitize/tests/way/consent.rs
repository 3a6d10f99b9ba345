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
    let (a, b, c) = (identity("A", SIZE), identity("B", SIZE), identity("C", SIZE));
    let mut consent = consent(&[a.clone(), b.clone()]);
    assert_eq!(consent.take(&a).unwrap().identity(), &a);
    assert_eq!(consent.take(&a).unwrap_err(), ConsentError::Taken(Box::new(a.clone())));
    assert_eq!(consent.take(&c).unwrap_err(), ConsentError::NotPlanned(Box::new(c)));
    // The same drive with another size is another drive.
    let grown = identity("B", SIZE + 4096);
    assert_eq!(consent.take(&grown).unwrap_err(), ConsentError::NotPlanned(Box::new(grown)));
    let left: Vec<_> = consent.into_drives();
    assert_eq!(left.iter().map(sanitize::ConsentedDrive::identity).collect::<Vec<_>>(), [&b]);
}

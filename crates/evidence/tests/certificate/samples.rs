//! Certificates that hold, and forgeries of every kind with the name of the check that must catch each. The page for
//! browsers is tried with the same ones.

use protocol::event::{BootNotice, NOTICE_LEN, Step};
use protocol::{SiteKey, TicketId, UnixMillis};
use rehome_evidence::certificate::{
    CERTIFICATE_TYPE, EmbeddedRecord, Facts, Statement, id_of, issue,
};
use rehome_evidence::{Envelope, Rotation, SigningKey, SiteKeys, checkpoint};

use crate::case::{Case, MACHINE, case, case_of, evidence, good_steps, issue_case, started};

/// A certificate's file, and what it is checked with.
pub(crate) struct Sample {
    pub(crate) label: &'static str,
    pub(crate) file: Vec<u8>,
    /// The text of `site.pub`.
    pub(crate) site: String,
    /// The check that it fails; none where it holds.
    pub(crate) fails: Option<&'static str>,
    /// Whether only the rules of `rehome verify` find it, and not the page.
    pub(crate) beyond_page: bool,
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32]).unwrap()
}

fn public(seed: u8) -> SiteKey {
    SiteKey::from_bytes(key(seed).public())
}

fn line(seeds: &[u8]) -> SiteKeys {
    let mut keys = SiteKeys::from(public(seeds[0]));
    for pair in seeds.windows(2) {
        keys.rotate(&key(pair[0]), &key(pair[1]), UnixMillis(7)).unwrap();
    }
    keys
}

/// The certificate of a site whose keys came one after the other, made by the last of them.
fn by(seeds: &[u8]) -> (Case, SiteKeys) {
    let (mut case, keys) = (case(good_steps), line(seeds));
    case.facts.site = keys.present();
    (case, keys)
}

fn issued(seeds: &[u8]) -> Vec<u8> {
    let (case, keys) = by(seeds);
    let signer = key(seeds[seeds.len() - 1]);
    issue(case.facts, case.leaves, &case.log, &signer, &keys).unwrap().into_bytes()
}

/// The same, signed by the site over a statement that was changed: what `issue` never gives out.
fn signed(change: impl FnOnce(&mut Statement)) -> Vec<u8> {
    let file = issued(&[8]);
    let envelope = Envelope::from_json(&file).unwrap();
    let mut statement: Statement = envelope.open(CERTIFICATE_TYPE, &key(8).public()).unwrap();
    change(&mut statement);
    let envelope = Envelope::sign(CERTIFICATE_TYPE, &statement, &key(8)).unwrap();
    format!("{}\n", envelope.to_json()).into_bytes()
}

/// A rotation with the signature at `at` replaced by one over something else.
fn half_signed(from: u8, to: u8, at: usize) -> Rotation {
    let parts = |to| -> serde_json::Value {
        let rotation = Rotation::sign(&key(from), &key(to), UnixMillis(7)).unwrap();
        serde_json::from_str(&rotation.to_json()).unwrap()
    };
    let mut half = parts(to);
    half["signatures"][at]["sig"] = parts(9)["signatures"][at]["sig"].clone();
    Rotation::from_json(&half.to_string()).unwrap()
}

/// What holds.
fn good() -> Vec<Sample> {
    [
        ("good", &[8][..], &[8][..]),
        ("after a rotation, the first key at hand", &[7, 8], &[7]),
        ("after two rotations, all keys at hand", &[6, 7, 8], &[6, 7, 8]),
        ("after two rotations, the keys of the last one at hand", &[6, 7, 8], &[7, 8]),
        ("before two rotations, all keys at hand", &[8], &[8, 7, 6]),
        ("between two rotations, all keys at hand", &[6, 8], &[6, 8, 7]),
    ]
    .map(|(label, made, checked)| Sample {
        label,
        file: issued(made),
        site: line(checked).to_text(),
        fails: None,
        beyond_page: false,
    })
    .into()
}

fn text(file: &[u8]) -> String {
    String::from_utf8(file.to_vec()).unwrap()
}

/// What was done to the file by somebody without the site's key.
fn of_strangers() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let file = text(&issued(&[8]));
    let with = |from: &str, to: &str| file.replacen(from, to, 1).into_bytes();
    let mut flipped = file.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let last_of_signature = file.rfind("==\"").unwrap() - 1;
    let loose = match file.as_bytes()[last_of_signature] {
        b'A' => "B",
        b'Q' => "R",
        b'g' => "h",
        _ => "x",
    };
    let mut loose_bits = file.clone();
    loose_bits.replace_range(last_of_signature..=last_of_signature, loose);
    vec![
        ("a flipped bit", flipped, "signature"),
        ("a changed type", with("certificate.v3+json", "certificate.v3+jsom"), "malformed"),
        ("an earlier version", with("certificate.v3+json", "certificate.v2+json"), "malformed"),
        ("something else", with("vnd.rehome.certificate.v3", "vnd.rehome.ticket.v1"), "signature"),
        ("a space", with(":", ": "), "malformed"),
        ("no newline", file.trim_end().into(), "malformed"),
        ("half of it", file.as_bytes()[..middle].into(), "malformed"),
        ("bits that base64 does not count", loose_bits.into_bytes(), "signature"),
        ("nothing", Vec::new(), "malformed"),
        ("no text", vec![0xff, 0xfe], "malformed"),
        ("another site's", issued(&[5]), "signature"),
        ("another site's, rotated", issued(&[4, 5]), "signature"),
    ]
}

/// What whoever has the site's key could sign, or what went wrong before.
fn of_the_signer() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let foreign = |seed: u8, origin: &SiteKey| {
        let root = case(good_steps).log.root();
        let size = case(good_steps).log.len();
        checkpoint::sign(&key(seed), &checkpoint::origin(origin), size, &root).unwrap()
    };
    let other_words = signed(|it| {
        let changed = it.records[2].leaf.replacen("\"sig\":\"", "\"sig\":\"A", 1);
        it.records[2].leaf = changed;
    });
    vec![
        ("a dropped record", signed(|it| drop(it.records.remove(1))), "chain"),
        ("the first record dropped", signed(|it| drop(it.records.remove(0))), "chain"),
        ("records in another order", signed(|it| it.records.swap(1, 2)), "chain"),
        ("a replayed record", signed(|it| it.records.insert(2, it.records[1].clone())), "chain"),
        ("a record in other words", other_words, "inclusion"),
        ("a record in another place", signed(|it| it.records[1].index += 1), "inclusion"),
        ("no records of its agent", signed(|it| it.records.clear()), "chain"),
        ("another agent", signed(|it| it.facts.agents[0] = agent(3)), "chain"),
        ("one agent more", signed(|it| it.facts.agents.push(agent(3))), "chain"),
        (
            "a stranger's checkpoint",
            signed(|it| it.checkpoint = foreign(5, &public(8))),
            "checkpoint",
        ),
        (
            "another journal's checkpoint",
            signed(|it| it.checkpoint = foreign(8, &public(5))),
            "checkpoint",
        ),
        ("a checkpoint with more lines", signed(|it| it.checkpoint.push('\n')), "checkpoint"),
        ("no checkpoint", signed(|it| it.checkpoint.clear()), "checkpoint"),
        ("made by a rehearsal", signed(|it| it.facts.simulated = true), "simulated"),
        ("for another site", signed(|it| it.facts.site = public(5)), "statement"),
        (
            "other evidence",
            signed(|it| it.facts.drives[0].evidence.verification.retries += 1),
            "record",
        ),
        (
            "evidence without a record",
            signed(|it| it.facts.drives[0].record = rehome_evidence::sha256(b"none")),
            "record",
        ),
        ("another kind of record", signed(cites_another_record), "record"),
        (
            "a plan without a ticket",
            signed(|it| it.facts.plan.drives[0].more_namespaces = 1),
            "statement",
        ),
        ("another policy", signed(|it| it.facts.policy.name = "theirs".into()), "statement"),
        (
            "another machine's plan",
            signed(|it| it.facts.plan.machine = protocol::MachineId::from_bytes([9; 16])),
            "statement",
        ),
        ("a drive left out", signed(|it| it.facts.drives.clear()), "statement"),
        (
            "rotations that lead elsewhere",
            signed(|it| it.rotations = line(&[7, 6]).rotations().into()),
            "key chain",
        ),
        (
            "rotations that repeat",
            signed(|it| {
                it.rotations = [line(&[7, 8]).rotations(), line(&[7, 8]).rotations()].concat()
            }),
            "key chain",
        ),
        (
            "a rotation that the old key did not sign",
            signed(|it| it.rotations = vec![half_signed(7, 8, 0)]),
            "key chain",
        ),
        (
            "a rotation that the new key did not sign",
            signed(|it| it.rotations = vec![half_signed(7, 8, 1)]),
            "key chain",
        ),
    ]
}

/// A certificate of a drive with a boot notice, as the records have it; then what is said of it is changed.
fn noticed(change: impl FnOnce(&mut Facts)) -> Vec<u8> {
    let notice = BootNotice {
        drive: evidence().drive,
        certificate: id_of(&MACHINE, &protocol::BatchId::from_bytes([2; 16])),
        length: protocol::ByteLen(NOTICE_LEN),
        sha256: rehome_evidence::sha256(b"notice"),
    };
    let with_notice = |plan| {
        let mut steps = good_steps(plan);
        steps.insert(3, Step::NoticeWritten(notice.clone()));
        steps
    };
    let mut case = case_of(|plan| plan.drives[0].leaves_notice = true, with_notice);
    case.facts.drives[0].notice = Some(notice.clone());
    let file = issue_case(case).unwrap();
    let envelope = Envelope::from_json(file.as_bytes()).unwrap();
    let mut statement: Statement = envelope.open(CERTIFICATE_TYPE, &key(8).public()).unwrap();
    change(&mut statement.facts);
    let envelope = Envelope::sign(CERTIFICATE_TYPE, &statement, &key(8)).unwrap();
    format!("{}\n", envelope.to_json()).into_bytes()
}

fn agent(seed: u8) -> protocol::AgentKey {
    protocol::AgentKey::from_bytes(key(seed).public())
}

/// The record that it cites is there, but of the beginning of the work.
fn cites_another_record(statement: &mut Statement) {
    let leaf: serde_json::Value = serde_json::from_str(&statement.records[1].leaf).unwrap();
    let envelope = Envelope::from_json(leaf["envelope"].to_string().as_bytes()).unwrap();
    statement.facts.drives[0].record = envelope.digest().unwrap();
}

/// A journal in which another machine's agent spoke too; its record is embedded as if it were of this machine.
fn other_machines_record() -> Vec<u8> {
    use rehome_evidence::chain::ChainWriter;
    let mut case = case(good_steps);
    let stranger = protocol::MachineId::from_bytes([9; 16]);
    let mut writer = ChainWriter::start(stranger, agent(3));
    let envelope = writer.append(Step::Verified(evidence()), UnixMillis(4), 0, &key(3)).unwrap();
    let leaf = format!("{{\"kind\":\"agent-record\",\"envelope\":{}}}", envelope.to_json());
    let index = case.log.len();
    case.log.push(leaf.as_bytes());
    let proof = case.log.inclusion_proof(index).unwrap();
    let origin = checkpoint::origin(&public(8));
    let note = checkpoint::sign(&key(8), &origin, case.log.len(), &case.log.root()).unwrap();
    let log = case.log;
    signed(|it| {
        for record in &mut it.records {
            record.proof = log.inclusion_proof(record.index).unwrap();
        }
        it.records.push(EmbeddedRecord { index, leaf, proof });
        it.facts.agents.push(agent(3));
        it.checkpoint = note;
    })
}

/// A whole journal of an agent that did work under the ticket of another plan, then said these things, where the
/// certificate's plan stands for `None`.
fn work_of_another_plan(later: &[Option<Step>]) -> Vec<u8> {
    let accepted = |plan| Step::TicketAccepted { ticket: TicketId::from_bytes([5; 16]), plan };
    let another = rehome_evidence::sha256(b"the plan of an earlier batch");
    let done = [accepted(another), started(), Step::Verified(evidence()), Step::Finished {}];
    let case = case(|plan| {
        let later = later.iter().map(|step| step.clone().unwrap_or_else(|| accepted(plan)));
        done.iter().cloned().chain(later).collect()
    });
    let Case { facts, leaves, log, .. } = case;
    let origin = checkpoint::origin(&public(8));
    signed(|it| {
        let embed = |(index, leaf)| {
            let proof = log.inclusion_proof(index).unwrap();
            EmbeddedRecord { index, leaf, proof }
        };
        it.records = leaves.into_iter().map(embed).collect();
        it.facts = facts;
        it.checkpoint = checkpoint::sign(&key(8), &origin, log.len(), &log.root()).unwrap();
    })
}

/// What only the rules of `rehome verify` find: the page leaves out the order in which things happened.
fn beyond_page() -> [(&'static str, Vec<u8>, &'static str); 3] {
    [
        ("work that did not end", signed(|it| drop(it.records.pop())), "statement"),
        ("a ticket after the end", work_of_another_plan(&[None]), "statement"),
        (
            "work of an earlier batch",
            work_of_another_plan(&[None, Some(Step::Finished {})]),
            "statement",
        ),
    ]
}

/// Everything there is.
pub(crate) fn samples() -> Vec<Sample> {
    let sample = |(label, file, fails)| Sample {
        label,
        file,
        site: line(&[8]).to_text(),
        fails: Some(fails),
        beyond_page: false,
    };
    let mut all = good();
    let holds = noticed(|_| ());
    all.push(Sample { fails: None, ..sample(("with a boot notice", holds, "")) });
    let silent = noticed(|facts| facts.drives[0].notice = None);
    all.push(sample(("a boot notice that is kept back", silent, "statement")));
    let other = noticed(|facts| {
        let notice = facts.drives[0].notice.as_mut().unwrap();
        notice.sha256 = rehome_evidence::sha256(b"anything");
    });
    all.push(sample(("another boot notice", other, "statement")));
    all.extend(of_strangers().into_iter().map(sample));
    all.extend(of_the_signer().into_iter().map(sample));
    all.push(sample(("another machine's record", other_machines_record(), "chain")));
    all.push(Sample {
        label: "the key handed over to another one",
        file: issued(&[7, 8]),
        site: line(&[7, 6]).to_text(),
        fails: Some("key chain"),
        beyond_page: false,
    });
    all.extend(beyond_page().map(|it| Sample { beyond_page: true, ..sample(it) }));
    all
}

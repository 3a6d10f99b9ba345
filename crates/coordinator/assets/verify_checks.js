// The checks, in the order and by the names of `rehome verify`.

/** A failed check. */
class Failure extends Error {
  constructor(check, detail = "") { super(detail); this.check = check; }
}
const refuse = (check, detail) => { throw new Failure(check, detail); };

const CERTIFICATE_TYPE = "application/vnd.rehome.certificate.v3+json";
const CERTIFICATE_TYPES = "application/vnd.rehome.certificate.";
const RECORD_TYPE = "application/vnd.rehome.record.v1+json";
const ROTATION_TYPE = "application/vnd.rehome.key-rotation.v1+json";
const MAX_DEPTH = 120;
const MAX_ROTATIONS = 1000;

const utf8 = text => new TextEncoder().encode(text);
const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
const isKey = text => typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
const fromHex = text => Uint8Array.from(text.match(/../g) ?? [], pair => parseInt(pair, 16));
const sha256 = async bytes => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

/** Base64 in its one form; null if it is not. */
function fromBase64(text) {
  try {
    const binary = atob(text);
    return btoa(binary) === text ? Uint8Array.from(binary, char => char.charCodeAt(0)) : null;
  } catch { return null; }
}

async function isSignedBy(key, message, signature) {
  if (signature.length !== 64) return false;
  try {
    const imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
  } catch { return false; }
}

/** Whether the browser tells a good signature from a bad one (RFC 8032, section 7.1, test 1). */
async function canCheck() {
  if (!globalThis.crypto?.subtle) return false;
  const key = fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const signature = fromHex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  const none = new Uint8Array();
  return await isSignedBy(key, none, signature) && !await isSignedBy(key, utf8("x"), signature);
}

/**
 * JSON as Rehome writes it: whole numbers only (beyond 2^53 as BigInt), no name twice. `spans` gets where each object
 * stands in the text.
 */
function parseJson(text, spans = new Map()) {
  let at = 0;
  const bad = () => { throw new SyntaxError(`no JSON of ours at ${at}`); };
  const space = () => { while (" \t\n\r".includes(text[at] ?? "x")) at += 1; };
  const expect = char => { space(); if (text[at] !== char) bad(); at += 1; };
  function string() {
    const start = at;
    do { at += text[at] === "\\" ? 2 : 1; } while (at < text.length && text[at] !== "\"");
    at += 1;
    return JSON.parse(text.slice(start, at));
  }
  function list(close, item) {
    space();
    if (text[at] === close) { at += 1; return; }
    for (;;) {
      item();
      space();
      if (text[at] === close) { at += 1; return; }
      expect(",");
    }
  }
  function value(depth) {
    if (depth > MAX_DEPTH) bad();
    space();
    const start = at;
    if (text[at] === "{") {
      at += 1;
      const object = Object.create(null);
      list("}", () => {
        space();
        const name = string();
        if (name in object) bad();
        expect(":");
        object[name] = value(depth + 1);
      });
      spans.set(object, text.slice(start, at));
      return object;
    }
    if (text[at] === "[") {
      at += 1;
      const array = [];
      list("]", () => array.push(value(depth + 1)));
      return array;
    }
    if (text[at] === "\"") return string();
    for (const [word, meaning] of [["true", true], ["false", false], ["null", null]]) {
      if (text.startsWith(word, at)) { at += word.length; return meaning; }
    }
    const number = /-?(?:0|[1-9][0-9]*)(?![0-9.eE])/y;
    number.lastIndex = at;
    const [digits] = number.exec(text) ?? bad();
    at += digits.length;
    return Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits);
  }
  const whole = value(0);
  space();
  if (at !== text.length) bad();
  return whole;
}

/** Whether an object has exactly these names, and at most those `optional` ones beside. */
function has(object, names, optional = []) {
  if (object === null || typeof object !== "object" || Array.isArray(object)) return false;
  const there = Object.keys(object);
  return names.every(name => there.includes(name)) && there.every(name => names.includes(name) || optional.includes(name));
}

function isEqual(one, other) {
  if (one === other) return true;
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every(name => name in other && isEqual(one[name], other[name]));
}

/** An envelope of DSSE with so many signatures. */
function isEnvelope(it, signatures) {
  return has(it, ["payload", "payloadType", "signatures"]) && typeof it.payload === "string" && typeof it.payloadType === "string"
    && Array.isArray(it.signatures) && it.signatures.length === signatures
    && it.signatures.every(one => has(one, ["keyid", "sig"]) && typeof one.keyid === "string" && typeof one.sig === "string");
}

/** What DSSE signs. */
function preAuthentication(type, payload) {
  return concat(utf8(`DSSEv1 ${utf8(type).length} ${type} ${payload.length} `), payload);
}

/** The payload's bytes if `key` signed it; null if not. */
async function openEnvelope(envelope, type, key) {
  const payload = fromBase64(envelope.payload);
  const signature = fromBase64(envelope.signatures[0].sig);
  if (envelope.payloadType !== type || !payload || !signature || envelope.signatures[0].keyid !== key) return null;
  return await isSignedBy(fromHex(key), preAuthentication(type, payload), signature) ? payload : null;
}

const decode = bytes => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** A handover from one key to the next, signed by both. */
async function openRotation(rotation) {
  const payload = fromBase64(rotation.payload);
  if (rotation.payloadType !== ROTATION_TYPE || !payload) refuse("key chain", "not a rotation");
  let handover;
  try { handover = parseJson(decode(payload)); } catch { refuse("key chain", "not a rotation"); }
  if (!has(handover, ["old", "new", "at"]) || !isKey(handover.old) || !isKey(handover.new)) refuse("key chain", "not a rotation");
  for (const [at, key] of [handover.old, handover.new].entries()) {
    const { keyid, sig } = rotation.signatures[at];
    const signature = fromBase64(sig);
    const signed = keyid === key && signature
      && await isSignedBy(fromHex(key), preAuthentication(ROTATION_TYPE, payload), signature);
    if (!signed) refuse("key chain", `not signed by the ${at ? "new" : "old"} key ${key}`);
  }
  return handover;
}

/** The keys that the rotations lead through to `present`, the oldest first. */
async function line(rotations, present) {
  if (rotations.length > MAX_ROTATIONS) refuse("key chain", "too many rotations");
  const keys = [];
  for (const rotation of rotations) {
    const handover = await openRotation(rotation);
    if (keys.length === 0) keys.push(handover.old);
    follow(keys, handover.old, handover.new);
  }
  if (keys.length === 0) keys.push(present);
  if (keys.at(-1) !== present) refuse("key chain", "the rotations lead to another key");
  return keys;
}

function follow(keys, old, next) {
  const at = keys.indexOf(old);
  if (at >= 0 && at + 1 < keys.length && keys[at + 1] !== next) refuse("key chain", `${old} has two successors`);
  if (keys.includes(next)) refuse("key chain", `${next} comes twice`);
  if (keys.at(-1) !== old) refuse("key chain", "a rotation does not follow the one before");
  keys.push(next);
}

/** Two lines of keys in one; null where they have nothing in common. Every link was checked before. */
function join(mine, theirs) {
  const at = mine.findIndex(key => theirs.includes(key));
  if (at < 0) return null;
  const there = theirs.indexOf(mine[at]);
  if (at > 0 && there > 0) refuse("key chain", `${mine[at]} has two predecessors`);
  const keys = (at > 0 ? mine.slice(0, at + 1) : theirs.slice(0, there + 1));
  for (let n = 1; at + n < mine.length || there + n < theirs.length; n += 1) {
    const [one, other] = [mine[at + n], theirs[there + n]];
    if (one && other && one !== other) refuse("key chain", `${keys.at(-1)} has two successors`);
    follow(keys, keys.at(-1), one ?? other);
  }
  return keys;
}

/** The keys of a file as `site.pub`. */
async function readKeys(text) {
  const [present, ...rest] = text.trim().split("\n").map(line => line.replace(/\r$/, ""));
  const key = present.toLowerCase();
  if (!isKey(key)) refuse("key chain", "the first line is no public key");
  const rotations = rest.map(json => {
    let rotation;
    try { rotation = parseJson(json); } catch { refuse("key chain", "not a rotation"); }
    if (!isEnvelope(rotation, 2) || canonical(rotation) !== json) refuse("key chain", "not a rotation");
    return rotation;
  });
  return line(rotations, key);
}

/** The one byte form of an envelope. */
const canonical = ({ payload, payloadType, signatures }) =>
  JSON.stringify({ payload, payloadType, signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })) });

/** A checkpoint as a signed note (C2SP signed-note, tlog-checkpoint), by `key` for the journal `origin`. */
async function openCheckpoint(note, key, origin) {
  const bad = detail => refuse("checkpoint", detail);
  const found = /^((\S+)\n(0|[1-9][0-9]*)\n([A-Za-z0-9+/]{43}=)\n)\n\u2014 (\S+) ([A-Za-z0-9+/=]+)\n$/u.exec(note);
  if (!found) bad("not a signed note of three lines");
  const [, text, name, size, root64, signer, signature64] = found;
  const [root, signature] = [fromBase64(root64), fromBase64(signature64)];
  if (!root || !signature || root.length !== 32 || BigInt(size) >> 64n) bad("not a signed note of three lines");
  const id = (await sha256(concat(utf8(`${name}\n`), Uint8Array.of(1), fromHex(key)))).slice(0, 4);
  const fits = signer === name && hex(signature.slice(0, 4)) === hex(id)
    && await isSignedBy(fromHex(key), utf8(text), signature.slice(4));
  if (!fits) bad("the note's signature does not fit");
  if (name !== origin) bad("of another journal");
  return { size: BigInt(size), root };
}

/** Whether `leaf` is number `index` in the tree (RFC 9162, section 2.1.3.2). */
async function isIncluded(leaf, index, proof, { size, root }) {
  if (index >= size) return false;
  let [node, last] = [index, size - 1n];
  let hash = await sha256(concat(Uint8Array.of(0), leaf));
  for (const sibling of proof) {
    if (last === 0n) return false;
    if (node & 1n || node === last) {
      hash = await sha256(concat(Uint8Array.of(1), sibling, hash));
      while (!(node & 1n) && node !== 0n) { node >>= 1n; last >>= 1n; }
    } else {
      hash = await sha256(concat(Uint8Array.of(1), hash, sibling));
    }
    node >>= 1n;
    last >>= 1n;
  }
  return last === 0n && hex(hash) === hex(root);
}

/** Every agent's chain from its first record, joined. */
async function joinChains(facts, records) {
  const heads = new Map();
  for (const agent of facts.agents) {
    if (!isKey(agent)) refuse("malformed", "an agent's key");
    heads.set(agent, { next: 0, previous: hex(await sha256(fromHex(agent))) });
  }
  const opened = [];
  for (const { index, leaf } of records) {
    let event;
    try { event = parseJson(leaf); } catch { refuse("statement", `event ${index} is no agent's record`); }
    if (event?.kind !== "agent-record" || !isEnvelope(event.envelope, 1)) refuse("statement", `event ${index} is no agent's record`);
    const bytes = fromBase64(event.envelope.payload);
    let record;
    try { record = parseJson(decode(bytes)); } catch { refuse("malformed", `event ${index}`); }
    const names = ["machine", "agent", "sequence", "previous", "at", "uptime_ms", "step"];
    if (!has(record, names)) refuse("malformed", `event ${index}`);
    const head = heads.get(record.agent) ?? refuse("chain", `event ${index} is of an agent that is not named`);
    if (!await openEnvelope(event.envelope, RECORD_TYPE, record.agent)) refuse("chain", `event ${index} is not signed by its agent`);
    const follows = record.sequence === head.next && record.machine === facts.machine && record.previous === head.previous;
    if (!follows) refuse("chain", `event ${index} does not follow the one before`);
    head.next += 1;
    head.previous = hex(await sha256(bytes));
    opened.push({ digest: head.previous, step: record.step });
  }
  for (const [agent, { next }] of heads) {
    if (next === 0) refuse("chain", `agent ${agent} has no records`);
  }
  if (records.some(({ index }, at) => at > 0 && BigInt(records[at - 1].index) >= BigInt(index))) {
    refuse("statement", "its records are not in the journal's order");
  }
  return opened;
}

/** What the facts say against what is embedded: the parts that need no rule on sanitizing. */
async function compareFacts(facts, records, spans) {
  const { plan, policy, drives } = facts;
  if (plan.machine !== facts.machine || plan.batch !== facts.batch) refuse("statement", "its plan is of another machine or batch");
  if (plan.policy !== policy.name) refuse("statement", "its plan was made by another policy");
  const digest = hex(await sha256(utf8(spans.get(plan))));
  if (!records.some(({ step }) => step.step === "ticket-accepted" && step.plan === digest)) {
    refuse("statement", "no record says that a ticket for its plan was accepted");
  }
  if (plan.drives.length === 0 || plan.drives.length !== drives.length) refuse("statement", "not every planned drive is certified");
  for (const [at, { evidence, record, notice }] of drives.entries()) {
    const from = records.findIndex(({ digest }) => digest === record);
    const found = records[from];
    if (found?.step.step !== "verified") refuse("record", record);
    const { step, ...words } = found.step;
    if (!isEqual(words, { ...evidence })) refuse("record", record);
    if (!isEqual(plan.drives[at].identity, evidence.drive)) refuse("record", record);
    const written = records.slice(from).filter(({ step }) => step.step === "notice-written" && isEqual(step.drive, evidence.drive)).at(-1);
    const { step: _, ...said } = written?.step ?? {};
    const same = written ? isEqual(said, { ...notice }) && said.certificate === await certificateId(facts) : notice === undefined;
    if (!same) refuse("statement", "a boot notice is not the one that the records say");
  }
}

/** The certificate's number, as boot notices have it. */
async function certificateId({ machine, batch }) {
  return hex((await sha256(utf8(`rehome certificate ${machine} ${batch}`))).slice(0, 8));
}

const FACTS = ["site", "site_name", "machine", "number", "batch", "identity", "product", "plan", "policy", "agents", "drives", "installed", "completed_at"];

/** Checks a certificate's bytes against the keys of `site.pub`, the oldest first. Throws a Failure, or gives what it says. */
async function checkCertificate(bytes, keys) {
  try {
    return await check(bytes, keys);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("malformed", String(error));
  }
}

async function check(bytes, trusted) {
  const text = decode(bytes);
  const envelope = parseJson(text);
  if (!isEnvelope(envelope, 1) || `${canonical(envelope)}\n` !== text) refuse("malformed", "not byte for byte as it was written");
  if (envelope.payloadType !== CERTIFICATE_TYPE) {
    refuse(envelope.payloadType.startsWith(CERTIFICATE_TYPES) ? "malformed" : "signature", envelope.payloadType);
  }
  const signer = envelope.signatures[0].keyid;
  const payload = isKey(signer) ? await openEnvelope(envelope, CERTIFICATE_TYPE, signer) : null;
  if (!payload) refuse("signature", `not signed by ${signer}`);
  const spans = new Map();
  const statement = parseJson(decode(payload), spans);
  const { facts, records, checkpoint, rotations } = statement;
  const known = has(statement, ["facts", "records", "checkpoint", "rotations"]) && has(facts, FACTS, ["simulated"])
    && Array.isArray(rotations) && rotations.every(it => isEnvelope(it, 2)) && typeof checkpoint === "string"
    && records.every(it => has(it, ["index", "leaf", "proof"]) && it.proof.every(isKey));
  if (!known) refuse("malformed", "it has parts that this page does not know");
  const own = await line(rotations, signer);
  if (!join(trusted, own)) refuse("signature", `signed by ${signer}, which is no key of this site`);
  if (facts.site !== signer) refuse("statement", "it speaks for another site than the one that signed");
  if (facts.simulated) refuse("simulated");
  const head = await openCheckpoint(checkpoint, signer, `rehome/${own[0]}`);
  for (const { index, leaf, proof } of records) {
    if (!await isIncluded(utf8(leaf), BigInt(index), proof.map(fromHex), head)) refuse("inclusion", `event ${index}`);
  }
  const opened = await joinChains(facts, records);
  await compareFacts(facts, opened, spans);
  const policy = hex(await sha256(utf8(spans.get(facts.policy))));
  const id = (await certificateId(facts)).match(/.{4}/g).join("-");
  return { facts, id, signer, policy, size: head.size, records: records.length };
}


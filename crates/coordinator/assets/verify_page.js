// The page around the checks. Whatever a file says is hostile: it is shown as text, never as markup.

const byId = id => document.getElementById(id);
const MAX_LEN = 64 * 1024 * 1024;
const state = { lang: navigator.language?.toLowerCase().startsWith("pl") ? "pl" : "en", able: null, keys: null, badKey: null, files: [], leftOut: [], results: [] };
const words = () => WORDS[state.lang];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter(child => child !== null));
  return made;
}

/** Text of a file without what steers the reading direction. */
const plain = value => String(value ?? "").replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");

function bytesOf(count) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [value, unit] = [Number(count), 0];
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return `${new Intl.NumberFormat(state.lang, { maximumFractionDigits: 1 }).format(value)} ${units[unit]}`;
}

const moment = ms => new Intl.DateTimeFormat(state.lang, { dateStyle: "long", timeStyle: "short", timeZone: "UTC" }).format(Number(ms)) + " UTC";

function definitions(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== "");
  return element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, typeof value === "string" ? plain(value) : value)]));
}

function drive({ evidence, notice }) {
  const say = words();
  const { model, serial, size } = evidence.drive;
  const read = bytesOf(evidence.verification.bytes);
  return element("section", {},
    element("h3", {}, `${say.drive}: ${plain(model)}`),
    definitions([
      [say.serial, serial],
      [say.size, bytesOf(size)],
      [say.technique, evidence.techniques.map(it => it.technique).join(", ")],
      [say.claim, say.claims[evidence.claim] ?? evidence.claim],
      [say.canaries, evidence.canaries ? say.marks(evidence.canaries.placed, evidence.canaries.found) : null],
      [say.read, evidence.method === "full" ? say.all_read(read) : say.sample_read(read)],
      [say.zeros, bytesOf(evidence.zeros)],
      [say.notice, notice ? say.notice_of(bytesOf(notice.length), notice.sha256) : null],
    ]));
}

function details({ facts, id, signer, policy, size, records }) {
  const say = words();
  const { vendor, name } = facts.product;
  const digest = element("span", {}, `${plain(facts.policy.name)}, SHA-256 `, element("code", {}, policy));
  return element("div", {},
    definitions([
      [say.machine, [String(facts.number).padStart(2, "0"), vendor, name].filter(Boolean).join(" ")],
      [say.serial, facts.identity.system_serial],
      [say.site, facts.site_name],
      [say.id, element("code", {}, id)],
      [say.done, moment(facts.completed_at)],
    ]),
    ...facts.drives.map(drive),
    definitions([
      [say.installed, facts.installed ?? say.nothing],
      [say.policy, digest],
      [say.journal, say.journal_of(size, records)],
      [say.signer, element("code", {}, signer)],
    ]));
}

function article({ name, failure, said }) {
  const say = words();
  const verdict = failure ? "refused" : "holds";
  const heading = element("h2", { class: "verdict" },
    element("span", { class: "mark", "aria-hidden": "true" }, failure ? "\u2718" : "\u2714"), say[verdict]);
  const file = element("p", { class: "file" }, plain(name));
  if (!failure) return element("article", { class: verdict }, heading, file, element("p", { class: "hint" }, say.scope), details(said));
  return element("article", { class: verdict, "data-check": failure.check }, heading, file,
    element("p", { class: "check" }, `${say.check}: `, element("strong", {}, failure.check)),
    element("p", {}, say.why[failure.check]),
    failure.message ? element("p", { lang: "en" }, element("code", {}, plain(failure.message))) : null);
}

function render() {
  const say = words();
  document.documentElement.lang = state.lang;
  document.title = `Rehome: ${say.title}`;
  for (const lang of ["en", "pl"]) byId(lang).setAttribute("aria-pressed", String(lang === state.lang));
  for (const said of document.querySelectorAll("[data-say]")) said.textContent = say[said.dataset.say];
  for (const list of ["limits", "never"]) byId(list).replaceChildren(...say[list].map(text => element("li", {}, text)));
  byId("unable").textContent = say.unable;
  byId("unable").hidden = state.able !== false;
  byId("drop").hidden = state.able === false;
  const key = state.badKey ? say.bad_key(plain(state.badKey)) : state.keys ? say.key(state.keys.at(-1), state.keys.length - 1) : say.no_key;
  const leftOut = state.leftOut.length ? ` ${say.left_out(plain(state.leftOut.join(", ")))}` : "";
  byId("key").textContent = key + leftOut;
  byId("clear").hidden = !state.files.length && !state.keys && !state.badKey;
  const held = state.results.filter(it => !it.failure).length;
  byId("summary").textContent = state.results.length ? say.summary(held, state.results.length) : "";
  byId("results").replaceChildren(...state.results.map(article));
}

/** Takes files as they come, keys and certificates in any order, then checks all there are. */
async function take(files) {
  for (const file of files) {
    const bytes = file.size <= MAX_LEN ? new Uint8Array(await file.arrayBuffer()) : new Uint8Array();
    if (/\.pub$/i.test(file.name)) {
      try {
        [state.keys, state.badKey] = [await readKeys(decode(bytes)), null];
      } catch {
        [state.keys, state.badKey] = [null, file.name];
      }
    } else if (/\.(json|cert)$/i.test(file.name)) {
      state.files.push({ name: file.name, bytes });
    } else {
      state.leftOut.push(file.name);
    }
  }
  const results = [];
  for (const { name, bytes } of state.keys ? state.files : []) {
    try {
      results.push({ name, said: await checkCertificate(bytes, state.keys) });
    } catch (failure) {
      results.push({ name, failure });
    }
  }
  state.results = results;
  render();
}

// One after the other: files that are dropped while others are checked wait.
let working = Promise.resolve();
const enqueue = files => { working = working.then(() => take([...files])); };

for (const lang of ["en", "pl"]) byId(lang).addEventListener("click", () => { state.lang = lang; render(); });
byId("files").addEventListener("change", event => { enqueue(event.target.files); });
byId("clear").addEventListener("click", () => {
  Object.assign(state, { keys: null, badKey: null, files: [], leftOut: [], results: [] });
  byId("files").value = "";
  render();
  byId("files").focus();
});
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, event => {
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && state.able) enqueue(event.dataTransfer.files);
  });
}
document.addEventListener("dragleave", () => byId("drop").classList.remove("over"));
canCheck().then(able => { state.able = able; render(); });
render();

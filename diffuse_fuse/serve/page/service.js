// What is asked of the service. A file is sent once; later it is named by its hash, as long as the service holds it.
const hashes = new WeakMap(); // file → SHA-256
const RETRIES = 4;
const wait = (seconds) => new Promise((done) => { setTimeout(done, 1000 * seconds); });

class Refused extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

async function ask(path, body, headers = {}) {
  for (let attempt = 0; ; attempt += 1) {
    let answer;
    try {
      answer = await fetch(path, { method: body ? "POST" : "GET", body, headers });
    } catch {
      throw new Refused(0, "The service does not answer. Is dfuse serve still running?");
    }
    if (answer.ok) return answer;
    if (answer.status === 429 && attempt < RETRIES) {
      await wait(Number(answer.headers.get("Retry-After")) || 1);
      continue;
    }
    const said = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, said.detail || `The service answers with ${answer.status}.`);
  }
}

async function loadSetup() {
  return (await ask("page/setup")).json();
}

async function fuseForm(pair, options, sendAll) {
  const form = new FormData();
  form.append("hold", "true");
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  for (const side of ["ir", "vis"]) {
    const file = pair[side];
    if (!file) continue;
    if (hashes.has(file) && !sendAll) {
      form.append(`${side}_sha256`, hashes.get(file));
      form.append(`${side}_name`, file.name.slice(-200));
    } else form.append(side, file, file.name);
  }
  return ask("fuse", form);
}

/** One picture of a pair: { blob, said }. Raises Refused. */
async function fuse(pair, options) {
  const named = hashes.has(pair.ir);
  let answer;
  try {
    answer = await fuseForm(pair, options, false);
  } catch (error) {
    if (error.status !== 410 || !named) throw error;
    answer = await fuseForm(pair, options, true); // no longer held
  }
  const said = JSON.parse(answer.headers.get("Dfuse-Result"));
  hashes.set(pair.ir, said.ir_sha256);
  if (pair.vis) hashes.set(pair.vis, said.vis_sha256);
  return { blob: await answer.blob(), said };
}

const known = new WeakMap(); // file → what inspect says
async function inspect(file) {
  if (!known.has(file)) {
    const form = new FormData();
    form.append("file", file, file.name);
    known.set(file, await (await ask("inspect", form)).json());
  }
  return known.get(file);
}

async function pairsAmong(names) {
  const answer = await ask("pairs", JSON.stringify({ names }), { "Content-Type": "application/json" });
  return answer.json();
}

// What the page asks for, answered in the browser: a worker reads and fuses, and nothing is sent anywhere.
const keys = new WeakMap(); // file → its number; the worker is sent a file once
const known = new WeakMap(); // file → what inspect says
const waiting = new Map(); // number of a question → how it is answered
let worker = null;

function listenToWorker() {
  worker = new Worker("page/worker.js", { type: "module" });
  worker.addEventListener("message", ({ data }) => {
    if (data.progress) {
      byId("busy").textContent = data.progress;
      return;
    }
    const { done, failed } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error) failed(new Error(data.error));
    else done(data.answer);
  });
  worker.addEventListener("error", (event) => {
    const text = `This browser cannot run the page${event.message ? ` (${event.message})` : ""}: take a current one.`;
    for (const { failed } of waiting.values()) failed(new Error(text));
    waiting.clear();
  });
}

let asked = 0;
function toWorker(what, given) {
  asked += 1;
  worker.postMessage({ id: asked, what, asked: given });
  return new Promise((done, failed) => { waiting.set(asked, { done, failed }); });
}

function source(file) {
  if (!keys.has(file)) keys.set(file, `${file.name} ${(asked += 1)}`);
  return { key: keys.get(file), file, name: file.name };
}

async function ask(path) {
  let answer;
  try {
    answer = await fetch(path);
  } catch {
    throw new Error("A part of the page is not there: is its server still running?");
  }
  if (!answer.ok) throw new Error(`The page lacks its file ${path} (${answer.status}): build it again with dfuse page.`);
  return answer;
}

async function loadSetup() {
  if (location.protocol === "file:") {
    throw new Error("Browsers run this page from a web server only: python -m http.server in its folder starts one, and it is then at http://localhost:8000.");
  }
  const setup = await (await ask("page/setup.json")).json();
  listenToWorker();
  await toWorker("setup", setup);
  names = setup.names;
  return setup;
}

/** One picture of a pair: { blob, said }. Raises Error. */
function fuse(pair, options) {
  return toWorker("fuse", { ir: source(pair.ir), vis: source(pair.vis), options });
}

async function inspect(file) {
  if (!known.has(file)) known.set(file, await toWorker("inspect", source(file)));
  return known.get(file);
}

let names = null; // words that mark a kind, of diffuse_fuse/images/pairs.py

/** ["ir" or "vis", what is left of a path without the marks of that kind], or null. */
function readName(path) {
  const parts = path.toLowerCase().replace(/\.[^./]*$/, "").split(/([/_\-. ]+)/);
  for (const [kind, words] of Object.entries(names)) {
    const rest = parts.filter((part) => !words.includes(part) && !/^[_\-. ]+$/.test(part));
    if (rest.length < parts.filter((part) => !/^[_\-. ]+$/.test(part)).length) return [kind, rest.join(" ")];
  }
  return null;
}

/** The plain cases of what dfuse fuse pairs: names, or folders, that differ in a word for the kind. */
async function pairsAmong(paths) {
  const sides = { ir: new Map(), vis: new Map() };
  for (const path of [...paths].sort()) {
    const [kind, rest] = readName(path) || [];
    if (kind && !sides[kind].has(rest)) sides[kind].set(rest, path);
  }
  const pairs = [...sides.vis].filter(([rest]) => sides.ir.has(rest)).map(([rest, vis]) => ({ ir: sides.ir.get(rest), vis }));
  const used = new Set(pairs.flatMap(({ ir, vis }) => [ir, vis]));
  return { pairs, alone: paths.filter((path) => !used.has(path)) };
}

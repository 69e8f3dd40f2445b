// The work of the page without a server, beside the page so that it stays responsive: reading, re-lighting, fusing.
import { asColour, bmp, decoded, encoded, pairOf, Refused } from "./pictures.js";
import { fused, session } from "./network.js";
import { relight } from "./relight.js";

const HELD = 4; // decoded files
const files = new Map(); // key → { file, name, picture: promise of what it holds }
const last = {}; // the pair and the fused picture that were made last, each with what it was made of
let setup = null;

const tell = (text) => postMessage({ progress: text });

function opened({ key, file, name }) {
  const known = files.get(key) || { file, name, picture: decoded(file, name) };
  files.delete(key);
  files.set(key, known);
  while (files.size > HELD) files.delete(files.keys().next().value);
  return known;
}

/** What `make` gives for these facts, or what it gave if they are those of the last time. */
async function once(slot, facts, make) {
  const key = JSON.stringify(facts);
  if (!last[slot] || last[slot].key !== key) last[slot] = { key, made: await make() };
  return last[slot].made;
}

async function inspect(source) {
  const { w, h, format, grey } = await opened(source).picture;
  return { name: source.name, format, width: w, height: h, content: grey ? "grey" : "colour", embedded: [], thermal: null };
}

async function fuse({ ir, vis, options }) {
  const start = performance.now();
  const sources = [ir, vis].map(opened);
  const facts = [ir.key, vis.key, options.polarity, options.stretch];
  const pair = await once("pair", facts, async () => {
    const [heat, seen] = await Promise.all(sources.map(({ picture }) => picture));
    const blackHot = options.polarity === "black-hot";
    return pairOf(heat, seen, { blackHot, stretch: options.stretch, luma: setup.relight.LUMA });
  });
  let picture = options.picture === "infrared" ? asColour(pair.ir) : pair.vis;
  if ((options.picture || "fused") === "fused") {
    picture = await once("fused", [...facts, options.model, options.balance], () => fusedOf(pair, options));
  }
  const seconds = (performance.now() - start) / 1000;
  const blob = options.format === "bmp" ? bmp(picture) : await encoded(picture, options.format, await packetOf(sources, options));
  const said = { width: picture.w, height: picture.h, warnings: pair.warnings, metrics: {}, seconds };
  return { blob, said };
}

async function fusedOf({ ir, vis }, options) {
  const model = setup.models.find(({ name }) => name === options.model);
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  const loaded = await session(model, (read, all) => tell(`Loading ${model.name}: ${megabytes(read)}${all ? ` of ${megabytes(all)}` : ""} MB…`));
  tell("Fusing…");
  const balance = options.balance === "auto" ? "auto" : Number(options.balance);
  const lit = relight(ir, vis, balance, setup.relight);
  try {
    return await fused(loaded, model, lit, setup.bandPixels, (share) => tell(`Fusing… ${Math.round(100 * share)} %`));
  } catch (error) {
    throw new Refused(`${ir.w}×${ir.h} pixels cannot be fused here (${error.message || error}): close other pages, or take a smaller picture.`);
  }
}

/** The note of what a picture was made of; none where the browser gives no hashes, as on pages without https. */
async function packetOf(sources, options) {
  if (!crypto.subtle) return null;
  const hashed = async ({ file, name }) => {
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return { name, sha256: [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
  };
  const [ir, vis] = await Promise.all(sources.map(hashed));
  const model = setup.models.find(({ name }) => name === options.model);
  const { polarity, stretch } = options;
  const balance = options.balance === "auto" ? "auto" : Number(options.balance);
  const note = JSON.stringify({
    version: setup.version, model: model.name, weights: model.weights,
    options: { backend: "browser", balance, polarity, stretch }, sources: { ir, vis },
  });
  const ascii = note.replace(/[^\x20-\x7e]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const escaped = ascii.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  return setup.packet.replace(setup.packetNote, () => escaped);
}

const WORK = { inspect, fuse, setup: (given) => { setup = given; } };
let before = Promise.resolve();
onmessage = ({ data: { id, what, asked } }) => {
  before = before.then(async () => { // one after the other: the network has one memory
    try {
      postMessage({ id, answer: await WORK[what](asked) });
    } catch (error) {
      postMessage({ id, error: error.message || String(error), isRefusal: error instanceof Refused });
    }
  });
};

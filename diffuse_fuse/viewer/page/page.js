// The page: what is shown, and what the controls do.
const SIDES = [["infrared", "Infrared"], ["visible", "Visible"], ["fused", "Fused"]];
const CALM = 350; // milliseconds without a move before the metrics are asked for
const MODELS = { base: "best, takes a moment", fast: "live", tiny: "live, quickest" };
const state = { pairs: [], at: 0, urls: {}, left: "visible", right: "fused", opened: 0, facts: null };
const compare = compareView(byId("stage"), byId("position"));
const slider = byId("position");
let setup = null;

const pair = () => state.pairs[state.at];
const can = (what) => setup.can.includes(what);
const say = (text) => { byId("status").textContent = text; };

const errors = new Map(); // what failed → why; the last one is shown

function showError(what, error) {
  errors.delete(what);
  if (error) errors.set(what, error);
  const last = [...errors.values()].at(-1);
  byId("error").hidden = !last;
  byId("error").textContent = last ? last.message || String(last) : "";
}

/** Runs what may fail; the reason is shown, and gone when the same succeeds, or another pair is opened. */
async function attempt(what, work) {
  const { opened } = state;
  try {
    const result = await work();
    showError(what, null);
    return result;
  } catch (error) {
    if (opened === state.opened) showError(what, error);
    return undefined;
  }
}

/** Runs `work` again and again while it is asked for, never twice at once: of many calls the last one counts. */
function latest(work) {
  let running = false;
  let wanted = false;
  return async () => {
    wanted = true;
    if (running) return;
    running = true;
    try {
      while (wanted) {
        wanted = false;
        await work();
      }
    } finally {
      running = false;
    }
  };
}

// ---- what is asked for

function readOptions() {
  const options = { polarity: byId("polarity").value, align: byId("align").value, stretch: byId("stretch").checked };
  const mode = byId("range-mode").value;
  if (mode === "camera") options.thermal_range = "camera";
  if (mode === "own") {
    const [low, high] = [byId("low-number"), byId("high-number")].map((field) => Number(field.value));
    if (low < high) options.thermal_range = `${plainNumber(low)} ${plainNumber(high)}`;
  }
  return options;
}
const plainNumber = (value) => String(Number(value.toFixed(4)));
const balance = () => (byId("auto").checked ? "auto" : byId("balance").value);
const fuseOptions = () => ({ ...readOptions(), model: byId("model").value, balance: balance() });

// ---- pictures

function setPicture(name, blob) {
  const old = state.urls[name];
  state.urls[name] = blob ? URL.createObjectURL(blob) : null;
  for (const side of ["left", "right"]) if (state[side] === name) drawSide(side);
  if (old) setTimeout(() => URL.revokeObjectURL(old), 1000);
}

function drawSide(side) {
  const name = state[side];
  const [, title] = SIDES.find(([value]) => value === name);
  compare.setPicture(side, state.urls[name], title, `${title} picture, ${pair().label}`);
  const palette = byId("palette").value;
  compare.image(side).style.filter = name === "infrared" && palette !== "" ? `url(#palette-${palette})` : "";
  byId(`${side}-${name}`).checked = true;
}

function chooseSide(side, name) {
  state[side] = name;
  drawSide(side);
}

/** Fetches one picture of the pair that is open; nothing happens where another one is open by then. */
async function fetchPicture(name, more) {
  const opened = state.opened;
  const answer = await fuse(pair(), { ...fuseOptions(), picture: name, format: setup.shown, metrics: false, ...more });
  if (opened !== state.opened) return null;
  const { width, height } = answer.said;
  compare.setSize(width, height);
  byId("frame").style.setProperty("--ratio", String(width / height));
  setPicture(name, answer.blob);
  drawNotes(answer.said.warnings);
  return answer.said;
}

const drawFused = latest(() => attempt("fused", async () => {
  byId("busy").textContent = "Fusing…";
  const slow = setTimeout(() => { byId("busy").hidden = false; }, 150);
  try {
    await fetchPicture("fused");
  } finally {
    clearTimeout(slow);
    byId("busy").hidden = true;
  }
}));
const drawInfrared = latest(() => attempt("infrared", () => fetchPicture("infrared")));

let calm = null;
function measureSoon() {
  clearTimeout(calm);
  if (!can("measure")) return;
  calm = setTimeout(() => attempt("metrics", async () => {
    const opened = state.opened;
    const asked = JSON.stringify(fuseOptions());
    const { said } = await fuse(pair(), { ...fuseOptions(), format: "jpg", metrics: true });
    if (opened === state.opened && asked === JSON.stringify(fuseOptions())) drawMetrics(said);
  }), CALM);
}

/** After a change that only the fusion sees. */
function fuseAgain() {
  drawFused();
  measureSoon();
}

/** After a change that the infrared picture shows, too. */
function readAgain() {
  drawInfrared();
  fuseAgain();
}

// ---- a pair

async function openPair(at) {
  state.at = (at + state.pairs.length) % state.pairs.length;
  state.opened += 1;
  state.facts = null;
  errors.clear();
  showError("files", null);
  byId("pair").value = String(state.at);
  byId("start").hidden = true;
  byId("work").hidden = byId("keys").hidden = false;
  byId("range-mode").value = "auto";
  for (const [name] of SIDES) setPicture(name, null);
  drawNames();
  drawNotes([]);
  setTable("metrics", []);
  setTable("facts", []);
  const opened = state.opened;
  const facts = await attempt("facts", () => {
    const bytes = pair().ir.size + (pair().vis ? pair().vis.size : 0);
    if (setup.maxBytes && bytes > setup.maxBytes) {
      const [size, most] = [bytes, setup.maxBytes].map((each) => `${Math.ceil(each / 1e6)} MB`);
      throw new Error(`These files have ${size}, and this service takes ${most}: start it with a larger --max-mb.`);
    }
    return inspect(pair().ir);
  });
  if (opened !== state.opened || !facts) return;
  state.facts = facts;
  setRange(facts.thermal);
  await drawFused();
  if (opened !== state.opened) return;
  measureSoon();
  await attempt("pictures", () => Promise.all([fetchPicture("infrared"), fetchPicture("visible")]));
  const seen = pair().vis ? await attempt("visible", () => inspect(pair().vis)) : facts;
  if (opened === state.opened) drawFacts(facts, pair().vis ? seen : null);
  say(`Fused: ${pair().label}`);
}

function openAll({ pairs, left }) {
  state.pairs = pairs;
  fill(byId("pair"), pairs.map(({ label }, index) => [index, label]));
  byId("pair-row").hidden = pairs.length < 2;
  state.leftOut = left;
  openPair(0);
}

async function take(files) {
  say("Looking at the files");
  const found = await attempt("files", () => pairsOf(files));
  if (found) openAll(found);
}

function drawNames() {
  const { ir, vis } = pair();
  byId("names").textContent = vis ? `Infrared: ${ir.name} · Visible: ${vis.name} · ` : `Both from ${ir.name}`;
  byId("swap").hidden = !vis;
}

function drawNotes(warnings) {
  const texts = [...warnings];
  const left = state.leftOut || [];
  if (left.length) texts.push(`Without a partner: ${left.slice(0, 5).join(", ")}${left.length > 5 ? ` and ${left.length - 5} more` : ""}.`);
  const list = make("ul", {}, ...texts.map((text) => make("li", { textContent: text })));
  byId("notes").replaceChildren(...(texts.length ? [make("div", { className: "note" }, make("strong", { textContent: "Good to know" }), list)] : []));
}

// ---- tables

function setTable(id, rows) {
  byId(id).replaceChildren(make("tbody", {}, ...rows));
  byId(id).closest("section").hidden = !rows.length;
}

const BETTER = { up: "↑ higher is better", down: "↓ lower is better", none: "" };
function drawMetrics(said) {
  const rows = setup.metrics.filter(({ name }) => name in said.metrics).map((metric) => {
    const value = said.metrics[metric.name];
    const about = make("details", {},
      make("summary", { textContent: metric.summary }),
      make("p", { textContent: [`Range: ${metric.range}.`, metric.pitfalls].filter(Boolean).join(" ") }));
    return make("tr", {}, make("th", { scope: "row", textContent: metric.name }),
      make("td", { className: "value", textContent: value === null ? "–" : value.toFixed(3) }),
      make("td", { className: "small better", textContent: BETTER[metric.direction] }), make("td", {}, about));
  });
  setTable("metrics", rows);
}

function drawFacts(ir, vis) {
  const thermal = ir.thermal;
  const unit = thermal && { levels: "of 255", counts: "counts", values: "" }[thermal.unit];
  const span = thermal ? `${thermal.min} to ${thermal.max} ${unit === undefined ? thermal.unit : unit}` : "";
  const lines = [
    ["", vis ? "Infrared" : "Infrared and visible", "Visible"],
    ["file", ir.name, vis && vis.name],
    ["format", ir.format, vis && vis.format],
    ["size", `${ir.width}×${ir.height}`, vis && `${vis.width}×${vis.height}`],
    ["content", ir.content, vis && vis.content],
    ["values", span, ""],
    ["inside", ...[ir, vis].map((facts) => facts && facts.embedded.map((each) => `${each.kind} ${each.width}×${each.height}`).join(", "))],
    ["camera", ir.camera, vis && vis.camera],
    ["taken", ir.time, vis && vis.time],
    ["place", ...[ir, vis].map((facts) => facts && facts.gps && facts.gps.map((each) => each.toFixed(5)).join(", "))],
    ["used as", ir.as_infrared, vis && vis.as_visible],
  ].filter(([name, one, other]) => !name || one || other);
  setTable("facts", lines.map(([name, one, other]) => make("tr", {}, make("th", { scope: "row", textContent: name }),
    ...[one, other].filter((_, index) => vis || !index).map((text) => make(name ? "td" : "th", { textContent: text || "–" })))));
}

// ---- the temperature range

function setRange(thermal) {
  const mode = byId("range-mode");
  mode.disabled = !thermal;
  mode.querySelector('[value="camera"]').disabled = !(thermal && thermal.camera_span);
  if (!thermal) return showRange();
  const [low, high] = thermal.robust_range;
  const step = Math.max((thermal.max - thermal.min) / 500, 1e-4);
  for (const [id, value] of [["low", low], ["high", high]]) {
    Object.assign(byId(id), { min: thermal.min, max: thermal.max, step });
    byId(id).value = byId(`${id}-number`).value = String(Number(value.toFixed(3)));
  }
  byId("unit").textContent = { "°C": "°C", counts: "counts", values: "", levels: "of 255" }[thermal.unit];
  byId("range-label").textContent = thermal.unit === "°C" ? "Temperatures" : "Range";
  return showRange();
}

function showRange() {
  byId("range").hidden = byId("range-mode").value !== "own";
}

function moveRange(id, value) {
  byId(id).value = byId(`${id}-number`).value = String(Number(Number(value).toFixed(4)));
  const [low, high] = ["low", "high"].map((each) => Number(byId(`${each}-number`).value));
  const crossed = low >= high;
  for (const each of ["low", "high"]) byId(`${each}-number`).setCustomValidity(crossed ? "Black must be below white." : "");
  byId(`${id}-number`).reportValidity();
  if (!crossed) readAgain();
}

// ---- the dial

function moveDial(value, auto) {
  byId("auto").checked = auto;
  if (!auto) byId("balance").value = String(Math.min(1, Math.max(0, value)));
  byId("balance-value").textContent = auto ? "auto" : Number(byId("balance").value).toFixed(2);
  byId("balance").classList.toggle("is-auto", auto);
  byId("balance").setAttribute("aria-valuetext", byId("balance-value").textContent);
  fuseAgain();
}

// ---- download

async function download() {
  const [format, depth] = byId("format").value.split(" ");
  const answer = await attempt("download", () => fuse(pair(), { ...fuseOptions(), format, depth, gps: byId("gps").checked, metrics: false }));
  if (!answer) return;
  const stem = (pair().vis || pair().ir).name.replace(/\.[^.]*$/, "");
  const address = URL.createObjectURL(answer.blob);
  make("a", { href: address, download: `${stem}_fused.${format}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
  say("The fused picture is downloaded.");
}

// ---- wiring

function addChoices() {
  for (const side of ["left", "right"]) {
    const labels = SIDES.map(([name, title]) => make("label", {},
      make("input", { type: "radio", name: side, id: `${side}-${name}`, onchange: () => chooseSide(side, name) }), title));
    byId(`${side}-choice`).append(make("span", { className: "choice" }, ...labels));
  }
}

function listen() {
  const on = (id, kind, react) => byId(id).addEventListener(kind, react);
  on("choose", "click", () => byId("files").click());
  on("choose-folder", "click", () => byId("folder").click());
  for (const id of ["files", "folder"]) {
    on(id, "change", (event) => { take(chosenFiles(event.target.files)); event.target.value = ""; });
  }
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", async () => {
      const found = await attempt("files", () => samplePair(button.dataset.sample));
      if (found) openAll({ pairs: [found], left: [] });
    });
  }
  on("again", "click", () => {
    byId("start").hidden = false;
    byId("work").hidden = byId("keys").hidden = true;
    byId("choose").focus();
  });
  on("previous", "click", () => openPair(state.at - 1));
  on("next", "click", () => openPair(state.at + 1));
  on("pair", "change", (event) => openPair(Number(event.target.value)));
  on("swap", "click", () => {
    const { ir, vis, label } = pair();
    state.pairs[state.at] = { ir: vis, vis: ir, label };
    openPair(state.at);
  });
  on("balance", "input", (event) => moveDial(Number(event.target.value), false));
  on("auto", "change", (event) => moveDial(Number(byId("balance").value), event.target.checked));
  on("model", "change", fuseAgain);
  for (const id of ["align", "stretch", "polarity"]) on(id, "change", readAgain);
  on("range-mode", "change", () => { showRange(); readAgain(); });
  for (const id of ["low", "high"]) {
    on(id, "input", (event) => moveRange(id, event.target.value));
    on(`${id}-number`, "change", (event) => moveRange(id, event.target.value));
  }
  on("palette", "change", () => { drawSide("left"); drawSide("right"); });
  on("download", "click", download);
  listenToDrops();
  document.addEventListener("keydown", onKey);
}

/** What whoever does the work cannot do is not offered. */
function leaveOut(part) {
  part.hidden = true;
  if (part.tagName === "OPTION") part.remove();
}

function listenToDrops() {
  const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
  const over = byId("over");
  document.addEventListener("dragover", (event) => { if (hasFiles(event)) { event.preventDefault(); over.hidden = false; } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over.hidden = true; });
  document.addEventListener("drop", async (event) => {
    over.hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    take(await droppedFiles(event.dataTransfer));
  });
}

function onKey(event) {
  if (byId("work").hidden || !isFreeKey(event, slider)) return;
  const digit = /^Digit([1-3])$/.exec(event.code);
  const dial = Number(byId("balance").value);
  if (digit) chooseSide(event.shiftKey ? "left" : "right", SIDES[Number(digit[1]) - 1][0]);
  else if (event.key === ",") compare.move(-2);
  else if (event.key === ".") compare.move(2);
  else if (event.key === "[") moveDial(dial - 0.05, false);
  else if (event.key === "]") moveDial(dial + 0.05, false);
  else if (event.key.toLowerCase() === "a") moveDial(dial, !byId("auto").checked);
  else if (event.key.toLowerCase() === "d") download();
  else if (event.key.toLowerCase() === "x") {
    [state.left, state.right] = [state.right, state.left];
    drawSide("left");
    drawSide("right");
  } else if (event.key === "ArrowLeft" && state.pairs.length > 1 && event.target !== slider) openPair(state.at - 1);
  else if (event.key === "ArrowRight" && state.pairs.length > 1 && event.target !== slider) openPair(state.at + 1);
  else return;
  event.preventDefault();
}

async function begin() {
  setup = await loadSetup();
  for (const part of document.querySelectorAll("[data-needs]")) if (!can(part.dataset.needs)) leaveOut(part);
  addPalettes(setup.palettes);
  fill(byId("palette"), [["", "White hot"], ...setup.palettes.map(({ name }, index) => [index, name])]);
  const live = setup.models.find(({ name }) => name === "fast") || setup.models.find((model) => model.default);
  fill(byId("model"), setup.models.map(({ name }) => [name, MODELS[name] ? `${name}: ${MODELS[name]}` : name]), live.name);
  byId("where").textContent = setup.local
    ? "The pictures stay on this computer, and nothing is stored."
    : `The pictures go to ${location.host}, which stores nothing.`;
  byId("version").textContent = `dfuse ${setup.version}`;
  byId("balance").classList.add("is-auto");
  addChoices();
  listen();
}
attempt("begin", begin);

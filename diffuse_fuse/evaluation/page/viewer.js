// The pair that is shown, in the viewer that compares two pictures, and its values.
const SOURCES = [["ir", "infrared"], ["vis", "visible"]];
const choices = [...SOURCES, ...data.methods.map((method, index) => [`m${index}`, method.name])];
const view = { pair: 0, left: "vis", right: "m0" };
const compare = data.views.length ? compareView(byId("stage"), byId("position")) : null;

function stemOf(pair, choice) {
  const views = data.views[pair];
  if (!views) return null;
  return choice.startsWith("m") ? views.methods[data.methods[Number(choice.slice(1))].name] || null : views[choice];
}
const nameOf = (choice) => choices.find(([value]) => value === choice)[1];

function setPicture(side) {
  const stem = stemOf(view.pair, view[side]);
  const name = nameOf(view[side]);
  compare.setPicture(side, stem && data.pictures[stem], name, `${name}, ${data.pairs[view.pair]}`);
  byId(side).value = view[side];
}

function drawPairTable() {
  const scored = data.methods.map((_, index) => index).filter((index) => data.scored[index][view.pair]);
  const head = make("tr", {}, make("th", { scope: "col", textContent: "this pair" }),
    ...scored.map((index) => make("th", { scope: "col", textContent: data.methods[index].name })));
  const ranked = scored.filter((index) => data.methods[index].kind !== "baseline");
  const rows = data.metrics.map((metric, column) => {
    const values = ranked.map((index) => data.values[index][view.pair][column]).filter((value) => value !== null);
    const best = metric.better === "none" || values.length < 2 ? null : Math[metric.better === "up" ? "max" : "min"](...values);
    return make("tr", {}, make("th", { scope: "row", textContent: metricTitle(metric), title: metric.summary }),
      ...scored.map((index) => {
        const value = data.values[index][view.pair][column];
        const isBest = best !== null && value === best && ranked.includes(index);
        return make("td", { className: isBest ? "best" : "", textContent: show(value, column) });
      }));
  });
  setTable("pair-table", head, rows);
}

function drawViewer() {
  const views = data.views[view.pair];
  if (views) compare.setSize(views.size[1], views.size[0]);
  byId("pair").value = String(view.pair);
  setPicture("left");
  setPicture("right");
  drawPairTable();
}

function openPair(pair, right) {
  view.pair = (pair + data.pairs.length) % data.pairs.length;
  if (right !== undefined) view.right = right;
  drawViewer();
}

/** From a list further down: show the pair and bring the viewer into sight. */
function jumpTo(pair, right) {
  openPair(pair, right);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  byId("pictures").scrollIntoView({ behavior: calm ? "auto" : "smooth" });
  byId("next").focus({ preventScroll: true }); // arrows go on to the next pair from there
}

function choose(side, index) {
  if (index >= choices.length) return;
  view[side] = choices[index][0];
  setPicture(side);
}

if (data.views.length) {
  fill(byId("pair"), data.pairs.map((name, index) => [index, name]));
  fill(byId("left"), choices);
  fill(byId("right"), choices);
  byId("pair").addEventListener("change", (event) => openPair(Number(event.target.value)));
  for (const side of ["left", "right"]) {
    byId(side).addEventListener("change", (event) => { view[side] = event.target.value; setPicture(side); });
    compare.image(side).addEventListener("error", () => { byId("absent").hidden = false; });
    compare.image(side).addEventListener("load", () => { byId("absent").hidden = true; });
  }
  byId("previous").addEventListener("click", () => openPair(view.pair - 1));
  byId("next").addEventListener("click", () => openPair(view.pair + 1));
  document.addEventListener("keydown", (event) => {
    if (!isFreeKey(event, byId("position"))) return;
    const scrolls = event.target.id === "position" || (event.target.closest && event.target.closest(".scroll"));
    const digit = /^Digit([1-9])$/.exec(event.code);
    if (digit) choose(event.shiftKey ? "left" : "right", Number(digit[1]) - 1);
    else if (event.key === "ArrowLeft" && !scrolls) openPair(view.pair - 1);
    else if (event.key === "ArrowRight" && !scrolls) openPair(view.pair + 1);
    else if (event.key === ",") compare.move(-2);
    else if (event.key === ".") compare.move(2);
    else if (event.key.toLowerCase() === "x") { [view.left, view.right] = [view.right, view.left]; drawViewer(); }
    else return;
    event.preventDefault();
  });
  drawViewer();
} else {
  byId("pictures").hidden = true;
  byId("extremes").hidden = true;
  for (const id of ["pictures", "extremes"]) document.querySelector(`nav a[href="#${id}"]`).hidden = true;
}

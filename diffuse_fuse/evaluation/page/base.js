// Data and small helpers. `data` is what report.py wrote.
const data = JSON.parse(document.getElementById("data").textContent);
const ARROW = { up: "↑", down: "↓", none: "" };
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a5cc2", "#6b7280"];

const colourOf = (method) => COLOURS[method % COLOURS.length];
const metricTitle = (metric) => metric.name + ARROW[metric.better];
const sign = (metric) => (data.metrics[metric].better === "down" ? -1 : 1);

/** As many decimals as the summary table has for this metric. */
function show(value, metric, extra = 0) {
  if (value === null || value === undefined) return "–";
  const sample = data.methods.map((method) => method.cells[metric]).find((cell) => cell !== "–");
  const decimals = sample && sample.includes(".") ? sample.split(".")[1].length : 3;
  return value.toFixed(decimals + extra).replace("-", "−");
}

/** A column's header that sorts: calls `sort` with nothing; `order` is "ascending", "descending" or null. */
function sortHeader(text, title, order, sort) {
  const mark = order === "ascending" ? " ▲" : order === "descending" ? " ▼" : "";
  const header = make("th", { scope: "col" }, make("button", { type: "button", textContent: text + mark, title, onclick: sort }));
  if (order) header.setAttribute("aria-sort", order);
  return header;
}

/** New contents for a table; a header that has the keyboard's focus keeps it. */
function setTable(id, head, rows) {
  const table = byId(id);
  const buttons = () => [...table.querySelectorAll("thead button")];
  const focused = buttons().indexOf(document.activeElement);
  table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
  if (focused >= 0) buttons()[focused].focus();
}

/** Sort indices by value, missing ones last whatever the order. */
function sortedBy(indices, valueOf, ascending) {
  return [...indices].sort((a, b) => {
    const [x, y] = [valueOf(a), valueOf(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    const by = typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
    return (ascending ? by : -by) || a - b;
  });
}

document.title = `${data.dataset} · dfuse eval`;
byId("title").textContent = data.dataset;
const part = data.pairs.length === data.inSet ? `${data.inSet}` : `${data.pairs.length} of ${data.inSet}`;
const baselines = data.methods.filter((method) => method.kind === "baseline").length;
const plural = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
const rowsText = [[data.methods.length - baselines, "method"], [baselines, "baseline"]]
  .filter(([count]) => count).map(([count, what]) => plural(count, what)).join(" and ");
byId("subtitle").textContent =
  `${part} pairs · ${rowsText} · ${data.metrics.length} metrics · convention “${data.convention}” · ` +
  new Date(data.date).toLocaleDateString(undefined, { year: "numeric", month: "long", day: "numeric" });

function remark(kind, title, sentences) {
  if (!sentences.length) return;
  const list = make("ul", {}, ...sentences.map((text) => make("li", { textContent: text })));
  byId("remarks").append(make("div", { className: kind, tabIndex: 0 }, make("strong", { textContent: title }), list));
}
remark("problem", data.problems.length === 1 ? "One thing could not be scored" : `${data.problems.length} things could not be scored`, data.problems);
remark("note", "To know when reading", data.notes);

// The summary table, the paired tests, the correlation matrix, and what the footer says.
const summaryState = { column: null, ascending: false, intervals: false };

function drawSummary() {
  const { column, ascending, intervals } = summaryState;
  const sortBy = (next) => () => {
    const up = next !== "name" && data.metrics[next].better !== "down";
    summaryState.ascending = column === next ? !ascending : !up;
    summaryState.column = next;
    drawSummary();
  };
  const order = (key) => (column === key ? (ascending ? "ascending" : "descending") : null);
  const head = make("tr", {}, sortHeader("method", "Sort by name", order("name"), sortBy("name")));
  data.metrics.forEach((metric, index) =>
    head.append(sortHeader(metricTitle(metric), metric.summary, order(index), sortBy(index))));
  head.append(make("th", { scope: "col", textContent: "pairs" }));
  let rows = data.methods.map((_, index) => index);
  if (column !== null) {
    const valueOf = (row) => (column === "name" ? data.methods[row].name : data.methods[row].mean[column]);
    rows = sortedBy(rows, valueOf, ascending);
  }
  const body = rows.map((row, place) => {
    const method = data.methods[row];
    const line = make("tr", { className: method.kind === "baseline" ? "baseline" : "" });
    const before = place && data.methods[rows[place - 1]].kind;
    if (column === null && method.kind === "baseline" && before && before !== "baseline") line.classList.add("first-baseline");
    line.append(make("th", { scope: "row", textContent: method.name + (method.comparable ? "" : " *") }));
    method.cells.forEach((text, index) => {
      const cell = make("td", { className: method.marks[index], textContent: text });
      if (method.marks[index]) cell.append(make("span", { className: "hidden", textContent: ` (${method.marks[index]})` }));
      if (intervals && method.low[index] !== null) {
        cell.append(make("span", { className: "interval", textContent: `${show(method.low[index], index)} … ${show(method.high[index], index)}` }));
      }
      line.append(cell);
    });
    line.append(make("td", { textContent: method.pairs }));
    return line;
  });
  setTable("summary-table", head, body);
}
byId("intervals").addEventListener("change", (event) => {
  summaryState.intervals = event.target.checked;
  drawSummary();
});
byId("footnotes").append(...data.footnotes.map((text) => make("p", { textContent: text })));
drawSummary();

function pText(p) {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

function drawTests() {
  const others = data.methods.slice(1);
  const section = byId("tests");
  if (!others.length) {
    section.hidden = true;
    document.querySelector('nav a[href="#tests"]').hidden = true;
    return;
  }
  byId("tests-text").textContent =
    `${data.methods[0].name} against each other row, pair by pair: the share of pairs on which it is better, and the p value of ` +
    "Wilcoxon's signed-rank test after Holm's correction over the whole table. Green: better (p < 0.05), red: worse.";
  const head = make("tr", {}, make("th", { scope: "col", textContent: "against" }),
    ...data.metrics.map((metric) => make("th", { scope: "col", textContent: metricTitle(metric), title: metric.summary })));
  const body = others.map((method, row) => {
    const line = make("tr", { className: method.kind === "baseline" ? "baseline" : "" }, make("th", { scope: "row", textContent: method.name }));
    data.metrics.forEach((metric, column) => {
      const p = data.against.p[row][column];
      if (p === null) { line.append(make("td", { textContent: "–" })); return; }
      const difference = data.against.difference[row][column] * sign(column);
      const higher = data.against.wins[row][column];
      const better = sign(column) > 0 ? higher : betterShare(row, column);
      const clear = p < 0.05 && metric.better !== "none" && difference !== 0;
      const cell = make("td", { className: clear ? (difference > 0 ? "better" : "worse") : "", textContent: `${Math.round(100 * better)} %` });
      cell.append(make("span", { className: "interval", textContent: `p ${pText(p)}` }));
      line.append(cell);
    });
    return line;
  });
  setTable("tests-table", head, body);
}

/** Share of pairs on which the first method's value is lower; equal values count for neither. */
function betterShare(row, column) {
  let lower = 0, both = 0;
  data.pairs.forEach((_, pair) => {
    const [first, second] = [data.values[0][pair][column], data.values[row + 1][pair][column]];
    if (first === null || second === null) return;
    both += 1;
    lower += first < second;
  });
  return both ? lower / both : 0;
}
drawTests();

const signed = (value) => (Math.abs(value) < 0.005 ? "0.00" : value.toFixed(2).replace("-", "−"));

function drawCorrelation() {
  byId("correlation-text").textContent = data.withinPairs
    ? "Spearman's rank correlation over all pairs and methods, each pair's mean taken off first. Near 1: the two metrics prefer the same methods; near −1: opposite ones. Metrics where lower is better are turned round."
    : "Spearman's rank correlation over the pairs. Near 1: the two metrics are good on the same pictures. Metrics where lower is better are turned round.";
  const head = make("tr", {}, make("td"), ...data.metrics.map((metric) => make("th", { scope: "col", textContent: metric.name })));
  const body = data.correlation.map((line, row) => make("tr", {},
    make("th", { scope: "row", textContent: data.metrics[row].name }),
    ...line.map((value, column) => {
      const cell = make("td", { textContent: value === null ? "–" : row === column ? "" : signed(value) });
      if (value !== null && row !== column) {
        cell.style.background = `rgb(var(${value > 0 ? "--agree" : "--oppose"}) / ${(Math.abs(value) ** 1.5 * 0.5).toFixed(3)})`;
      }
      return cell;
    })));
  setTable("correlation-table", head, body);
}
drawCorrelation();

function drawFooter() {
  const facts = [
    ["data set", `${data.dataset} (${data.layout}), fingerprint ${data.fingerprint.slice(0, 16)}`],
    ["metrics", `convention ${data.convention}, code ${data.metricCode}; means over pairs of per-pair values`],
    ["intervals", `95 %, percentile bootstrap over pairs, 10 000 resamples, seed ${data.seed}`],
    ["made by", `dfuse ${data.version}, ${data.date}`],
  ];
  for (const method of data.methods) {
    const known = Object.entries(method.facts).map(([key, value]) => `${key} ${value}`).join(", ");
    if (known) facts.push([method.name, known]);
  }
  const list = make("dl");
  for (const [term, text] of facts) list.append(make("dt", { textContent: term }), make("dd", { textContent: text }));
  byId("footer").append(list);
}
drawFooter();

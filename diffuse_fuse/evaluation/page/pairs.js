// The pairs where a method does best and worst, and the table of all pairs.
const CARDS = 6;

function thumbnail(pair, choice) {
  const stem = stemOf(pair, choice);
  return make("img", { src: (stem && data.thumbnails[stem]) || "", alt: "", loading: "lazy" });
}

function drawExtremes() {
  const method = Number(byId("extreme-method").value);
  const metric = Number(byId("extreme-metric").value);
  const other = byId("extreme-other").value;
  const valueOf = (pair) => {
    const value = data.values[method][pair][metric];
    if (other === "" || value === null) return value;
    const second = data.values[Number(other)][pair][metric];
    return second === null ? null : value - second;
  };
  const known = data.pairs.map((_, pair) => pair).filter((pair) => valueOf(pair) !== null);
  const order = sortedBy(known, valueOf, sign(metric) < 0);
  const count = Math.min(CARDS, Math.floor(order.length / 2) || order.length);
  const card = (pair) => {
    const value = valueOf(pair);
    const text = `${data.metrics[metric].name} ${other !== "" && value > 0 ? "+" : ""}${show(value, metric)}`;
    return make("button", { type: "button", className: "card", title: `Show ${data.pairs[pair]}`, onclick: () => jumpTo(pair, `m${method}`) },
      thumbnail(pair, `m${method}`), make("b", { textContent: data.pairs[pair] }), make("span", { textContent: text }));
  };
  byId("best").replaceChildren(...order.slice(0, count).map(card));
  byId("worst").replaceChildren(...order.slice(order.length - count).reverse().map(card));
}

if (data.views.length) {
  const methods = data.methods.map((method, index) => [index, method.name]);
  const start = Math.max(0, data.metrics.findIndex((metric) => metric.name === "Qabf"));
  fill(byId("extreme-method"), methods);
  fill(byId("extreme-metric"), data.metrics.map((metric, index) => [index, metricTitle(metric)]), start);
  fill(byId("extreme-other"), [["", "nothing (its own value)"], ...methods]);
  for (const id of ["extreme-method", "extreme-metric", "extreme-other"]) byId(id).addEventListener("change", drawExtremes);
  drawExtremes();
}

const imagesState = { show: "m0", column: "name", ascending: true };

/** Columns of the table: the metrics of one method (m0), or one metric of all methods (k0). */
function imageColumns() {
  const index = Number(imagesState.show.slice(1));
  if (imagesState.show[0] === "m") {
    return data.metrics.map((metric, column) => ({
      text: metricTitle(metric), title: metric.summary, metric: column, down: metric.better === "down",
      valueOf: (pair) => data.values[index][pair][column],
    }));
  }
  return data.methods.map((method, row) => ({
    text: method.name, title: `${data.metrics[index].name} of ${method.name}`, metric: index,
    down: data.metrics[index].better === "down", valueOf: (pair) => data.values[row][pair][index],
  }));
}

function drawImages() {
  const columns = imageColumns();
  const { column, ascending } = imagesState;
  const picture = imagesState.show[0] === "m" ? imagesState.show : "m0";
  const sortBy = (next) => () => {
    // the first click on a metric brings the worst to the top: that is what one looks for
    const worstFirst = next === "name" || !columns[next].down;
    imagesState.ascending = column === next ? !ascending : worstFirst;
    imagesState.column = next;
    drawImages();
  };
  const order = (key) => (column === key ? (ascending ? "ascending" : "descending") : null);
  const head = make("tr", {}, sortHeader("pair", "Sort by name", order("name"), sortBy("name")));
  if (data.views.length) head.append(make("th", { scope: "col", className: "left" }, make("span", { className: "hidden", textContent: "pictures" })));
  columns.forEach((entry, index) => head.append(sortHeader(entry.text, entry.title, order(index), sortBy(index))));
  const wanted = byId("images-filter").value.trim().toLowerCase();
  const found = data.pairs.map((_, pair) => pair).filter((pair) => data.pairs[pair].toLowerCase().includes(wanted));
  const valueOf = column === "name" ? (pair) => data.pairs[pair] : columns[column].valueOf;
  const rows = sortedBy(found, valueOf, ascending).map((pair) => {
    const name = data.views.length
      ? make("button", { type: "button", className: "link", textContent: data.pairs[pair], onclick: () => jumpTo(pair, picture) })
      : document.createTextNode(data.pairs[pair]);
    const line = make("tr", {}, make("th", { scope: "row" }, name));
    if (data.views.length) {
      const pictures = ["ir", "vis", picture].map((choice) => thumbnail(pair, choice));
      line.append(make("td", { className: "left" }, make("span", { className: "thumbs" }, ...pictures)));
    }
    for (const entry of columns) line.append(make("td", { textContent: show(entry.valueOf(pair), entry.metric) }));
    return line;
  });
  byId("images-count").textContent = `${found.length} of ${data.pairs.length} pairs`;
  setTable("images-table", head, rows);
}

byId("images-show").append(
  make("optgroup", { label: "All metrics of" }, ...data.methods.map((method, index) => option(`m${index}`, method.name))),
  make("optgroup", { label: "All methods by" }, ...data.metrics.map((metric, index) => option(`k${index}`, metricTitle(metric)))));
byId("images-show").addEventListener("change", (event) => {
  Object.assign(imagesState, { show: event.target.value, column: "name", ascending: true });
  drawImages();
});
byId("images-filter").addEventListener("input", drawImages);
drawImages();

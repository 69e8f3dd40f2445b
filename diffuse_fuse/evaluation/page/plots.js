// One small figure a metric: how the values of each method spread over the pairs.
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 360, LEFT = 92, RIGHT = 12, ROW = 21;

function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function quantile(sorted, share) {
  const place = (sorted.length - 1) * share;
  const low = Math.floor(place);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (place - low);
}

function shorten(name) {
  return name.length > 14 ? `${name.slice(0, 13)}…` : name;
}

/** Two to five round values inside the range. */
function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) values.push(value);
  return { values, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function plot(metric, column) {
  const series = data.methods.map((_, row) => data.values[row].map((cell) => cell[column]).filter((value) => value !== null));
  const all = series.flat();
  const figure = make("figure", { className: "plot" }, make("figcaption", { textContent: metricTitle(metric), title: metric.summary }));
  if (!all.length) {
    figure.append(make("p", { className: "small", textContent: "undefined for every picture" }));
    return figure;
  }
  let [low, high] = [Math.min(...all), Math.max(...all)];
  if (high - low < 1e-9 * Math.max(1, Math.abs(high))) [low, high] = [low - 0.5, high + 0.5];
  const height = data.methods.length * ROW + 24;
  const x = (value) => LEFT + ((value - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img" });
  svg.append(draw("title", {}, `${metric.name}: ${data.methods.map((method, row) => `${method.name} mean ${method.cells[column]}`).join(", ")}`));
  const marks = ticks(low, high);
  for (const value of marks.values) {
    svg.append(draw("line", { class: "axis", x1: x(value), x2: x(value), y1: 0, y2: height - 18 }));
    svg.append(draw("text", { x: x(value), y: height - 4, "text-anchor": "middle" }, value.toFixed(marks.decimals).replace("-", "−")));
  }
  data.methods.forEach((method, row) => {
    const middle = row * ROW + ROW / 2;
    svg.append(draw("text", { class: "name", x: LEFT - 8, y: middle + 4, "text-anchor": "end" }, shorten(method.name)));
    const values = [...series[row]].sort((a, b) => a - b);
    if (!values.length) return;
    const colour = colourOf(row);
    const strip = values.map((value) => `M${x(value).toFixed(1)} ${middle - 6}v12`).join("");
    svg.append(draw("path", { class: "strip", d: strip, stroke: colour }));
    const [first, median, third] = [0.25, 0.5, 0.75].map((share) => x(quantile(values, share)));
    svg.append(draw("rect", { class: "box", x: first, y: middle - 6, width: Math.max(0.5, third - first), height: 12, fill: colour, stroke: colour }));
    svg.append(draw("line", { class: "median", x1: median, x2: median, y1: middle - 7, y2: middle + 7, stroke: colour }));
    svg.append(draw("circle", { class: "mean", cx: x(method.mean[column]), cy: middle, r: 3.6, fill: colour }));
  });
  figure.append(svg);
  return figure;
}
byId("plots").append(...data.metrics.map(plot));

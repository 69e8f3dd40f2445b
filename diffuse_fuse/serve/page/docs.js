// The service's OpenAPI as a page.
function typeOf(schema) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.anyOf) return schema.anyOf.filter((each) => each.type !== "null").map(typeOf).join(" | ");
  if (schema.format === "binary") return "file";
  if (schema.type === "number" && schema.maximum !== undefined) return `${schema.minimum} to ${schema.maximum}`;
  return schema.type || "";
}

function fieldRows(schema) {
  return Object.entries(schema.properties || {}).map(([name, field]) => make("tr", {},
    make("th", { scope: "row" }, make("code", { textContent: name })),
    make("td", { textContent: typeOf(field) }),
    make("td", { textContent: field.default === undefined || field.default === null ? "" : String(field.default) }),
    make("td", { textContent: field.description || "" })));
}

function tableOf(rows, titles) {
  const head = make("tr", {}, ...titles.map((textContent) => make("th", { scope: "col", textContent })));
  return make("div", { className: "scroll", tabIndex: 0 }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function sectionOf(path, method, route) {
  const parts = [make("h2", {}, make("code", { textContent: `${method.toUpperCase()} ${path}` })), make("p", { textContent: route.summary })];
  const [kind, body] = Object.entries((route.requestBody || { content: {} }).content)[0] || [];
  if (body) {
    parts.push(make("h3", { textContent: `Body: ${kind}` }), tableOf(fieldRows(body.schema), ["field", "value", "default", ""]));
  }
  if (path === "/fuse") {
    parts.push(make("pre", { textContent: `curl -F ir=@ir.png -F vis=@vis.png -F balance=0.3 ${location.origin}/fuse -o fused.png` }));
  }
  const answers = Object.entries(route.responses).map(([status, answer]) => make("tr", {},
    make("th", { scope: "row", textContent: status }), make("td", { textContent: answer.description }),
    make("td", { textContent: Object.keys(answer.content || {}).join(", ") })));
  parts.push(make("h3", { textContent: "Answers" }), tableOf(answers, ["status", "", "content"]));
  return make("section", {}, ...parts);
}

fetch("/openapi.json").then((answer) => answer.json()).then(({ paths }) => {
  const all = Object.entries(paths).flatMap(([path, routes]) =>
    Object.entries(routes).map(([method, route]) => sectionOf(path, method, route)));
  byId("routes").append(...all);
});

// Elements, selects, and the theme, which the button with the id "theme" switches.
const byId = (id) => document.getElementById(id);

/** An element with properties and children; text never becomes markup. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function option(value, text) {
  return make("option", { value: String(value), textContent: text });
}

function fill(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => option(value, text)));
  if (chosen !== undefined) select.value = String(chosen);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
}
const stored = (() => { try { return localStorage.getItem("dfuse-theme"); } catch { return null; } })();
const system = matchMedia("(prefers-color-scheme: dark)");
setTheme(stored || (system.matches ? "dark" : "light"));
system.addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
byId("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  setTheme(theme);
  try { localStorage.setItem("dfuse-theme", theme); } catch { /* a page from a file may have no storage */ }
});

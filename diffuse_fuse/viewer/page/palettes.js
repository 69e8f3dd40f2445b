// Palettes colour the infrared picture where it is shown, with a filter of the browser: nothing is asked of the service.
const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Puts a filter "palette-N" for each palette into the page. */
function addPalettes(palettes) {
  const filters = palettes.map(({ colours }, index) => {
    const channel = (tag, place) => svg(tag, {
      type: "table", tableValues: colours.map((colour) => (colour[place] / 255).toFixed(4)).join(" "),
    });
    const transfer = svg("feComponentTransfer", {}, channel("feFuncR", 0), channel("feFuncG", 1), channel("feFuncB", 2));
    return svg("filter", { id: `palette-${index}`, "color-interpolation-filters": "sRGB" }, transfer);
  });
  document.body.append(svg("svg", { width: 0, height: 0, "aria-hidden": "true" }, ...filters));
}

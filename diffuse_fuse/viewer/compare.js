// Two pictures of one size with a divider between them, moved by the pointer, a slider, or keys.

/**
 * Fills `stage` with the pictures "left" and "right"; `slider` is a range input from 0 to 100.
 * Returns { setPicture(side, address, name, alt), setPosition(percent), move(by), setSize(width, height) }.
 */
function compareView(stage, slider) {
  const parts = {};
  for (const side of ["left", "right"]) {
    parts[side] = {
      image: make("img", { id: `${side}-image`, alt: "" }),
      tag: make("span", { id: `${side}-tag`, className: `tag ${side}` }),
    };
  }
  const divider = make("div", { id: "divider", className: "divider", ariaHidden: "true" });
  stage.prepend(parts.left.image, parts.right.image, divider, parts.left.tag, parts.right.tag);
  let position = 50;

  function setPosition(percent) {
    position = Math.min(100, Math.max(0, percent));
    parts.left.image.style.clipPath = `inset(0 ${100 - position}% 0 0)`;
    parts.right.image.style.clipPath = `inset(0 0 0 ${position}%)`;
    divider.style.left = `${position}%`;
    slider.value = String(position);
  }

  function setPicture(side, address, name, alt) {
    const { image, tag } = parts[side];
    if (address) image.src = address; else image.removeAttribute("src");
    image.alt = address ? alt : "";
    tag.textContent = address ? name : `${name}: no picture`;
  }

  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    setPosition((100 * (event.clientX - box.left)) / box.width);
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button, label, input")) return;
    stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  stage.addEventListener("pointermove", (event) => { if (stage.hasPointerCapture(event.pointerId)) follow(event); });
  slider.addEventListener("input", () => setPosition(Number(slider.value)));
  setPosition(position);
  return {
    setPicture,
    setPosition,
    move: (by) => setPosition(position + by),
    setSize: (width, height) => { stage.style.aspectRatio = `${width} / ${height}`; },
    image: (side) => parts[side].image,
  };
}

/** True for a key that is nobody's: no shortcut of the browser, nothing that a field or list takes; `slider` does not count. */
function isFreeKey(event, slider) {
  const tag = event.target.tagName;
  const types = tag === "SELECT" || tag === "TEXTAREA" || (tag === "INPUT" && event.target !== slider);
  return !(event.ctrlKey || event.metaKey || event.altKey || types);
}

// Tables of class "sortable": each head is a button that sorts by its column, the best first, then the other way.
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    return column ? Number.parseFloat(cell.dataset.value) : cell.textContent;
  };

  const compare = (a, b, column, sign) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (!column) return sign * x.localeCompare(y, "en", { sensitivity: "base" });
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // what is not known comes last
    return sign * (x - y);
  };

  const sort = (table, head) => {
    const best = head.dataset.best === "up" ? "descending" : "ascending";
    const other = best === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === best ? other : best;
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const body = table.tBodies[0];
    const sign = order === "ascending" ? 1 : -1;
    body.append(...[...body.rows].sort((a, b) => compare(a, b, head.cellIndex, sign)));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head));
      head.append(button);
    }
    table.tHead.rows[0].cells[1]?.setAttribute("aria-sort", "ascending"); // as it comes: by rank
  }
})();

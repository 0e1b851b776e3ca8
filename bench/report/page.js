"use strict";
(() => {
  const chapters = new Map([...document.querySelectorAll(".cell-data")].map(
    (script) => [script.dataset.chapter, JSON.parse(script.textContent)]));  // prefix of its ids → its cells
  const MOST = 300;  // cells that are listed at once

  const number = (text) => {
    const found = text.trim().replace(/−/g, "-").match(/^(?:[<>+]|below |beyond )?(-?\d*\.?\d+(?:e[-+]?\d+)?)/i);
    return found ? parseFloat(found[1]) : NaN;
  };

  function sort(header) {
    const table = header.closest("table"), body = table.tBodies[0];
    const column = [...header.parentNode.children].indexOf(header);
    const down = header.getAttribute("aria-sort") === "ascending";
    const rows = [...body.rows].map((row) => {
      const text = row.cells[column].textContent.trim();
      return {row, text, value: number(text)};
    });
    const isNumeric = rows.every((r) => !Number.isNaN(r.value) || r.text === "–" || r.text === "");
    rows.sort((a, b) => {
      if (!isNumeric) return (down ? -1 : 1) * a.text.localeCompare(b.text, "en", {numeric: true});
      if (Number.isNaN(a.value) || Number.isNaN(b.value))  // what does not exist stands last
        return Number.isNaN(a.value) - Number.isNaN(b.value);
      return (down ? -1 : 1) * (a.value - b.value);
    });
    for (const other of header.parentNode.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.map((r) => r.row));
  }

  function filter(input) {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of input.closest("section").querySelector("table").tBodies[0].rows)
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
  }

  function element(name, text, parent) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  const shown = (value, column, data) => {
    if (value === null) return "–";
    const digits = data.digits[column];
    return digits === undefined ? String(value) : (column.includes("gain") || column === "improvement") && value > 0
      ? "+" + value.toFixed(digits) : value.toFixed(digits);
  };

  function list(cells, place, data) {
    place.textContent = "";
    const table = element("table", undefined, place);
    table.className = "data";
    const head = element("tr", undefined, element("thead", undefined, table));
    const visible = data.columns.filter((c) => c !== "record");
    for (const column of [...visible, "record"]) {
      const th = element("th", undefined, head);
      th.scope = "col";
      element("button", column, th).type = "button";
    }
    const body = element("tbody", undefined, table);
    for (const cell of cells.slice(0, MOST)) {
      const row = element("tr", undefined, body);
      visible.forEach((column, i) => {
        const td = element(i ? "td" : "th", shown(cell[data.columns.indexOf(column)], column, data), row);
        if (!i) td.scope = "row";
      });
      const path = cell[data.columns.indexOf("record")], loose = path && path.includes("/");
      const td = element("td", loose ? undefined : path || "–", row);
      if (path && !loose) td.title = `python -m bench show ${path} FOLDER`;
      if (loose) {
        const link = element("a", "open", td);
        link.href = encodeURI("../" + path);
        link.title = path;
      }
    }
  }

  const counted = (n) => `${n} cell${n === 1 ? "" : "s"}` + (n > MOST ? `, the first ${MOST} shown` : "");

  function drill(button) {
    const data = chapters.get(button.closest("section").dataset.chapter || "");
    const wanted = Object.entries(JSON.parse(button.dataset.behind));
    const cells = data.cells.filter((cell) => wanted.every(
      ([column, values]) => values.includes(String(cell[data.columns.indexOf(column)]))));
    const kept = cells.filter((cell) => cell[data.columns.indexOf("counted")] === "yes").length;
    document.getElementById("behind-title").textContent = button.dataset.what;
    document.getElementById("behind-note").textContent =
      `${button.textContent.trim()}: ${counted(cells.length)} behind it` +
      (kept < cells.length ? `, ${kept} of them counted; ${data.others}` : ".");
    list(cells, document.getElementById("behind-table"), data);
    document.getElementById("behind").showModal();
  }

  function search(prefix) {
    const data = chapters.get(prefix);
    const words = document.getElementById(prefix + "cell-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const cells = data.cells.filter((cell) => {
      const text = cell.join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
    document.getElementById(prefix + "cell-count").textContent = counted(cells.length);
    list(cells, document.getElementById(prefix + "cell-table"), data);
  }

  function unfold(id) {  // what a link leads to may be folded, or lie in what is
    const target = document.getElementById(id);
    const inner = target && target.querySelector(":scope > details");
    for (let at = inner || target; at; at = at.parentElement) if (at.matches("details")) at.open = true;
  }

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of folded) details.open = false; });
  addEventListener("hashchange", () => unfold(location.hash.slice(1)));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link) unfold(link.hash.slice(1));  // before the browser goes there
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("thead th button")) sort(button.parentNode);
    if (button.matches("button.number")) drill(button);
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches(".cells input")) search(event.target.id.replace("cell-filter", ""));
    else if (event.target.type === "search") filter(event.target);
  });
  for (const prefix of chapters.keys()) search(prefix);
  if (location.hash) {
    unfold(location.hash.slice(1));
    document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }
})();

"use strict";
// Draws figures when they come into view, reads points out, builds tables on demand, sorts and filters the index, follows light and dark.

const FIGURES = JSON.parse(document.getElementById("figures").textContent);
const drawn = new Map(); // id -> the view that is drawn ("" where there is no choice)
const at = new Map(); // id -> [row, column] of the arrow keys

async function library() {
  const packed = document.getElementById("library");
  if (!packed || window.Plotly) return;
  const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
  const source = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  const script = document.createElement("script");
  script.textContent = source;
  document.head.append(script);
}

const viewOf = (id) => document.querySelector(`.views[data-figure="${id}"] input:checked`)?.value ?? "";
const say = (id, words) => { document.getElementById(`${id}-readout`).textContent = words; };

function draw(id) {
  const chart = document.getElementById(id), figure = FIGURES[id], kind = KINDS[figure.kind], view = viewOf(id);
  const [traces, layout] = kind.draw(figure, theme(), view);
  if (figure.kind === "cost") chart.style.height = `${Math.max(8, 4.5 + 1.7 * figure.steps.length)}rem`;
  layout.autosize = true;
  Plotly.react(chart, traces, layout, { displaylogo: false, responsive: true, displayModeBar: false });
  if (!drawn.has(id)) {
    chart.on("plotly_hover", (event) => {
      const point = event.points[0], place = Array.isArray(point.pointNumber) ? point.pointNumber : figure.kind === "spectrum" ? [point.curveNumber, point.pointNumber] : [0, point.pointNumber];
      at.set(id, place);
      say(id, kind.words(figure, place));
    });
  }
  drawn.set(id, view);
}

function move(id, event) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -1e9], End: [0, 1e9], PageUp: [-10, 0], PageDown: [10, 0] };
  let step = steps[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const figure = FIGURES[id], kind = KINDS[figure.kind], [rows, columns] = kind.shape(figure);
  if (rows === 1 && step[0]) step = [0, step[0]];
  event.preventDefault();
  const [r, c] = at.get(id) ?? [0, step[1] || step[0] ? 0 - step[1] : 0];
  let row = Math.min(rows - 1, Math.max(0, r + step[0])), column = Math.min(columns - 1, Math.max(0, c + step[1]));
  if (figure.kind === "spectrum") column = Math.min(column, figure.lines[row].values.length - 1);
  at.set(id, [row, column]);
  say(id, kind.words(figure, [row, column]));
  if (!drawn.has(id)) return;
  const heat = figure.kind === "blocks" || figure.kind === "table";
  Plotly.Fx.hover(id, [{ curveNumber: figure.kind === "spectrum" ? row : 0, pointNumber: heat ? [row, column] : column }]);
}

function build(details) {
  const figure = FIGURES[details.dataset.figure], { head, rows } = KINDS[figure.kind].table(figure);
  const box = document.createElement("div"), table = box.appendChild(document.createElement("table"));
  const name = document.getElementById(details.dataset.figure).getAttribute("aria-label").split(". ")[0];
  box.className = "scroll";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", `${name}, as a table`);
  const line = (parent, cells, first) => {
    const row = parent.appendChild(document.createElement("tr"));
    cells.forEach((cell, k) => {
      const made = row.appendChild(document.createElement(first || k === 0 ? "th" : "td"));
      made.textContent = cell;
      if (first || k === 0) made.scope = first ? "col" : "row";
      if (k) made.className = "n";
    });
  };
  table.createCaption().textContent = `${name}: ${rows.length} rows`;
  line(table.createTHead(), head, true);
  const body = table.createTBody();
  rows.forEach((cells) => line(body, cells, false));
  details.append(box);
}

function sortable(table) {
  const key = (row, k) => { const cell = row.cells[k], marked = cell.querySelector("[data-sort]"); return marked ? Number(marked.dataset.sort) : cell.textContent.trim().toLowerCase(); };
  [...table.tHead.rows[0].cells].forEach((head, k) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].sort((a, b) => { const x = key(a, k), y = key(b, k); return (x < y ? -1 : x > y ? 1 : 0) * (falling ? -1 : 1); });
      table.tBodies[0].append(...rows);
    });
  });
  const field = document.getElementById("filter"), shown = document.getElementById("shown");
  field?.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean), rows = [...table.tBodies[0].rows];
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    shown.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  });
}

function follow() { // a link into a certificate that is folded away
  const place = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (place instanceof HTMLDetailsElement) { place.open = true; place.scrollIntoView(); }
}

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll(".as-table").forEach((details) => details.addEventListener("toggle", () => details.querySelector("table") || build(details)));
document.querySelectorAll(".chart").forEach((chart) => chart.addEventListener("keydown", (event) => move(chart.id, event)));
window.addEventListener("hashchange", follow);
follow();

library().then(() => {
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting && !drawn.has(entry.target.id)) draw(entry.target.id);
  }, { rootMargin: "300px" });
  document.querySelectorAll(".chart").forEach((chart) => seen.observe(chart));
  document.querySelectorAll(".views").forEach((views) => views.addEventListener("change", () => draw(views.dataset.figure)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((_, id) => draw(id)));
  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset.print = "yes";
    document.querySelectorAll("details.certificate").forEach((details) => { details.open = true; });
    document.querySelectorAll(".chart").forEach((chart) => draw(chart.id));
  });
  window.addEventListener("afterprint", () => {
    delete document.documentElement.dataset.print;
    drawn.forEach((_, id) => draw(id));
  });
  document.documentElement.dataset.ready = "yes";
}).catch((error) => {
  document.querySelectorAll(".readout").forEach((line) => { line.textContent = "This browser cannot draw the charts; the table below says the same."; });
  document.documentElement.dataset.ready = "no";
  console.warn(String(error));
});

"use strict";
// Each kind of figure: traces and layout for plotly, the words of a point, and the table that says the same. Numbers only; text is escaped.

const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const count = (value) => BigInt(value).toLocaleString("en");
const percent = (part, whole) => (BigInt(whole) ? `${(100 * Number(part) / Number(whole)).toPrecision(4)} %` : "");
const range = (length) => Array.from({ length }, (_, k) => k);
const theme = () => {
  const style = getComputedStyle(document.documentElement), get = (name) => style.getPropertyValue(name).trim();
  return { back: get("--back"), text: get("--text"), line: get("--line"), right: get("--right"), wrong: get("--wrong"), left: get("--left"), link: get("--link"), panel: get("--panel") };
};

function layoutOf(colors, more) {
  return Object.assign({
    margin: { l: 62, r: 14, t: 14, b: 52 }, paper_bgcolor: colors.back, plot_bgcolor: colors.panel,
    font: { color: colors.text, family: "system-ui, sans-serif", size: 12 }, hoverlabel: { align: "left" },
  }, more);
}
const axis = (colors, title, more) => Object.assign({ title: { text: title, standoff: 6 }, gridcolor: colors.line, zeroline: false, automargin: true }, more);

// Shares of a block from 0 to 1: the fourth root, so that one input in ten thousand is still seen.
const stretched = (share) => Math.sqrt(Math.sqrt(share));
const TICKS = [0, 1e-4, 0.01, 0.1, 0.5, 1];

const KINDS = {
  blocks: {
    parts(figure, r, c) {
      const [size, right, wrong] = ["size", "right", "wrong"].map((name) => BigInt(figure[name][r][c]));
      return { size, right, wrong, left: size - right - wrong };
    },
    shape: (figure) => [figure.rows.length, figure.columns.length],
    words(figure, [r, c]) {
      const part = this.parts(figure, r, c), place = `Last token ${figure.rows[r]}, right answer ${figure.columns[c]}`;
      if (!part.size) return `${place}: no inputs`;
      const of = (name) => `${count(part[name])} (${percent(part[name], part.size)})`;
      return `${place}: ${count(part.size)} inputs; proved right ${of("right")}; proved wrong ${of("wrong")}; left open ${of("left")}`;
    },
    draw(figure, colors, view) {
      const [rows, columns] = this.shape(figure);
      const share = range(rows).map((r) => range(columns).map((c) => {
        const part = this.parts(figure, r, c);
        return part.size ? stretched(Number(part[view]) / Number(part.size)) : null;
      }));
      const hover = range(rows).map((r) => range(columns).map((c) => this.words(figure, [r, c]).replace(": ", "<br>").replace(/; /g, "<br>")));
      const trace = {
        type: "heatmap", z: share, customdata: hover, hovertemplate: "%{customdata}<extra></extra>", zmin: 0, zmax: 1, xgap: rows > 40 ? 0 : 1, ygap: rows > 40 ? 0 : 1,
        colorscale: [[0, colors.back], [1, colors[view]]],
        colorbar: { tickvals: TICKS.map(stretched), ticktext: TICKS.map((share) => `${100 * share} %`), thickness: 12, outlinewidth: 1, outlinecolor: colors.line },
      };
      return [[trace], layoutOf(colors, { xaxis: axis(colors, "right answer", ticks(figure.columns)), yaxis: axis(colors, "last token", Object.assign({ autorange: "reversed" }, ticks(figure.rows))) })];
    },
    table(figure) {
      const rows = [];
      for (const r of range(figure.rows.length)) for (const c of range(figure.columns.length)) {
        const part = this.parts(figure, r, c);
        if (part.size) rows.push([figure.rows[r], figure.columns[c], ...["size", "right", "wrong", "left"].map((name) => count(part[name]))]);
      }
      return { head: ["last token", "right answer", "inputs", "proved right", "proved wrong", "left open"], rows };
    },
  },
  table: {
    shape: (figure) => [figure.rows.length, figure.columns.length],
    words: (figure, [r, c]) => `${figure.name}: ${figure.row} ${figure.rows[r]}, ${figure.column} ${figure.columns[c]}: ${figure.values[r][c]} (${figure.unit})`,
    draw(figure, colors) {
      const most = Math.max(...figure.values.flat().map(Math.abs)) || 1;
      const hover = figure.values.map((row, r) => row.map((_, c) => this.words(figure, [r, c])));
      const trace = {
        type: "heatmap", z: figure.values, customdata: hover, hovertemplate: "%{customdata}<extra></extra>", zmin: -most, zmax: most,
        colorscale: [[0, "#b35806"], [0.5, colors.back], [1, "#5e3c99"]], colorbar: { thickness: 12, outlinewidth: 1, outlinecolor: colors.line },
      };
      return [[trace], layoutOf(colors, { xaxis: axis(colors, figure.column, ticks(figure.columns)), yaxis: axis(colors, figure.row, Object.assign({ autorange: "reversed" }, ticks(figure.rows))) })];
    },
    table: (figure) => ({ head: [figure.row, ...figure.columns], rows: figure.values.map((row, r) => [figure.rows[r], ...row]) }),
  },
  spectrum: {
    shape: (figure) => [figure.lines.length, Math.max(...figure.lines.map((line) => line.values.length))],
    words: (figure, [r, c]) => `${figure.lines[r].name}: singular value ${c + 1} of ${figure.lines[r].values.length} is ${figure.lines[r].values[c]}`,
    draw(figure, colors) {
      const palette = [colors.link, colors.wrong, colors.right, colors.left, colors.text], dashes = ["solid", "dash", "dot", "dashdot", "longdash"];
      const traces = figure.lines.map((line, r) => ({
        type: "scatter", mode: "lines+markers", name: plain(line.name), x: range(line.values.length).map((k) => k + 1), y: line.values.map((value) => (value > 0 ? value : null)), marker: { size: 4 },
        line: { color: palette[r % 5], dash: dashes[Math.floor(r / 5) % 5] }, customdata: line.values.map((_, c) => this.words(figure, [r, c])), hovertemplate: "%{customdata}<extra></extra>",
      }));
      return [traces, layoutOf(colors, { xaxis: axis(colors, "number"), yaxis: axis(colors, "singular value", { type: "log", exponentformat: "power" }), legend: { orientation: "h", y: 1.12 } })];
    },
    table: (figure) => ({ head: ["number", ...figure.lines.map((line) => line.name)], rows: range(KINDS.spectrum.shape(figure)[1]).map((k) => [k + 1, ...figure.lines.map((line) => line.values[k] ?? "")]) }),
  },
  cost: {
    shape: (figure) => [1, figure.steps.length],
    words: (figure, [, k]) => `${figure.steps[k]}: ${count(figure.operations[k])} operations, ${figure.seconds[k]} s`,
    draw(figure, colors) {
      const trace = {
        type: "bar", orientation: "h", y: figure.steps.map(plain), x: figure.operations.map((value) => Math.max(value, 1)), marker: { color: colors.link },
        customdata: figure.steps.map((_, k) => plain(this.words(figure, [0, k]))), hovertemplate: "%{customdata}<extra></extra>",
      };
      return [[trace], layoutOf(colors, { xaxis: axis(colors, "operations", { type: "log", exponentformat: "power" }), yaxis: { autorange: "reversed", automargin: true, type: "category" } })];
    },
    table: (figure) => ({ head: ["step", "operations", "seconds"], rows: figure.steps.map((step, k) => [step, count(figure.operations[k]), figure.seconds[k]]) }),
  },
  frontier: {
    shape: (figure) => [1, figure.names.length],
    words: (figure, [, k]) => `${figure.names[k]}: accuracy at least ${figure.words[k]} with ${count(figure.operations[k])} operations`,
    draw(figure, colors) {
      const hover = figure.names.map((_, k) => plain(this.words(figure, [0, k])).replace(": ", "<br>"));
      const all = { type: "scatter", mode: "markers", name: "certificates", x: figure.operations, y: figure.accuracy, customdata: hover, hovertemplate: "%{customdata}<extra></extra>", marker: { size: 9, color: colors.link, opacity: 0.75 } };
      const best = { type: "scatter", mode: "lines", name: "frontier", x: figure.best.map((k) => figure.operations[k]), y: figure.best.map((k) => figure.accuracy[k]), line: { shape: "hv", color: colors.left }, hoverinfo: "skip" };
      return [[all, best], layoutOf(colors, { xaxis: axis(colors, "operations of the checker", { type: "log", exponentformat: "power" }), yaxis: axis(colors, "proved accuracy"), legend: { orientation: "h", y: 1.1 } })];
    },
    table: (figure) => ({ head: ["strategy", "proved accuracy", "operations", "on the frontier"], rows: figure.names.map((name, k) => [name, figure.words[k], count(figure.operations[k]), figure.best.includes(k) ? "yes" : ""]) }),
  },
};

// Tokens on an axis by their own names: every one where there is room, else a few.
function ticks(labels) {
  const step = Math.max(1, Math.ceil(labels.length / 16)), places = range(labels.length).filter((k) => k % step === 0);
  return { tickvals: places, ticktext: places.map((k) => labels[k]), showgrid: false };
}

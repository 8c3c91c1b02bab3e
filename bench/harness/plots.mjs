// Figures as plots: an SVG a figure, a panel a contest, a bar a runtime with whiskers from p10 to p90.

import { own, span } from "./report.mjs";

const WIDTH = 900;
const COLUMNS = 2;
const GAP = 28;
const PANEL = (WIDTH - GAP * (COLUMNS - 1)) / COLUMNS;
/** Of a panel: runtimes' names, then bars, then figures. */
const NAMES = 222;
const FIGURES = 76;
const BARS = PANEL - NAMES - FIGURES;
const [TOP, HEAD, ROW, BELOW] = [34, 22, 19, 20];

const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #101a19; }
.title { font-size: 15px; font-weight: 600; }
.head { font-weight: 600; }
.name { text-anchor: end; }
.bar { fill: #9fb0ae; }
.ours .bar { fill: #0f8a78; }
.ours .name { font-weight: 600; }
.noisy .bar { fill-opacity: 0.45; }
.axis, .whisker { stroke: #4a5a58; stroke-width: 1; fill: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #eaf1f0; }
  .bar { fill: #54676a; }
  .ours .bar { fill: #3fb8a4; }
  .axis, .whisker { stroke: #a3b3b1; }
}`;

/**
 * @param {object} run
 * @param {string} run.name of the benchmark, which its files begin with
 * @param {Record<string, string>} run.titles of the runtimes
 * @param {Record<string, string>} run.figures words for what is drawn, by figure
 * @param {Record<string, object[]>} run.networks rows of each contest, by its title
 * @returns {{ file: string, words: string, svg: string }[]} one a figure that any runtime has
 */
export function plots({ name, titles, figures, networks }) {
  const drawn = Object.entries(figures).map(([figure, words]) => {
    const panels = Object.entries(networks).map(([title, rows]) => ({ title, rows: rowsOf(rows, titles, figure) }));
    const some = panels.filter(({ rows }) => rows.length > 0);
    return { file: `${name}-${figure}.svg`, words: `${words}, milliseconds`, svg: some.length > 0 && plot(`${words}, ms: median, p10 and p90`, some) };
  });
  return drawn.filter(({ svg }) => svg);
}

/** The runtimes that ran, the fastest first. */
function rowsOf(rows, titles, figure) {
  const ours = own(rows)?.runtime;
  const able = rows.filter((row) => row[figure]).sort((a, b) => a[figure].median - b[figure].median);
  return able.map((row) => ({ title: titles[row.runtime], isOurs: row.runtime === ours, ...row[figure] }));
}

function plot(title, panels) {
  const ends = Array(COLUMNS).fill(TOP);
  const placed = panels.map((panel) => {
    const column = ends.indexOf(Math.min(...ends));
    const y = ends[column];
    ends[column] += HEAD + panel.rows.length * ROW + BELOW;
    return group(panel, column * (PANEL + GAP), y);
  });
  const height = Math.max(...ends);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(title)}; each panel has a scale of its own. The tables hold the same figures.</title>`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="0" y="16">${escaped(title)}</text>`,
    ...placed,
    "</svg>",
    "",
  ].join("\n");
}

/** A contest on a scale of its own, from zero to its longest whisker. */
function group({ title, rows }, x, y) {
  const scale = BARS / Math.max(...rows.map(({ p90, median }) => Math.max(p90, median)));
  const bottom = HEAD + rows.length * ROW;
  return [
    `<g transform="translate(${x} ${y})">`,
    `<text class="head" x="0" y="13">${escaped(title)}</text>`,
    ...rows.map((row, at) => bar(row, HEAD + at * ROW, scale)),
    `<path class="axis" d="M${NAMES} ${HEAD - 3}V${bottom}"/>`,
    "</g>",
  ].join("\n");
}

function bar({ title, isOurs, median, p10, p90, noisy }, y, scale) {
  const at = (ms) => round(NAMES + ms * scale);
  const middle = y + ROW / 2 - 1;
  const kinds = [isOurs && "ours", noisy && "noisy"].filter(Boolean).join(" ");
  return [
    `<g${kinds && ` class="${kinds}"`}>`,
    `<text class="name" x="${NAMES - 6}" y="${middle + 4}">${escaped(title)}</text>`,
    `<rect class="bar" x="${NAMES}" y="${y + 2}" width="${round(median * scale)}" height="${ROW - 6}"/>`,
    `<path class="whisker" d="M${at(p10)} ${middle}H${at(p90)}M${at(p10)} ${middle - 4}v8M${at(p90)} ${middle - 4}v8"/>`,
    `<text x="${at(Math.max(median, p90)) + 6}" y="${middle + 4}">${span({ median, p10, p90 }).split(" ")[0]}${noisy ? " noisy" : ""}</text>`,
    "</g>",
  ].join("");
}

const round = (value) => Number(value.toFixed(1));
const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");

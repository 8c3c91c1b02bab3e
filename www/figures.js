// What was measured as rows of text: for the table on the page, and as Markdown.
import { layersOf, speed } from "./flame.js";
import { bytes, percent } from "./format.js";

export const HEAD = ["Network", "Runs on", "ms a frame", "frames/s", "GFLOP/s", "Pointwise, of the peak"];
const LAYERS_HEAD = ["Layers", "Kernel", "µs", "GFLOP/s", "Moved", "Share"];

/** A row of the table of frames. */
export function cells({ title, place, error, ms, gflops, pointwise, peak }) {
  if (error) return [title, place, error.message.replaceAll("|", "/").replaceAll("\n", " ")];
  const rate = 1000 / ms.median;
  return [title, place, span(ms), rate.toFixed(rate < 100 ? 1 : 0), gflops.toFixed(1), peak ? percent(pointwise / peak.gflops) : "–"];
}

/** "23.4 [22.9–24.0]" */
export function span({ median, p10, p90 }) {
  const [middle, low, high] = [median, p10, p90].map((ms) => ms.toFixed(median < 10 ? 2 : 1));
  return `${middle} [${low}–${high}]`;
}

/** Everything, for an issue or a note. */
export function markdown(found, machine) {
  const parts = [machine, "", ...table(HEAD, found.map((row) => pad(cells(row), HEAD.length))), ""];
  for (const { title, place, rows, peak } of found.filter(({ rows }) => rows)) {
    const total = rows.reduce((sum, { us }) => sum + us, 0);
    const line = (row) => [
      layersOf(row), row.kernel, row.us.toFixed(1), speed(row), bytes(row.bytes), percent(row.us / total),
    ];
    const best = peak ? [`Peak: ${peak.gflops.toFixed(1)} GFLOP/s of ${peak.name}.`, ""] : [];
    parts.push(`### ${title}: ${place}`, "", ...best, ...table(LAYERS_HEAD, rows.map(line)), "");
  }
  return parts.join("\n");
}

function pad(cells, length) {
  return [...cells, ...Array(length - cells.length).fill("")];
}

function table(head, rows) {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

// Figures as Markdown.

import { doubt, fastest } from "./statistics.mjs";

const MIB = 2 ** 20;
const MEGA = 1e6;
/** What is told of a row without being compared: its heading, and the value where the row has it. */
const TOLD = [
  ["wasm, MiB", ({ memory }) => memory && (memory.wasm / MIB).toFixed(1)],
  ["JS heap, MiB", ({ memory }) => memory?.js && (memory.js / MIB).toFixed(1)],
  ["ships, MB brotli", ({ shipped }) => shipped && (shipped / MEGA).toFixed(2)],
  ["largest error", ({ agrees }) => agrees],
];

/** This package's row of a table. */
export const own = (rows) => rows.find(({ runtime }) => runtime.startsWith("ours@"));

/**
 * @param {object} run
 * @param {Record<string, string>} run.titles of the runtimes
 * @param {Record<string, string>} run.figures words for what is compared, by figure
 * @param {Record<string, object[]>} run.networks rows of each table
 * @param {string[]} [run.summary] lines that go before the tables
 * @param {{ file: string, words: string }[]} [run.images] plots that lie beside the text
 * @returns {string}
 */
export function markdown({ heading, machine, settings, titles, figures, networks, summary = [], images = [] }) {
  const pictures = images.flatMap(({ file, words }) => [`![${words}: a bar a runtime, the figures of the tables below](${file})`, ""]);
  const parts = [`# ${heading}`, "", machine, "", settings, "", ...summary, ...pictures];
  for (const [network, rows] of Object.entries(networks)) {
    parts.push(`## ${network}`, "", ...table(rows, titles, figures), "");
    for (const figure of Object.keys(figures)) {
      parts.push(`- ${sentence(rows, titles, figure, figures[figure])}`);
    }
    for (const { runtime, details } of rows.filter((row) => row.details)) {
      const told = Object.entries(details).map(([name, value]) => `${value} ${name}`);
      parts.push(`- ${titles[runtime]}: ${told.join(", ")}`);
    }
    parts.push("");
  }
  return parts.join("\n");
}

/** Lines of a Markdown table. */
export function lines(head, rows) {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

function table(rows, titles, figures) {
  const ours = own(rows)?.runtime;
  const names = Object.keys(figures);
  const told = TOLD.filter(([, value]) => rows.some(value));
  const compared = names.flatMap((figure) => [`${figures[figure]}, ms: median [p10–p90]`, "ours ÷ it"]);
  const unclaimed = Object.fromEntries(names.map((figure) => [figure, doubt(rows, ours, figure)]));
  const sorted = [...rows].sort((a, b) => (a[names[0]]?.median ?? Infinity) - (b[names[0]]?.median ?? Infinity));
  const cells = sorted.map((row) => {
    const name = row.runtime === ours ? `**${titles[row.runtime]}**` : titles[row.runtime];
    if (row.error) {
      const why = `did not run: ${row.error.replaceAll("|", "/").replaceAll("\n", " ")}`;
      return [name, why, ...Array(compared.length + told.length - 1).fill("–")];
    }
    const pair = (figure) => {
      if (!row[figure]) {
        return ["–", row.runtime === ours ? "" : "–"];
      }
      const ratio = unclaimed[figure] || row[figure].noisy ? "noisy" : (row[`${figure}Ratio`]?.toFixed(2) ?? "–");
      return [span(row[figure]), row.runtime === ours ? "" : ratio];
    };
    return [name, ...names.flatMap(pair), ...told.map(([, value]) => value(row) || "–")];
  });
  return lines(["runtime", ...compared, ...told.map(([head]) => head)], cells);
}

/** A figure with its spread. */
export function span({ median, p10, p90 }) {
  const digits = median < 10 ? 2 : median < 100 ? 1 : 0;
  return `${median.toFixed(digits)} [${p10.toFixed(digits)}–${p90.toFixed(digits)}]`;
}

function sentence(rows, titles, figure, words) {
  const ours = own(rows);
  const peer = fastest(rows, ours?.runtime, figure);
  const what = `${words}, ours ÷ fastest peer`;
  if (!peer || !ours?.[figure]) {
    return `${what}: nothing to compare.`;
  }
  const why = doubt(rows, ours.runtime, figure);
  if (why) {
    return `${what}: NOISY, no ratio is claimed: ${why}. Run again on a quiet machine.`;
  }
  return `${what} (${titles[peer.runtime]}): **${peer[`${figure}Ratio`].toFixed(2)}**`;
}

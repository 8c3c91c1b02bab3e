// Figures as Markdown.

import { doubt, fastest } from "./statistics.mjs";

const FIGURES = { call: "model call", first: "first label" };

/**
 * @param {{ machine: string, settings: string, ours: string, titles: Record<string, string>, networks: Record<string, object[]> }} run
 * @returns {string} a table a network
 */
export function markdown({ machine, settings, ours, titles, networks }) {
  const parts = ["# GPU backends", "", machine, "", settings, ""];
  for (const [network, rows] of Object.entries(networks)) {
    parts.push(`## ${network}`, "", ...table(rows, ours, titles), "");
    for (const figure of Object.keys(FIGURES)) {
      parts.push(`- ${sentence(rows, ours, titles, figure)}`);
    }
    for (const { runtime, details } of rows.filter((row) => row.details)) {
      const told = Object.entries(details).map(([name, value]) => `${value} ${name}`);
      parts.push(`- ${titles[runtime]}: ${told.join(", ")}`);
    }
    parts.push("");
  }
  return parts.join("\n");
}

function table(rows, ours, titles) {
  const head = ["runtime", "call, ms: median [p10–p90]", "ours ÷ it", "first label, ms [p10–p90]", "ours ÷ it", "largest error"];
  const unclaimed = { call: doubt(rows, ours, "call"), first: doubt(rows, ours, "first") };
  const sorted = [...rows].sort((a, b) => (a.call?.median ?? Infinity) - (b.call?.median ?? Infinity));
  const lines = sorted.map((row) => {
    const name = row.runtime === ours ? `**${titles[row.runtime]}**` : titles[row.runtime];
    if (row.error) {
      return [name, `did not run: ${row.error.replaceAll("|", "/").replaceAll("\n", " ")}`, "–", "–", "–", "–"];
    }
    const ratio = (figure) => (unclaimed[figure] || row[figure].noisy ? "noisy" : (row[`${figure}Ratio`]?.toFixed(2) ?? "–"));
    const ratios = row.runtime === ours ? { call: "", first: "" } : { call: ratio("call"), first: ratio("first") };
    return [name, span(row.call), ratios.call, span(row.first), ratios.first, row.agrees ?? "–"];
  });
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
}

function span({ median, p10, p90 }) {
  const digits = median < 100 ? 1 : 0;
  return `${median.toFixed(digits)} [${p10.toFixed(digits)}–${p90.toFixed(digits)}]`;
}

function sentence(rows, ours, titles, figure) {
  const peer = fastest(rows, ours, figure);
  const own = rows.find(({ runtime }) => runtime === ours);
  const what = `${FIGURES[figure]}, ours ÷ fastest peer`;
  if (!peer || !own?.[figure]) {
    return `${what}: nothing to compare.`;
  }
  const why = doubt(rows, ours, figure);
  if (why) {
    return `${what}: NOISY, no ratio is claimed: ${why}. Run again on a quiet machine.`;
  }
  return `${what} (${titles[peer.runtime]}): **${peer[`${figure}Ratio`].toFixed(2)}**`;
}

// What this package sets itself on the CPU, and whether a run shows it.

import { lines, own } from "./report.mjs";
import { fastest, quantile, ratioOf, unsteady } from "./statistics.mjs";

const call = ({ ms }) => quantile(ms, 0.5);

/** At most so much of the fastest peer's time: networks, arithmetic and threads, figure, share. */
const AGAINST_PEERS = [
  [["V2 1.0 224", "V3 Small 1.0 224"], ["f32, 1 thread"], "call", 0.65],
  [["V1 1.0 224", "V1 0.25 128"], ["f32, 1 thread"], "call", 0.75],
  [["V2 1.0 224", "V1 1.0 224", "V3 Small 1.0 224", "V1 0.25 128"], ["f32, 2 threads"], "call", 0.7],
  [["V2 1.0 224", "V1 1.0 224"], ["int8, 1 thread"], "call", 0.6],
  [
    ["V2 1.0 224", "V1 1.0 224", "V3 Small 1.0 224", "V1 0.25 128"],
    ["f32, 1 thread", "f32, 2 threads", "int8, 1 thread", "int8, 2 threads"],
    "frame",
    0.65,
  ],
  [["V2 1.0 224", "V1 1.0 224", "V3 Small 1.0 224", "V1 0.25 128"], ["f32, 1 thread", "int8, 1 thread"], "first", 0.4],
];

/** At most so much of this package's own time in another way: networks, way, other way, share of the model call. */
const AGAINST_OURSELVES = [
  [["V2 1.0 224", "V1 1.0 224"], "f32, 2 threads", "f32, 1 thread", 0.58],
  [["V2 1.0 224", "V1 1.0 224"], "int8, 1 thread", "f32, 1 thread", 0.45],
];

/**
 * @param {{ networks: Record<string, object[]>, turns: Record<string, Record<string, object[]>> }} found by title of the contest
 * @param {Record<string, string>} titles of the runtimes
 * @param {Record<string, string>} figures words for figures
 * @returns {{ what: string, target: number, ratio?: number, against?: string, doubt?: string }[]} a row a target that has been
 *   tried; without a ratio where it cannot be claimed
 */
export function targets({ networks, turns }, titles, figures) {
  const peers = AGAINST_PEERS.flatMap(([names, ways, figure, target]) =>
    names.flatMap((name) => ways.map((way) => ({ contest: `${name}, ${way}`, figure, target }))),
  );
  const rows = peers.filter(({ contest }) => networks[contest]).map(({ contest, figure, target }) => {
    const found = { what: `${contest}: ${figures[figure]}`, target };
    const ours = own(networks[contest]);
    const peer = fastest(networks[contest], ours?.runtime, figure);
    if (!ours?.[figure] || !peer) {
      return { ...found, doubt: !ours ? "this package does not do that" : (ours.error ?? "nothing to compare with") };
    }
    return { ...found, against: titles[peer.runtime], ...claimed([ours, peer], figure, peer[`${figure}Ratio`]) };
  });
  for (const [names, way, other, target] of AGAINST_OURSELVES) {
    for (const [contest, reference] of names.map((name) => [`${name}, ${way}`, `${name}, ${other}`])) {
      const [mine, base] = [contest, reference].map((title) => networks[title] && own(networks[title]));
      if (mine?.call && base?.call) {
        const ratio = ratioOf(turns[contest][mine.runtime], turns[reference][base.runtime], call);
        rows.push({ what: `${contest}: ${figures.call}`, target, against: `our ${other}`, ...claimed([mine, base], "call", ratio) });
      }
    }
  }
  return rows;
}

function claimed(rows, figure, ratio) {
  const doubt = unsteady(rows, figure);
  return doubt ? { doubt: `NOISY: ${doubt}` } : { ratio };
}

/** The targets as Markdown. */
export function summary(rows) {
  const cells = rows.map(({ what, target, against, ratio, doubt }) => {
    const verdict = ratio === undefined ? doubt : ratio <= target ? "met" : "missed";
    return [what, `≤ ${target.toFixed(2)}`, ratio?.toFixed(2) ?? "–", against ?? "–", verdict];
  });
  return rows.length === 0 ? [] : [...lines(["what", "target", "ours ÷", "of", ""], cells), ""];
}

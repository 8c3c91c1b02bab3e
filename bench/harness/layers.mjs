// Steps of a network, timed by themselves, against the best that the machine does: figures and Markdown.

import { lines } from "./report.mjs";
import { quantile, summary } from "./statistics.mjs";

/** Kernels whose share of the peak is what a network is judged by. */
const POINTWISE = /pointwise/;

const median = (values) => quantile(values, 0.5);
const sum = (values) => values.reduce((all, value) => all + value, 0);
/** The best that was seen of the instructions: a tile of a matrix product can hide what chains on registers wait for. */
const most = ({ registers, tile }) => Math.max(registers, tile);
const percent = (share) => `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;

/**
 * What the rounds of one network in one build come to. Shares of the peak are those of each round, whose peak was measured
 * in the same page.
 *
 * @param {object[]} outcomes of `bench/page/kernels.js`, one a round
 */
export function kernels(outcomes) {
  const good = outcomes.filter(({ error }) => error === undefined);
  if (good.length === 0) {
    return { error: outcomes[0]?.error ?? "no turn" };
  }
  const steps = stepsOf(good[0].plan);
  const layers = good[0].rows.map(({ layers, kernel, macs, bytes }, at) => {
    const us = median(good.map(({ rows }) => rows[at].us));
    const ofPeak = macs > 0 ? median(good.map(({ rows, peak }) => rows[at].gflops / most(peak))) : null;
    const gflops = macs > 0 ? (macs * 2) / us / 1e3 : null;
    return { layer: layers.join(" + "), kernel, ...steps[at], us, macs, bytes, gflops, ofPeak };
  });
  const together = sum(layers.map(({ us }) => us));
  for (const layer of layers) {
    layer.share = layer.us / together;
  }
  return {
    peak: { registers: median(good.map(({ peak }) => peak.registers)), tile: median(good.map(({ peak }) => peak.tile)) },
    frame: summary(good.flatMap(({ frames }) => frames)),
    stepsMs: together / 1e3,
    macs: good[0].macs,
    pointwise: {
      ofPeak: summary(good.map(({ rows, peak }) => weighted(rows, most(peak)))),
      ofTile: summary(good.map(({ rows, peak }) => weighted(rows, peak.tile))),
      share: sum(layers.filter(({ kernel }) => POINTWISE.test(kernel)).map(({ share }) => share)),
    },
    layers,
  };
}

/** The pointwise rows' mean share of a peak, each as heavy as its multiply-accumulates. */
function weighted(rows, peak) {
  const chosen = rows.filter(({ kernel }) => POINTWISE.test(kernel));
  return sum(chosen.map(({ macs, gflops }) => (macs * gflops) / peak)) / sum(chosen.map(({ macs }) => macs));
}

/** Shape and parameters of each step, as the plan prints them between its input and its outputs. */
function stepsOf(plan) {
  const all = plan.trim().split("\n").slice(2).filter((line) => !line.startsWith("output "));
  return all.map((line) => {
    const [, shape, call] = /^\S+\s+(\S+)\s+(.*?)\s+\d+ → /.exec(line);
    return { shape, call: call.replace(/\s+/g, " ") };
  });
}

/** One line about a turn. */
export function told(outcome) {
  if (outcome.error) {
    return outcome.error;
  }
  const { pointwise, stepsMs, frame, peak } = kernels([outcome]);
  const steps = `steps ${stepsMs.toFixed(2)} ms, frame ${frame.median.toFixed(2)} ms`;
  return `pointwise layers ${percent(pointwise.ofPeak.median)} of ${most(peak).toFixed(1)} GFLOP/s; ${steps}`;
}

/** One line about a network. */
export function sentence({ error, pointwise, peak, frame, stepsMs }) {
  if (error) {
    return `did not run: ${error}`;
  }
  const { ofPeak, ofTile, share } = pointwise;
  const spread = ({ p10, p90 }) => `[${percent(p10)}–${percent(p90)}]`;
  const claim = ofPeak.noisy
    ? `NOISY, nothing is claimed: ${ofPeak.samples} rounds say ${spread(ofPeak)}. Run again on a quiet machine`
    : `**${percent(ofPeak.median)}** of the peak, weighted by MACs ${spread(ofPeak)}; ${percent(ofTile.median)} of a 4×8 tile's`;
  return (
    `pointwise layers: ${claim}. They are ${percent(share)} of ${stepsMs.toFixed(2)} ms of steps; a frame takes ` +
    `${frame.median.toFixed(2)} ms${frame.noisy ? " (noisy)" : ""}. Peak: ${peak.registers.toFixed(1)} GFLOP/s on registers, ${peak.tile.toFixed(1)} as a tile.`
  );
}

/**
 * @param {{ machine: string, settings: string, networks: Record<string, object> }} found what `kernels` gives, by title
 * @returns {string}
 */
export function markdown({ machine, settings, networks }) {
  const all = Object.entries(networks);
  const parts = ["# Kernels", "", machine, "", settings, "", ...all.map(([title, found]) => `- ${title}: ${sentence(found)}`), ""];
  for (const [title, { layers }] of all.filter(([, { error }]) => !error)) {
    const cells = layers.map(({ layer, shape, call, us, gflops, share, ofPeak }) => [
      layer, shape, call, (us / 1e3).toFixed(3), gflops?.toFixed(1) ?? "–", percent(share), ofPeak === null ? "–" : percent(ofPeak),
    ]);
    parts.push(`## ${title}`, "", ...lines(["layer", "writes", "kernel", "ms", "GFLOP/s", "share", "of the peak"], cells), "");
  }
  return parts.join("\n");
}

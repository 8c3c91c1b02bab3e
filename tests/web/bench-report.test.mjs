// What the benchmarks make of their figures: shares of a peak, and plots. Nothing is measured here.

import assert from "node:assert/strict";
import { test } from "node:test";
import { kernels, markdown, sentence } from "../../bench/harness/layers.mjs";
import { plots } from "../../bench/harness/plots.mjs";

const PLAN = `4 steps, 3000 multiply-accumulates, arena 1 KiB
input                        8×8×3        @ 0
layer_1                      4×4×8        stem        3×3 s2 pad 0,0 relu6 0 → 16
layer_2/expand               4×4×16       pointwise   1×1 relu6 16 → 0
layer_2/project              4×4×8        pointwise   1×1 + residual 0 → 64 + 16
predictions                  1×1×10       softmax     10 classes 64 → 0
output predictions           1×1×10       @ 0
`;

/** A turn in which the two pointwise layers of 1000 and 3000 multiply-accumulates took so many µs. */
function turn(first, second, peak = { registers: 10, tile: 8 }) {
  const row = (layer, kernel, us, macs) => ({ layers: [layer], kernel, us, macs, gflops: (macs * 2) / us / 1e3, bytes: 16 });
  const rows = [
    row("layer_1", "stem", 2, 500),
    row("layer_2/expand", "pointwise", first, 1000),
    row("layer_2/project", "pointwise", second, 3000),
    row("predictions", "softmax", 1, 0),
  ];
  return { peak, frames: [0.01, 0.01, 0.01], rows, plan: PLAN, macs: 4500 };
}

test("layers are told with their shapes and shares, pointwise ones weighted by their multiply-accumulates", () => {
  const found = kernels([turn(0.4, 1), turn(0.4, 1), turn(0.4, 1)]);
  // 5 and 6 GFLOP/s of 10: a quarter of the work at half the peak, the rest at three fifths.
  assert.ok(Math.abs(found.pointwise.ofPeak.median - (0.25 * 0.5 + 0.75 * 0.6)) < 1e-12);
  assert.ok(Math.abs(found.pointwise.ofTile.median - found.pointwise.ofPeak.median / 0.8) < 1e-12);
  assert.ok(Math.abs(found.layers.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-12);
  assert.ok(Math.abs(found.stepsMs - 0.0044) < 1e-12);
  assert.deepEqual(found.layers.map(({ shape, call }) => [shape, call]), [
    ["4×4×8", "stem 3×3 s2 pad 0,0 relu6"],
    ["4×4×16", "pointwise 1×1 relu6"],
    ["4×4×8", "pointwise 1×1 + residual"],
    ["1×1×10", "softmax 10 classes"],
  ]);
  assert.match(sentence(found), /^pointwise layers: \*\*5[78] %\*\* of the peak, weighted by MACs/);
  const text = markdown({ machine: "a machine", settings: "settings", networks: { "V9, f32": found } });
  assert.ok(text.includes("| layer_2/expand | 4×4×16 | pointwise 1×1 relu6 | 0.000 | 5.0 | 9.1 % | 50 % |"), text);
  assert.ok(text.includes("| predictions | 1×1×10 | softmax 10 classes | 0.001 | – | 23 % | – |"), text);
});

test("a peak is the faster of both loops", () => {
  const found = kernels([turn(0.4, 1, { registers: 5, tile: 10 }), turn(0.4, 1), turn(0.4, 1)]);
  assert.ok(Math.abs(found.layers[1].ofPeak - 0.5) < 1e-12);
});

test("rounds that are far apart, or too few, claim nothing; a build that is not there says so", () => {
  assert.match(sentence(kernels([turn(0.4, 1), turn(0.8, 2), turn(0.4, 1)])), /NOISY, nothing is claimed/);
  assert.match(sentence(kernels([turn(0.4, 1)])), /NOISY, nothing is claimed: 1 rounds/);
  const none = kernels([{ error: "Error: no build x" }]);
  assert.equal(sentence(none), "did not run: Error: no build x");
  assert.ok(!markdown({ machine: "", settings: "", networks: { none } }).includes("##"));
});

test("a plot has a bar for each runtime that ran, in its panel and within the picture", () => {
  const figure = (median, noisy = false) => ({ median, p10: median * 0.9, p90: median * 1.2, noisy });
  const rows = [
    { runtime: "peer@1", call: figure(20, true) },
    { runtime: "ours@1", call: figure(10), first: figure(300) },
    { runtime: "gone@1", error: "no" },
  ];
  const titles = { "ours@1": "ours <&>", "peer@1": "peer", "gone@1": "gone" };
  const made = plots({ name: "cpu", titles, figures: { call: "model call", frame: "frame", first: "first label" }, networks: { A: rows, B: rows, C: rows } });
  assert.deepEqual(made.map(({ file }) => file), ["cpu-call.svg", "cpu-first.svg"]);
  const [{ svg }] = made;
  assert.equal(svg.match(/class="bar"/g).length, 6);
  assert.equal(svg.match(/class="ours"/g).length, 3);
  assert.equal(svg.match(/class="noisy"/g).length, 3);
  assert.ok(svg.includes("ours &lt;&amp;>") && !svg.includes("gone") && svg.includes(">20.0 noisy<"));
  // Twice the time is twice the bar, the fastest first.
  const [ours, peer] = [...svg.matchAll(/class="bar" x="\d+" y="[\d.]+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
  assert.ok(Math.abs(peer - 2 * ours) < 0.2, `${ours}, ${peer}`);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg).map(Number);
  for (const [, x, y] of svg.matchAll(/translate\(([\d.]+) ([\d.]+)\)/g)) {
    assert.ok(Number(x) < width / 2 + 20 && Number(y) + 60 <= height, `${x} ${y} of ${width} ${height}`);
  }
  assert.equal(svg.match(/<g/g).length, svg.match(/<\/g>/g).length);
});

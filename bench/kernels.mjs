// `cargo xtask bench kernels`: each step of a network by itself, in each build of the module, against the best that this
// machine does with the instructions of that build.

import { parseArgs } from "node:util";
import { kernels, markdown, told } from "./harness/layers.mjs";
import { prepare } from "./harness/models.mjs";
import { MADE, MODELS, OPTIONS, chosen, describe, hasModels, inChromium, keep, turn } from "./harness/run.mjs";

/** The builds, and the instructions that each is made of. */
const BUILDS = {
  simd128: { f32: "f32 mul + add", int8: "i16 dot + add" },
  "relaxed-simd": { f32: "f32 relaxed_madd", int8: "i8 relaxed_dot_add" },
};
/** Floats need no file: weights out of a seed are as fast. */
const NETWORKS = {
  "v1_1.0_224": { title: "V1 1.0 224", network: { version: "v1" } },
  "v2_1.0_224": { title: "V2 1.0 224", network: { version: "v2" } },
  "v3s_1.0_224": { title: "V3 Small 1.0 224", network: { version: "v3-small" } },
  "v1_0.25_128": { title: "V1 0.25 128", network: { version: "v1", multiplier: 0.25, inputWidth: 128, inputHeight: 128 } },
};
const PRECISIONS = { f32: "", int8: ".int8" };
const WARM_UP = 20;
const MOST_FRAMES = 200;

const { runtimes, ...shared } = OPTIONS;
const { values: options } = parseArgs({
  options: { ...shared, builds: { type: "string" }, precisions: { type: "string" }, budget: { type: "string", default: "1000" } },
});
const { budget, out } = options;
const rounds = Number(options.rounds);

const precisions = chosen("precisions", options.precisions, PRECISIONS).filter((precision) => {
  const able = precision === "f32" || hasModels();
  if (!able) {
    console.log(`SKIPPED: ${precision}, for ${MODELS} is missing; set MOBILENET_BENCH_MODELS to the folder of benchmark models.`);
  }
  return able;
});
const contests = chosen("models", options.models, NETWORKS).flatMap((name) =>
  precisions.flatMap((precision) =>
    chosen("builds", options.builds, BUILDS).map((build) => {
      const { title, network } = NETWORKS[name];
      const model = precision === "f32" ? "" : `${name}${PRECISIONS[precision]}`;
      const asked = { build, mix: BUILDS[build][precision], model, network: JSON.stringify(network), budget, warmUp: WARM_UP, most: MOST_FRAMES };
      return { title: `${title}, ${precision}, ${build}`, asked };
    }),
  ),
);

await inChromium([], async ({ site, browser }) => {
  const isolated = async (page) => ((await page.evaluate(() => globalThis.crossOriginIsolated)) ? "pages are isolated" : "pages are NOT isolated");
  const found = {
    machine: await describe({ site, browser, adapters: isolated }),
    settings:
      `${rounds} rounds in turns, a fresh page each, one thread. A step runs by itself, over and over, the shortest of three times a round ` +
      `(\`net.profile\`), medians of the rounds; frames of the network's size for ${budget} ms. GFLOP/s count two operations a ` +
      "multiply-accumulate, of integers too. The peak is that of the build's own instructions in the same page (`www/peak.js`), before and after: " +
      "on registers, or as a 4×8 tile of a matrix product that reads the nearest cache where that is faster.",
    networks: {},
    turns: Object.fromEntries(contests.map(({ title }) => [title, []])),
  };
  console.log(found.machine);
  for (const { asked } of contests.filter(({ asked }) => asked.model)) {
    await prepare(MODELS, MADE, asked.model);
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const { title, asked } of contests) {
      const { files, ...outcome } = await turn({ site, browser, asked, page: "kernels" });
      found.turns[title].push(outcome);
      console.log(`${title}, round ${round} of ${rounds}: ${told(outcome)}`);
    }
    for (const { title } of contests) {
      found.networks[title] = kernels(found.turns[title]);
    }
    // Kept after each round, so that a run that is broken off is not lost; of the turns what the figures do not tell.
    await keep({ out, name: "kernels", text: markdown(found), found: { ...found, turns: spreads(found.turns) } });
  }
  console.log(`\n${markdown(found)}\nwritten to ${out}`);
});

/** Peaks and times of each turn: names and sizes are in the figures. */
function spreads(turns) {
  const brief = ({ error, peak, frames, rows }) => (error ? { error } : { peak, frames, us: rows.map(({ us }) => us) });
  return Object.fromEntries(Object.entries(turns).map(([title, all]) => [title, all.map(brief)]));
}

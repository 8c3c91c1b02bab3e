// `cargo xtask bench tune`: one step of fine-tuning, this package's and TensorFlow.js', in turns within one run of one Chromium.

import { parseArgs } from "node:util";
import { lines } from "./harness/report.mjs";
import { OPTIONS, chosen, describe, inChromium, keep, turn } from "./harness/run.mjs";
import { fastest, figures, quantile, unsteady } from "./harness/statistics.mjs";

/** Steps of a `warmUp` are not timed, behind those whose losses are compared; a software WebGL takes half a minute for each. */
const RUNTIMES = {
  ours: { title: "mobilenet-web", threads: ["1", "2"], warmUp: 3 },
  "tfjs-wasm": { title: "TensorFlow.js 4.22.0 wasm", threads: ["1", "2"], warmUp: 3 },
  "tfjs-webgl": { title: "TensorFlow.js 4.22.0 webgl", threads: ["1"], warmUp: 0 },
};
const THREADS = { 1: "1 thread", 2: "2 threads" };
/** What this package sets itself: at most so much of the fastest peer's time. */
const TARGET = 0.5;
/** Losses of the first steps may be so far apart: the same weights, batch and optimizer in single precision. */
const APART = 1e-3;
const FIGURE = "call";
const LONGEST_TURN_MS = 600_000;
const MOST_STEPS = 100;

const { models, ...shared } = OPTIONS;
const { values: options } = parseArgs({
  options: { ...shared, threads: { type: "string" }, batch: { type: "string", default: "16" }, budget: { type: "string", default: "4000" } },
});
const { budget, out } = options;
const rounds = Number(options.rounds);
const runtimes = chosen("runtimes", options.runtimes, RUNTIMES);
/** Who contends with so many threads. */
const contests = chosen("threads", options.threads, THREADS)
  .map((threads) => runtimes.filter((key) => RUNTIMES[key].threads.includes(threads)).map((key) => `${key}@${threads}`))
  .filter((keys) => keys.length > 0);
const titles = Object.fromEntries(
  contests.flat().map((key) => {
    const [module, threads] = key.split("@");
    return [key, `${RUNTIMES[module].title}, ${THREADS[threads]}`];
  }),
);
/** With as many threads. */
const oursOf = (key) => `ours@${key.split("@")[1]}`;

await inChromium([], async ({ site, browser }) => {
  const isolated = async (page) => ((await page.evaluate(() => globalThis.crossOriginIsolated)) ? "pages are isolated" : "pages are NOT isolated");
  const found = {
    machine: await describe({ site, browser, adapters: isolated }),
    settings:
      `One step of fine-tuning V2 1.0 at 160 px from \`layer_17\` on: its last two blocks, the last convolution, and a dense head of two classes; ` +
      `forward, backward and Adam, ${options.batch} maps of 5×5×160 a batch, batch norms frozen. ${rounds} rounds in turns, a fresh page each, ` +
      `those of as many threads are compared; steps for about ${budget} ms after some that are not counted. Weights come out of a formula, and losses must agree. ` +
      "TensorFlow.js has no gradient of a convolution's weights on wasm: 1×1 ones are its matrix products there, and depthwise ones its products " +
      "of slices. WebGL is what this Chromium has, which is SwiftShader on a machine without a GPU.",
    turns: Object.fromEntries(Object.keys(titles).map((key) => [key, []])),
  };
  console.log(found.machine);
  let text = "";
  for (let round = 1; round <= rounds; round += 1) {
    for (const [key, outcomes] of Object.entries(found.turns)) {
      const [module, threads] = key.split("@");
      const asked = { module, threads, batch: options.batch, budget, warmUp: RUNTIMES[module].warmUp, most: MOST_STEPS };
      const { files, ...outcome } = await turn({ site, browser, asked, page: "tune", longest: LONGEST_TURN_MS });
      outcome.error ??= misled(outcome, found.turns[oursOf(key)]?.[0]);
      outcomes.push(outcome);
      const { error, ms, losses } = outcome;
      const said = error ?? `step ${quantile(ms, 0.5).toFixed(1)} ms of ${ms.length}, losses ${losses.map((loss) => loss.toFixed(4)).join(", ")}`;
      console.log(`round ${round} of ${rounds}, ${titles[key]}: ${said}`);
    }
    // Kept after each round, so that a run that is broken off is not lost.
    found.rows = contests.flatMap((keys) => figures(new Map(keys.map((key) => [key, found.turns[key]])), oursOf(keys[0]), [FIGURE]));
    text = markdown(found);
    await keep({ out, name: "tune", text, found });
  }
  console.log(`\n${text}\nwritten to ${out}`);
});

/** Why a runtime is not timed: it trains something else. */
function misled({ losses, error }, ours) {
  const apart = ours?.losses && losses && Math.max(...losses.map((loss, at) => Math.abs(loss - ours.losses[at])));
  return error ?? (apart > APART ? `answers wrongly: losses ${losses.join(", ")}, ours ${ours.losses.join(", ")}` : undefined);
}

function markdown({ machine, settings, rows }) {
  const verdicts = contests.map((keys) => verdict(rows.filter(({ runtime }) => keys.includes(runtime)), oursOf(keys[0])));
  const cells = rows.map(({ runtime, error, call, callRatio, details }) => [
    titles[runtime],
    error ?? `${call.median.toFixed(1)} [${call.p10.toFixed(1)}–${call.p90.toFixed(1)}]${call.noisy ? " NOISY" : ""}`,
    callRatio?.toFixed(2) ?? "–",
    details ?? "",
  ]);
  return ["# Fine-tuning", "", machine, "", settings, "", ...verdicts, ...gain(rows), "", ...lines(["runtime", "step, ms", "ours ÷", ""], cells), ""].join("\n");
}

/** How the contest of as many threads ended. */
function verdict(rows, ours) {
  const own = rows.find(({ runtime }) => runtime === ours);
  const peer = fastest(rows, ours, FIGURE);
  if (!own?.[FIGURE] || !peer) {
    return "- Nothing to compare.";
  }
  const doubt = unsteady([own, peer], FIGURE);
  const said = `${titles[ours]}: a step takes **${peer.callRatio.toFixed(2)}** of ${titles[peer.runtime]}'s time; at most ${TARGET} is the target`;
  return `- ${doubt ? `NOISY, nothing is claimed: ${doubt}. Run again on a quiet machine.` : `${said}: ${peer.callRatio <= TARGET ? "met" : "missed"}.`}`;
}

/** What a second thread brings this package. */
function gain(rows) {
  const [one, two] = ["ours@1", "ours@2"].map((key) => rows.find(({ runtime }) => runtime === key)?.[FIGURE]);
  return one && two ? [`- With two threads a step of this package takes ${(two.median / one.median).toFixed(2)} of its time with one.`] : [];
}

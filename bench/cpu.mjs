// `cargo xtask bench cpu`: this package and its peers on the CPU, in turns within one run of one Chromium.

import { parseArgs } from "node:util";
import { markdown } from "./harness/report.mjs";
import { OPTIONS, bench, chosen } from "./harness/run.mjs";
import { summary, targets } from "./harness/targets.mjs";

/** For figures of memory. */
const FLAGS = ["--enable-precise-memory-info", "--js-flags=--expose-gc"];

const NETWORKS = { "v2_1.0_224": "V2 1.0 224", "v1_1.0_224": "V1 1.0 224", "v3s_1.0_224": "V3 Small 1.0 224", "v1_0.25_128": "V1 0.25 128" };
const PRECISIONS = { f32: "", int8: ".int8" };
const THREADS = { 1: "1 thread", 2: "2 threads" };

/** What each runtime is asked for; MediaPipe takes frames only. */
const RUNTIMES = {
  ours: { title: "mobilenet-web", backend: "simd", precisions: ["f32", "int8"], threads: ["1", "2"] },
  litert: { title: "LiteRT.js 2.5.3", backend: "wasm", precisions: ["f32", "int8"], threads: ["1", "2"] },
  tfjs: { title: "TensorFlow.js 4.22.0 wasm", backend: "wasm", precisions: ["f32"], threads: ["1", "2"] },
  tflite: { title: "tfjs-tflite 0.0.1-alpha.10", backend: "cpu", precisions: ["f32", "int8"], threads: ["1", "2"] },
  onnxruntime: { title: "onnxruntime-web 1.30.0 wasm", backend: "wasm", precisions: ["f32"], threads: ["1", "2"] },
  mediapipe: { title: "MediaPipe 1.1.0 CPU", backend: "cpu", precisions: ["f32"], threads: ["1"], measures: "frame,memory" },
};
const MEASURES = "call,frame,memory";
const FIGURES = { call: "model call", frame: "canvas → labels", first: "first label" };
/** Calls that are not timed: V8 compiles what is hot anew. */
const WARM_UP = 10;
const MOST_CALLS = 400;

const { values: options } = parseArgs({
  options: {
    ...OPTIONS,
    precisions: { type: "string" },
    threads: { type: "string" },
    budget: { type: "string", default: "2000" },
    "warm-up": { type: "string", default: String(WARM_UP) },
  },
});
const { budget, out } = options;
const rounds = Number(options.rounds);
const keys = chosen("runtimes", options.runtimes, RUNTIMES);
const titles = {};

/** The runtimes that can do it, each under a key of its own, for a contest of their own. */
function contest(model, precision, threads) {
  const able = keys.filter((key) => RUNTIMES[key].precisions.includes(precision) && RUNTIMES[key].threads.includes(threads));
  const named = Object.fromEntries(able.map((key) => [`${key}@${threads}`, `${RUNTIMES[key].title}, ${THREADS[threads]}`]));
  Object.assign(titles, named);
  const page = (key) => {
    const module = key.split("@")[0];
    const { backend, measures = MEASURES } = RUNTIMES[module];
    return { module, backend, threads, measures, budget, warmUp: options["warm-up"], most: MOST_CALLS };
  };
  const title = `${NETWORKS[model]}, ${precision}, ${THREADS[threads]}`;
  return { title, model: `${model}${PRECISIONS[precision]}`, ours: `ours@${threads}`, titles: named, page };
}

const ways = chosen("precisions", options.precisions, PRECISIONS).flatMap((precision) =>
  chosen("threads", options.threads, THREADS).map((threads) => [precision, threads]),
);

await bench({
  name: "cpu",
  networks: Object.fromEntries(
    chosen("models", options.models, NETWORKS).map((model) => [NETWORKS[model], ways.map((way) => contest(model, ...way))]),
  ),
  flags: FLAGS,
  adapters: async (page) => ((await page.evaluate(() => globalThis.crossOriginIsolated)) ? "pages are isolated" : "pages are NOT isolated"),
  settings:
    `${rounds} rounds in turns, a fresh page each; calls, then frames, for about ${budget} ms each after ${options["warm-up"]} that are not ` +
    "counted. Model call: tensor in, vector out; ours takes a picture of the network's size and normalises it. Canvas: 640×480 px, another " +
    "picture each time. First label: navigation of an open, empty page → first label of a canvas, everything from localhost. " +
    "Memory: WebAssembly's as the page's thread sees it, and JavaScript's heap, after all calls.",
  figures: FIGURES,
  markdown: (found, images) => {
    found.targets = targets(found, titles, FIGURES);
    return markdown({ ...found, images, heading: "CPU", titles, figures: FIGURES, summary: summary(found.targets) });
  },
  rounds,
  out,
});

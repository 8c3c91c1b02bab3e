// `cargo xtask bench gpu`: this package and its peers on a GPU, in turns within one run of one Chromium.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { launch } from "../tests/web/harness.mjs";
import { agreement, expected, prepare } from "./harness/models.mjs";
import { markdown } from "./harness/report.mjs";
import { serve } from "./harness/server.mjs";
import { figures, quantile } from "./harness/statistics.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MODELS = process.env.MOBILENET_BENCH_MODELS ?? join(ROOT, "../shared/bench-models");
const MADE = join(ROOT, "target/bench");

/** WebGPU and WebGL without a GPU: SwiftShader computes both on the CPU. */
const SOFTWARE = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--ignore-gpu-blocklist",
];
const HARDWARE = ["--enable-unsafe-webgpu", "--enable-features=Vulkan", "--ignore-gpu-blocklist"];

const OURS = "ours@webgpu";
const TITLES = {
  [OURS]: "mobilenet-web webgpu",
  "litert@webgpu": "LiteRT.js 2.5.3 webgpu",
  "mediapipe@gpu": "MediaPipe 1.1.0 GPU",
  "tfjs@webgl": "TensorFlow.js 4.22.0 webgl",
  "tfjs@webgpu": "TensorFlow.js 4.22.0 webgpu",
  "onnxruntime@webgpu": "onnxruntime-web 1.30.0 webgpu",
};
const NETWORKS = { "v2_1.0_224": "V2 1.0 224", "v1_1.0_224": "V1 1.0 224", "v3s_1.0_224": "V3 Small 1.0 224" };
const LONGEST_TURN_MS = 180_000;

const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: Object.keys(NETWORKS).join() },
    runtimes: { type: "string", default: Object.keys(TITLES).join() },
    rounds: { type: "string", default: "3" },
    budget: { type: "string", default: "3000" },
    hardware: { type: "boolean", default: false },
    out: { type: "string", default: join(ROOT, "bench/results") },
  },
});

if (!existsSync(join(MODELS, "README.md"))) {
  console.log(`SKIPPED: ${MODELS} is missing; set MOBILENET_BENCH_MODELS to the folder of benchmark models.`);
  process.exit(0);
}

const names = chosen("models", NETWORKS);
const runtimes = chosen("runtimes", TITLES);
const rounds = Number(options.rounds);

const site = await serve({
  "/bench/": [join(ROOT, "bench")],
  "/pkg/": [join(ROOT, "pkg")],
  "/models/": [MADE, MODELS],
});
const flags = options.hardware ? HARDWARE : SOFTWARE;
const browser = await launch({ args: flags });
try {
  await run();
} finally {
  await browser.close();
  site.close();
}

async function run() {
  const machine = await describe();
  console.log(machine);
  const settings =
    `${rounds} rounds in turns, a fresh page each; calls for about ${options.budget} ms a turn after warm-up, the answer read back each ` +
    "time. First label: navigation → first answer, everything from localhost.";
  const found = { machine, settings, networks: {}, turns: {} };
  let text = "";
  for (const name of names) {
    await prepare(MODELS, MADE, name);
    const turns = new Map(runtimes.map((runtime) => [runtime, []]));
    const right = await expected(MODELS, name);
    for (let round = 1; round <= rounds; round += 1) {
      for (const runtime of runtimes) {
        const outcome = await turn(runtime, name);
        if (outcome.result) {
          outcome.agrees = agreement(outcome.result, right);
        }
        delete outcome.result;
        turns.get(runtime).push(outcome);
        console.log(`${NETWORKS[name]}, round ${round} of ${rounds}, ${TITLES[runtime]}: ${told(outcome)}`);
      }
    }
    found.networks[NETWORKS[name]] = figures(turns, OURS);
    found.turns[NETWORKS[name]] = Object.fromEntries(turns);
    text = await save(found);
  }
  console.log(`\n${text}\nwritten to ${options.out}`);
}

/** Writes what is known so far, so that a run that is broken off is not lost. */
async function save(found) {
  const text = markdown({ ...found, ours: OURS, titles: TITLES });
  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, "gpu.md"), text);
  await writeFile(join(options.out, "gpu.json"), `${JSON.stringify(found, rounded, 1)}\n`);
  return text;
}

/** One runtime on one network in a page that has seen nothing before. */
async function turn(runtime, name) {
  const context = await browser.newContext();
  const page = await context.newPage();
  let late;
  const ended = new Promise((resolve) => {
    page.on("crash", () => resolve({ error: "the page crashed" }));
    page.on("pageerror", (error) => resolve({ error: `uncaught: ${error.message}` }));
    late = setTimeout(() => resolve({ error: `no answer within ${LONGEST_TURN_MS / 1000} s` }), LONGEST_TURN_MS);
  });
  const said = site.outcome();
  const query = new URLSearchParams({ runtime, model: name, budget: options.budget });
  await page.goto(`${site.url}bench/page/turn.html?${query}`, { waitUntil: "commit" });
  const outcome = await Promise.race([said, ended]);
  clearTimeout(late);
  await context.close();
  return outcome;
}

/** Processor, browser and what the browser takes for GPUs. */
async function describe() {
  const page = await browser.newPage();
  await page.goto(`${site.url}bench/page/blank.html`);
  const { webgpu, webgl } = await page.evaluate(adapters);
  await page.close();
  const [{ model }] = cpus();
  const load = loadavg()[0].toFixed(1);
  return `${model}, ${cpus().length} cores, load ${load} before the run; Chromium ${browser.version()}; WebGPU: ${webgpu}; WebGL: ${webgl}`;
}

async function adapters() {
  const info = (await navigator.gpu?.requestAdapter())?.info;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  const names = gl?.getExtension("WEBGL_debug_renderer_info");
  return {
    webgpu: info ? [info.vendor, info.architecture, info.description].filter(Boolean).join(" ") : "none",
    webgl: gl ? gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER) : "none",
  };
}

function told({ error, first, ms, agrees }) {
  if (error) {
    return error;
  }
  const [p10, median, p90] = [0.1, 0.5, 0.9].map((share) => quantile(ms, share).toFixed(1));
  return `${median} ms [${p10}–${p90}] of ${ms.length} calls, first label ${Math.round(first)} ms${agrees ? `, largest error ${agrees}` : ""}`;
}

function rounded(key, value) {
  return typeof value === "number" ? Number(value.toPrecision(5)) : value;
}

/** The keys of `all` that an option names by their beginnings. */
function chosen(option, all) {
  const wanted = options[option].split(",");
  const unknown = wanted.find((word) => !Object.keys(all).some((key) => key.startsWith(word)));
  if (unknown !== undefined) {
    throw new Error(`--${option} ${unknown}: there are ${Object.keys(all).join(", ")}`);
  }
  return Object.keys(all).filter((key) => wanted.some((word) => key.startsWith(word)));
}

// `cargo xtask bench gpu`: this package and its peers on a GPU, in turns within one run of one Chromium.

import { parseArgs } from "node:util";
import { markdown } from "./harness/report.mjs";
import { OPTIONS, bench, chosen } from "./harness/run.mjs";

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
const FIGURES = { call: "model call", first: "first label" };
/** Calls that are not timed: pipelines and pools settle. */
const WARM_UP = 2;
const MOST_CALLS = 60;

const { values: options } = parseArgs({
  options: { ...OPTIONS, budget: { type: "string", default: "3000" }, hardware: { type: "boolean", default: false } },
});
const { budget, hardware, out } = options;
const rounds = Number(options.rounds);
const titles = Object.fromEntries(chosen("runtimes", options.runtimes, TITLES).map((key) => [key, TITLES[key]]));

function page(key) {
  const [module, backend] = key.split("@");
  return { module, backend, threads: 1, measures: "call", budget, warmUp: WARM_UP, most: MOST_CALLS };
}

await bench({
  name: "gpu",
  networks: Object.fromEntries(
    chosen("models", options.models, NETWORKS).map((model) => [model, [{ title: NETWORKS[model], model, ours: OURS, titles, page }]]),
  ),
  flags: hardware ? HARDWARE : SOFTWARE,
  adapters,
  settings:
    `${rounds} rounds in turns, a fresh page each; calls for about ${budget} ms a turn after warm-up, the answer read back each ` +
    "time. First label: navigation of an open, empty page → first answer, everything from localhost.",
  figures: FIGURES,
  markdown: (found, images) => markdown({ ...found, images, heading: "GPU backends", titles: TITLES, figures: FIGURES }),
  rounds,
  out,
});

/** What the browser takes for GPUs. */
async function adapters(page) {
  const { webgpu, webgl } = await page.evaluate(async () => {
    const info = (await navigator.gpu?.requestAdapter())?.info;
    const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
    const names = gl?.getExtension("WEBGL_debug_renderer_info");
    return {
      webgpu: info ? [info.vendor, info.architecture, info.description].filter(Boolean).join(" ") : "none",
      webgl: gl ? gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER) : "none",
    };
  });
  return `WebGPU: ${webgpu}; WebGL: ${webgl}`;
}

// A network on this device: whole frames, then each step by itself.
import { frames } from "./measuring.js";
import { peaks } from "./peak.js";
import { MobileNet } from "./pkg/index.js";
import { profile } from "./profiler.js";

/** What is measured: title, and what `MobileNet.synthetic` wants to know. */
export const NETWORKS = [
  { title: "V2 1.0, 224 px", spec: { version: "v2" } },
  { title: "V1 1.0, 224 px", spec: { version: "v1" } },
  { title: "V3 Small 1.0, 224 px", spec: { version: "v3-small" } },
  { title: "V1 0.25, 128 px", spec: { version: "v1", multiplier: 0.25, inputWidth: 128, inputHeight: 128 } },
];

/** What each build of the module multiplies with. */
const INSTRUCTIONS = { simd128: "f32 mul + add", "relaxed-simd": "f32 relaxed_madd", threads: "f32 relaxed_madd" };

/** Frames until this much time is used, within these bounds: p10 and p90 take many. */
const MANY = { warmUp: 10, enough_ms: 1000, least: 10, most: 200 };

/** What can run networks here: the CPU, and the GPU where the browser has one. */
export async function backends() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return adapter ? ["simd", "webgpu"] : ["simd"];
}

/**
 * Times of one network on one backend; a network that does not run there is told with its `error`.
 *
 * @returns {Promise<object>} `{ title, backend, place, adapter, ms: { median, p10, p90 }, gflops, rows, pointwise, peak }`, the last
 *   three null where steps, or the best that the instructions do, cannot be timed. A peak grows when a later one is higher.
 */
export async function measure({ title, spec }, backend, signal) {
  let net;
  try {
    // One thread, for peaks are those of one.
    net = await MobileNet.synthetic(spec, { backend, signal, threads: 1 });
    const { info } = net;
    const { build = "simd128", threads = 1 } = info;
    const ms = spread(await frames(net, MANY, signal));
    const rows = info.gpu?.timestamps === false ? null : await profile(net, signal);
    const place = backend === "webgpu" ? "GPU" : `CPU, ${build}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
    const found = { title, backend, place, adapter: info.adapter, ms, gflops: (info.macs * 2) / ms.median / 1e6, rows };
    const peak = backend === "simd" && threads === 1 ? await best(INSTRUCTIONS[build]) : null;
    return { ...found, peak, pointwise: peak && pointwise(rows) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { title, backend, place: backend === "webgpu" ? "GPU" : "CPU", error };
  } finally {
    net?.dispose();
  }
}

function spread(sorted) {
  const [p10, median, p90] = [0.1, 0.5, 0.9].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
  return { p10, median, p90 };
}

const known = new Map();

/** The best that this device has done with some instructions since the page was opened. */
async function best(name) {
  const { [name]: found } = await peaks([name]);
  if (!found) return null;
  if (!known.has(name)) known.set(name, { name, gflops: 0 });
  const peak = known.get(name);
  peak.gflops = Math.max(peak.gflops, found.registers, found.tile);
  return peak;
}

/** GFLOP/s of the pointwise rows, each as heavy as its multiply-accumulates. */
function pointwise(rows) {
  const chosen = rows.filter(({ kernel }) => kernel.includes("pointwise"));
  const weight = chosen.reduce((sum, { macs }) => sum + macs, 0);
  return chosen.reduce((sum, { macs, gflops }) => sum + macs * gflops, 0) / weight;
}

/** The WebAssembly module that trains. Fetched with the first `fit`; pages that only run a network never do. */

import { loadModule } from "./wasm.js";

/** A module's glue as `loadModule` takes it: all that it exports, as one. */
const whole = async (glue) => {
  const { default: start, ...all } = await glue;
  return { default: start, all };
};

const BUILDS = {
  exported: "all",
  threads: [
    new URL("./wasm/threads/training/mobilenet_web_bg.wasm", import.meta.url),
    () => whole(import("./wasm/threads/training/mobilenet_web.js")),
  ],
  "relaxed-simd": [
    new URL("./wasm/relaxed-simd/training/mobilenet_web_bg.wasm", import.meta.url),
    () => whole(import("./wasm/relaxed-simd/training/mobilenet_web.js")),
  ],
  simd128: [
    new URL("./wasm/training/mobilenet_web_bg.wasm", import.meta.url),
    () => whole(import("./wasm/training/mobilenet_web.js")),
  ],
};

/**
 * Everything that the module exports, in the fastest build that this browser runs.
 *
 * @param {string} [wasmUrl] where the core's plain build is, if not beside this file
 * @param {number} [threads] for which it is wanted: more than one take an isolated page
 * @returns {Promise<typeof import("./wasm/training/mobilenet_web.js") & { build: string, team?: import("./team.js").Team }>}
 */
export function loadTraining(wasmUrl, threads) {
  return loadModule("training", wasmUrl, threads, BUILDS);
}

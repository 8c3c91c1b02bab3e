/** The WebAssembly module: fetched and compiled once a thread, with failures named for what they are. */

import init, { Engine } from "./wasm/mobilenet_web.js";
import { failure } from "./errors.js";

/** `(module (func (result v128) i32.const 0 i8x16.splat))`: valid only where wasm has SIMD. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
]);

/** Other modules, in folders beside the core: what each exports, where it is, its glue; spelt out for bundlers. */
const OTHERS = {
  importer: [
    "Importer",
    new URL("./wasm/importer/mobilenet_web_bg.wasm", import.meta.url),
    () => import("./wasm/importer/mobilenet_web.js"),
  ],
  integers: [
    "Engine",
    new URL("./wasm/integers/mobilenet_web_bg.wasm", import.meta.url),
    () => import("./wasm/integers/mobilenet_web.js"),
  ],
  reference: [
    "Engine",
    new URL("./wasm/reference/mobilenet_web_bg.wasm", import.meta.url),
    () => import("./wasm/reference/mobilenet_web.js"),
  ],
};

const started = new Map();

/** One start for all who ask; after a failure the next who asks starts anew. */
function once(name, start) {
  if (!started.has(name)) {
    started.set(name, start().catch((error) => {
      started.delete(name);
      throw error;
    }));
  }
  return started.get(name);
}

/**
 * The engine's class, once its module runs.
 *
 * @param {string} [wasmUrl] where the module is, if not beside this file
 * @returns {Promise<typeof Engine>}
 */
export function loadEngine(wasmUrl) {
  return once("core", async () => {
    const module = await compile(wasmUrl ?? new URL("./wasm/mobilenet_web_bg.wasm", import.meta.url).href);
    await init({ module_or_path: module });
    return Engine;
  });
}

/**
 * The class of another module, in a folder of its name beside the core: `importer` reads files of every framework,
 * `integers` runs quantised networks, `reference` is the core with the scalar bodies. Fetched when it is needed first.
 *
 * @param {"importer" | "integers" | "reference"} name
 * @param {string} [wasmUrl] where the core module is, if not beside this file
 */
export function loadOther(name, wasmUrl) {
  return once(name, async () => {
    const [exported, beside, fetchGlue] = OTHERS[name];
    const url = wasmUrl ? new URL(`${name}/mobilenet_web_bg.wasm`, new URL(wasmUrl, location.href)) : beside;
    const [glue, module] = await Promise.all([fetchGlue(), compile(url.href)]);
    await glue.default({ module_or_path: module });
    return glue[exported];
  });
}

const REMEDY =
  "Copy mobilenet_web_bg.wasm from the package's wasm folder to where your server finds it, and name its address in `wasmUrl`.";

async function compile(url) {
  if (typeof WebAssembly !== "object") {
    throw failure("unsupported", { where: "WebAssembly", remedy: "Use a browser with WebAssembly, or leave its lockdown mode." });
  }
  let response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw failure("wasm_unavailable", { where: url, expected: "an answer", found: `none (${cause.message})`, remedy: REMEDY, cause });
  }
  const type = response.headers.get("content-type") ?? "";
  if (!response.ok || /^text\/html\b/i.test(type)) {
    await response.body?.cancel();
    const found = response.ok ? `a web page (content-type ${type})` : `status ${response.status}`;
    throw failure("wasm_unavailable", { where: url, expected: "a WebAssembly module", found, remedy: REMEDY });
  }
  try {
    if (/^application\/wasm\b/i.test(type)) {
      return await WebAssembly.compileStreaming(response);
    }
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    throw explain(url, cause);
  }
}

function explain(url, cause) {
  if (/unsafe-eval|CSP|Content Security/i.test(cause.message)) {
    return failure("wasm_unavailable", {
      where: url,
      expected: "a Content-Security-Policy that lets WebAssembly compile",
      found: cause.message,
      remedy: "Add 'wasm-unsafe-eval' to its script-src.",
      cause,
    });
  }
  if (!WebAssembly.validate(SIMD_PROBE)) {
    return failure("unsupported", {
      where: "WebAssembly",
      expected: "128-bit SIMD (Chrome 91, Firefox 89, Safari 16.4 or later)",
      found: "a browser without it",
      remedy: "Update the browser.",
      cause,
    });
  }
  return failure("wasm_unavailable", { where: url, expected: "a WebAssembly module", found: cause.message, remedy: REMEDY, cause });
}

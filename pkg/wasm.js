/** The WebAssembly module: fetched and compiled once a thread, with failures named for what they are. */

import init, { Engine } from "./wasm/mobilenet_web.js";
import { failure } from "./errors.js";

/** `(module (func (result v128) i32.const 0 i8x16.splat))`: valid only where wasm has SIMD. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
]);

let ready;

/**
 * The engine's class, once its module runs. Later calls share the first one's module, unless that failed.
 *
 * @param {string} [wasmUrl] where the module is, if not beside this file
 * @returns {Promise<typeof Engine>}
 */
export function loadEngine(wasmUrl) {
  ready ??= start(wasmUrl ?? new URL("./wasm/mobilenet_web_bg.wasm", import.meta.url).href).catch((error) => {
    ready = undefined;
    throw error;
  });
  return ready;
}

let full;

/**
 * The engine's class of the full module, which reads files of every framework; fetched when the first such file is
 * opened. It lies in the folder `full` beside the core module.
 *
 * @param {string} [wasmUrl] where the core module is, if not beside this file
 * @returns {Promise<typeof Engine>}
 */
export function loadFullEngine(wasmUrl) {
  const url = wasmUrl
    ? new URL("full/mobilenet_web_bg.wasm", new URL(wasmUrl, location.href)).href
    : new URL("./wasm/full/mobilenet_web_bg.wasm", import.meta.url).href;
  full ??= startFull(url).catch((error) => {
    full = undefined;
    throw error;
  });
  return full;
}

async function startFull(url) {
  const [glue, module] = await Promise.all([import("./wasm/full/mobilenet_web.js"), compile(url)]);
  await glue.default({ module_or_path: module });
  return glue.Engine;
}

async function start(url) {
  const module = await compile(url);
  await init({ module_or_path: module });
  return Engine;
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

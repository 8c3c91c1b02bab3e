/** The WebAssembly module: fetched and compiled once a thread, with failures named for what they are. */

import { failure } from "./errors.js";

/** Bytes of the module `(module (func (result v128) …))` with that body. */
const module = (...body) =>
  new Uint8Array([
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
    ...[10, body.length + 4, 1, body.length + 2, 0, ...body, 11],
  ]);

/** `i32.const 0 i8x16.splat` */
const SPLAT = [65, 0, 253, 15];

const RELAXED = module(...SPLAT, ...SPLAT, ...SPLAT, 253, 133, 2); // f32x4.relaxed_madd

/** Builds of one module, the fastest first, each with bytes that are valid only where it runs. */
const BUILDS = { threads: RELAXED, "relaxed-simd": RELAXED, simd128: module(...SPLAT) };

/** Each module's builds: what it exports, then where each is and its glue, spelt out for bundlers. */
const MODULES = {
  core: {
    exported: "Engine",
    threads: [
      new URL("./wasm/threads/mobilenet_web_bg.wasm", import.meta.url),
      () => import("./wasm/threads/mobilenet_web.js"),
    ],
    "relaxed-simd": [
      new URL("./wasm/relaxed-simd/mobilenet_web_bg.wasm", import.meta.url),
      () => import("./wasm/relaxed-simd/mobilenet_web.js"),
    ],
    simd128: [new URL("./wasm/mobilenet_web_bg.wasm", import.meta.url), () => import("./wasm/mobilenet_web.js")],
  },
  importer: {
    exported: "Importer",
    simd128: [
      new URL("./wasm/importer/mobilenet_web_bg.wasm", import.meta.url),
      () => import("./wasm/importer/mobilenet_web.js"),
    ],
  },
  integers: {
    exported: "Engine",
    threads: [
      new URL("./wasm/threads/integers/mobilenet_web_bg.wasm", import.meta.url),
      () => import("./wasm/threads/integers/mobilenet_web.js"),
    ],
    "relaxed-simd": [
      new URL("./wasm/relaxed-simd/integers/mobilenet_web_bg.wasm", import.meta.url),
      () => import("./wasm/relaxed-simd/integers/mobilenet_web.js"),
    ],
    simd128: [
      new URL("./wasm/integers/mobilenet_web_bg.wasm", import.meta.url),
      () => import("./wasm/integers/mobilenet_web.js"),
    ],
  },
  reference: {
    exported: "Engine",
    simd128: [
      new URL("./wasm/reference/mobilenet_web_bg.wasm", import.meta.url),
      () => import("./wasm/reference/mobilenet_web.js"),
    ],
  },
};

/** More threads gain little, and phones have slow cores beyond their fastest four. */
const MOST_THREADS = 4;

/** How many threads a network has of which so many, or as many as are good, are asked for: without isolation there is no memory to share. */
export function threadsOf(asked) {
  return globalThis.crossOriginIsolated ? (asked ?? Math.min(navigator.hardwareConcurrency, MOST_THREADS)) : 1;
}

/** The module that a `load` message begins with. */
export function loadEngine({ backend, wasmUrl, threads }) {
  return loadModule(backend === "reference" ? "reference" : "core", wasmUrl, threadsOf(threads));
}

const started = new Map();

/**
 * What a module exports, once it runs: `core` runs networks of floats, `importer` reads files of every framework, `integers`
 * runs quantised networks, `reference` is the core with the scalar bodies. Fetched when it is needed first, in the
 * fastest build that this browser runs; its name is the class' `build`. A build of several
 * threads has the `team` that they are.
 *
 * @param {"core" | "importer" | "integers" | "reference" | "training"} name
 * @param {string} [wasmUrl] where the core's plain build is, if not beside this file; the others are in folders beside it
 * @param {number} [threads] for which the module is wanted
 * @param {object} [builds] as in `MODULES`, of a module that is not in there
 * @returns {Promise<typeof import("./wasm/mobilenet_web.js").Engine>}
 */
export function loadModule(name, wasmUrl, threads, builds = MODULES[name]) {
  const key = name + (threads > 1);
  if (!started.has(key)) {
    // One start for all who ask; after a failure the next who asks starts anew.
    started.set(key, start(name, wasmUrl, threads > 1, builds).catch((error) => {
      started.delete(key);
      throw error;
    }));
  }
  return started.get(key);
}

async function start(name, wasmUrl, threaded, { exported, ...builds }) {
  const able = Object.keys(builds).filter(
    (build) => build === "simd128" || ((threaded || build !== "threads") && globalThis.WebAssembly?.validate(BUILDS[build])),
  );
  for (const build of able) {
    const [beside, fetchGlue] = builds[build];
    const url = wasmUrl ? placed(name, build, wasmUrl) : beside.href;
    try {
      const [glue, compiled, team] = await Promise.all([fetchGlue(), compile(url), build === "threads" ? import("./team.js") : undefined]);
      const exports = await glue.default({ module_or_path: compiled });
      return Object.assign(glue[exported], { build, team: team && new team.Team(compiled, exports) });
    } catch (error) {
      // Who copied only the plain build gets that.
      if (build === "simd128") {
        throw error;
      }
    }
  }
}

/** A module's place beside the core's. */
function placed(name, build, wasmUrl) {
  const folders = [build === "simd128" ? "" : `${build}/`, name === "core" ? "" : `${name}/`].join("");
  return folders ? new URL(`${folders}mobilenet_web_bg.wasm`, new URL(wasmUrl, location.href)).href : wasmUrl;
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
  if (!WebAssembly.validate(BUILDS.simd128)) {
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

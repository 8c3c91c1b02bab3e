// What the browser tests share: Chromium, the site, a blank page with the package at hand.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const FLAGS = [
  "--no-sandbox",
  "--headless=new",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Documents that a test fulfils come from no known address space and would be refused the local server.
  "--disable-features=LocalNetworkAccessChecks",
];

/** WebGPU on the processor, for machines without a GPU. */
export const GPU_ARGS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

/** Why no GPU can be tested in that page's browser, or false. Its absence is an error where CI is set. */
export async function withoutAdapter(page) {
  const missing = await page.evaluate(async () => {
    if (!navigator.gpu) return "this Chromium has no navigator.gpu";
    return (await navigator.gpu.requestAdapter()) ? false : "this Chromium finds no WebGPU adapter, not even SwiftShader's";
  });
  assert.ok(!missing || process.env.CI !== "true", missing);
  return missing && `SKIPPED: ${missing}`;
}

/** The headers of the demo's own pages. */
export const SITE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "content-security-policy":
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; img-src 'self' blob: data: http://localhost:*; " +
    "media-src 'self' blob:; style-src 'self'; connect-src 'self' blob: data: http://localhost:* http://127.0.0.1:*",
};

/** Chromium: `CHROMIUM`, or the first on the PATH. */
export function executablePath() {
  if (process.env.CHROMIUM) {
    return process.env.CHROMIUM;
  }
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here.
      }
    }
  }
  throw new Error("no Chromium found: install Debian's `chromium`, or set CHROMIUM to an executable");
}

export function launch({ args = [], ...options } = {}) {
  return chromium.launch({ executablePath: executablePath(), args: [...FLAGS, ...args], ...options });
}

/**
 * The site with its test routes: at SITE_URL and OTHER_ORIGIN_URL if a server runs, else started for this file.
 *
 * @returns {Promise<{ site: string, other: string, close: () => void }>} addresses that end in a slash
 */
export async function serve() {
  const { SITE_URL: site, OTHER_ORIGIN_URL: other } = process.env;
  if (site && other) {
    return { site, other, close() {} };
  }
  const xtask = join(ROOT, "target/debug/xtask");
  if (!existsSync(xtask)) {
    throw new Error(`${xtask} is missing: run \`cargo build -p xtask\` and \`cargo xtask build\` first`);
  }
  const server = spawn(xtask, ["serve", "--port", "0", "--fixtures"], { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  const found = {};
  for await (const line of createInterface({ input: server.stdout })) {
    const [, name, url] = /^(serving|other-origin) (http\S+)/.exec(line) ?? [];
    found[name] = url;
    if (found.serving && found["other-origin"]) {
      break;
    }
  }
  assert.ok(found.serving && found["other-origin"], "the server ended before it printed its two addresses");
  server.stdout.resume();
  return { site: found.serving, other: found["other-origin"], close: () => server.kill() };
}

/** What `open` serves, and a Chromium launched with `options` to see it with; both until `close()`. */
export async function visit(options, open = serve) {
  const server = await open();
  try {
    const browser = await launch(options);
    return {
      server,
      browser,
      async close() {
        await browser.close();
        server.close();
      },
    };
  } catch (error) {
    server.close();
    throw error;
  }
}

/** As `visit`, and a `blank` page there. */
export async function visitBlank(options) {
  const visited = await visit(options);
  try {
    return { ...visited, page: await blank(await visited.browser.newContext(), visited.server.site) };
  } catch (error) {
    await visited.close();
    throw error;
  }
}

/** `work()` where that build of the engine is the best that there is: with the faster ones missing on the server. */
export async function inBuild(page, build, work) {
  const builds = ["threads", "relaxed-simd", "simd128"];
  const faster = builds.slice(0, builds.indexOf(build)).map((folder) => `**/wasm/${folder}/**`);
  for (const folder of faster) {
    await page.context().route(folder, (route) => route.fulfill({ status: 404 }));
  }
  try {
    return await work();
  } finally {
    for (const folder of faster) {
      await page.context().unroute(folder);
    }
  }
}

/** A page's workers that hold a network: those which only compute parts of steps are left out. */
export const engines = (page) => page.workers().filter((worker) => !worker.url().endsWith("/thread.js"));

/** The folder of shared pictures and golden outputs, or the reason to skip. Their absence is an error where CI is set. */
export function fixtures() {
  const folder = process.env.MOBILENET_FIXTURES ?? join(ROOT, "../shared/fixtures");
  if (existsSync(folder)) {
    return { folder, skip: false };
  }
  assert.notEqual(process.env.CI, "true", `${folder} is missing`);
  return { folder, skip: `${folder} is missing; set MOBILENET_FIXTURES` };
}

/** Weights and sample photographs that the site offers. */
export async function assets(site) {
  const json = async (path) => (await fetch(new URL(path, site))).json();
  const [[weights], samples] = await Promise.all([json("weights/index.json"), json("samples/index.json")]);
  return { weights: new URL(weights.url, new URL("weights/index.json", site)).pathname, bytes: weights.bytes, sha256: weights.sha256, samples };
}

/**
 * A page without content at the site's origin, or at `origin`. In it, `load(weights, options)` is `MobileNet.load`,
 * `code(promise)` tells how a promise failed, `photo(path)` fetches a picture and `page.faults` lists what went wrong.
 */
export async function blank(context, origin, headers = SITE_HEADERS) {
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  const url = new URL("blank.html", origin).href;
  await page.route(url, (route) => route.fulfill({ headers, body: "<!doctype html><title>blank</title><body>" }));
  await page.goto(url);
  await page.evaluate(inPage);
  return page;
}

function inPage() {
  const tell = (error) => ({
    name: error.name,
    code: error.code,
    message: error.message,
    isError: error instanceof Error,
    cause: error.cause === undefined ? undefined : String(error.cause?.name ?? error.cause),
    failures: error.failures?.map(tell) ?? [],
  });
  Object.assign(globalThis, {
    load: async (weights, options) => (await import("/pkg/index.js")).MobileNet.load(weights, options),
    code: (promise) => Promise.resolve(promise).then((value) => ({ code: "no error", value }), tell),
    photo: async (path) => (await fetch(path)).blob(),
    /** A picture file on a canvas of its own size, or scaled to `width`. */
    draw: async (blob, width) => {
      const bitmap = await createImageBitmap(blob);
      const canvas = document.createElement("canvas");
      canvas.width = width ?? bitmap.width;
      canvas.height = Math.round((canvas.width / bitmap.width) * bitmap.height);
      canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      return canvas;
    },
  });
}

/**
 * The longest task of a page's own thread during `work`, in ms of that thread's processor time: what other programs on
 * the machine do does not count.
 */
export async function longestTask(browser, page, work) {
  await browser.startTracing(page, { categories: ["toplevel"] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const thread = ({ pid, tid }) => `${pid}:${tid}`;
  const mains = traceEvents.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(thread);
  const tasks = traceEvents.filter((event) => event.name.endsWith("RunTask") && mains.includes(thread(event)));
  // The task in which the trace began or ended has no time.
  const times = tasks.map(({ tdur }) => tdur).filter((time) => time !== undefined);
  assert.ok(times.length > 0, `of ${traceEvents.length} events ${tasks.length} are the page's tasks, none with its thread time`);
  return Math.max(...times) / 1000;
}

/** Asserts a failure's code and that its sentence holds all of `parts`. */
export function assertFails(found, code, ...parts) {
  assert.equal(found.code, code, `expected ${code}: ${JSON.stringify(found)}`);
  assert.equal(found.name, "MobileNetError");
  for (const part of parts) {
    assert.ok(found.message.includes(part), `"${found.message}" does not say "${part}"`);
  }
}

/** Gives a page `disguise(isGpu)`: a software adapter that does not say what it is gets a real GPU's shaders, in that page's thread. */
export async function disguisable(page) {
  await page.evaluate(() => {
    const { get } = Object.getOwnPropertyDescriptor(GPUAdapterInfo.prototype, "isFallbackAdapter");
    globalThis.disguise = (isGpu) =>
      Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: isGpu ? () => false : get, configurable: true });
  });
}

// Several threads in Chromium: the same bits as one, everywhere that one works, and nothing left behind.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GPU_ARGS, assertFails, assets, blank, fixtures, visit, withoutAdapter } from "./harness.mjs";

let server, browser, page, close, weights, sample;

before(async () => {
  ({ server, browser, close } = await visit({ args: GPU_ARGS }));
  page = await blank(await browser.newContext(), server.site);
  const found = await assets(server.site);
  weights = found.weights;
  sample = `/samples/${found.samples[0].file}`;
  await page.evaluate(inPage, sample);
});

after(() => close?.());

async function inPage(sample) {
  globalThis.canvas = await draw(await photo(sample));
  /** Bits of what a network makes of the sample: its logits and a map. */
  globalThis.bits = async (net) => {
    const endpoints = ["logits", "global_pool", net.info.endpoints[3].name];
    const vectors = await net.embed(canvas, { endpoints });
    return vectors.map((vector) => [...new Uint32Array(vector.buffer)].reduce((hash, value) => (Math.imul(hash, 31) + value) | 0, vector.length));
  };
  /** How a network runs that is loaded so, its bits, and what it leaves behind. */
  globalThis.ran = async (weights, options) => {
    const net = await load(weights, { backend: "simd", ...options });
    try {
      const { build, threads, warnings } = net.info;
      return { build, threads, warnings: warnings.map(({ code, message }) => ({ code, message })), bits: [await bits(net), await bits(net)] };
    } finally {
      net.dispose();
    }
  };
}

const ran = (weights, options, on = page) => on.evaluate(([weights, options]) => ran(weights, options), [weights, options]);

const cores = (on = page) => on.evaluate(() => navigator.hardwareConcurrency);

async function untilAlone(on = page) {
  while (on.workers().length > 0) await on.waitForTimeout(20);
}

test("an isolated page gets as many threads as the device has, at most four", async () => {
  const { build, threads, warnings } = await ran(weights, {});
  const expected = Math.min(await cores(), 4);
  assert.deepEqual([build, threads, warnings], [expected > 1 ? "threads" : "relaxed-simd", expected, []]);
  assert.deepEqual(page.faults, []);
});

test("any number of threads gives the same bits, in a worker and in the page's own thread", async () => {
  const alone = await ran(weights, { threads: 1 });
  assert.deepEqual([alone.build, alone.threads, alone.warnings], ["relaxed-simd", 1, []]);
  for (const [worker, counts] of [[true, [2, 3, 4, 7]], [false, [2]]]) {
    for (const threads of counts) {
      const found = await ran(weights, { threads, worker });
      assert.deepEqual(found, { ...alone, build: "threads", threads }, `${threads} threads, worker: ${worker}`);
      await untilAlone();
    }
  }
  assert.deepEqual(page.faults, []);
});

test("networks without weights run on threads too, and profile() goes through them", async () => {
  const rows = await page.evaluate(async () => {
    const { MobileNet } = await import("/pkg/index.js");
    const net = await MobileNet.synthetic({ version: "v1" }, { backend: "simd", threads: 2 });
    const found = [net.info.threads, (await net.profile(canvas)).map(({ us }) => us)];
    net.dispose();
    return found;
  });
  assert.equal(rows[0], 2);
  assert.ok(rows[1].length > 20 && rows[1].every((us) => us > 0), String(rows[1]));
});

test("dispose ends the workers, and networks of one thread share them until the last one goes", async () => {
  await untilAlone();
  await page.evaluate(async (weights) => {
    globalThis.nets = [await load(weights, { backend: "simd", threads: 3, worker: false }), await load(weights, { backend: "simd", threads: 3, worker: false })];
  }, weights);
  assert.equal(page.workers().length, 2);
  await page.evaluate(() => nets[0].dispose());
  await page.waitForTimeout(100);
  assert.equal(page.workers().length, 2);
  const found = await page.evaluate(async () => [await bits(nets[1]), nets[1].dispose()]);
  await untilAlone();
  // Stacks are used again, and answers stay right.
  const again = await ran(weights, { threads: 3, worker: false });
  assert.deepEqual(again.bits[0], found[0]);
  await untilAlone();
  assert.deepEqual(page.faults, []);
});

const SCRIPT = { "content-type": "text/javascript", "cross-origin-embedder-policy": "require-corp" };

test("where threads cannot start one answers, with a warning", async () => {
  const alone = await ran(weights, { threads: 1 });
  const context = await browser.newContext();
  const other = await blank(context, server.site);
  // A missing script in the page's own thread; in a worker, a browser whose workers have no workers.
  await context.route("**/pkg/thread.js", (route) => route.fulfill({ status: 404 }));
  await context.route("**/lonely.js", (route) => route.fulfill({ headers: SCRIPT, body: 'import "/no-workers.js"; import "/pkg/worker.js";' }));
  await context.route("**/no-workers.js", (route) => route.fulfill({ headers: SCRIPT, body: "delete self.Worker;" }));
  await other.evaluate(inPage, sample);
  for (const [worker, why] of [[false, "an error without details"], ["/lonely.js", "Worker is not defined"]]) {
    const { warnings, ...found } = await ran(weights, { threads: 3, worker }, other);
    assert.deepEqual(found, { build: "threads", threads: 1, bits: alone.bits });
    assert.deepEqual(warnings.map(({ code }) => code), ["threads_unavailable"]);
    assert.ok(warnings[0].message.startsWith(`thread.js: expected 3 threads, found 1 (${why}). Deploy thread.js`), warnings[0].message);
  }
  await context.close();
});

test("where the server has no build for threads, the next one runs", async () => {
  const context = await browser.newContext();
  await context.route("**/wasm/threads/**", (route) => route.fulfill({ status: 404 }));
  const other = await blank(context, server.site);
  await other.evaluate(inPage, sample);
  const { build, threads } = await ran(weights, { threads: 2 }, other);
  assert.deepEqual([build, threads], ["relaxed-simd", 1]);
  await context.close();
});

test("a page that is not isolated has one thread, by the same calls", async () => {
  const context = await browser.newContext();
  const other = await blank(context, server.other, { "content-type": "text/html" });
  await other.evaluate(inPage, sample);
  assert.equal(await other.evaluate(() => crossOriginIsolated), false);
  const { build, threads, warnings } = await ran(weights, { threads: 4 }, other);
  assert.deepEqual([build, threads, warnings], ["relaxed-simd", 1, []]);
  await context.close();
});

test("threads is a whole number from 1 to 16", async () => {
  for (const threads of [0, -1, 1.5, 17, "2", null, NaN]) {
    const found = await page.evaluate(([weights, threads]) => code(load(weights, { threads })), [weights, threads]);
    assertFails(found, "bad_option", "option threads", "a whole number from 1 to 16", String(threads));
  }
});

test("a GPU beside threads: its answers are right, and the CPU's threads answer when it is lost", async (t) => {
  const missing = await withoutAdapter(page);
  if (missing) return t.skip(missing);
  const found = await page.evaluate(async (weights) => {
    const net = await load(weights, { backend: "webgpu", threads: 2 });
    const cpu = await load(weights, { backend: "simd", threads: 1 });
    const { build, threads, backend } = net.info;
    const pick = (labels) => labels.map(({ index }) => index);
    const answers = [pick((await net.classify(canvas)).labels), pick((await cpu.classify(canvas)).labels)];
    await net.simulateDeviceLoss();
    answers.push(pick((await net.classify(canvas)).labels));
    const rows = await net.selfTest();
    net.dispose();
    cpu.dispose();
    return { build, threads, backend, answers, rows: rows.map(({ error }) => error) };
  }, weights);
  assert.deepEqual([found.build, found.threads, found.backend], ["threads", 2, "webgpu"]);
  assert.deepEqual(found.answers[0], found.answers[1]);
  assert.deepEqual(found.answers[2], found.answers[1]);
  assert.ok(found.rows.every((error) => error < 0.01), String(found.rows));
});

const { skip } = fixtures();

describe("networks of the fixtures", { skip }, () => {
  for (const file of [
    "v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors",
    "v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors",
    "v3_small_1.0_224_uint8/v3-small_224_1.0_uint8.tflite",
    "v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite",
  ]) {
    test(`${file}: 1, 2 and 4 threads give the same bits`, async () => {
      const alone = await ran(`/fixtures/weights/${file}`, { threads: 1 });
      for (const threads of [2, 4]) {
        const found = await ran(`/fixtures/weights/${file}`, { threads });
        assert.deepEqual(found, { ...alone, build: "threads", threads });
      }
      assert.deepEqual(page.faults, []);
    });
  }
});

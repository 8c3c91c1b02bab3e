// A GPU that goes away, and one that is used for long: every call is answered, and nothing grows.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { GPU_ARGS, blank, visit, withoutAdapter } from "./harness.mjs";

const LOSSES = 100;
const FRAMES = 5000;
/** The same sums in another order, as in gpu.test.mjs. */
const LOGIT_TOLERANCE = 5e-3;
/** As in soak.test.mjs: V8's own code and statistics; a leaked object a frame would be 200 kB and more. */
const JS_HEAP_TOLERANCE_BYTES = 100_000;

let server, browser, close, noGpu;

before(async () => {
  const args = [...GPU_ARGS, "--js-flags=--expose-gc", "--enable-precise-memory-info"];
  ({ server, browser, close } = await visit({ args }));
  const page = await fresh();
  noGpu = await withoutAdapter(page);
  await page.close();
});

after(() => close?.());

/** A page with `tiny(options)`, frames to look at, and `within(ms, promise)`, which tells a call that hangs. */
async function fresh() {
  const page = await blank(await browser.newContext(), server.site);
  await page.evaluate(() => {
    const NET = { version: "v1", multiplier: 0.25, inputWidth: 32, inputHeight: 32, classes: 10 };
    globalThis.tiny = async (options) => (await import("/pkg/index.js")).MobileNet.synthetic(NET, options);
    globalThis.frame = (seed) => {
      const data = Uint8Array.from({ length: 40 * 36 * 4 }, (_, index) => (index % 4 === 3 ? 255 : (index * (seed + 3)) % 251));
      return { data, width: 40, height: 36 };
    };
    globalThis.within = (ms, promise) =>
      Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error("it hangs")), ms))]);
    globalThis.far = (a, b) => {
      const range = Math.max(...b) - Math.min(...b);
      return a.reduce((most, value, index) => (Math.abs(value - b[index]) <= most ? most : Math.abs(value - b[index])), 0) / range;
    };
    /** Resolves once `net` runs on `backend`. */
    globalThis.until = (net, backend) =>
      within(60_000, new Promise((resolve) => {
        const look = () => net.info.backend === backend && resolve();
        net.addEventListener("backendchange", look);
        look();
      }));
  });
  return page;
}

function gpuTest(name, work) {
  test(name, { timeout: 900_000 }, (t) => (noGpu ? t.skip(noGpu) : work(t)));
}

gpuTest("the CPU answers the calls that a loss meets and those after it; then the GPU is taken back", async (t) => {
  const page = await fresh();
  for (const worker of [true, false]) {
    const found = await page.evaluate(async (worker) => {
      const net = await tiny({ backend: "webgpu", worker });
      const cpu = await tiny({ backend: "simd", worker: false });
      const frames = Array.from({ length: 6 }, (_, index) => frame(index));
      const expected = await cpu.logits(frames);
      const events = [];
      net.addEventListener("backendchange", ({ backend, why }) => events.push({ backend, why, told: net.info.backend, info: net.info.why }));
      const order = [];
      const ask = (index) => net.logits(frames[index]).then((logits) => (order.push(index), logits));
      const flying = [0, 1, 2].map(ask);
      const lost = net.simulateDeviceLoss();
      const after = [3, 4, 5].map(ask);
      const answers = await within(60_000, Promise.all([...flying, ...after]));
      await lost;
      await until(net, "webgpu");
      const back = await within(60_000, net.logits(frames[0]));
      const { gpu } = net.info;
      net.dispose();
      cpu.dispose();
      return { apart: answers.map((answer, index) => far(answer, expected[index])), back: far(back, expected[0]), events, order, gpu };
    }, worker);
    t.diagnostic(JSON.stringify({ worker, ...found }));
    assert.ok([...found.apart, found.back].every((apart) => apart <= LOGIT_TOLERANCE), JSON.stringify(found));
    assert.deepEqual(found.order, [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(found.events.map(({ backend }) => backend), ["simd", "webgpu"]);
    assert.match(found.events[0].why, /simulated/);
    for (const { backend, why, told, info } of found.events) {
      assert.deepEqual([told, info], [backend, why]);
    }
    assert.ok(found.gpu.pipelines > 0);
  }
  assert.deepEqual(page.faults, []);
  await page.close();
});

gpuTest(`${LOSSES} losses: as many right answers`, async (t) => {
  const page = await fresh();
  const found = await page.evaluate(async (losses) => {
    const net = await tiny({ backend: "webgpu" });
    const cpu = await tiny({ backend: "simd", worker: false });
    const expected = await cpu.logits(frame(1));
    const events = [];
    net.addEventListener("backendchange", ({ backend }) => events.push(backend));
    let [worst, onCpu] = [0, 0];
    const start = performance.now();
    for (let loss = 0; loss < losses; loss += 1) {
      await until(net, "webgpu");
      // Before the call, while its frame is taken, or while it is computed.
      const call = loss % 3 ? net.logits(frame(1)) : null;
      if (loss % 3 === 2) await new Promise((resolve) => setTimeout(resolve, 1));
      const lost = net.simulateDeviceLoss();
      const answer = await within(60_000, call ?? net.logits(frame(1)));
      onCpu += net.info.backend === "simd" ? 1 : 0;
      const apart = far(answer, expected);
      worst = apart <= worst ? worst : apart;
      await lost;
    }
    await until(net, "webgpu");
    net.dispose();
    return { worst, onCpu, changes: events.length, alternating: events.every((backend, index) => backend === ["simd", "webgpu"][index % 2]), seconds: (performance.now() - start) / 1000 };
  }, LOSSES);
  t.diagnostic(JSON.stringify(found));
  assert.ok(found.worst <= LOGIT_TOLERANCE, JSON.stringify(found));
  assert.equal(found.changes, 2 * LOSSES);
  assert.ok(found.alternating && found.onCpu > 0);
  assert.deepEqual(page.faults, []);
  await page.close();
});

gpuTest("a device that its page destroys: the CPU answers, for good", async () => {
  const page = await fresh();
  const found = await page.evaluate(async () => {
    const device = await (await navigator.gpu.requestAdapter()).requestDevice();
    const net = await tiny({ backend: "webgpu", worker: false, device });
    const cpu = await tiny({ backend: "simd", worker: false });
    const expected = await cpu.logits(frame(2));
    const call = net.logits(frame(2));
    device.destroy();
    const answers = await within(30_000, Promise.all([call, net.logits(frame(2)), net.logits(frame(2))]));
    await until(net, "simd");
    const { backend, why } = net.info;
    net.dispose();
    cpu.dispose();
    return { apart: answers.map((answer) => far(answer, expected)), backend, why };
  });
  assert.ok(found.apart.every((apart) => apart <= LOGIT_TOLERANCE), JSON.stringify(found));
  assert.equal(found.backend, "simd");
  assert.match(found.why, /^gpu: expected a device that works/);
  assert.deepEqual(page.faults, []);
  await page.close();
});

gpuTest("nothing is left of a load that was aborted, nor of a network that was disposed of at any moment", async () => {
  const page = await fresh();
  await page.route("**/never", () => {});
  const found = await page.evaluate(async () => {
    const { requestDevice } = GPUAdapter.prototype;
    let [made, lost] = [0, 0];
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const device = await requestDevice.call(this, descriptor);
      made += 1;
      void device.lost.then(() => (lost += 1));
      return device;
    };
    const controller = new AbortController();
    const { MobileNet } = await import("/pkg/index.js");
    const never = MobileNet.load("/never", { backend: "webgpu", worker: false, signal: controller.signal });
    while (made === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    const aborted = await code(never);
    const failed = await code(MobileNet.load(new Uint8Array(100), { backend: "auto", worker: false }));
    const net = await tiny({ backend: "webgpu", worker: false });
    const call = code(net.classify(frame(1)));
    await new Promise((resolve) => setTimeout(resolve, 1));
    net.dispose();
    const disposed = await within(10_000, call);
    const rebuilding = await tiny({ backend: "webgpu", worker: false });
    await rebuilding.simulateDeviceLoss();
    await rebuilding.classify(frame(1));
    rebuilding.dispose();
    for (let wait = 0; wait < 100 && lost < made; wait += 1) await new Promise((resolve) => setTimeout(resolve, 100));
    GPUAdapter.prototype.requestDevice = requestDevice;
    return { aborted: aborted.code, failed: failed.code, disposed: disposed.code, made, lost };
  });
  assert.equal(found.aborted, "aborted");
  assert.equal(found.failed, "unsupported_format");
  assert.equal(found.disposed, "disposed");
  assert.equal(found.lost, found.made);
  assert.ok(found.made >= 3, JSON.stringify(found));
  assert.deepEqual(page.faults, []);
  await page.close();
});

gpuTest(`${FRAMES} frames: memory stays as it is, and no buffer or texture is made`, async (t) => {
  const page = await fresh();
  const cdp = await page.context().newCDPSession(page);
  await page.evaluate(async () => {
    globalThis.made = { createBuffer: 0, createTexture: 0, createBindGroup: 0, createComputePipeline: 0 };
    for (const name of Object.keys(made)) {
      const create = GPUDevice.prototype[name];
      GPUDevice.prototype[name] = function (descriptor) {
        made[name] += 1;
        return create.call(this, descriptor);
      };
    }
    globalThis.net = await tiny({ backend: "webgpu", worker: false });
    const canvas = new OffscreenCanvas(40, 36);
    const context = canvas.getContext("2d");
    const bytes = frame(1);
    globalThis.run = async (frames) => {
      const all = [];
      for (let index = 0; index < frames; index += 1) {
        context.fillStyle = `hsl(${index} 50% 50%)`;
        context.fillRect(0, 0, 20, 36);
        const kind = index % 50;
        all.push(kind === 10 ? net.embed(canvas) : kind % 2 ? net.classify(canvas) : net.classify(bytes));
        if (all.length === 2) await all.shift();
      }
      await Promise.all(all);
    };
  });
  const memory = async () => {
    await cdp.send("HeapProfiler.collectGarbage");
    const { usedSize } = await cdp.send("Runtime.getHeapUsage");
    const rest = await page.evaluate(async () => {
      // Already initialised: this answers with the running module's exports.
      const { memory } = await (await import(`/pkg/wasm/${net.info.build}/mobilenet_web.js`)).default();
      return { wasm: memory.buffer.byteLength, made: { ...made }, backend: net.info.backend };
    });
    return { heap: usedSize, ...rest };
  };
  // V8 compiles and optimises for so long.
  await page.evaluate(() => run(1000));
  const first = await memory();
  const start = performance.now();
  await page.evaluate((frames) => run(frames), FRAMES);
  const seconds = (performance.now() - start) / 1000;
  const last = await memory();
  t.diagnostic(`${JSON.stringify({ first, last })}, ${(seconds * 1000 / FRAMES).toFixed(2)} ms a frame`);
  assert.equal(last.backend, "webgpu");
  assert.deepEqual(last.made, first.made);
  assert.equal(last.wasm, first.wasm);
  assert.ok(last.heap - first.heap <= JS_HEAP_TOLERANCE_BYTES, `the JS heap grew by ${last.heap - first.heap} bytes`);
  assert.deepEqual(page.faults, []);
  await page.close();
});

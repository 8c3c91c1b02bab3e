// WebGPU in Chromium, on its software adapter: the same answers as the CPU, chosen by measurement, and never a wrong GPU.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GPU_ARGS, assertFails, blank, disguisable, launch, visit, withoutAdapter } from "./harness.mjs";

/** Of logits, as a share of their range: sums in another order. SwiftShader's pixels are the CPU's to the last bit. */
const LOGIT_TOLERANCE = 1e-4;
/** Of probabilities, each about a tenth. */
const PROBABILITY_TOLERANCE = 1e-5;

let server, browser, context, page, close, noGpu;

before(async () => {
  ({ server, browser, close } = await visit({ args: GPU_ARGS }));
  context = await browser.newContext();
  page = await fresh();
  noGpu = await withoutAdapter(page);
});

after(() => close?.());

/** A page with `tiny(options)`, a small network, and `picture(alpha)`, a canvas. */
async function fresh(from = context) {
  const page = await blank(from, server.site);
  await disguisable(page);
  await page.evaluate(() => {
    const NET = { version: "v1", multiplier: 0.25, inputWidth: 64, inputHeight: 48, classes: 10 };
    globalThis.tiny = async (options) => (await import("/pkg/index.js")).MobileNet.synthetic(NET, options);
    globalThis.picture = (alpha = 1) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 90, height: 70 });
      const context = canvas.getContext("2d");
      for (let x = 0; x < 90; x += 5) {
        context.fillStyle = `rgb(${x * 2} ${255 - x * 2} ${(x * 40) % 255} / ${x % 2 ? 1 : alpha})`;
        context.fillRect(x, 0, 5, 70 - x / 2);
      }
      return canvas;
    };
    globalThis.far = (a, b) => {
      let [most, low, high] = [0, Infinity, -Infinity];
      b.forEach((value, index) => {
        [low, high] = [Math.min(low, value), Math.max(high, value)];
        most = Math.max(most, Math.abs(value - a[index]));
      });
      return a.length === b.length && most === most ? most / (high - low) : NaN;
    };
  });
  return page;
}

function gpuTest(name, work) {
  test(name, (t) => (noGpu ? t.skip(noGpu) : work(t)));
}

gpuTest("every kind of source gets the CPU's answer, in a worker and in the page, transparent pictures too", async (t) => {
  const { rows, cost, copies } = await page.evaluate(async () => {
    const cpu = await tiny({ backend: "simd" });
    const rows = [];
    let cost;
    const { copyExternalImageToTexture } = GPUQueue.prototype;
    let copies = 0;
    GPUQueue.prototype.copyExternalImageToTexture = function (...picture) {
      copies += 1;
      return copyExternalImageToTexture.apply(this, picture);
    };
    for (const [worker, isGpu] of [
      [true, false],
      [false, false],
      [false, true],
    ]) {
      disguise(isGpu);
      const net = await tiny({ backend: "webgpu", worker });
      cost = net.info;
      for (const alpha of [1, 0.4]) {
        const canvas = picture(alpha);
        const { width, height } = canvas;
        const offscreen = new OffscreenCanvas(width, height);
        offscreen.getContext("2d").drawImage(canvas, 0, 0);
        const image = canvas.getContext("2d").getImageData(0, 0, width, height);
        const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
        const img = Object.assign(new Image(), { src: URL.createObjectURL(blob) });
        await img.decode();
        const video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream(30) });
        canvas.getContext("2d").drawImage(offscreen, 0, 0, 0.1, 0.1);
        await video.play();
        const sources = {
          canvas,
          OffscreenCanvas: offscreen,
          "<img>": img,
          "<video>": video,
          ImageBitmap: await createImageBitmap(canvas),
          VideoFrame: new VideoFrame(canvas, { timestamp: 0 }),
          Blob: blob,
          ImageData: image,
          Pixels: { data: image.data, width, height },
        };
        for (const [name, source] of Object.entries(sources)) {
          const options = { background: [200, 100, 0] };
          const [here, there] = [await net.logits(source, options), await cpu.logits(source, options)];
          const [a, b] = [await net.classify(source, { topK: 10 }), await cpu.classify(source, { topK: 10 })];
          const apart = a.labels.map(({ index, probability }) => Math.abs(probability - b.labels.find((l) => l.index === index).probability));
          rows.push({ name, worker, isGpu, alpha, logits: far(here, there), probability: Math.max(...apart), used: net.info.backend });
        }
        video.srcObject.getTracks()[0].stop();
      }
      net.dispose();
    }
    disguise(false);
    GPUQueue.prototype.copyExternalImageToTexture = copyExternalImageToTexture;
    cpu.dispose();
    return { rows, cost, copies };
  });
  const worst = (key) => rows.reduce((most, row) => (row[key] <= most[key] ? most : row));
  t.diagnostic(`${rows.length} sources; worst ${JSON.stringify(worst("logits"))}, ${JSON.stringify(worst("probability"))}`);
  assert.equal(rows.length, 54);
  // A GPU is asked twice for each picture; bytes are written, not copied.
  const copied = rows.filter(({ isGpu, name }) => isGpu && !["ImageData", "Pixels"].includes(name));
  assert.equal(copies, copied.length * 2);
  for (const row of rows) {
    assert.equal(row.used, "webgpu");
    assert.ok(row.logits <= LOGIT_TOLERANCE && row.probability <= PROBABILITY_TOLERANCE, JSON.stringify(row));
  }
  assert.ok(cost.gpu.readbackBytes <= 256 && cost.gpu.pipelines <= 14 && cost.gpu.dispatches <= 40, JSON.stringify(cost.gpu));
  assert.deepEqual(page.faults, []);
});

gpuTest("a frame of V2 1.0 takes few dispatches, pipelines and bytes", async (t) => {
  const gpu = await page.evaluate(async () => {
    const { MobileNet } = await import("/pkg/index.js");
    const net = await MobileNet.synthetic({ version: "v2" }, { backend: "webgpu" });
    net.dispose();
    return net.info.gpu;
  });
  t.diagnostic(JSON.stringify(gpu));
  assert.ok(gpu.readbackBytes <= 256, JSON.stringify(gpu));
  assert.ok(gpu.pipelines <= 14, JSON.stringify(gpu));
  // A software adapter runs step by step, an addition too, and leaves the frame to the CPU.
  assert.ok(gpu.dispatches <= 65, JSON.stringify(gpu));
});

gpuTest("a picture that the browser does not copy to its GPU is read instead", async () => {
  const found = await page.evaluate(async () => {
    const { copyExternalImageToTexture } = GPUQueue.prototype;
    disguise(true);
    const net = await tiny({ backend: "webgpu", worker: false });
    disguise(false);
    const right = await net.logits(picture());
    GPUQueue.prototype.copyExternalImageToTexture = () => {
      throw new DOMException("no", "OperationError");
    };
    try {
      return { apart: far(await net.logits(picture()), right), backend: net.info.backend };
    } finally {
      GPUQueue.prototype.copyExternalImageToTexture = copyExternalImageToTexture;
      net.dispose();
    }
  });
  assert.ok(found.apart <= LOGIT_TOLERANCE, JSON.stringify(found));
  assert.equal(found.backend, "webgpu");
});

gpuTest("a device that the page brings is used, and is the page's afterwards", async () => {
  const found = await page.evaluate(async () => {
    const device = await (await navigator.gpu.requestAdapter()).requestDevice();
    let lost = false;
    void device.lost.then(() => (lost = true));
    const gpu = navigator.gpu;
    const net = await tiny({ backend: "webgpu", worker: false, device });
    const cpu = await tiny({ backend: "simd", worker: false });
    const apart = far(await net.logits(picture()), await cpu.logits(picture()));
    await net.simulateDeviceLoss();
    const after = far(await net.logits(picture()), await cpu.logits(picture()));
    const { backend } = net.info;
    net.dispose();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const refused = await code(tiny({ backend: "webgpu", device }));
    const buffer = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST });
    device.destroy();
    return { apart, after, backend, lost, refused, size: buffer.size, same: navigator.gpu === gpu };
  });
  assert.ok(found.apart <= LOGIT_TOLERANCE && found.after <= LOGIT_TOLERANCE, JSON.stringify(found));
  assert.equal(found.lost, false);
  assert.ok(found.same);
  assertFails(found.refused, "bad_option", "worker");
});

describe("auto", () => {
  gpuTest("measures once, tells the figures, and remembers them", async (t) => {
    const own = await browser.newContext();
    const page = await fresh(own);
    const [first, second] = await page.evaluate(async () => {
      const infos = [];
      for (let visit = 0; visit < 2; visit += 1) {
        const net = await tiny({});
        const { backend, why, adapter, times } = net.info;
        infos.push({ backend, why, adapter, times, labels: (await net.classify(picture())).labels.length });
        net.dispose();
      }
      return infos;
    });
    t.diagnostic(JSON.stringify(first));
    for (const info of [first, second]) {
      assert.equal(info.labels, 5);
      assert.match(info.adapter, /swiftshader/i);
      assert.equal(info.backend, info.times.webgpu < info.times.simd ? "webgpu" : "simd");
    }
    assert.match(first.why, /^measured here and now: (simd|webgpu) [\d.]+ ms a frame, (simd|webgpu) [\d.]+ ms$/);
    assert.equal(second.why, first.why.replace("here and now", "on an earlier visit"));
    assert.deepEqual(second.times, first.times);
    await own.close();
  });

  test("goes to the CPU, and says why, where there is no WebGPU; by name it is refused", async () => {
    const plain = await launch();
    const page = await fresh(await plain.newContext());
    const found = await page.evaluate(async () => {
      Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
      const net = await tiny({ worker: false });
      const { backend, why, adapter, gpu } = net.info;
      const labels = (await net.classify(picture())).labels.length;
      const [, row] = await net.selfTest();
      return { backend, why, adapter, gpu, labels, row, refused: await code(tiny({ backend: "webgpu", worker: false })) };
    });
    const inWorker = await page.evaluate(() => code(tiny({ backend: "webgpu" })));
    await plain.close();
    assert.equal(found.backend, "simd");
    assert.match(found.why, /WebGPU adapter/);
    assert.deepEqual([found.adapter, found.gpu, found.labels], [null, null, 5]);
    assert.equal(found.row.backend, "webgpu");
    assert.match(found.row.failure, /WebGPU adapter/);
    assertFails(found.refused, "gpu_unavailable", "WebGPU adapter", "auto");
    // Chromium without flags may have an adapter in a worker, where the machine has one.
    assert.ok(["gpu_unavailable", "no error"].includes(inWorker.code), JSON.stringify(inWorker));
  });

  gpuTest("an adapter with the least limits computes right; one that is too small is named", async () => {
    const found = await page.evaluate(async () => {
      const { requestDevice } = GPUAdapter.prototype;
      const cpu = await tiny({ backend: "simd", worker: false });
      const expected = await cpu.logits(picture());
      // What every implementation must have, and nothing more.
      GPUAdapter.prototype.requestDevice = function () {
        return requestDevice.call(this);
      };
      const least = await tiny({ backend: "webgpu", worker: false });
      const apart = far(await least.logits(picture()), expected);
      least.dispose();
      const limits = Object.getOwnPropertyDescriptor(GPUDevice.prototype, "limits");
      Object.defineProperty(GPUDevice.prototype, "limits", {
        configurable: true,
        get() {
          const real = limits.get.call(this);
          const known = { maxStorageBufferBindingSize: 300_000, maxBufferSize: 300_000 };
          return new Proxy(real, { get: (_, key) => known[key] ?? real[key] });
        },
      });
      try {
        const small = await tiny({ worker: false });
        const { backend, why } = small.info;
        return { apart, backend, why, after: far(await small.logits(picture()), expected) };
      } finally {
        Object.defineProperty(GPUDevice.prototype, "limits", limits);
        GPUAdapter.prototype.requestDevice = requestDevice;
      }
    });
    assert.ok(found.apart <= LOGIT_TOLERANCE, JSON.stringify(found));
    assert.equal(found.backend, "simd");
    assert.match(found.why, /300000/);
    assert.equal(found.after, 0);
  });
});

describe("a GPU that answers wrongly is never used", () => {
  // Each spoils something of the browser's; `undo` is called afterwards.
  const FAULTS = {
    "a kernel that subtracts": () => {
      const { createShaderModule } = GPUDevice.prototype;
      GPUDevice.prototype.createShaderModule = function (descriptor) {
        const code = descriptor.label === "pointwise" ? descriptor.code.replaceAll("+= ", "-= ") : descriptor.code;
        return createShaderModule.call(this, { ...descriptor, code });
      };
      return () => (GPUDevice.prototype.createShaderModule = createShaderModule);
    },
    "weights that never arrive": () => {
      const { writeBuffer } = GPUQueue.prototype;
      GPUQueue.prototype.writeBuffer = function (buffer, ...rest) {
        return buffer.label === "weights" ? undefined : writeBuffer.call(this, buffer, ...rest);
      };
      return () => (GPUQueue.prototype.writeBuffer = writeBuffer);
    },
    "dispatches that do nothing": () => {
      const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
      GPUComputePassEncoder.prototype.dispatchWorkgroups = () => {};
      return () => (GPUComputePassEncoder.prototype.dispatchWorkgroups = dispatchWorkgroups);
    },
  };
  for (const [name, spoil] of Object.entries(FAULTS)) {
    gpuTest(name, async (t) => {
      const found = await page.evaluate(`(async () => {
        const undo = (${spoil})();
        try {
          const net = await tiny({ worker: false });
          const cpu = await tiny({ backend: "simd", worker: false });
          const { backend, why } = net.info;
          const [, row] = await net.selfTest();
          return { backend, why, row, apart: far(await net.logits(picture()), await cpu.logits(picture())),
            refused: await code(tiny({ backend: "webgpu", worker: false })) };
        } finally {
          undo();
        }
      })()`);
      t.diagnostic(found.why);
      assert.equal(found.backend, "simd");
      assert.match(found.why, /the answer that is stored with the small network|probabilities that are not numbers/);
      assert.equal(found.row.failure, found.why);
      assert.equal(found.apart, 0);
      assert.ok(["gpu_wrong", "gpu_failed"].includes(found.refused.code), JSON.stringify(found.refused));
    });
  }

  gpuTest("a shader that does not compile", async () => {
    const found = await page.evaluate(async () => {
      const { createShaderModule } = GPUDevice.prototype;
      GPUDevice.prototype.createShaderModule = function (descriptor) {
        return createShaderModule.call(this, { ...descriptor, code: `${descriptor.code}\nno wgsl` });
      };
      try {
        const net = await tiny({ worker: false });
        const { backend, why } = net.info;
        return { backend, why, labels: (await net.classify(picture())).labels.length };
      } finally {
        GPUDevice.prototype.createShaderModule = createShaderModule;
      }
    });
    assert.equal(found.backend, "simd");
    assert.equal(found.labels, 5);
    assert.match(found.why, /^gpu: expected a device that works, found/);
  });
});

gpuTest("what the small network does not meet is noticed before anybody gets an answer of it", async () => {
  const found = await page.evaluate(async () => {
    const { createBuffer } = GPUDevice.prototype;
    const cpu = await tiny({ backend: "simd", worker: false });
    const expected = await cpu.logits(picture());
    const answers = [];
    for (const backend of ["auto", "webgpu"]) {
      let spoilt = 0;
      // Too large a buffer for this browser, as it were.
      GPUDevice.prototype.createBuffer = function (descriptor) {
        const isLarge = descriptor.label === "weights" && descriptor.size > 500_000;
        spoilt += isLarge ? 1 : 0;
        return createBuffer.call(this, isLarge ? { ...descriptor, size: 2 ** 50 } : descriptor);
      };
      try {
        const net = await tiny({ backend, worker: false });
        const both = await Promise.all([net.logits(picture()), net.classify(picture())]);
        answers.push({ spoilt, apart: far(both[0], expected), labels: both[1].labels[0].probability, backend: net.info.backend, why: net.info.why });
        net.dispose();
      } catch ({ code }) {
        answers.push({ spoilt, code });
      }
      GPUDevice.prototype.createBuffer = createBuffer;
    }
    return answers;
  });
  const [auto, named] = found;
  assert.ok(auto.spoilt > 0 && named.spoilt > 0, JSON.stringify(found));
  assert.deepEqual([auto.apart, auto.backend], [0, "simd"], JSON.stringify(found));
  assert.match(auto.why, /^gpu: expected a device that works, found/);
  // Asked for by name, it may be refused at once, or the CPU answers.
  assert.ok(named.code ? /^gpu_/.test(named.code) : named.apart === 0 && named.backend === "simd", JSON.stringify(found));
});

gpuTest("selfTest tells error and time of each backend", async (t) => {
  const rows = await page.evaluate(async () => {
    const both = [];
    for (const backend of ["webgpu", "simd"]) {
      const net = await tiny({ backend, worker: backend === "webgpu" });
      both.push(await net.selfTest());
      if (net.info.backend !== backend) throw new Error(net.info.backend);
      await net.classify(picture());
      net.dispose();
    }
    return both;
  });
  t.diagnostic(JSON.stringify(rows[0]));
  for (const [cpu, gpu] of rows) {
    assert.deepEqual([cpu.backend, gpu.backend], ["simd", "webgpu"]);
    assert.deepEqual([cpu.failure, gpu.failure], [null, null]);
    for (const { error, ms } of [cpu, gpu]) {
      assert.ok(error < 1e-4 && ms > 0, JSON.stringify([cpu, gpu]));
    }
    assert.match(gpu.adapter, /swiftshader/i);
  }
  assert.deepEqual(page.faults, []);
});

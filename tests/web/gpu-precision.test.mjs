// Maps of 16 bits, which no adapter here has: that 32 bits take their place, also where an adapter only says that it can. What
// shaders make of 16 bits is tested natively (tests/gpu.rs, tests/golden_gpu.rs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { GPU_ARGS, visitBlank, withoutAdapter } from "./harness.mjs";

/** Of logits, as a share of their range: sums in another order. */
const LOGIT_TOLERANCE = 1e-4;

let page, close, noGpu;

before(async () => {
  ({ page, close } = await visitBlank({ args: GPU_ARGS }));
  noGpu = await withoutAdapter(page);
  await page.evaluate(() => {
    const NET = { version: "v1", multiplier: 0.25, inputWidth: 64, inputHeight: 48, classes: 10 };
    const data = Uint8Array.from({ length: 80 * 70 * 4 }, (_, index) => (index * 7) % 251);
    globalThis.tiny = async (options) => (await import("/pkg/index.js")).MobileNet.synthetic(NET, options);
    globalThis.logits = async (options) => {
      const net = await tiny({ worker: false, ...options });
      const values = Array.from(await net.logits({ data, width: 80, height: 70 }));
      net.dispose();
      return { values, backend: net.info.backend, precision: net.info.gpu?.precision };
    };
  });
});

after(() => close?.());

function gpuTest(name, work) {
  test(name, (t) => (noGpu ? t.skip(noGpu) : work(t)));
}

/** The CPU's logits, computed on a GPU with 32 bits. */
async function isOf32Bits(found) {
  const { values } = await page.evaluate(() => logits({ backend: "simd" }));
  assert.deepEqual([found.backend, found.precision], ["webgpu", "f32"]);
  const apart = Math.max(...values.map((value, index) => Math.abs(value - found.values[index])));
  assert.ok(apart <= LOGIT_TOLERANCE * (Math.max(...values) - Math.min(...values)), `${apart} apart`);
}

gpuTest("an adapter without 16 bits computes with 32", async () => {
  await isOf32Bits(await page.evaluate(() => logits({ backend: "webgpu", gpuPrecision: "f16" })));
});

gpuTest("an adapter that fails at 16 bits computes with 32", async () => {
  const { halves, ...found } = await page.evaluate(async () => {
    // One that says it could: its shaders do not compile.
    const [{ has }, { requestDevice }, { createShaderModule }] = [GPUSupportedFeatures, GPUAdapter, GPUDevice].map((it) => it.prototype);
    let halves = 0;
    GPUSupportedFeatures.prototype.has = function (name) {
      return name === "shader-f16" || has.call(this, name);
    };
    GPUAdapter.prototype.requestDevice = function ({ requiredFeatures, ...asked }) {
      return requestDevice.call(this, { ...asked, requiredFeatures: requiredFeatures.filter((name) => name !== "shader-f16") });
    };
    GPUDevice.prototype.createShaderModule = function (asked) {
      halves += Number(asked.code.includes("enable f16;"));
      return createShaderModule.call(this, asked);
    };
    try {
      return { ...(await logits({ backend: "webgpu", gpuPrecision: "f16" })), halves };
    } finally {
      Object.assign(GPUSupportedFeatures.prototype, { has });
      Object.assign(GPUAdapter.prototype, { requestDevice });
      Object.assign(GPUDevice.prototype, { createShaderModule });
    }
  });
  assert.ok(halves > 0, "shaders of 16 bits were tried");
  await isOf32Bits(found);
});

test("another precision is refused", async () => {
  const { code, message } = await page.evaluate(() => tiny({ gpuPrecision: "f64" }).catch(({ code, message }) => ({ code, message })));
  assert.equal(code, "bad_option");
  assert.match(message, /gpuPrecision.*"f32" or "f16".*f64/s);
});

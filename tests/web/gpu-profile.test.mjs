// Where a frame's time goes on the GPU, in the package and on the demo page; and maps that stay on the GPU. The CPU's are in
// profile.test.mjs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { GPU_ARGS, assertFails, disguisable, visitBlank, withoutAdapter } from "./harness.mjs";
import { PageDriver } from "./page-driver.mjs";

let server, browser, page, close, noGpu;

before(async () => {
  ({ server, browser, page, close } = await visitBlank({ args: GPU_ARGS }));
  noGpu = await withoutAdapter(page);
  await disguisable(page);
  await page.evaluate(() => {
    const NET = { version: "v3-small", inputWidth: 64, inputHeight: 64, classes: 10 };
    globalThis.small = async (options) => (await import("/pkg/index.js")).MobileNet.synthetic(NET, options);
    const data = Uint8Array.from({ length: 80 * 70 * 4 }, (_, index) => (index * 7) % 251);
    globalThis.frame = { data, width: 80, height: 70 };
  });
});

after(() => close?.());

function gpuTest(name, work) {
  test(name, (t) => (noGpu ? t.skip(noGpu) : work(t)));
}

for (const [isGpu, first] of [
  [true, ["frame_rows", "frame_columns", "stem"]],
  [false, ["stem"]],
]) {
  gpuTest(`profile has a row for each dispatch of a frame, ${isGpu ? "as on a real GPU" : "where the CPU reads frames"}`, (t) => rowsOf(t, isGpu, first));
}

async function rowsOf(t, isGpu, first) {
  const { rows, info } = await page.evaluate(async (isGpu) => {
    disguise(isGpu);
    const net = await small({ backend: "webgpu", worker: false });
    disguise(false);
    const rows = await net.profile(frame);
    net.dispose();
    return { rows, info: net.info };
  }, isGpu);
  t.diagnostic(JSON.stringify(rows.slice(0, 4)));
  assert.ok(info.gpu.timestamps);
  assert.equal(rows.length, info.gpu.dispatches);
  assert.deepEqual(rows.slice(0, first.length).map(({ kernel }) => kernel), first);
  assert.equal(rows.at(-1).kernel, "top_k");
  for (const row of rows) {
    const { layers, kernel, us, macs, gflops, bytes } = row;
    assert.ok(Array.isArray(layers) && kernel && us >= 0 && macs >= 0 && gflops >= 0 && bytes > 0, JSON.stringify(row));
  }
  assert.equal(rows.reduce((sum, { macs }) => sum + macs, 0), info.macs);
  assert.ok(rows.filter(({ layers }) => layers.length > 0).length >= rows.length - 3);
  assert.ok(rows.some(({ us, gflops }) => us > 0 && gflops > 0));
}

gpuTest("embed leaves a map on the GPU, four channels a vector", async () => {
  const found = await page.evaluate(async () => {
    const device = await (await navigator.gpu.requestAdapter()).requestDevice();
    const net = await small({ backend: "webgpu", worker: false, device });
    const name = net.info.endpoints.find(({ shape }) => shape.length === 3 && shape[2] % 4 === 0).name;
    const odd = "logits";
    const expected = await net.embed(frame, { endpoints: [name, odd] });
    const buffers = await net.embed(frame, { endpoints: [name, odd], as: "gpu-buffer" });
    const one = await net.embed(frame, { endpoint: odd, as: "gpu-buffer" });
    const read = async (buffer) => {
      const staging = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      return [...new Float32Array(staging.getMappedRange())];
    };
    const refused = [];
    refused.push(await code(net.embed(frame, { as: "gpu-buffer", normalize: true })), await code(net.embed(frame, { as: "tensor" })));
    net.dispose();
    // They outlive the network, whose own memory is freed.
    const maps = await Promise.all([...buffers, one].map(read));
    const inWorker = await small({ backend: "simd" });
    refused.push(await code(inWorker.embed(frame, { as: "gpu-buffer" })));
    const onCpu = await small({ backend: "simd", worker: false });
    const cpu = await code(onCpu.embed(frame, { as: "gpu-buffer" }));
    return {
      maps,
      expected: expected.map((vector) => [...vector]),
      isBuffer: buffers.every((buffer) => buffer instanceof GPUBuffer && buffer.usage & GPUBufferUsage.STORAGE),
      told: buffers.map(({ endpoint, shape }) => ({ endpoint, shape })),
      shapes: expected.map(({ endpoint, shape }) => ({ endpoint, shape })),
      refused,
      cpu,
    };
  });
  assert.ok(found.isBuffer);
  assert.deepEqual(found.told, found.shapes);
  assert.deepEqual(found.maps[0], found.expected[0]);
  // Ten classes take three vectors; the last two lanes are padding.
  assert.equal(found.maps[1].length, 12);
  assert.deepEqual(found.maps[1].slice(0, 10), found.expected[1]);
  assert.deepEqual(found.maps[2], found.maps[1]);
  for (const each of found.refused) {
    assertFails(each, "bad_option", "as");
  }
  assertFails(found.cpu, "gpu_unavailable", "gpu-buffer");
  assert.deepEqual(page.faults, []);
});

gpuTest("the demo shows a frame's dispatches as a bar and a table, by keyboard too, where a GPU runs the network", async () => {
  const context = await browser.newContext();
  const demo = new PageDriver(await context.newPage());
  // By itself it would take the CPU, which is faster than a GPU that is one.
  await demo.page.route("**/model.js", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replaceAll("integrity:", 'backend: "webgpu", integrity:') });
  });
  await demo.page.goto(server.site);
  const { page } = demo;
  await page.locator("#flame-measure").click();
  const segments = page.locator("#flame-bar button");
  await segments.nth(50).waitFor({ state: "attached" });
  const count = await segments.count();
  assert.match(await page.locator("#flame-text").textContent(), new RegExp(`^${count} dispatches, [\\d.]+ .?s together`));
  await page.locator("#flame-measure").focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.at), "2");
  assert.equal(await page.locator("#flame-text").textContent(), await page.evaluate(() => document.activeElement.getAttribute("aria-label")));
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#flame-rows tr:visible").count(), count);
  assert.match(await page.locator("#card").innerText(), /webgpu \(asked for\)/i);
  await demo.checkAxe();
  assert.deepEqual(demo.problems, []);
  await demo.close();
});

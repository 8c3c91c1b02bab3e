// Where a frame's time goes on the CPU, in the package and on the demo page.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertFails, fixtures, visitBlank } from "./harness.mjs";
import { PageDriver } from "./page-driver.mjs";

let server, browser, page, close;

before(async () => {
  ({ server, browser, page, close } = await visitBlank());
  await page.evaluate(() => {
    globalThis.synthetic = async (network, options) => (await import("/pkg/index.js")).MobileNet.synthetic(network, options);
    const data = Uint8Array.from({ length: 80 * 70 * 4 }, (_, index) => (index * 7) % 251);
    globalThis.frame = { data, width: 80, height: 70 };
    /** A network's rows, and its answers before and after, as bytes. */
    globalThis.profiled = async (net) => {
      const answer = async () => [...new Uint8Array((await net.embed(frame, { endpoint: "predictions" })).buffer)];
      const before = await answer();
      const rows = await net.profile(frame);
      const [after, { info }] = [await answer(), net];
      net.dispose();
      return { before, rows, after, info };
    };
  });
});

after(() => close?.());

/** Rows as the plan has steps, with times that fit together. */
function check({ before, rows, after, info }) {
  // The plan's first line counts, its second is the input, its last the output.
  const steps = info.plan.trim().split("\n").slice(2, -1).map((line) => line.split(/\s+/));
  assert.deepEqual(rows.map(({ layers }) => layers), steps.map(([name]) => [name]));
  for (const [at, row] of rows.entries()) {
    const { kernel, us, macs, gflops, bytes } = row;
    assert.ok(steps[at].includes(kernel) && us > 0 && Number.isFinite(us) && bytes > 0, JSON.stringify(row));
    assert.ok(Math.abs(gflops - (macs * 2) / us / 1e3) <= gflops * 1e-9, JSON.stringify(row));
  }
  assert.equal(rows.reduce((sum, { macs }) => sum + macs, 0), info.macs);
  assert.deepEqual(after, before);
}

for (const version of ["v1", "v2", "v3-small"]) {
  for (const worker of [true, false]) {
    test(`${version}: a row for each step of the plan${worker ? "" : ", without a worker"}; answers stay the same`, async (t) => {
      const network = { version, inputWidth: 64, inputHeight: 64, classes: 10 };
      const found = await page.evaluate(
        async ([network, worker]) => profiled(await synthetic(network, { backend: "simd", worker })),
        [network, worker],
      );
      check(found);
      const longest = found.rows.toSorted((a, b) => b.us - a.us)[0];
      t.diagnostic(JSON.stringify(longest));
    });
  }
}

test("a network in integers has its own kernels' times", { skip: fixtures().skip }, async () => {
  const found = await page.evaluate(async () =>
    profiled(await load("/fixtures/weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite", { backend: "simd" })),
  );
  assert.ok(found.rows.some(({ kernel }) => kernel === "integer_pointwise"));
  check(found);
});

test("what cannot run cannot be timed", async () => {
  const found = await page.evaluate(async () => {
    const net = await synthetic({ version: "v1", inputWidth: 64, inputHeight: 64 }, { backend: "simd" });
    const wrong = await code(net.profile({ ...frame, width: 81 }));
    const options = await code(net.profile(frame, { resize: "none" }));
    net.dispose();
    return { wrong, options, gone: await code(net.profile(frame)) };
  });
  assert.match(found.wrong.code, /^source_/);
  assert.match(found.options.code, /^source_/);
  assertFails(found.gone, "disposed", "disposed of");
  assert.deepEqual(page.faults, []);
});

test("the demo shows a frame's steps as a bar and a table, by keyboard too", async () => {
  const demo = await PageDriver.open(browser, server.site);
  const { page } = demo;
  await page.locator("#card", { hasText: "Multiply" }).waitFor();
  const button = page.locator("#flame-measure");
  await button.focus();
  await page.keyboard.press("Enter");
  const segments = page.locator("#flame-bar button");
  await segments.first().waitFor();
  const count = await segments.count();
  assert.match(await page.locator("#flame-text").textContent(), new RegExp(`^${count} steps on the CPU, [\\d.]+ .?s together`));
  await button.focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("End");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.at), String(count - 1));
  assert.match(await page.locator("#flame-text").textContent(), /^predictions: softmax, /);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#flame-rows tr:visible").count(), count);
  await demo.checkAxe();
  assert.deepEqual(demo.problems, []);
  await demo.close();
});

// The page of speed: what it measures and shows, by keyboard, on a phone, and without a network.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { GPU_ARGS, visit, visitBlank, withoutAdapter } from "./harness.mjs";
import { PageDriver, openSite } from "./page-driver.mjs";
import { proxy } from "./site-proxy.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const TITLES = ["V2 1.0, 224 px", "V1 1.0, 224 px", "V3 Small 1.0, 224 px", "V1 0.25, 128 px"];
const SMALL = TITLES.slice(2);

let site, browser, close;
before(async () => {
  ({ server: site, browser, close } = await visit({}, openSite));
});
after(() => close?.());

async function onPage(body, { url = site.url, ...options } = {}) {
  const demo = await PageDriver.open(browser, new URL("bench.html", url).href, options);
  try {
    await demo.page.locator("#networks input").nth(3).waitFor();
    await body(demo.page, demo);
    assert.deepEqual(demo.problems, []);
  } finally {
    await demo.close();
  }
}

async function choose(page, titles) {
  for (const title of TITLES) await page.getByLabel(title, { exact: true }).setChecked(titles.includes(title));
}

/** What was written, where SCREENSHOTS names a folder for pictures. */
async function picture(page, name) {
  if (!process.env.SCREENSHOTS) return;
  await mkdir(process.env.SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true });
}

test("networks are measured by keyboard: a table of frames, and a bar with its table for each", () =>
  onPage(async (page, demo) => {
    await choose(page, SMALL);
    await page.locator("#measure").focus();
    await page.keyboard.press("Enter");
    await page.locator("#cancel:focus").waitFor();
    await page.locator("#status", { hasText: "2 of 2 measured." }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "measure");
    assert.equal(await page.locator("#announcement").textContent(), "2 of 2 measured.");

    const rows = await page.locator("#rows tr").evaluateAll((all) => all.map((row) => [...row.cells].map(({ textContent }) => textContent)));
    assert.deepEqual(rows.map(([title]) => title), SMALL);
    for (const [, place, ms, rate, gflops, ofPeak] of rows) {
      assert.match(place, /^CPU, (simd128|relaxed-simd), \d+ threads?$/);
      const [, median, low, high] = /^([\d.]+) \[([\d.]+)–([\d.]+)\]$/.exec(ms).map(Number);
      assert.ok(0 < low && low <= median && median <= high, ms);
      assert.ok(Math.abs(Number(rate) * median - 1000) < 20, `${rate} frames/s of ${median} ms`);
      assert.ok(Number(gflops) > 0 && parseFloat(ofPeak) > 0, `${gflops}, ${ofPeak}`);
    }
    assert.match(await page.locator("#machine").textContent(), /; \d+ logical processors; isolated$/);

    const panels = page.locator("#results section");
    assert.equal(await panels.count(), 2);
    const first = panels.first();
    assert.match(await first.locator("h2").textContent(), /^V3 Small 1\.0, 224 px: CPU/);
    assert.match(await first.locator(".figure").textContent(), /ms a frame\. Pointwise layers come to [\d.]+ % of this device’s [\d.]+ GFLOP\/s \(f32 /);
    const count = await first.locator(".flame button").count();
    assert.match(await first.locator(".text").textContent(), new RegExp(`^${count} steps on the CPU, [\\d.]+ .?s together`));
    await first.locator(".flame button").first().focus();
    await page.keyboard.press("ArrowRight");
    assert.match(await first.locator(".text").textContent(), /^layer_2\/depthwise: depthwise, [\d.]+ .?s, [\d.]+ %$/);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await first.locator("tbody tr:visible").count(), count);
    await demo.checkAxe();
    await picture(page, "bench-desktop");
  }));

test("figures are copied as Markdown, or shown to be copied where the clipboard is refused", () =>
  onPage(async (page) => {
    await choose(page, SMALL.slice(1));
    await page.locator("#measure").click();
    await page.locator("#status", { hasText: "1 of 1 measured." }).waitFor();
    await page.evaluate(() => {
      navigator.clipboard.writeText = async (text) => void (globalThis.copied = text);
    });
    await page.locator("#copy").click();
    await page.getByText("Copied", { exact: true }).first().waitFor();
    const lines = (await page.evaluate(() => copied)).split("\n");
    assert.ok(lines.includes("| Network | Runs on | ms a frame | frames/s | GFLOP/s | Pointwise, of the peak |"));
    assert.equal(lines.filter((line) => line.startsWith("| V1 0.25, 128 px | CPU")).length, 1);
    assert.ok(lines.some((line) => line.startsWith("### V1 0.25, 128 px: CPU")));
    assert.equal(lines.filter((line) => line.startsWith("| Conv2d_")).length, 27);
    assert.ok(await page.locator("#markdown").isHidden());
    await page.evaluate(() => {
      navigator.clipboard.writeText = async () => Promise.reject(new Error("refused"));
    });
    await page.locator("#copy").click();
    await page.locator("#markdown").waitFor();
    assert.equal(await page.evaluate(() => String(getSelection()).split("\n")[0]), lines[0]);
  }));

test("measuring can be cancelled; nothing chosen is nothing to measure", () =>
  onPage(async (page) => {
    await choose(page, []);
    assert.ok(await page.locator("#measure").isDisabled());
    await choose(page, TITLES);
    await page.locator("#measure").click();
    await page.locator("#cancel").click();
    await page.locator("#status", { hasText: /^\d of 4 measured\.$|^0 of 0 measured\.$/ }).waitFor();
    assert.ok(await page.locator("#measure").isVisible());
    assert.ok(await page.locator("#error").isHidden());
  }));

test("on a phone nothing is wider than the window, and the page works without a network", async () => {
  const server = await proxy(site.url);
  const demo = await PageDriver.open(browser, server.url, PHONE);
  try {
    await demo.readyOffline();
    await server.stop();
    await demo.page.context().setOffline(true);
    const { page } = demo;
    await page.goto(new URL("bench.html", server.url).href);
    await choose(page, SMALL.slice(1));
    await page.locator("#measure").tap();
    await page.locator("#status", { hasText: "1 of 1 measured." }).waitFor();
    await page.locator("#results summary").tap();
    assert.equal(await page.locator("#results tbody tr:visible").count(), 30);
    const [width, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(width <= window, `${width} px in a window of ${window} px`);
    await demo.checkAxe();
    await picture(page, "bench-phone");
    assert.deepEqual(demo.problems, []);
  } finally {
    await demo.close();
    await server.stop();
  }
});

test("where there is a GPU it is measured too", async (t) => {
  const visited = await visitBlank({ args: GPU_ARGS });
  try {
    const reason = await withoutAdapter(visited.page);
    if (reason) return t.skip(reason);
    const demo = await PageDriver.open(visited.browser, new URL("bench.html", visited.server.site).href);
    await choose(demo.page, SMALL.slice(1));
    await demo.page.locator("#measure").click();
    await demo.page.locator("#status", { hasText: "2 of 2 measured." }).waitFor();
    assert.deepEqual(await demo.page.locator("#rows td:nth-child(2)").allTextContents().then((all) => all.map((place) => place.slice(0, 3))), ["CPU", "GPU"]);
    assert.match(await demo.page.locator("#machine").textContent(), /GPU: /);
    assert.match(await demo.page.locator("#results .text").last().textContent(), /^\d+ dispatches, /);
    assert.deepEqual(demo.problems, []);
  } finally {
    await visited.close();
  }
});

test("a network that does not run there has its reason in the table", async () => {
  const context = await browser.newContext();
  const demo = new PageDriver(await context.newPage());
  await demo.page.route("**/mobilenet_web_bg.wasm", (route) => route.fulfill({ status: 500, body: "" }));
  await demo.page.goto(new URL("bench.html", site.url).href);
  await choose(demo.page, SMALL.slice(1));
  await demo.page.locator("#measure").click();
  await demo.page.locator("#rows td", { hasText: "status 500" }).waitFor();
  assert.equal(await demo.page.locator("#results section").count(), 0);
  await demo.close();
});

// The demo page saves the model in use as safetensors: any model, in any precision, without a byte leaving the page.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { engines, fixtures, launch, serve } from "./harness.mjs";
import { PageDriver } from "./page-driver.mjs";

const TFLITE = "fixtures/weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite";
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
/** Where pictures of the page go, for people to look at. */
const PICTURES = process.env.SCREENSHOTS;

const { skip } = fixtures();

describe("saving the model in use", () => {
  let server;
  let browser;

  before(async () => {
    server = await serve();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    server?.close();
  });

  async function onPage(options, body) {
    const context = await browser.newContext({ acceptDownloads: true, ...options });
    const demo = new PageDriver(await context.newPage());
    const sent = [];
    demo.page.on("request", (request) => sent.push([request.method(), new URL(request.url()).origin]));
    try {
      await demo.page.goto(server.site);
      await demo.page.locator("#save").waitFor();
      await body(demo, demo.page);
      assert.deepEqual(demo.problems, []);
      const own = (origin) => ["null", new URL(server.site).origin].includes(origin);
      assert.deepEqual(sent.filter(([method, origin]) => method !== "GET" || !own(origin)), [], "nothing leaves the page");
    } finally {
      await context.close();
    }
  }

  /** Chooses a precision and saves: the file's name, its bytes, and what the page says. */
  async function save(page, precision, press = () => page.locator("#save-button").click()) {
    await page.locator("#save-precision").selectOption(precision);
    const waiting = page.waitForEvent("download");
    await press();
    const download = await waiting;
    await page.locator("#save-status", { hasText: "Saved" }).waitFor();
    const status = await page.locator("#save-status").innerText();
    return { name: download.suggestedFilename(), buffer: await readFile(await download.path()), status };
  }

  test("the page's own V2 by keyboard, in each precision; the sizes are those announced", () =>
    onPage({}, async (demo, page) => {
      const options = await page.locator("#save-precision option").allInnerTexts();
      assert.equal(options[0], "Weights as in its file");
      assert.deepEqual(options.slice(1).map((text) => text.replace(/, about [\d.]+ MB$/, "")), ["32 bits a weight", "16 bits a weight", "8 bits a weight"]);
      const sizes = [];
      for (const [index, precision] of ["f32", "f16", "int8"].entries()) {
        const press = async () => {
          await page.locator("#save-precision").focus();
          await page.keyboard.press("Tab");
          assert.equal(await page.evaluate(() => document.activeElement.id), "save-button");
          await page.keyboard.press("Enter");
        };
        const { name, buffer, status } = await save(page, precision, press);
        assert.equal(name, `mobilenet_v2_1.0_224.${precision}.safetensors`);
        assert.equal(status, `Saved ${name}, ${(buffer.length / 1e6).toFixed(1)} MB.`);
        const [, announced] = /about ([\d.]+) MB/.exec(options[index + 1]);
        assert.ok(Math.abs(buffer.length / 1e6 / Number(announced) - 1) < 0.08, `${buffer.length} bytes for about ${announced} MB`);
        sizes.push(buffer.length);
      }
      assert.ok(sizes[1] < 0.55 * sizes[0] && sizes[2] < 0.28 * sizes[0], `${sizes}`);
    }));

  test("a file that was dropped is used at once, saved, and dropped again with the same labels", { skip }, () =>
    onPage(PHONE, async (demo, page) => {
      const [sample] = await demo.samples();
      const open = async (file) => {
        const title = file.name;
        await page.locator("#weights-file").setInputFiles(file);
        await page.locator(`#card[data-weights=${JSON.stringify(title)}]`).waitFor();
        return (await demo.chooseSample(sample.file)).labels;
      };
      const original = await demo.download(TFLITE);
      const labels = await open(original);
      const { name, buffer } = await save(page, "kept");
      assert.equal(name, "mobilenet_v1_0.25_224_quant.safetensors");
      assert.ok(buffer.length < original.buffer.length * 1.05, "its integers are still integers");
      assert.deepEqual(await open({ name, mimeType: "application/octet-stream", buffer }), labels);

      await page.locator("#save").scrollIntoViewIfNeeded();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.ok(!wide, "a phone need not scroll sideways");
      const { width, height } = await page.locator("#save-button").boundingBox();
      assert.ok(height >= 44 && width >= 44, "large enough for a finger");
      if (PICTURES) await page.locator("#save").screenshot({ path: join(PICTURES, "save-phone.png") });
      await demo.checkAxe();
    }));

  test("a source that is gone says so, and the model works on", { skip }, () =>
    onPage({}, async (demo, page) => {
      const url = new URL(TFLITE, server.site).href;
      await page.locator("#weights-url").fill(url);
      await page.locator("#weights-form").getByRole("button", { name: "Load" }).click();
      await page.locator('#card[data-weights="mobilenet_v1_0.25_224_quant.tflite"]').waitFor();
      await page.route(url, (route) => route.fulfill({ status: 404 }));
      await page.locator("#save-button").click();
      await page.locator("#save-error code", { hasText: "http_status" }).waitFor();
      assert.equal(await page.locator("#save-button").innerText(), "Save as safetensors");
      demo.problems.length = 0;
      const [sample] = await demo.samples();
      assert.equal((await demo.chooseSample(sample.file)).labels.length, 5);
    }));

  test("a conversion can be given up", () =>
    onPage({}, async (demo, page) => {
      // Held up, so that there is time.
      await page.context().route("**/importer/*.wasm", async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 1500));
        await route.continue().catch(() => {});
      });
      await page.locator("#save-button").click();
      await page.locator("#save-button", { hasText: "Cancel" }).click();
      await page.locator("#save-button", { hasText: "Save as safetensors" }).waitFor();
      assert.ok(await page.locator("#save-status").isHidden());
      while (engines(page).length > 1) await page.waitForTimeout(50);
    }));
});

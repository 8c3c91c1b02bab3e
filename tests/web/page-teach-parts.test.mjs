// The page of training with a stand-in for the package: what a real training shows too rarely, too slowly or not at will.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { visit } from "./harness.mjs";
import { PageDriver, cards, openSite } from "./page-driver.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

let site, browser, close, double;
before(async () => {
  double = await readFile(new URL("./trainer-double.js", import.meta.url), "utf8");
  ({ server: site, browser, close } = await visit({ args: ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"] }, openSite));
});
after(() => close?.());

/** Runs `body` on the page, whose package is the double that `said` describes; the console must be silent. */
async function onPage(body, { said = {}, pictures = true, ...options } = {}) {
  const context = await browser.newContext({ serviceWorkers: "block", ...options });
  const demo = new PageDriver(await context.newPage());
  const { page } = demo;
  try {
    await context.addInitScript((said) => (globalThis.double = said), said);
    await page.route("**/pkg/index.js", async (route) => route.fulfill({ response: await route.fetch(), body: double }));
    await page.goto(new URL("teach.html", site.url).href);
    await page.locator(".class").nth(1).waitFor();
    if (pictures) {
      await page.locator("#samples").click();
      await page.locator("#intake-status", { hasText: "64 pictures added." }).waitFor();
    }
    await body(page, demo);
    assert.deepEqual(demo.problems, []);
  } finally {
    await context.close();
  }
}

async function picture(page, name) {
  if (!process.env.SCREENSHOTS) return;
  await mkdir(process.env.SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true });
}

const texts = (locator) => locator.allTextContents();

/** Whether a canvas below `selector` has something drawn on it. */
const isDrawn = (page, selector) =>
  page.locator(`${selector} canvas`).first().evaluate((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0));

test("curves grow while it trains, with fine-tuning's start in words; the table has every epoch", () =>
  onPage(async (page, demo) => {
    await page.locator("#options summary").click();
    await page.getByLabel("Epochs", { exact: true }).fill("6");
    await page.locator("[name=fineTuneFrom]").selectOption({ label: "layer 18, the last" });
    await page.getByLabel("Epochs of it").fill("3");
    await page.evaluate(() => {
      const status = document.querySelector("#train-status");
      const region = document.querySelector("#announcement");
      [double.said, double.spoken] = [[], []];
      new MutationObserver(() => double.said.push(status.textContent)).observe(status, { childList: true });
      new MutationObserver(() => double.spoken.push(region.textContent)).observe(region, { childList: true });
    });
    await page.locator("#train").click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "stop");
    await page.locator("#curve-loss .uplot").waitFor();
    await page.locator("#epochs-rows tr").nth(1).waitFor({ state: "attached" });
    assert.ok(await page.locator("#stop").isVisible(), "curves are there before the end");
    await page.locator("#verdict", { hasText: "came out right after epoch 9, which is kept. 1.2 s." }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "train");
    assert.equal(await page.locator("#train").textContent(), "Train again");

    const said = (await page.evaluate(() => double.said)).filter((text) => text.includes(" of 9"));
    assert.equal(said.length, 9);
    assert.match(said[0], /^Epoch 1 of 9: [\d.]+.% of the held-out pictures right$/);
    assert.match(said[6], /^Fine-tuning, epoch 7 of 9: /);

    const spoken = await page.evaluate(() => double.spoken);
    assert.deepEqual(spoken.map((text) => text.slice(0, 18)), ["Training has begun", "Training has ended"], "nine epochs in four seconds are not read out");

    const rows = await page.locator("#epochs-rows tr").evaluateAll((all) => all.map((row) => [...row.cells].map(({ textContent }) => textContent)));
    assert.deepEqual(rows.map(([epoch]) => Number(epoch)), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(rows.map(([, trains]) => trains), [...Array(6).fill("the head"), ...Array(3).fill("the network too")]);
    assert.match(rows[0].slice(2).join(" "), /^60.% [\d.]+.% 1\.20 1\.38$/);
    assert.ok(await page.locator("#epochs-rows tr").last().evaluate((row) => row.classList.contains("best")));
    assert.equal(await page.locator("#save-format").inputValue(), "network", "a head by itself would not do");
    for (const id of ["curve-accuracy", "curve-loss"]) {
      await page.locator(`#${id} .uplot`).waitFor();
      assert.ok(await isDrawn(page, `#${id}`));
      assert.match(await page.locator(`#${id} .readout`).textContent(), /^Epoch 9: training .+, held out .+$/);
    }
    // The pointer reads another epoch off.
    const box = await page.locator("#curve-loss .u-over").boundingBox();
    await page.locator("#curve-loss .u-over").hover({ position: { x: 2, y: box.height / 2 } });
    await page.locator("#curve-loss .readout", { hasText: "Epoch 1: training 1.20, held out 1.38" }).waitFor();
    await page.locator("#epochs-details summary").click();
    await page.locator("#options summary").click();
    await demo.checkAxe();
    await picture(page, "teach-curves");
  }, { said: { epochMs: 400 } }));

test("a cell of the matrix opens its pictures; one is moved, one deleted and put back, by keyboard", () =>
  onPage(async (page, demo) => {
    await page.locator("#train").click();
    await page.locator("#confusion button").first().waitFor();
    const [first, second] = await texts(page.locator("#confusion thead th"));
    assert.equal(await page.locator("#confusion tbody tr").count(), 4);
    assert.match(await page.locator("#mistakes-text").textContent(), /^Of 64 pictures held out from training, 52 came out right \(81.3.%\)\./);
    assert.deepEqual((await texts(page.locator("#per-class tbody tr").first().locator("td"))).map((text) => text.replace("\u00a0", " ")), ["16", "81.3 %", "81.3 %"]);

    const cell = page.getByRole("button", { name: `${first}, taken for ${second}: 3 pictures` });
    await cell.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("heading", { name: `${first}, taken for ${second}` }).waitFor();
    assert.equal(await dialog.locator("li").count(), 3);
    await page.locator('#gallery-grid canvas[data-state="drawn"]').nth(2).waitFor();
    await demo.checkAxe();
    await dialog.getByLabel("Class of picture 1").selectOption(second);
    await page.waitForFunction((second) => double.trainer.samples.filter(({ label }) => label === second).length === 17, second);
    const remove = dialog.getByRole("button", { name: "Delete picture 2" });
    await remove.focus();
    await page.keyboard.press("Enter");
    const restore = dialog.getByRole("button", { name: "Put picture 2 back" });
    await restore.waitFor();
    assert.deepEqual((await cards(page)).map(([, count]) => count), [14, 17, 16, 16]);
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Delete picture 2" }).waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assert.deepEqual((await cards(page)).map(([, count]) => count), [15, 17, 16, 16]);
    await page.locator("#train-status", { hasText: "The pictures have changed since it was trained." }).waitFor();
  }));

test("doubtful pictures are mended by one click each, and bursts of likenesses come as one row", () =>
  onPage(async (page, demo) => {
    await page.evaluate(() => {
      const { samples, classes } = double.trainer;
      const [a, b, c, d, e, f] = samples.map(({ id }) => id);
      double.findings = {
        mislabelled: [a, b].map((id) => ({ id, label: classes[0], looksLike: classes[1], suspicion: 0.8 })),
        duplicates: [[c, d], [d, e], [samples[20].id, samples[21].id]].map((ids) => ({ ids, similarity: 0.999 })),
      };
      double.ids = [a, b, c, d, e, f];
    });
    await page.locator("#train").click();
    const [first, second] = await page.evaluate(() => double.trainer.classes);
    const doubts = page.locator("#mislabelled li");
    await doubts.nth(1).waitFor();
    assert.deepEqual(await texts(page.locator("#mislabelled .doubt-text")), Array(2).fill(`In ${first}, looks like ${second}`));
    assert.deepEqual(await texts(page.locator("#duplicates .doubt-text")), [`3 pictures of ${first}`, `2 pictures of ${second}`]);
    await demo.checkAxe();
    await picture(page, "teach-doubts");
    const labelOf = (at) => page.evaluate((at) => double.trainer.samples.find(({ id }) => id === double.ids[at])?.label, at);
    await doubts.first().getByRole("button", { name: `Move to ${second}` }).click();
    await page.waitForFunction(() => document.querySelectorAll("#mislabelled li").length === 1);
    assert.equal(await labelOf(0), second);
    await doubts.first().getByRole("button", { name: "Leave it" }).click();
    await page.locator("#mislabelled").waitFor({ state: "hidden" });
    assert.equal(await labelOf(1), first);
    await page.getByRole("button", { name: "Keep one of each" }).click();
    await page.locator("#duplicates").waitFor({ state: "hidden" });
    assert.deepEqual(await Promise.all([2, 3, 4].map(labelOf)), [first, undefined, undefined]);
    assert.equal(await page.evaluate(() => double.trainer.samples.length), 61);
    await page.locator("#undo", { hasText: "3 pictures deleted." }).waitFor();
    await demo.checkAxe();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.waitForFunction(() => double.trainer.samples.length === 64);
    await page.locator(".tile").first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Delete");
    await page.locator("#undo", { hasText: "Picture deleted." }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.closest(".class").dataset.name), first);
    assert.equal(await page.evaluate(() => double.trainer.samples.length), 63);
  }));

test("nine variations of a picture show what the sliders do", () =>
  onPage(async (page) => {
    await page.locator("#options summary").click();
    assert.ok(await page.locator("#nine").isHidden());
    await page.getByRole("button", { name: "The usual recipe" }).click();
    await page.locator("#nine-grid canvas").nth(8).waitFor();
    assert.deepEqual(await texts(page.locator(".sliders output")), ["up to 18°", "up to 10 %", "up to 10 %", "up to 10 %", "up to 10 %"]);
    assert.ok(await isDrawn(page, "#nine-grid"));
    await page.getByLabel("Method").selectOption("ridge");
    assert.ok(await page.locator("#augment").isHidden());
    await page.locator("#train").click();
    await page.locator("#verdict", { hasText: /Each picture judged by all the others: 97.5.% right/ }).waitFor();
    assert.ok(await page.locator("#curves").isHidden());
  }));

test("what goes wrong is said in words, where it went wrong, and nothing is lost by it", () =>
  onPage(async (page, demo) => {
    const fail = (method, error) => page.evaluate(([method, error]) => (double.failing[method] = error), [method, error]);
    await fail("fit", { code: "training_diverged", message: "Trainer.fit: epoch 2, batch 3: the loss is not a number. Take a smaller learning rate." });
    await page.locator("#train").click();
    await page.locator("#train-error", { hasText: "smaller learning rate. training_diverged" }).waitFor();
    assert.ok(await page.locator("#train").isEnabled());
    await fail("fit", null);
    await page.locator("#options summary").click();
    await page.getByLabel("Epochs", { exact: true }).fill("0");
    await page.locator("#options summary").click();
    await page.locator("#train").click();
    assert.ok(await page.getByLabel("Epochs", { exact: true }).isVisible(), "the field that is wrong comes into view");
    await page.getByLabel("Epochs", { exact: true }).fill("3");

    const [first] = await page.evaluate(() => double.trainer.classes);
    await page.locator(".class input[type=file]").first().setInputFiles([
      { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") },
      { name: "a.png", mimeType: "image/png", buffer: await page.locator("#stage").screenshot() },
    ]);
    await page.locator("#skipped summary", { hasText: "1 file left out" }).click();
    assert.equal(await page.locator("#skipped-rows tr").textContent(), "notes.txtnotes.txt: no picture");
    assert.deepEqual((await cards(page))[0], [first, 17]);

    await page.locator(".class-name").first().fill((await cards(page))[1][0]);
    await page.keyboard.press("Enter");
    await page.locator("#examples-error", { hasText: "There is a class “" }).waitFor();
    assert.equal(await page.locator(".class-name").first().inputValue(), first);

    await fail("load-head", { code: "wrong_backbone", message: "head.safetensors: made for another network." });
    await page.locator("#load").setInputFiles({ name: "head.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from("x") });
    await page.locator("#keep-error", { hasText: "made for another network. wrong_backbone" }).waitFor();
    await fail("load-head", null);
    await page.locator("#load").setInputFiles({ name: "head.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from("x") });
    await page.locator("#keep-status", { hasText: "Opened head.safetensors." }).waitFor();
    assert.deepEqual((await cards(page)).slice(0, 3), [["apple", 0], ["pear", 0], [first, 17]], "pictures and classes that the head does not know stay");
    await demo.checkAxe();
    await picture(page, "teach-errors");
  }));

test("pictures that the browser has no room for stay, and the page says that they will be gone", () =>
  onPage(async (page) => {
    await page.evaluate(() => {
      double.failing.add = { code: "store_full", message: "no room" };
      double.trainer.storeError = new Error("no room");
    });
    await page.locator("#camera").click();
    await page.locator("#preview").waitFor();
    await page.waitForFunction(() => document.querySelector("#preview").readyState >= 2);
    await page.keyboard.down("1");
    await page.waitForFunction(() => double.trainer.samples.length > 64);
    await page.keyboard.up("1");
    await page.locator("#unstored", { hasText: /will be gone when you leave/ }).waitFor();
    assert.ok(await page.locator("#examples-error").isHidden());
  }));

test("ten thousand pictures are counted, not drawn; classes are removed after a question", () =>
  onPage(
    async (page) => {
      await page.evaluate(async () => {
        const canvas = new OffscreenCanvas(8, 8);
        canvas.getContext("2d").fillRect(0, 0, 4, 4);
        const blob = await canvas.convertToBlob();
        for (let at = 0; at < 10_000; at++) await double.trainer.add(blob, at % 2 ? "Class 2" : "Class 1", { origin: `${at}.png` });
      });
      await page.locator("#class-name").fill("Class 3");
      await page.keyboard.press("Enter");
      await page.locator("#picture-count", { hasText: "10,000 pictures" }).waitFor();
      assert.ok((await page.locator(".tile").count()) <= 48);
      await page.locator(".all").first().click();
      assert.equal(await page.locator("#gallery li").count(), 60);
      await page.getByRole("button", { name: "Show more of 4,940 pictures" }).click();
      assert.equal(await page.locator("#gallery li").count(), 120);
      await page.getByRole("button", { name: "Close" }).click();

      await page.getByRole("button", { name: "Remove class Class 2" }).click();
      await page.locator("#asking", { hasText: "Delete class Class 2 and its 5,000 pictures?" }).waitFor();
      await page.getByRole("button", { name: "Keep" }).click();
      assert.equal((await cards(page)).length, 3);
      await page.getByRole("button", { name: "Remove class Class 2" }).click();
      await page.locator("#asking-yes").click();
      await page.waitForFunction(() => document.querySelectorAll(".class").length === 2);
      await page.locator("#picture-count", { hasText: "5,000 pictures" }).waitFor();
    },
    { pictures: false },
  ));

test("the heat map lies over the part that the network sees, for any class, mirrored as the preview is", () =>
  onPage(async (page, demo) => {
    await page.locator("#train").click();
    await page.locator("#results").waitFor();
    await page.locator("#camera").click();
    await page.locator("#labels li").nth(3).waitFor();
    await page.getByLabel("Show where it looks").check();
    await page.locator('#heat[data-mirrored="true"]').waitFor();
    const [, second] = await page.evaluate(() => double.trainer.classes);
    await page.getByLabel("Where it looks for").selectOption(second);
    await page.locator(`#heat[data-label="${second}"]`).waitFor();
    await page.locator("#heat-text", { hasText: `${second}: strongest at the top, left, of what the network sees.` }).waitFor();
    // The stage is 3 : 2, the camera 4 : 3 and fills its width; the region begins at an eighth of it.
    const bands = await page.locator("#heat").evaluate((canvas) => {
      const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const alpha = (x) => data[(Math.round(height * 0.3) * width + Math.round(width * x)) * 4 + 3];
      return [0.05, 0.1, 0.7, 0.92].map(alpha);
    });
    assert.deepEqual(bands.map((alpha) => alpha > 60), [false, false, true, false], String(bands));
    await demo.checkAxe();
    await picture(page, "teach-heat");
    await page.getByLabel("Show where it looks").uncheck();
    await page.locator("#heat").waitFor({ state: "hidden" });
  }));

test("a class is captured by number, button, touch and click, and by nothing else", () =>
  onPage(
    async (page) => {
      const count = (label) => page.evaluate((label) => double.trainer.samples.filter((sample) => sample.label === label).length, label);
      const more = (label, than) => page.waitForFunction(([label, than]) => double.trainer.samples.filter((sample) => sample.label === label).length > than, [label, than]);
      const rest = () => page.locator('.class[data-state="on"]').waitFor({ state: "detached" });
      const hold = page.getByRole("button", { name: "Hold to capture Class 2" });
      await page.keyboard.press("1");
      await page.locator('#camera[data-state="on"]').waitFor();
      assert.equal(await count("Class 1"), 0, "the first key starts the camera");
      await page.waitForFunction(() => document.querySelector("#preview").readyState >= 2);

      await page.keyboard.down("1");
      await more("Class 1", 2);
      await page.keyboard.up("1");
      await rest();
      const ones = await count("Class 1");
      await page.locator("#announcement", { hasText: `${ones} pictures of Class 1 captured, ${ones} in all.` }).waitFor();
      for (const key of ["3", "Control+1"]) await page.keyboard.press(key);
      await page.locator("#class-name").focus();
      await page.keyboard.press("1");
      assert.equal(await page.locator("#class-name").inputValue(), "1");
      await page.getByLabel("Hold a number key").uncheck();
      await page.keyboard.press("1");
      await page.waitForTimeout(300);
      assert.equal(await count("Class 1"), ones, "no class, a shortcut, a text field, switched off");

      await hold.focus();
      await page.keyboard.down(" ");
      await more("Class 2", 1);
      await page.keyboard.up(" ");
      await rest();
      let twos = await count("Class 2");
      await hold.click();
      await rest();
      assert.ok((await count("Class 2")) > twos, "a short tap is a picture at least");
      twos = await count("Class 2");
      await hold.evaluate((button) => button.click());
      await more("Class 2", twos + 2);
      await rest();
      // Letting go elsewhere, as of a window that another one covers.
      await page.keyboard.down(" ");
      await page.evaluate(() => dispatchEvent(new Event("blur")));
      await rest();
    },
    { pictures: false },
  ));

test("a model that does not load says so, and trying again goes on from there", async () => {
  const context = await browser.newContext({ serviceWorkers: "block" });
  try {
    const { page } = new PageDriver(await context.newPage());
    await context.addInitScript(() => (globalThis.double = { failing: { load: { code: "http_status", message: "the server answered 500." } } }));
    await page.route("**/pkg/index.js", async (route) => route.fulfill({ response: await route.fetch(), body: double }));
    await page.goto(new URL("teach.html", site.url).href);
    await page.locator("#model-error", { hasText: "the server answered 500. http_status" }).waitFor();
    assert.ok(await page.locator("#train").isDisabled());
    await page.evaluate(() => (globalThis.double.failing.load = null));
    await page.locator("#model-retry").click();
    await page.locator(".class").nth(1).waitFor();
    assert.ok(await page.locator("#model-error").isHidden());
  } finally {
    await context.close();
  }
});

for (const [name, options] of [["dark", { colorScheme: "dark" }], ["phone", PHONE]]) {
  test(`${name}: no axe violation, nothing wider than the window`, () =>
    onPage(
      async (page, demo) => {
        await demo.checkAxe();
        await page.locator("#options summary").click();
        await page.getByRole("button", { name: "The usual recipe" }).click();
        await page.locator("#nine-grid canvas").nth(8).waitFor();
        await demo.checkAxe();
        await page.locator("#train").click();
        await page.locator("#doubts").waitFor();
        await demo.checkAxe();
        for (const width of options.viewport ? [320, options.viewport.width] : [1280]) {
          await page.setViewportSize({ width, height: 740 });
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          assert.ok(wide <= width, `${wide} px in a window of ${width} px`);
        }
        const small = await page.locator("button:visible, label.button:visible, summary:visible").evaluateAll((controls) =>
          controls.filter((control) => control.getBoundingClientRect().height < 32).map((control) => control.textContent),
        );
        assert.deepEqual(small, []);
        await picture(page, `teach-${name}`);
      },
      options,
    ));
}

// Where the network sees a label: pressed on the demo page, by mouse, by keyboard, on a phone, and with a camera.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { visit } from "./harness.mjs";
import { PageDriver, openSite } from "./page-driver.mjs";

const CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
/** What of the package is for training only. */
const TRAINING = /\/pkg\/(trainer|teaching|heat|wasm\/.*training)/;

let site, browser, close;
before(async () => {
  ({ server: site, browser, close } = await visit({ args: CAMERA }, openSite));
});
after(() => close?.());

async function onPage(body, options = {}) {
  const demo = await PageDriver.open(browser, site.url, { serviceWorkers: "block", ...options });
  const { page } = demo;
  demo.fetched = [];
  page.context().on("request", (request) => demo.fetched.push(request.url()));
  try {
    const [{ file }] = await demo.samples();
    await demo.result(file);
    await body(demo, page);
    assert.deepEqual(demo.problems, []);
  } finally {
    await demo.close();
  }
}

const name = (page, at) => page.locator("#labels .name").nth(at);

/** The label of the map that is drawn, once it is that of the label at that place. */
async function shownFor(page, at) {
  const title = await name(page, at).textContent();
  await page.locator(`#heat[data-label=${JSON.stringify(title)}]:not([hidden])`).waitFor();
  return title;
}

/** How much of the stage is tinted, and where the middle of that lies, in shares of it. */
const tint = (page) =>
  page.locator("#heat").evaluate((canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    let [sum, across, down] = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) {
      // Warm only: what speaks for it.
      const alpha = data[at] > data[at + 2] ? data[at + 3] / 255 : 0;
      sum += alpha;
      across += alpha * ((at / 4) % width);
      down += alpha * Math.floor(at / 4 / width);
    }
    return { share: sum / (width * height), x: across / sum / width, y: down / sum / height };
  });

test("a label that is pressed is shown in the picture, until it is hidden or another picture comes", () =>
  onPage(async (demo, page) => {
    assert.deepEqual(demo.fetched.filter((url) => TRAINING.test(url)), [], "nothing of training is fetched before it is asked for");
    assert.ok(await page.locator("#heat").isHidden());
    await name(page, 0).click();
    const title = await shownFor(page, 0);
    assert.ok(demo.fetched.some((url) => TRAINING.test(url)));
    const { share, x, y } = await tint(page);
    assert.ok(share > 0.01 && share < 0.6, `${share} of the stage`);
    assert.ok(x > 0.1 && x < 0.9 && y > 0.1 && y < 0.9, JSON.stringify({ x, y }));
    await page.locator("#where-text", { hasText: `${title}: strongest` }).waitFor();
    assert.equal(await name(page, 0).getAttribute("aria-pressed"), "true");
    assert.ok(await page.locator("#where-hint").isHidden());
    await demo.checkAxe();
    await page.screenshot({ path: process.env.WHERE_SHOT ?? "target/where.png" });
    // Another label, then none.
    await name(page, 2).click();
    await shownFor(page, 2);
    assert.deepEqual(await page.locator('#labels [aria-pressed="true"]').count(), 1);
    await page.locator("#where-off").click();
    assert.ok(await page.locator("#heat").isHidden());
    assert.ok(await page.locator("#where-hint").isVisible());
    // Pressed twice is off again; another picture ends it too.
    await name(page, 1).click();
    await shownFor(page, 1);
    await name(page, 1).click();
    assert.ok(await page.locator("#heat").isHidden());
    await name(page, 1).click();
    await shownFor(page, 1);
    const samples = await demo.samples();
    await demo.chooseSample(samples[1].file);
    assert.ok(await page.locator("#heat").isHidden());
    assert.equal(await page.locator('#labels [aria-pressed="true"]').count(), 0);
    await name(page, 0).click();
    await shownFor(page, 0);
  }));

test("by keyboard, and on a phone's window, where nothing is wider than it", () =>
  onPage(async (demo, page) => {
    await name(page, 0).focus();
    await page.keyboard.press("Enter");
    await shownFor(page, 0);
    await page.locator("#where-off").focus();
    await page.keyboard.press("Enter");
    assert.ok(await page.locator("#heat").isHidden());
    assert.equal(await page.evaluate(() => document.activeElement.className), "name");
    await name(page, 3).tap();
    await shownFor(page, 3);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.viewport.width);
    const row = await page.locator("#labels li").nth(3).boundingBox();
    assert.ok(row.height >= 24, `${row.height} px`);
    // Turned: the map lies where the picture is.
    const before = await tint(page);
    await page.setViewportSize({ width: 740, height: 360 });
    await page.waitForFunction(() => {
      const canvas = document.querySelector("#heat");
      return Math.abs(canvas.width - canvas.clientWidth * Math.min(2, devicePixelRatio)) < 2;
    });
    const after = await tint(page);
    assert.ok(Math.abs(before.x - after.x) < 0.1 && Math.abs(before.y - after.y) < 0.1, JSON.stringify([before, after]));
    await page.screenshot({ path: process.env.WHERE_PHONE_SHOT ?? "target/where-phone.png" });
  }, PHONE));

test("on the camera's picture it goes along, and ends with the camera", () =>
  onPage(async (demo, page) => {
    await demo.startCamera();
    await name(page, 0).click();
    const label = await page.locator("#labels [aria-pressed=true]").first().textContent();
    await page.locator(`#heat[data-label=${JSON.stringify(label)}]:not([hidden])`).waitFor();
    const frames = await page.locator("#heat").evaluate(async (canvas) => {
      let drawn = 0;
      const seen = new MutationObserver(() => (drawn += 1));
      seen.observe(canvas, { attributes: true, attributeFilter: ["width", "data-label"] });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return drawn;
    });
    assert.ok(frames >= 2, `${frames} times`);
    await page.locator("#camera").click();
    assert.ok(await page.locator("#heat").isHidden());
  }, { permissions: ["camera"] }));

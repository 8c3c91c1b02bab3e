// The page that compares the family: its table, its plots, and the stopwatch.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { visit } from "./harness.mjs";
import { PageDriver, openSite } from "./page-driver.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
/** Small networks: the tests measure for real. */
const [SMALL, SMALLER] = ["v1_0.25_160", "v1_0.25_128"];

let site, browser, close;
before(async () => {
  ({ server: site, browser, close } = await visit({}, openSite));
});
after(() => close?.());

async function onPage(body, { noisy = false, ...options } = {}) {
  const demo = await PageDriver.open(browser, new URL("models.html", site.url).href, options);
  try {
    await demo.page.locator("tbody").first().waitFor();
    await body(demo.page, demo);
    if (!noisy) assert.deepEqual(demo.problems, []);
  } finally {
    await demo.close();
  }
}

const listed = (page) => page.evaluate(async () => (await (await fetch("./models.json")).json()).models);
const visible = (page) =>
  page.locator("tbody").evaluateAll((bodies) => bodies.filter(({ hidden }) => !hidden).map(({ dataset }) => dataset.model));
const cell = (page, model, key) => page.locator(`[data-model="${model}"] > tr:first-child [data-key="${key}"]`);
/** One after the other: there is one mouse. */
async function choose(page, ...models) {
  for (const model of models) await page.locator(`[data-model="${model}"] .tick input`).check();
}
/** Measures what is chosen, and waits for the end. */
async function measure(page) {
  await page.locator("#measure").click();
  await page.locator("#cancel").waitFor({ state: "hidden" });
}

test("the table is the build's list, in its order, with the published figures and their sources", () =>
  onPage(async (page) => {
    const models = await listed(page);
    assert.ok(models.length >= 50, `${models.length} models`);
    assert.deepEqual(await visible(page), models.map(({ name }) => name));
    const row = models.find(({ name }) => name === "v2_1.0_224");
    assert.deepEqual([row.params, row.macs, row.top1], [3_504_872, 300_774_272, 71.8]);
    const texts = await page.locator(`[data-model="${row.name}"] > tr:first-child > :not(.tick)`).allInnerTexts();
    assert.deepEqual(texts.map((text) => text.replace(/\s+/g, " ").trim()), [
      "V2 1.0 224 px", "1.0", "224", "3.50", "301", "14.2 MB", "71.82", "–",
    ]);
    assert.equal(await page.locator("#sources a").count(), 2);
    assert.equal(await cell(page, "v2_1.3_96", "top1").textContent(), "–", "what nobody published stays empty");
  }));

test("each column sorts both ways and says so; rows without a number come last", () =>
  onPage(async (page) => {
    const models = await listed(page);
    for (const key of ["multiplier", "resolution", "params", "macs", "downloadBytes", "top1", "place"]) {
      const head = page.locator(`th[data-key="${key}"]`);
      const directions = [];
      for (let click = 0; click < 2; click++) {
        await head.locator("button").click();
        const direction = await head.getAttribute("aria-sort");
        directions.push(direction);
        assert.equal(await page.locator("[aria-sort]").count(), 1);
        const order = (await visible(page)).map((name) => models.findIndex((model) => model.name === name));
        const values = order.map((at) => (key === "place" ? at : models[at][key]));
        const numbers = values.filter((value) => value !== null);
        const sorted = numbers.toSorted((a, b) => (direction === "ascending" ? a - b : b - a));
        assert.deepEqual(values, [...sorted, ...values.slice(numbers.length).map(() => null)], `${key} ${direction}`);
      }
      assert.deepEqual(directions.toSorted(), ["ascending", "descending"]);
    }
    await page.locator('th[data-key="top1"] button').click();
    assert.equal((await visible(page))[0], "v3-large_1.0_224", "the first click on accuracy shows the best");
  }));

test("the filter hides versions from the table and from the plots", () =>
  onPage(async (page) => {
    const marks = (series) => page.locator(`#plot-macs .mark.series-${series}`).count();
    assert.ok((await marks("v1")) === 16 && (await marks("v3-large")) === 3);
    await page.getByLabel("V1", { exact: true }).uncheck();
    await page.getByLabel("V2", { exact: true }).uncheck();
    assert.ok((await visible(page)).every((name) => name.startsWith("v3-")));
    assert.equal((await marks("v1")) + (await marks("v2")), 0);
    assert.equal(await page.locator("#measure").textContent(), "Measure all 6");
    assert.match(await page.locator("#plot-macs-summary").textContent(), /^6 models, from V3 Small 0\.75/);
    await page.getByLabel("V3 Large", { exact: true }).uncheck();
    await page.getByLabel("V3 Small", { exact: true }).uncheck();
    assert.deepEqual(await visible(page), []);
    assert.ok(await page.locator("#measure").isDisabled());
    await page.getByLabel("V1", { exact: true }).check();
    assert.equal((await visible(page)).length, 16);
  }));

test("chosen models are measured on this device, drawn, and remembered by the next visit", () =>
  onPage(async (page) => {
    assert.match(await page.locator("#plot-ms-summary").textContent(), /^Nothing to draw yet/);
    await choose(page, SMALL, SMALLER);
    assert.equal(await page.locator("#measure").textContent(), "Measure 2 chosen");
    await measure(page);
    const times = {};
    for (const name of [SMALL, SMALLER]) times[name] = await cell(page, name, "ms").textContent();
    for (const text of Object.values(times)) assert.match(text, /^\d+(\.\d)? ms$/);
    assert.equal(await page.locator("#plot-ms .mark").count(), 2);
    assert.match(await page.locator("#plot-ms-summary").textContent(), /^2 models, from V1 0\.25, 1\d\d px: 4\d\.5 % at /);
    assert.match(await page.locator("#measure-status").textContent(), /^2 of \d+ models measured, last on /);
    assert.equal(await page.locator("#announcement").textContent(), "2 of 2 models measured.");
    await page.locator('th[data-key="ms"] button').click();
    assert.deepEqual((await visible(page)).slice(0, 2).toSorted(), [SMALLER, SMALL]);

    await page.reload();
    await page.locator("#plot-ms .mark").nth(1).waitFor();
    for (const name of [SMALL, SMALLER]) assert.equal(await cell(page, name, "ms").textContent(), times[name]);
    await page.locator("#forget").click();
    assert.equal(await cell(page, SMALL, "ms").textContent(), "–");
    assert.equal(await page.locator("#plot-ms .mark").count(), 0);
    assert.equal(await page.evaluate(() => localStorage.getItem("mobilenet-web-times-v1")), "{}");
  }));

test("measuring shows how far it is and can be given up; what is done stays", () =>
  onPage(async (page) => {
    await page.locator("#measure").focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "cancel");
    // At one moment: measuring goes on meanwhile.
    await page.waitForFunction(() => {
      const [status, { value }] = ["#measure-status", "#measure-progress"].map((id) => document.querySelector(id));
      return /^Measuring V1 0\.25, 160 px \(2 of \d+\)$/.test(status.textContent) && value === 1;
    });
    await page.keyboard.press("Enter");
    await page.locator("#measure").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "measure");
    assert.ok(await page.locator("#measure-error").isHidden());
    assert.match(await cell(page, SMALLER, "ms").textContent(), / ms$/);
    assert.equal(await cell(page, "v1_1.0_224", "ms").textContent(), "–");
  }));

test("a network that does not start says why, with its code, and the page goes on", () =>
  onPage(async (page) => {
    await page.route("**/*.wasm", (route) => route.abort());
    await choose(page, SMALLER);
    await measure(page);
    await page.locator("#measure-error code", { hasText: "wasm_unavailable" }).waitFor();
    await page.locator(`[data-model="${SMALLER}"] .disclosure`).click();
    await page.locator(`#layers-${SMALLER.replaceAll(".", "\\.")} .problem code`, { hasText: "wasm_unavailable" }).waitFor();
    await page.unroute("**/*.wasm");
    await measure(page);
    assert.match(await cell(page, SMALLER, "ms").textContent(), / ms$/);
    assert.ok(await page.locator("#measure-error").isHidden());
  }, { noisy: true, serviceWorkers: "block" }));

test("a row opens into its layers, which sum to the network", () =>
  onPage(async (page) => {
    const button = page.locator('[data-model="v1_1.0_224"] .disclosure');
    assert.equal(await button.getAttribute("aria-expanded"), "false");
    await button.click();
    assert.equal(await button.getAttribute("aria-expanded"), "true");
    const table = page.locator('[data-model="v1_1.0_224"] .layer-table');
    await table.waitFor();
    const rows = await table.locator("tbody tr").evaluateAll((rows) =>
      rows.map(({ cells }) => [...cells].map(({ textContent }) => textContent)),
    );
    assert.equal(rows.length, 28, "27 convolutions and the logits");
    assert.deepEqual([rows[0][0], rows[0][2], rows[0][4]], ["Conv2d_0", "112 × 112 × 32", "10,838,016"]);
    const sum = (column) => rows.reduce((total, row) => total + Number(row[column].replaceAll(",", "")), 0);
    assert.deepEqual([sum(3), sum(4)], [4_231_976, 568_740_352]);
    const total = await table.locator("tfoot tr").innerText();
    assert.ok(total.includes("4,231,976") && total.includes("568,740,352"), total);
    await button.click();
    assert.ok(await table.isHidden());
  }));

test("a pointer at a mark and the focus in a row point out the same model everywhere", () =>
  onPage(async (page) => {
    await page.locator('[data-model="v3-large_1.0_224"] .disclosure').focus();
    assert.equal(await page.locator("#plot-macs-summary").textContent(), "V3 Large 1.0, 224 px: 75.2 % at 217 M");
    await page.locator("#measure").focus();
    assert.match(await page.locator("#plot-macs-summary").textContent(), /^\d+ models/);
    await page.locator("#plot-macs .mark.series-v1").first().hover();
    assert.equal(await page.locator("#plot-macs-summary").textContent(), "V1 0.25, 128 px: 41.5 % at 14 M");
    assert.equal(await page.locator("tbody.pointed").getAttribute("data-model"), SMALLER);
  }));

for (const [name, options] of Object.entries({
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: PHONE,
})) {
  test(`axe finds nothing to complain about: ${name}`, () =>
    onPage(async (page, demo) => {
      await choose(page, SMALLER);
      await measure(page);
      await page.locator(`[data-model="${SMALLER}"] .disclosure`).click();
      await page.locator(".layer-table").waitFor();
      await demo.checkAxe();
    }, options));
}

test("on a phone only the table scrolls sideways, with names in place, and controls are finger-sized", () =>
  onPage(async (page) => {
    for (const width of [360, 320]) {
      await page.setViewportSize({ width, height: 740 });
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${width} px`);
    }
    const name = page.locator('[data-model="v3-small-minimalistic_1.0_224"] th');
    const before = await name.boundingBox();
    await page.locator("#comparison").evaluate((scroller) => (scroller.scrollLeft = 10_000));
    const { x, width } = await name.boundingBox();
    assert.ok(x >= 0 && x <= before.x && x + width < 200, `the name stands at ${x}, ${width} px wide`);
    const small = await page.locator("button:visible, label:visible").evaluateAll((controls) =>
      controls.filter((control) => control.getBoundingClientRect().height < 32).map((control) => control.textContent),
    );
    assert.deepEqual(small, []);
  }, PHONE));

test("demo and comparison lead to each other", () =>
  onPage(async (page) => {
    await page.getByRole("navigation").getByText("Demo").click();
    await page.getByRole("heading", { name: "Your browser can name what it sees." }).waitFor();
    await page.getByRole("navigation").getByText("Models").click();
    await page.locator("tbody").first().waitFor();
    assert.equal(await page.locator('nav [aria-current="page"]').textContent(), "Models");
  }));

// The demo page in a real browser: what it shows, how it is used, and what it does when something is missing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, visit } from "./harness.mjs";
import { PageDriver, openSite } from "./page-driver.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

let site, browser, close;
before(async () => {
  ({ server: site, browser, close } = await visit({}, openSite));
});
after(() => close?.());

/** Runs `body` on the opened page; the console must be silent unless `noisy`. */
async function onPage(body, { noisy = false, ...options } = {}) {
  const demo = await PageDriver.open(browser, site.url, options);
  try {
    await body(demo, demo.page);
    if (!noisy) assert.deepEqual(demo.problems, []);
  } finally {
    await demo.close();
  }
}

test("a first visit ends with a labelled example, and every sample gets a label that is expected", () =>
  onPage(async (demo, page) => {
    const samples = await demo.samples();
    assert.ok(samples.length >= 3, "samples/index.json lists at least three photographs");
    await demo.result(samples[0].file);
    await page.evaluate(() => {
      globalThis.asked = 0;
      navigator.storage.persist = async () => Boolean(++globalThis.asked);
    });
    for (const { file, expected, title } of samples) {
      const { labels, ms } = await demo.chooseSample(file);
      assert.equal(labels.length, 5);
      assert.ok(expected.includes(labels[0].index), `${file}: ${JSON.stringify(labels[0])}`);
      assert.ok(labels.every(({ probability }, at) => at === 0 || probability <= labels[at - 1].probability));
      assert.ok(ms > 0);
      assert.match(await page.locator("#caption").textContent(), new RegExp(`^${title}`));
      assert.equal(await page.locator('#samples [aria-pressed="true"]').getAttribute("data-file"), file);
    }
    assert.equal(await page.evaluate(() => asked), 1, "lasting storage is asked for once, after the first use");
    assert.match(await page.locator("#strip-summary").textContent(), /^1,280 numbers/);
    assert.match(await page.locator("#similarity").textContent(), /^Similarity to the last: -?\d\.\d\d$/);
    await page.locator("#strip-details summary").click();
    await page.locator("#strip-rows tr").nth(9).waitFor();
    const card = await page.locator("#card").innerText();
    for (const fact of ["MobileNet V2", "224 × 224 px", "1,000", "3.50 million", "301 million", "torchvision"]) {
      assert.ok(card.includes(fact), `the model card says ${fact}: ${card}`);
    }
  }));

test("an uploaded, a dropped and a pasted file are labelled like the sample they are", () =>
  onPage(async (demo, page) => {
    const [{ file, expected }] = await demo.samples();
    const upload = { ...(await demo.download(`samples/${file}`)), name: "uploaded" };
    assert.ok(expected.includes((await demo.chooseFile(upload)).labels[0].index));
    const give = (how, name, type) =>
      page.evaluate(
        async ({ how, name, type, file }) => {
          const data = new DataTransfer();
          data.items.add(new File([await (await fetch(`./samples/${file}`)).blob()], name, { type }));
          const target = document.querySelector("h1");
          if (how === "paste") {
            target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
            return;
          }
          for (const event of ["dragenter", "dragover", "drop"]) {
            target.dispatchEvent(new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true }));
          }
        },
        { how, name, type, file },
      );
    await give("drop", "dropped", "image/png");
    assert.ok(expected.includes((await demo.result("dropped")).labels[0].index));
    assert.ok(await page.locator("#drop").isHidden());
    await give("paste", "pasted", "image/png");
    assert.ok(expected.includes((await demo.result("pasted")).labels[0].index));

    await give("drop", "notes.txt", "text/plain");
    await page.getByText("“notes.txt” is not a picture (text/plain).").waitFor();
    await demo.page.locator("#file").setInputFiles({ name: "broken.png", mimeType: "image/png", buffer: Buffer.from("no") });
    await page.locator("#source-error", { hasText: "source_unsupported" }).waitFor();
    assert.ok(await page.locator("#source-retry").isVisible());
    assert.equal(await page.locator("#results").getAttribute("aria-busy"), "false");
  }, { noisy: true }));

test("the keyboard alone reaches every control in order, with a visible focus, and uses them", () =>
  onPage(async (demo, page) => {
    const samples = await demo.samples();
    await demo.result(samples[0].file);
    const stops = [];
    for (let i = 0; i < 22 + samples.length; i++) {
      await page.keyboard.press("Tab");
      stops.push(
        await page.evaluate(() => {
          const element = document.activeElement;
          const ringed = element.type === "file" ? element.closest("label") : element;
          const { outlineStyle, outlineWidth } = getComputedStyle(ringed);
          const ring = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
          return { name: element.id || element.dataset.file || element.className || element.tagName, ring };
        }),
      );
    }
    const before = ["skip", "brand", "A", "A", "A", "A", "camera", "file"];
    const labels = Array(5).fill("name");
    // One summary, the vector's: the default model states all about itself, so that its card has no inferences to open.
    const after = ["SUMMARY", "flame-measure", "save-precision", "save-button", "weights-file", "weights-url", "BUTTON", "copy", "code"];
    const expected = [...before, ...samples.map(({ file }) => file), ...labels, ...after];
    assert.deepEqual(stops.map(({ name }) => name).slice(0, expected.length), expected);
    assert.deepEqual(stops.slice(0, expected.length).filter(({ ring }) => !ring), []);

    await page.locator(`#samples [data-file="${samples[1].file}"]`).focus();
    await page.keyboard.press("Enter");
    const found = await demo.result(samples[1].file);
    assert.ok(samples[1].expected.includes(found.labels[0].index));
    const chooser = page.waitForEvent("filechooser");
    await page.locator("#file").focus();
    await page.keyboard.press("Enter");
    await chooser;
  }));

for (const [name, options] of Object.entries({
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: PHONE,
})) {
  test(`axe finds nothing to complain about: ${name}`, () =>
    onPage(async (demo, page) => {
      await page.evaluate(() => navigator.serviceWorker.ready);
      const [{ file }] = await demo.samples();
      await demo.chooseSample(file);
      await page.locator("#strip-details summary").click();
      // A camera problem, so that the page's warnings are looked at as well.
      await page.evaluate(() => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotFoundError"));
      });
      await page.locator("#camera").click();
      await page.locator("#source-error").waitFor();
      await demo.checkAxe();
    }, options));
}

test("a phone's width needs no horizontal scrolling, and every control can be hit with a finger", () =>
  onPage(async (demo, page) => {
    const [{ file }] = await demo.samples();
    await demo.chooseSample(file);
    for (const width of [360, 320]) {
      await page.setViewportSize({ width, height: 740 });
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${width} px`);
    }
    const small = await page.locator("button:visible, label.button, summary:visible").evaluateAll((controls) =>
      controls.filter((control) => control.getBoundingClientRect().height < 32).map((control) => control.textContent),
    );
    assert.deepEqual(small, []);
  }, PHONE));

test("nothing moves for a person who asked for less motion", () =>
  onPage(async (demo, page) => {
    const [{ file }] = await demo.samples();
    await demo.result(file);
    const moving = await page.evaluate(() =>
      [...document.querySelectorAll("*")].filter((element) => {
        const { transitionProperty, animationName } = getComputedStyle(element);
        return transitionProperty !== "none" || animationName !== "none";
      }).length,
    );
    assert.equal(moving, 0);
  }, { reducedMotion: "reduce" }));

test("the download shows its bytes; a missing file shows code, sentence and a way to try again", async () => {
  const context = await browser.newContext({ serviceWorkers: "block" });
  try {
    let gone = true;
    await context.route("**/weights/*.safetensors", (route) => (gone ? route.fulfill({ status: 404 }) : route.continue()));
    await context.addInitScript(() => {
      globalThis.texts = new Set();
      new MutationObserver(() => texts.add(document.querySelector("#loading")?.innerText)).observe(document, {
        subtree: true,
        childList: true,
        characterData: true,
      });
    });
    const demo = new PageDriver(await context.newPage());
    await demo.page.goto(site.url);
    const problem = demo.page.locator("#model-error");
    await problem.waitFor();
    assert.match(await problem.innerText(), /404/);
    assert.equal(await problem.locator("code").textContent(), "http_status");
    const [{ file, expected }] = await demo.samples();
    gone = false;
    await demo.page.locator("#model-retry").click();
    const { labels } = await demo.result(file);
    assert.ok(expected.includes(labels[0].index), "the picture that waited is labelled after the retry");
    assert.ok(await problem.isHidden());
    const texts = await demo.page.evaluate(() => [...globalThis.texts].join("\n"));
    assert.match(texts, /Downloading the model\s+\d+(\.\d)? .?B of 1\d\.\d MB/);
  } finally {
    await context.close();
  }
});

test("a page over plain http still labels pictures, and says why it may not have the camera", async () => {
  const insecure = await launch({ args: ["--host-resolver-rules=MAP demo.test 127.0.0.1"] });
  try {
    const url = new URL(site.url);
    url.hostname = "demo.test";
    const demo = await PageDriver.open(insecure, url.href);
    assert.equal(await demo.page.evaluate(() => isSecureContext), false);
    const [{ file, expected }] = await demo.samples();
    assert.ok(expected.includes((await demo.chooseSample(file)).labels[0].index));
    await demo.page.locator("#camera").click();
    await demo.page.getByText("Browsers allow the camera only on https:// pages").waitFor();
  } finally {
    await insecure.close();
  }
});

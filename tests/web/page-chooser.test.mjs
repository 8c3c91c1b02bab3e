// The demo page's model chooser: other weights from an address, a file or a drop, while the camera runs.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { webcamArguments, writeWebcam } from "./fake-webcam.mjs";
import { engines, fixtures, launch, serve } from "./harness.mjs";
import { PageDriver } from "./page-driver.mjs";

const V1 = "fixtures/weights/v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors";
const V3 = "fixtures/weights/v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors";
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

const { skip } = fixtures();

describe("the model chooser", { skip }, () => {
  let server;
  let folder;
  let sample;
  let browser;

  before(async () => {
    server = await serve();
    folder = await mkdtemp(join(tmpdir(), "mobilenet-web-chooser-"));
    const film = join(folder, "webcam.y4m");
    const plain = await launch();
    try {
      const demo = await PageDriver.open(plain, server.site);
      [sample] = await demo.samples();
      await writeWebcam(demo.page, film, [{ url: `./samples/${sample.file}`, frames: 30 }]);
    } finally {
      await plain.close();
    }
    browser = await launch({ args: webcamArguments(film) });
  });
  after(async () => {
    await browser?.close();
    server?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  async function onPage(body, { noisy = false, ...options } = {}) {
    const context = await browser.newContext(options);
    await context.addInitScript(() => {
      globalThis.asked = 0;
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = (wanted) => {
        globalThis.asked++;
        return ask(wanted);
      };
    });
    const demo = new PageDriver(await context.newPage());
    try {
      await demo.page.goto(server.site);
      await body(demo, demo.page);
      if (!noisy) assert.deepEqual(demo.problems, []);
    } finally {
      await context.close();
    }
  }

  async function openUrl(page, url) {
    await page.locator("#weights-url").fill(url);
    await page.locator("#weights-form").getByRole("button", { name: "Load" }).click();
  }

  /** The network before is gone, with its worker and its memory. */
  async function oneWorker(page) {
    while (engines(page).length > 1) await page.waitForTimeout(50);
    assert.equal(engines(page).length, 1);
  }

  const inUse = (page, weights) => page.locator(`#card[data-weights=${JSON.stringify(weights)}]`).waitFor();
  const card = (page) => page.locator("#card").innerText();
  /** Waits until the labels on the page were written anew, so that they are the present network's. */
  const nextFrame = (page) =>
    page.evaluate(
      () =>
        new Promise((resolve) => {
          const seen = new MutationObserver(() => resolve(seen.disconnect()));
          seen.observe(document.querySelector("#labels"), { subtree: true, attributes: true, attributeFilter: ["data-probability"] });
        }),
    );

  test("while the camera runs: V1 by address, V3 as a file, and back; the camera is asked for once", () =>
    onPage(async (demo, page) => {
      await demo.startCamera();
      const track = () => page.evaluate(() => document.querySelector("#preview").srcObject.getVideoTracks()[0].readyState);

      await openUrl(page, `./${V1}`);
      await inUse(page, "mobilenet_v1_1.0_224.safetensors");
      await nextFrame(page);
      assert.equal(await track(), "live");
      for (const fact of ["MobileNet V1", "224 × 224 px", "4.23 million", "569 million"]) {
        assert.ok((await card(page)).includes(fact), `the card says ${fact}: ${await card(page)}`);
      }
      // TF-slim's first class is the background.
      const labelled = await demo.result("camera");
      assert.ok(sample.expected.includes(labelled.labels[0].index - 1), JSON.stringify(labelled.labels));
      await page.locator("#card-inferred summary").click();
      assert.match(await page.locator("#card-inferred dl").innerText(), /version/);
      await oneWorker(page);

      await page.locator("#weights-file").setInputFiles(await demo.download(V3));
      await inUse(page, "v3-small_dequant_f32.safetensors");
      await nextFrame(page);
      assert.ok((await card(page)).includes("MobileNet V3 Small"));
      await oneWorker(page);
      const third = await demo.result("camera");
      assert.ok(sample.expected.includes(third.labels[0].index - 1), JSON.stringify(third.labels));

      await page.getByRole("button", { name: "Back to the first model" }).click();
      await inUse(page, "mobilenet_v2_1.0_224");
      await nextFrame(page);
      assert.ok(sample.expected.includes((await demo.result("camera")).labels[0].index));
      assert.ok(await page.locator("#weights-original").isHidden());
      assert.equal(await track(), "live");
      assert.equal(await page.evaluate(() => asked), 1);
      assert.equal(await page.locator("#camera").textContent(), "Stop camera");
    }));

  test("what cannot be used says why, with its code, and the model in use works on", () =>
    onPage(async (demo, page) => {
      await demo.startCamera();
      const problem = page.locator("#weights-error");
      const refused = async (code) => {
        await problem.locator("code", { hasText: code }).waitFor();
        assert.match(await problem.innerText(), /The model in use stays\./);
        assert.ok(await page.locator("#weights-loading").isHidden());
        await inUse(page, "mobilenet_v2_1.0_224");
        await nextFrame(page);
        assert.ok(sample.expected.includes((await demo.result("camera")).labels[0].index));
      };
      await page.locator("#weights-file").setInputFiles({
        name: "broken.safetensors",
        mimeType: "application/octet-stream",
        buffer: Buffer.from("these are no weights at all"),
      });
      await refused(/^(unsupported_format|bad_header|truncated)$/);
      await openUrl(page, "./faults/404");
      await refused("http_status");
      await openUrl(page, "./faults/html");
      await refused("html_instead_of_weights");
      await openUrl(page, "");
      await page.getByText("Enter the address of a weights file first.").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.id), "weights-url");
      await openUrl(page, "http://");
      await page.getByText("“http://” is no address.").waitFor();

      await openUrl(page, `./${V3}`);
      await inUse(page, "v3-small_dequant_f32.safetensors");
      assert.ok(await problem.isHidden());
    }, { noisy: true }));

  test("a load shows its bytes, can be cancelled, and gives way to a newer one", () =>
    onPage(async (demo, page) => {
      await demo.result(sample.file);
      await openUrl(page, `./faults/slow?path=/${V1}`);
      await page.locator("#weights-loading-bytes", { hasText: /\d .?B/ }).waitFor();
      await page.locator("#weights-cancel").click();
      assert.ok(await page.locator("#weights-loading").isHidden());
      assert.ok(await page.locator("#weights-error").isHidden());

      await openUrl(page, `./faults/slow?path=/${V1}`);
      await page.locator("#weights-loading-bytes", { hasText: /\d .?B/ }).waitFor();
      await openUrl(page, `./${V3}`);
      await inUse(page, "v3-small_dequant_f32.safetensors");
      assert.ok(await page.locator("#weights-loading").isHidden());
      // The picture on the stage is labelled once more, by the new network.
      await page.waitForFunction(
        (expected) => expected.includes(Number(document.querySelector("#labels li").dataset.index) - 1),
        sample.expected,
      );
      assert.equal(await page.locator("#similarity").textContent(), "", "vectors of two networks are not compared");
    }));

  test("weights dropped on the page are used; their panel is open to axe and fits a phone", () =>
    onPage(async (demo, page) => {
      await demo.result(sample.file);
      await page.evaluate(async (path) => {
        const data = new DataTransfer();
        data.items.add(new File([await (await fetch(path)).blob()], "dropped.safetensors"));
        for (const event of ["dragenter", "dragover", "drop"]) {
          document.body.dispatchEvent(new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true }));
        }
      }, `./${V3}`);
      await inUse(page, "dropped.safetensors");
      assert.ok(await page.locator("#drop").isHidden());
      await openUrl(page, "./faults/404");
      await page.locator("#weights-error").waitFor();
      await demo.checkAxe();
      for (const width of [360, 320]) {
        await page.setViewportSize({ width, height: 740 });
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${width} px`);
      }
    }, { noisy: true, ...PHONE }));
});

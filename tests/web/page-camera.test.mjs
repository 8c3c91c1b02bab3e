// The demo page's camera: a fake one that shows sample photographs, and every way in which there is none.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { webcamArguments, writeWebcam } from "./fake-webcam.mjs";
import { launch } from "./harness.mjs";
import { PageDriver, openSite } from "./page-driver.mjs";

let site;
let folder;
/** The webcam's two pictures, each a second long, in turn. */
let scenes;
let browser;

before(async () => {
  site = await openSite();
  folder = await mkdtemp(join(tmpdir(), "mobilenet-web-camera-"));
  const file = join(folder, "webcam.y4m");
  const plain = await launch();
  try {
    const demo = await PageDriver.open(plain, site.url);
    scenes = (await demo.samples()).slice(0, 2);
    await writeWebcam(demo.page, file, scenes.map((sample) => ({ url: `./samples/${sample.file}`, frames: 30 })));
  } finally {
    await plain.close();
  }
  browser = await launch({ args: webcamArguments(file) });
});
after(async () => {
  await browser?.close();
  await site?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Keeps every stream that the page gets, so that a test can see its tracks end. */
function keepStreams() {
  globalThis.streams = [];
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    globalThis.streams.push(stream);
    return stream;
  };
}

const liveTracks = (page) =>
  page.evaluate(() => streams.flatMap((s) => s.getTracks()).filter(({ readyState }) => readyState === "live").length);

/** What a browser does when its tab goes to the background, which headless Chromium never does. */
const setHidden = (page, hidden) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    Object.defineProperty(document, "visibilityState", { value: hidden ? "hidden" : "visible", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);

test("a webcam's frames are labelled; the camera rests while hidden and ends when stopped", async () => {
  const context = await browser.newContext();
  try {
    await context.addInitScript(keepStreams);
    const demo = new PageDriver(await context.newPage());
    const { page } = demo;
    await page.goto(site.url);
    assert.equal(await page.evaluate(() => streams.length), 0, "nothing is asked for before a click");
    const { labels } = await demo.startCamera();
    assert.ok(scenes.some(({ expected }) => expected.includes(labels[0].index)), JSON.stringify(labels[0]));
    for (const { expected, file } of scenes) {
      await page.waitForFunction(
        (wanted) => wanted.includes(Number(document.querySelector("#labels li").dataset.index)),
        expected,
      ).catch(() => assert.fail(`the webcam shows ${file}, but no frame got one of the labels ${expected}`));
    }
    await page.locator("#fps", { hasText: /^\d+ fps$/ }).waitFor();
    const preview = await page.locator("#preview").evaluate((video) => ({
      quiet: video.muted && video.playsInline,
      transform: getComputedStyle(video).transform,
    }));
    assert.deepEqual(preview, { quiet: true, transform: "matrix(-1, 0, 0, 1, 0, 0)" });
    assert.equal(await liveTracks(page), 1);

    await setHidden(page, true);
    assert.equal(await liveTracks(page), 0);
    await page.getByText("The camera pauses while this page is hidden.").waitFor();
    await setHidden(page, false);
    await demo.result("camera");
    assert.equal(await liveTracks(page), 1);

    await page.locator("#camera").click();
    assert.equal(await liveTracks(page), 0);
    assert.equal(await page.locator("#preview").evaluate((video) => video.srcObject), null);
    await demo.startCamera();
    await demo.chooseSample(scenes[0].file);
    assert.equal(await liveTracks(page), 0, "a picture takes the camera's place");
    assert.deepEqual(demo.problems, []);
  } finally {
    await context.close();
  }
});

test("a screen reader hears a new best label at most every 1.5 s, and never the same one twice in a row", async () => {
  const demo = await PageDriver.open(browser, site.url);
  try {
    await demo.page.evaluate(() => {
      globalThis.spoken = [];
      const region = document.querySelector('[aria-live="polite"]');
      new MutationObserver(() => spoken.push({ text: region.textContent, at: performance.now() })).observe(region, {
        childList: true,
      });
    });
    await demo.startCamera();
    await demo.page.waitForFunction(() => spoken.length >= 4);
    const spoken = await demo.page.evaluate(() => globalThis.spoken);
    for (const [at, { text }] of spoken.entries()) {
      assert.match(text, /^.+, \d+\.\d %$/);
      if (at === 0) continue;
      assert.ok(spoken[at].at - spoken[at - 1].at >= 1490, `pause of ${spoken[at].at - spoken[at - 1].at} ms`);
      assert.notEqual(text.split(",")[0], spoken[at - 1].text.split(",")[0]);
    }
  } finally {
    await demo.close();
  }
});

test("a refused camera is explained, and trying again works once it is allowed", async () => {
  const refusing = await launch({ args: ["--use-fake-device-for-media-stream", "--deny-permission-prompts"] });
  try {
    const demo = await PageDriver.open(refusing, site.url);
    await demo.page.locator("#camera").click();
    await demo.page.getByRole("alert").getByText("The camera was not allowed.").waitFor();
    assert.equal(await demo.page.locator("#camera").textContent(), "Start camera");
    await demo.page.context().grantPermissions(["camera"]);
    await demo.page.locator("#source-retry").click();
    await demo.result("camera");
    assert.ok(await demo.page.locator("#source-error").isHidden());
  } finally {
    await refusing.close();
  }
});

const FAILURES = {
  NotFoundError: /^No camera was found/,
  NotReadableError: /^The camera is busy or blocked/,
  OverconstrainedError: /^No camera on this device/,
  SecurityError: /settings switch the camera off/,
  AbortError: /^The camera stopped while it was starting/,
  SomethingNew: /^The camera could not be started \(SomethingNew: a reason\)/,
};

test("every other failure of the camera has its sentence and a retry, and pictures go on working", async () => {
  const demo = await PageDriver.open(browser, site.url);
  try {
    const { page } = demo;
    for (const [name, sentence] of Object.entries(FAILURES)) {
      await page.evaluate((name) => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("a reason", name));
      }, name);
      await page.locator("#camera").click();
      await page.locator("#source-error-text", { hasText: sentence }).waitFor();
      assert.ok(await page.locator("#source-retry").isVisible());
    }
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => new Promise(() => {});
    });
    await page.locator("#camera").click();
    await page.getByText("Waiting for the camera…").click();
    assert.equal(await page.locator("#camera").textContent(), "Start camera", "a second click gives up waiting");
    const { labels } = await demo.chooseSample(scenes[1].file);
    assert.ok(scenes[1].expected.includes(labels[0].index));
    assert.ok(await page.locator("#source-error").isHidden());
    assert.deepEqual(demo.problems, []);
  } finally {
    await demo.close();
  }
});

test("a camera that is unplugged says so", async () => {
  const context = await browser.newContext();
  try {
    await context.addInitScript(keepStreams);
    const demo = new PageDriver(await context.newPage());
    await demo.page.goto(site.url);
    await demo.startCamera();
    await demo.page.evaluate(() => {
      const [track] = streams.at(-1).getVideoTracks();
      track.dispatchEvent(new Event("ended"));
    });
    await demo.page.getByText("The camera was disconnected.").waitFor();
    assert.equal(await liveTracks(demo.page), 0);
    assert.deepEqual(demo.problems, []);
  } finally {
    await context.close();
  }
});

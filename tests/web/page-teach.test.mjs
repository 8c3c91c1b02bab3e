// The page of training as a person goes through it: camera, two classes, training, a file, and all of it without a network.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { webcamArguments, writeWebcam } from "./fake-webcam.mjs";
import { launch } from "./harness.mjs";
import { PageDriver, cards, openSite } from "./page-driver.mjs";
import { proxy } from "./site-proxy.mjs";

/** Bursts of each class: fewer than three, and a part of the pictures cannot be held out. */
const BURSTS = 3;
const NAMES = ["cat", "coffee"];

let site, browser, folder;
/** The webcam's two pictures, two seconds each, in turn. */
let scenes;

before(async () => {
  site = await openSite();
  folder = await mkdtemp(join(tmpdir(), "mobilenet-web-teach-"));
  const film = join(folder, "webcam.y4m");
  const plain = await launch();
  try {
    const demo = await PageDriver.open(plain, site.url);
    scenes = (await demo.samples()).slice(0, 2);
    await writeWebcam(demo.page, film, scenes.map(({ file }) => ({ url: `./samples/${file}`, frames: 60 })));
  } finally {
    await plain.close();
  }
  browser = await launch({ args: webcamArguments(film) });
});
after(async () => {
  await browser?.close();
  await site?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function picture(page, name) {
  if (!process.env.SCREENSHOTS) return;
  await mkdir(process.env.SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** Opens the page and waits for its classes. */
async function openTeach(context, url) {
  const demo = new PageDriver(await context.newPage());
  await demo.page.goto(new URL("teach.html", url).href);
  await demo.page.locator(".class").nth(1).waitFor();
  return demo;
}

/** Waits for the beginning of one of the webcam's pictures, told by its colours. */
function scene(page, which) {
  return page.evaluate(
    async ({ files, which }) => {
      const small = new OffscreenCanvas(8, 6);
      const context = small.getContext("2d", { willReadFrequently: true });
      const look = (source, width, height) => {
        const scale = Math.max(8 / width, 6 / height);
        context.drawImage(source, (8 - width * scale) / 2, (6 - height * scale) / 2, width * scale, height * scale);
        return context.getImageData(0, 0, 8, 6).data;
      };
      const wanted = [];
      for (const file of files) {
        const bitmap = await createImageBitmap(await (await fetch(`./samples/${file}`)).blob());
        wanted.push(look(bitmap, bitmap.width, bitmap.height).slice());
      }
      const video = document.querySelector("#preview");
      const shown = () => {
        const seen = look(video, video.videoWidth, video.videoHeight);
        const far = wanted.map((colours) => colours.reduce((sum, colour, at) => sum + Math.abs(colour - seen[at]), 0));
        return far.indexOf(Math.min(...far));
      };
      const turn = async (is) => {
        while ((shown() === which) !== is) await new Promise((resolve) => setTimeout(resolve, 20));
      };
      await turn(false);
      await turn(true);
    },
    { files: scenes.map(({ file }) => file), which },
  );
}

const counts = async (page) => (await cards(page)).map(([, count]) => count);
const names = async (page) => (await cards(page)).map(([name]) => name);

/** Holds what `begin` presses for the better part of a scene. */
async function hold(page, { begin, end }) {
  await begin();
  await page.waitForTimeout(900);
  await end();
  await page.locator('.class[data-state="on"]').waitFor({ state: "detached" });
}

async function captureBoth(page) {
  await page.locator("#camera").click();
  await page.waitForFunction(() => document.querySelector("#preview").readyState >= 2);
  for (let burst = 0; burst < BURSTS; burst++) {
    // One class by its number, the other by its button.
    await scene(page, 0);
    await hold(page, { begin: () => page.keyboard.down("1"), end: () => page.keyboard.up("1") });
    await scene(page, 1);
    await page.locator(".hold").nth(1).hover();
    await hold(page, { begin: () => page.mouse.down(), end: () => page.mouse.up() });
  }
}

test("two classes from the camera are trained, judged, saved, and opened again without a network", async () => {
  const server = await proxy(site.url);
  const context = await browser.newContext();
  try {
    const first = await openTeach(context, server.url);
    const { page } = first;
    for (const [at, name] of NAMES.entries()) {
      await page.locator(".class-name").nth(at).fill(name);
      await page.keyboard.press("Enter");
    }
    await first.readyOffline();
    await captureBoth(page);
    const captured = await counts(page);
    assert.ok(captured.every((count) => count >= 2 * BURSTS), `captured ${captured}`);

    await page.locator("#train").click();
    await page.locator("#verdict", { hasText: /came out right after epoch \d+, which is kept/ }).waitFor();
    assert.equal(await page.locator("#epochs-rows tr").count(), 30);
    await page.locator("#curve-accuracy canvas").waitFor();
    await page.locator("#confusion button").first().waitFor();
    const right = await page.locator('#confusion td[data-kind="right"]').evaluateAll((cells) => cells.map(({ textContent }) => Number(textContent)));
    assert.ok(right.every((count) => count > 0), `held out and recognised: ${right}`);
    assert.deepEqual(await page.locator("#confusion thead th").allTextContents(), NAMES);
    assert.match(await page.locator("#mistakes-text").textContent(), /came out right \(100.%\)/);
    await page.locator("#doubts").waitFor();

    for (const [at, name] of NAMES.entries()) {
      await scene(page, at);
      await page.locator("#labels li").first().locator(".name", { hasText: name }).waitFor();
    }
    await page.getByLabel("Show where it looks").check();
    await page.locator("#heat-text", { hasText: /^(cat|coffee): strongest / }).waitFor();
    await first.checkAxe();
    await picture(page, "teach-whole");

    const downloading = page.waitForEvent("download");
    await page.locator("#save").click();
    const head = await readFile(await (await downloading).path());
    assert.ok(head.length > 5_000 && head.length < 100_000, `${head.length} bytes`);
    await page.locator("#keep-status", { hasText: /^Saved .+\.safetensors, \d+ kB\.$/ }).waitFor();

    await server.stop();
    await context.setOffline(true);
    await page.close();
    const again = await openTeach(context, server.url);
    assert.deepEqual(await counts(again.page), captured, "pictures stay between visits");
    await again.page.locator("#load").setInputFiles({ name: "mine.safetensors", mimeType: "application/octet-stream", buffer: head });
    await again.page.locator("#keep-status", { hasText: "Opened mine.safetensors." }).waitFor();
    for (const [at, name] of NAMES.entries()) {
      const sample = await again.page.evaluate(async (file) => {
        const bytes = new Uint8Array(await (await fetch(`./samples/${file}`)).arrayBuffer());
        return bytes.reduce((text, byte) => text + String.fromCharCode(byte), "");
      }, scenes[at].file);
      await again.page.locator("#try-file").setInputFiles({ name: scenes[at].file, mimeType: "image/png", buffer: Buffer.from(sample, "latin1") });
      await again.page.locator("#labels li").first().locator(".name", { hasText: name }).waitFor();
    }
    await again.page.getByText("Working offline").waitFor();
    assert.deepEqual([...first.problems, ...again.problems], []);
  } finally {
    await context.close();
    await server.stop();
  }
});

test("what cannot be trained is said in words, and every picture stays", async () => {
  const context = await browser.newContext();
  try {
    const demo = await openTeach(context, site.url);
    const { page } = demo;
    const train = async (pattern) => {
      await page.locator("#train").click();
      await page.locator("#train-error", { hasText: pattern }).waitFor();
      assert.ok(await page.locator("#train").isVisible());
    };
    const photograph = await demo.download(`samples/${scenes[0].file}`);
    await train("too_few_samples");
    await page.locator(".class input[type=file]").first().setInputFiles(photograph);
    await page.locator("#intake-status", { hasText: "1 picture added." }).waitFor();
    assert.deepEqual(await counts(page), [1, 0]);
    await train("too_few_samples");
    await page.getByRole("button", { name: "Remove class Class 2" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".class").length === 1);
    await train("too_few_samples");
    await page.locator(".class input[type=file]").first().setInputFiles({ name: "broken.png", mimeType: "image/png", buffer: Buffer.from("no picture at all") });
    await page.locator("#skipped summary", { hasText: "1 file left out" }).click();
    assert.match(await page.locator("#skipped-rows").textContent(), /broken\.png/);
    await page.locator("#zip").setInputFiles({ name: "broken.zip", mimeType: "application/zip", buffer: Buffer.from("no archive at all") });
    await page.locator("#examples-error", { hasText: "zip" }).waitFor();
    await page.locator("#load").setInputFiles({ name: "broken.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from("no head at all") });
    await page.locator("#keep-error code").waitFor();
    assert.deepEqual(await counts(page), [1]);
    await demo.checkAxe();
    assert.deepEqual(demo.problems, []);
  } finally {
    await context.close();
  }
});

test("pictures go out as a zip and come back; a folder's folders are classes; pictures are dropped on theirs", async () => {
  const context = await browser.newContext();
  try {
    const demo = await openTeach(context, site.url);
    const { page } = demo;
    await page.locator("#samples").click();
    await page.locator("#intake-status", { hasText: "64 pictures added." }).waitFor();
    const before = await names(page);
    assert.equal(before.length, 4, "the two unnamed classes gave way");
    const downloading = page.waitForEvent("download");
    await page.locator("#export").click();
    const zip = await readFile(await (await downloading).path());
    await page.locator("#clear").click();
    await page.locator("#asking-yes").click();
    await page.locator('.class[data-name="Class 2"]').waitFor();
    assert.deepEqual(await counts(page), [0, 0]);
    await page.locator("#zip").setInputFiles({ name: "mine.zip", mimeType: "application/zip", buffer: zip });
    await page.locator("#intake-status", { hasText: "64 pictures added." }).waitFor();
    assert.deepEqual(await names(page), before);
    assert.deepEqual(await counts(page), [16, 16, 16, 16]);

    const { buffer } = await demo.download(`samples/${scenes[0].file}`);
    const tree = join(folder, "dataset");
    for (const name of ["alpaca", "llama"]) {
      await mkdir(join(tree, name), { recursive: true });
      await writeFile(join(tree, name, "1.png"), buffer);
    }
    await writeFile(join(tree, "llama", "notes.png"), "no picture at all");
    await page.locator("#folder").setInputFiles(tree);
    await page.locator("#intake-status", { hasText: "2 pictures added." }).waitFor();
    await page.locator("#skipped summary", { hasText: "1 file left out" }).waitFor();
    assert.deepEqual((await names(page)).slice(4), ["alpaca", "llama"]);

    const drop = (selector) =>
      page.locator(selector).evaluate(async (target, file) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([await (await fetch(`./samples/${file}`)).blob()], "dropped.png", { type: "image/png" }));
        for (const type of ["dragenter", "dragover", "drop"]) target.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
      }, scenes[0].file);
    await drop('.class[data-name="alpaca"] .shelf');
    await page.waitForFunction(() => document.querySelector('.class[data-name="alpaca"] .all').textContent.startsWith("2"));
    assert.ok(await page.locator("#drop").isHidden());
    await drop("h1");
    await page.locator("#examples-error", { hasText: "Drop pictures onto the class that they belong to" }).waitFor();
    assert.deepEqual(demo.problems, []);
  } finally {
    await context.close();
  }
});

test("deeper training is marked, and its network opens in the demo; a head by itself has four formats", async () => {
  const context = await browser.newContext();
  try {
    const demo = await openTeach(context, site.url);
    const { page } = demo;
    const save = async (format, files) => {
      await page.locator("#save-format").selectOption(format);
      const downloads = [];
      const onDownload = (download) => downloads.push(download);
      page.on("download", onDownload);
      await page.locator("#save").click();
      await page.locator("#keep-status", { hasText: /^Saved / }).waitFor();
      // Of the last file the browser may tell later than the page.
      if (downloads.length < files) await page.waitForEvent("download", { timeout: 5000 });
      page.off("download", onDownload);
      assert.equal(downloads.length, files, `files of ${format}`);
      return Promise.all(downloads.map(async (download) => ({ name: download.suggestedFilename(), mimeType: "application/octet-stream", buffer: await readFile(await download.path()) })));
    };
    await page.locator("#samples").click();
    await page.locator("#intake-status", { hasText: "64 pictures added." }).waitFor();
    await page.locator("#options summary").click();
    await page.locator("[name=method]").selectOption("ridge");
    await page.locator("#train").click();
    await page.locator("#verdict", { hasText: "Each picture judged by all the others" }).waitFor();
    await save("head", 1);
    await save("onnx", 1);
    const layers = await save("tfjs", 3);
    await page.locator("#load").setInputFiles(layers);
    await page.locator("#keep-status", { hasText: /^Opened / }).waitFor();

    await page.locator("[name=method]").selectOption("gradient");
    await page.locator("[name=epochs]").fill("4");
    await page.locator("[name=fineTuneFrom]").selectOption({ label: "layer 18" });
    await page.locator("[name=fineTuneEpochs]").fill("1");
    await page.locator("#train").click();
    await page.locator("#verdict:not(:empty)").waitFor();
    assert.deepEqual(await page.locator("#epochs-rows td:nth-child(2)").allTextContents(), [...Array(4).fill("the head"), "the network too"]);
    assert.ok(await page.locator('#save-format [value="head"]').isDisabled());
    const [network] = await save("network", 1);
    assert.ok(network.buffer.length > 5e6, `${network.buffer.length} bytes`);

    await page.goto(site.url);
    await demo.result(scenes[0].file);
    await page.locator("#weights-file").setInputFiles(network);
    await page.locator(`#card[data-weights="${network.name}"]`).waitFor();
    for (const { file, title } of scenes) {
      const { labels } = await demo.chooseSample(file);
      assert.equal(labels[0].name, title);
    }
    assert.deepEqual(demo.problems, []);
  } finally {
    await context.close();
  }
});

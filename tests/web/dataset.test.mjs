// A trainer's pictures: taken from frames, files, folders, addresses and archives, and kept whatever happens.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { INPUT, openDataset } from "./dataset-page.mjs";
import { assertFails, assets, launch, serve } from "./harness.mjs";

/** The shorter side of pictures that are kept. */
const KEPT = INPUT * 1.5;

let server, browser, page, files, folder;

before(async () => {
  server = await serve();
  files = await assets(server.site);
  folder = await mkdtemp(join(tmpdir(), "mobilenet-web-dataset-"));
  browser = await launch();
  page = await openDataset(await browser.newContext(), server.site);
});
after(async () => {
  await browser?.close();
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

describe("pictures", () => {
  test("frames become small JPEGs, files stay what they are", async () => {
    const found = await page.evaluate(async () => {
      const own = await trainer({ classes: ["red", "blue"] });
      const frame = await own.add(drawing("red", "1", 640, 480), "red");
      const small = await own.add(drawing("red", "2", 40, 30), "red", { origin: "drawn" });
      const pixels = await own.add({ data: new Uint8Array(4 * 9).fill(255), width: 3, height: 3 }, "blue");
      const file = new File([await png("blue", "3", 500, 400)], "sea.png", { type: "image/png" });
      const kept = await own.add(file, "blue");
      const sizes = [];
      for (const { id } of own.samples) {
        const picture = await own.picture(id);
        const { width, height } = await createImageBitmap(picture);
        sizes.push([picture.type, width, height]);
      }
      const same = (await bytes(await own.picture(kept.id))) === (await bytes(file));
      const { classes, task, samples, isTrained, storeError } = own;
      const read = await createImageBitmap(await own.picture(frame.id));
      const context = new OffscreenCanvas(read.width, read.height).getContext("2d");
      context.drawImage(read, 0, 0);
      const colour = [...context.getImageData(5, 5, 1, 1).data];
      own.dispose();
      return { sizes, same, classes, task, samples, isTrained, storeError, made: [frame, small, pixels, kept], colour };
    });
    assert.deepEqual(found.sizes, [["image/jpeg", (KEPT * 4) / 3, KEPT], ["image/jpeg", 40, 30], ["image/jpeg", 3, 3], ["image/png", 500, 400]]);
    assert.ok(found.same);
    assert.deepEqual(found.samples, found.made);
    assert.deepEqual(found.samples.map(({ origin }) => origin), ["camera", "drawn", "camera", "sea.png"]);
    assert.deepEqual(found.samples.map(({ label }) => label), ["red", "red", "blue", "blue"]);
    assert.equal(new Set(found.samples.flatMap(({ id, burst }) => [id, burst])).size, 8);
    assert.deepEqual([found.classes, found.task, found.isTrained, found.storeError], [["red", "blue"], "softmax", false, null]);
    const [red, green, blue] = found.colour;
    assert.ok(red > 250 && green < 5 && blue < 5, `${found.colour}`);
  });

  test("what a picture loses by being kept, the network does not see", async () => {
    const cosines = await page.evaluate(async ([weights, samples]) => {
      const whole = await load(weights, { backend: "simd" });
      const own = await whole.trainer({ classes: ["any"] });
      const cosines = [];
      for (const path of samples) {
        const canvas = await draw(await photo(path));
        const { id } = await own.add(canvas, "any");
        cosines.push(whole.similarity(await whole.embed(canvas), await whole.embed(await own.picture(id))));
      }
      whole.dispose();
      return cosines;
    }, [files.weights, files.samples.map(({ file }) => `/samples/${file}`)]);
    console.log(`cosines of vectors before and after: ${cosines.map((cosine) => cosine.toFixed(4)).join(", ")}`);
    assert.ok(Math.min(...cosines) > 0.98, `${cosines}`);
  });

  test("labels, classes and values are checked, and mended", async () => {
    const found = await page.evaluate(async () => {
      const own = await trainer({ classes: ["cup", "hand"] });
      const first = await own.add(drawing("red"), "cup");
      const fails = {
        unknown: await code(own.add(drawing("red"), "mug")),
        values: await code(own.add(drawing("red"), "cup", { values: [1] })),
        noLabel: await code(own.add(drawing("red"), null)),
        notRead: await code(own.add(new Blob(["no picture"], { type: "image/png" }), "cup")),
        empty: await code(own.add(drawing("red", "", 0, 0), "cup")),
        source: await code(own.add("cup.jpg", "cup")),
        twice: await code(own.addClass("cup")),
        nameless: await code(own.addClass(" ")),
        rename: await code(own.renameClass("cup", "hand")),
        missing: await code(own.removeClass("mug")),
        id: await code(own.remove(7)),
        aborted: await code(own.add(drawing("red"), "cup", { signal: AbortSignal.abort() })),
        task: await code(trainer({ task: "guessing" })),
        classes: await code(trainer({ classes: ["a", "a"] })),
        seed: await code(trainer({ seed: -1 })),
        store: await code(trainer({ store: "" })),
      };
      const before = own.samples.length;
      await own.addClass("spoon");
      await own.relabel(first.id, "spoon");
      await own.renameClass("spoon", "ladle");
      const renamed = [own.classes.join(), own.samples[0].label];
      await own.removeClass("ladle");
      const after = [own.classes.join(), own.samples.length];
      const numbers = await trainer({ task: "regression", classes: ["x", "y"] });
      const number = await numbers.add(drawing("red"), null, { values: [0.5, -2] });
      fails.short = await code(numbers.add(drawing("red"), null, { values: [1] }));
      const any = await trainer({ task: "sigmoid", classes: ["sun", "rain"] });
      const none = await any.add(drawing("red"), null);
      const both = await any.add(drawing("red"), null, { values: [1, 1] });
      fails.share = await code(any.add(drawing("red"), null, { values: [1, 0.5] }));
      return { fails, before, renamed, after, values: [number, none, both].map(({ label, values }) => [label, values]) };
    });
    const { fails } = found;
    assertFails(fails.unknown, "bad_option", "cup, hand", "mug", "addClass");
    for (const [name, word] of Object.entries({ values: "values", noLabel: "label", twice: "no other class", nameless: "not empty", rename: "no other class", missing: "mug", id: "id" })) {
      assertFails(fails[name], "bad_option", word);
    }
    assertFails(fails.notRead, "source_unsupported", "picture file");
    assertFails(fails.empty, "source_empty");
    assertFails(fails.source, "source_unsupported");
    assertFails(fails.aborted, "aborted");
    for (const name of ["task", "classes", "seed", "store", "short", "share"]) {
      assert.equal(fails[name].code, "bad_option", `${name}: ${JSON.stringify(fails[name])}`);
    }
    assert.equal(found.before, 1);
    assert.deepEqual(found.renamed, ["cup,hand,ladle", "ladle"]);
    assert.deepEqual(found.after, ["cup,hand", 0]);
    assert.deepEqual(found.values, [[null, [0.5, -2]], [null, [0, 0]], [null, [1, 1]]]);
  });

  test("a burst is frames of a video under one number, until its signal", async () => {
    const found = await page.evaluate(async () => {
      const own = await trainer({ classes: ["clock"] });
      const canvas = drawing("white");
      const timer = setInterval(() => canvas.getContext("2d").fillRect(Math.random() * 320, 0, 9, 9), 10);
      const video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream() });
      await video.play();
      const bursts = [];
      for (let burst = 0; burst < 2; burst += 1) {
        const stop = new AbortController();
        const seen = [];
        const onSample = (sample) => {
          seen.push(sample.id);
          if (seen.length === 3) stop.abort();
        };
        const count = await own.capture(video, "clock", { signal: stop.signal, fps: 20, onSample });
        bursts.push([count, seen.length]);
      }
      clearInterval(timer);
      const withoutSignal = await code(own.capture(video, "clock"));
      return { bursts, samples: own.samples, withoutSignal };
    });
    assert.deepEqual(found.bursts, [[3, 3], [3, 3]]);
    assert.equal(new Set(found.samples.map(({ burst }) => burst)).size, 2);
    assertFails(found.withoutSignal, "bad_option", "AbortSignal");
  });
});

describe("folders and addresses", () => {
  test("a chosen folder: its folders name classes, what cannot be read is told by its path", async () => {
    const found = await page.evaluate(async () => {
      const own = await trainer({ classes: ["zebra"] });
      const picture = await png("red");
      const list = [
        at("dataset/zebra/10.png", picture),
        at("dataset/alpaca/2.png", picture),
        at("dataset/zebra/9.png", picture),
        at("dataset/alpaca/broken.png", "no picture"),
        at("dataset/alpaca/readme.txt", "about alpacas"),
        at("dataset/alpaca/.DS_Store", "clutter"),
        at("dataset/zebra/Thumbs.db", "clutter"),
        at("loose.png", picture),
        at("dataset/train/yak/1.png", picture),
      ];
      const steps = [];
      const added = await own.addFolder(list, { onProgress: ({ done, total, path }) => steps.push([done, total, path]) });
      const other = await trainer({ task: "sigmoid", classes: ["alpaca"] });
      const named = await other.addFolder(list.slice(0, 3), { labelOf: (path) => (path.includes("alpaca") ? "alpaca" : null) });
      const refused = await code(own.addFolder(["a.png"]));
      const stop = new AbortController();
      const before = own.samples.length;
      const long = Array.from({ length: 100 }, (_, index) => at(`set/zebra/${index}.png`, picture));
      const aborted = await code(own.addFolder(long, { signal: stop.signal, onProgress: ({ done }) => done === 2 && stop.abort() }));
      return {
        added, steps, refused, aborted, named,
        stayed: own.samples.length - before,
        classes: own.classes,
        labels: own.samples.slice(0, before).map(({ label, origin }) => [label, origin]),
        others: other.samples.map(({ label, values }) => [label, values ?? null]),
      };
    });
    assert.equal(found.added.added, 4);
    assert.equal(found.added.unstored, 0);
    assert.deepEqual(found.added.skipped.map(({ path }) => path), ["dataset/alpaca/broken.png", "dataset/alpaca/readme.txt", "loose.png"]);
    assert.deepEqual(found.labels, [
      ["alpaca", "dataset/alpaca/2.png"],
      ["yak", "dataset/train/yak/1.png"],
      ["zebra", "dataset/zebra/9.png"],
      ["zebra", "dataset/zebra/10.png"],
    ]);
    assert.deepEqual(found.classes, ["zebra", "alpaca", "yak"]);
    assert.deepEqual(found.steps.at(-1).slice(0, 2), [7, 7]);
    assert.deepEqual(found.named.skipped, []);
    assert.deepEqual(found.others, [["alpaca", null], [null, [0]], [null, [0]]]);
    assertFails(found.refused, "bad_option", "webkitdirectory");
    assertFails(found.aborted, "aborted");
  // Those that were under way stay as well.
  assert.ok(found.stayed >= 2 && found.stayed < 30, `${found.stayed}`);
  });

  test("folders from disk: chosen in an input, and dropped", async () => {
    const picture = Buffer.from((await page.evaluate(async () => bytes(await png("green")))).split(",").map(Number));
    for (const name of ["tree/alpaca/1.png", "tree/alpaca/2.png", "tree/deep/inside/yak/1.png"]) {
      await mkdir(join(folder, name, ".."), { recursive: true });
      await writeFile(join(folder, name), picture);
    }
    // A reader of a dropped folder gives a hundred files at a time.
    await mkdir(join(folder, "tree/many"));
    await Promise.all(Array.from({ length: 150 }, (_, index) => writeFile(join(folder, `tree/many/${index}.png`), picture)));
    await page.evaluate(() => {
      document.body.innerHTML = '<input type="file" id="tree" webkitdirectory><div id="zone"></div>';
      document.querySelector("#zone").style.height = "300px";
      globalThis.dropped = trainer().then((own) => new Promise((resolve) => {
        const zone = document.querySelector("#zone");
        zone.ondragover = (event) => event.preventDefault();
        zone.ondrop = (event) => {
          event.preventDefault();
          resolve(own.addFolder(event.dataTransfer).then((added) => ({ added, samples: own.samples, classes: own.classes })));
        };
      }));
    });
    await page.locator("#tree").setInputFiles(join(folder, "tree"));
    const chosen = await page.evaluate(async () => {
      const own = await trainer();
      const added = await own.addFolder(document.querySelector("#tree").files);
      return { added, samples: own.samples, classes: own.classes };
    });
    const cdp = await page.context().newCDPSession(page);
    const box = await page.locator("#zone").boundingBox();
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      const data = { items: [], files: [join(folder, "tree")], dragOperationsMask: 1 };
      await cdp.send("Input.dispatchDragEvent", { type, x: box.x + 20, y: box.y + 20, data });
    }
    const dropped = await page.evaluate(() => globalThis.dropped);
    for (const { added, samples, classes } of [chosen, dropped]) {
      assert.deepEqual([added.added, added.skipped], [153, []]);
      assert.deepEqual(classes, ["alpaca", "yak", "many"]);
      assert.deepEqual(samples.slice(0, 3).map(({ origin }) => origin), ["tree/alpaca/1.png", "tree/alpaca/2.png", "tree/deep/inside/yak/1.png"]);
      assert.equal(samples.at(-1).origin, "tree/many/149.png");
    }
  });

  test("addresses, with what keeps each of them away", async () => {
    const found = await page.evaluate(async ([good, other]) => {
      const own = await trainer({ classes: ["photo"] });
      const added = await own.addUrls([good, "/no-such.png", "/pkg/index.js", new URL(`${other}samples/none.png`)], "photo");
      return { added: { ...added, skipped: added.skipped.map(({ path, error }) => [new URL(path).pathname, error.code]) }, samples: own.samples };
    }, [`/samples/${files.samples[0].file}`, server.other]);
    assert.equal(found.added.added, 1);
    assert.deepEqual(found.added.skipped, [["/no-such.png", "http_status"], ["/pkg/index.js", "source_unsupported"], ["/samples/none.png", "network"]]);
    assert.ok(found.samples[0].origin.startsWith("http"), found.samples[0].origin);
  });
});

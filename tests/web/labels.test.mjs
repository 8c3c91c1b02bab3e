// Class names: those of ImageNet for weights that bring none, where they come from, and what happens without them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assertFails, assets, fixtures, visitBlank } from "./harness.mjs";

const V1 = "/fixtures/weights/v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors";
const V2 = "/fixtures/weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors";
const CAT = "/fixtures/images/in224/chelsea_cat.png";
/** ImageNet's id of "Egyptian cat". */
const EGYPTIAN_CAT = "n02124075";

const { folder, skip } = fixtures();

let server, page, close;
/** Every address of a table of names that was asked for, from the page or a worker. */
let asked = [];

before(async () => {
  ({ server, page, close } = await visitBlank());
  page.context().on("request", (request) => {
    if (request.url().endsWith(".txt")) asked.push(new URL(request.url()).pathname);
  });
});

after(() => close?.());

/** What a network says of itself and of a cat, and which tables it fetched. */
async function classified(weights, options) {
  asked = [];
  const found = await page.evaluate(
    async ([weights, options, cat]) => {
      const net = await load(weights, options);
      const { labels } = await net.classify(await photo(cat));
      const named = (name) => net.classify(new ImageData(8, 8), { allow: [name], topK: 9 }).then(({ labels }) => labels);
      const { labels: hasNames, labelSet, inferred, warnings, classes } = net.info;
      const cranes = hasNames ? await named("crane").catch(() => []) : [];
      net.dispose();
      return { labels, cranes, hasNames, labelSet, inferred, warnings, classes };
    },
    [weights, options, CAT],
  );
  return { ...found, asked };
}

const list = async (name) => (await readFile(join(folder, "labels", name), "utf8")).trimEnd().split("\n");

describe("weights that bring no names", { skip }, () => {
  for (const [weights, classes, file, worker] of [
    [V1, 1001, "labels_1001_tflite-support.txt", true],
    [V2, 1000, "imagenet_classes_1000_pytorch-hub.txt", false],
  ]) {
    test(`of ${classes} classes get ImageNet's, by index, with WordNet ids`, async () => {
      const found = await classified(weights, { worker });
      const names = await list(file);
      assert.equal(names.length, classes);
      assert.deepEqual(found.labels.map(({ name }) => name), found.labels.map(({ index }) => names[index]));
      const cat = found.labels.find(({ name }) => name === "Egyptian cat");
      assert.deepEqual([cat.wnid, cat.index], [EGYPTIAN_CAT, classes - 1000 + 285]);
      assert.ok(found.labels.every(({ wnid }) => /^n\d{8}$/.test(wnid)));
      assert.deepEqual([found.hasNames, found.labelSet, found.warnings], [true, `imagenet-${classes}`, []]);
      const inferred = found.inferred.filter(({ what }) => what === "labels");
      assert.deepEqual(inferred.map(({ value }) => value), [`imagenet-${classes}`]);
      const offset = classes - 1000;
      const cranes = found.cranes.sort((a, b) => a.index - b.index).map(({ index, wnid }) => [index - offset, wnid]);
      assert.deepEqual(cranes, [[134, "n02012849"], [517, "n03126707"]], "the bird and the machine");
      assert.deepEqual(found.asked, ["/pkg/labels/imagenet.txt"]);
    });
  }

  test("background has a name and no id", async () => {
    const background = await page.evaluate(async (weights) => {
      const net = await load(weights);
      const { labels } = await net.classify(new ImageData(8, 8), { allow: ["background"] });
      net.dispose();
      return labels;
    }, V1);
    assert.deepEqual(background.map(({ index, name, wnid }) => [index, name, wnid]), [[0, "background", undefined]]);
  });

  test("get them from where `labelsUrl` says", async () => {
    const found = await classified(V1, { labelsUrl: "pkg/labels/imagenet.txt?there" });
    assert.equal(found.labels.find(({ wnid }) => wnid === EGYPTIAN_CAT).name, "Egyptian cat");
  });

  for (const [what, labelsUrl, ...says] of [
    ["is not there", "/faults/404", "/faults/404", "expected ImageNet's class names, found status 404", "labelsUrl"],
    ["is a web page", "/faults/html", "found a web page (content-type text/html", "labelsUrl"],
    ["has no server", "http://localhost:1024/x.txt", "found no whole answer", "labelsUrl"],
    ["breaks off", "/faults/truncated?path=/pkg/labels/imagenet.txt", "expected", "labels/imagenet.txt"],
    ["is another text", "/fixtures/labels/labels_1001_tflite-support.txt", "line 1: expected a WordNet id", "labels/imagenet.txt"],
  ]) {
    test(`classify by number where the table ${what}, and say why`, async () => {
      const found = await classified(V1, { labelsUrl });
      assert.deepEqual(found.labels.map(({ name }) => name), found.labels.map(({ index }) => `class ${index}`));
      assert.ok(found.labels.every(({ wnid }) => wnid === undefined));
      assert.equal(found.hasNames, false);
      assert.deepEqual(found.warnings.map(({ code }) => code), ["labels_unavailable"]);
      for (const part of says) assert.ok(found.warnings[0].message.includes(part), `"${found.warnings[0].message}" without "${part}"`);
    });
  }

  test("do not wait for a slow table for ever, and not at all once aborted", async () => {
    const slow = "/faults/slow?path=/pkg/labels/imagenet.txt&pieces=100&pause_ms=500";
    const found = await page.evaluate(async ([weights, labelsUrl]) => {
      const controller = new AbortController();
      const onProgress = ({ phase }) => phase === "prepare" && setTimeout(() => controller.abort(), 700);
      const start = performance.now();
      const stopped = await code(load(weights, { labelsUrl, onProgress, signal: controller.signal }));
      const abortedMs = performance.now() - start;
      const { timeout } = AbortSignal;
      let patienceMs;
      AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ((patienceMs = ms), 300));
      const net = await load(weights, { labelsUrl, worker: false });
      AbortSignal.timeout = timeout;
      net.dispose();
      return { stopped, abortedMs, patienceMs, warnings: net.info.warnings };
    }, [V1, slow]);
    assertFails(found.stopped, "aborted");
    assert.ok(found.abortedMs < 20_000, `the table alone takes 50 s, the load ended after ${found.abortedMs} ms`);
    assert.equal(found.patienceMs, 10_000);
    assert.match(found.warnings[0].message, /found no whole answer \(.*timed out/);
  });

  test("fetch nothing where names are given, refused or of no use", async () => {
    const own = Array.from({ length: 1001 }, (_, index) => `own ${index}`);
    const cases = { own: { labels: own }, numbered: { labels: own.map((name, i) => `${i}: ${name}`).join("\n") }, none: { labelsUrl: false }, other: { labelSet: "birds" } };
    for (const [name, options] of Object.entries(cases)) {
      const found = await classified(V1, options);
      const word = options.labels ? "own" : "class";
      assert.deepEqual(found.labels.map((label) => label.name), found.labels.map(({ index }) => `${word} ${index}`), name);
      assert.deepEqual([found.asked, found.warnings], [[], []], name);
    }
  });

  test("refuse a list of another length, and an address that is none", async () => {
    const failing = (options) => page.evaluate(([weights, options]) => code(load(weights, options)), [V1, options]);
    assertFails(await failing({ labels: ["cat", "dog"] }), "bad_model", "1001 names", "2 names");
    assertFails(await failing({ labels: "0: cat\n2: dog" }), "bad_option", "each index from 0 to 1 once");
    assertFails(await failing({ labelsUrl: "http://[" }), "bad_option", "labelsUrl");
  });
});

test("the table is among the files that the service worker keeps", async () => {
  const precache = await (await fetch(new URL("precache.js", server.site))).text();
  assert.ok(precache.includes('"./pkg/labels/imagenet.txt"'), precache);
});

test("weights with names of their own fetch none, and have ids for rows as Keras gives them", async () => {
  const { weights, samples } = await assets(server.site);
  asked = [];
  const rows = await page.evaluate(async ([weights, cat]) => {
    const net = await load(weights);
    const { labels } = await net.classify(await photo(cat), { topK: 3 });
    net.dispose();
    return labels.map(({ wnid, name, probability }) => [wnid, name, probability]);
  }, [weights, `/samples/${samples.find(({ name }) => name === "chelsea").file}`]);
  assert.deepEqual(rows[0].slice(0, 2), [EGYPTIAN_CAT, "Egyptian cat"]);
  assert.ok(rows.every(([wnid, , probability]) => /^n\d{8}$/.test(wnid) && probability > 0));
  assert.deepEqual(asked, []);
});

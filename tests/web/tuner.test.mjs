// The end of a network, trained in the page: maps of the engine in, a file out that the engine opens.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertFails, assets, blank, visit } from "./harness.mjs";

let server, browser, close;

before(async () => {
  ({ server, browser, close } = await visit());
});

after(() => close?.());

test("the last blocks learn, and what is written classifies as they do", async (t) => {
  const page = await blank(await browser.newContext(), server.site);
  const { weights } = await assets(server.site);
  const found = await page.evaluate(async (weights) => {
    const { Head, Tuner } = await (await import("/pkg/training.js")).loadTraining();
    const file = new Uint8Array(await (await fetch(weights)).arrayBuffer());
    const options = { backend: "simd", labelsUrl: false };
    const net = await load(file.slice(), options);
    const tuner = Tuner.open(file.slice(), { from: "layer_18", outputs: 2, batchSize: 4 });
    const { endpoint, shape, params, layers } = tuner.info();
    const head = Head.create({ features: 1280, outputs: 2, seed: 1 });
    const code = (work) => {
      try {
        work();
        return { code: "no error" };
      } catch ({ name, code, message }) {
        return { name, code, message };
      }
    };
    // Two classes of noise: fine, and coarse.
    const { inputWidth: width, inputHeight: height } = net.info;
    let state = 1;
    const unit = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const picture = (grain) => {
      const colours = Array.from({ length: 4096 }, () => 255 * unit());
      const image = new ImageData(width, height);
      for (let at = 0; at < width * height; at += 1) {
        const [x, y] = [at % width, Math.floor(at / width)].map((place) => Math.floor(place / grain));
        image.data.set([0, 1, 2].map((channel) => colours[(x * 71 + y * 37 + channel) % 4096]), 4 * at);
        image.data[4 * at + 3] = 255;
      }
      return image;
    };
    const pictures = [1, 8, 1, 8].map(picture);
    const embedded = await net.embed(pictures, { endpoints: [endpoint], resize: "none" });
    const maps = new Float32Array(embedded.flatMap(([map]) => [...map]));
    const targets = Float32Array.of(1, 0, 0, 1, 1, 0, 0, 1);
    const unasked = code(() => tuner.step(maps, targets, 0, 0));
    const plan = tuner.begin(targets, { fineTuneLearningRate: 3e-4, earlyStopping: {} });
    const untrained = code(() => tuner.step(maps, targets, 0, 0));
    tuner.attach(head);
    const start = performance.now();
    const losses = Array.from({ length: 6 }, () => tuner.step(maps, targets, 0, 0).loss);
    const ms = (performance.now() - start) / 6;
    tuner.keep();
    const { right, samples } = tuner.loss(maps, targets);
    const probabilities = [...tuner.predict(maps)];
    tuner.begin(targets, { fineTuneLearningRate: 0.1, schedule: { kind: "exponential", factor: 0.5 } });
    const { learningRate } = tuner.step(maps, targets, 2, 0);
    tuner.back();
    const back = [...tuner.predict(maps)];
    const bytes = tuner.write({ classes: ["fine", "coarse"] });
    const tuned = await load(bytes, options);
    const classified = [];
    for (const frame of pictures) {
      const { labels } = await tuned.classify(frame, { resize: "none", topK: 2 });
      classified.push(...["fine", "coarse"].map((name) => labels.find((label) => label.name === name).probability));
    }
    const wrong = {
      from: code(() => Tuner.open(file.slice(), { from: "layer_99", outputs: 2 })),
      layer: code(() => Tuner.open(file.slice(), { from: 154, outputs: 2 })),
      length: code(() => tuner.step(maps.slice(1), targets, 0, 0)),
      nan: code(() => tuner.step(maps.map(() => NaN), targets, 0, 0)),
      head: code(() => tuner.attach(Head.create({ features: 1280, outputs: 3 }))),
    };
    return { endpoint, shape, params, layers, unasked, plan, learningRate, untrained, losses, ms, right, samples, probabilities, back, classified, wrong };
  }, weights);
  assert.equal(found.endpoint, "layer_17");
  assert.deepEqual(found.shape, [7, 7, 160]);
  // 160 → 960 → 320 → 1280 channels with their batch norms, and the head.
  assert.equal(found.params, 160 * 960 + 9 * 960 + 960 * 320 + 320 * 1280 + 2 * (960 + 960 + 320 + 1280) + 2562);
  assert.equal(found.layers.at(-1), "logits");
  assertFails(found.unasked, "not_trained", "begin()");
  assert.deepEqual(found.plan, { epochs: 10, patience: 5, minDelta: 0 });
  assert.ok(Math.abs(found.learningRate - 0.025) < 1e-6, String(found.learningRate));
  assertFails(found.untrained, "not_trained", "head");
  t.diagnostic(`a step of four maps ${found.ms.toFixed(0)} ms`);
  assert.ok(found.losses.at(-1) < found.losses[0], String(found.losses));
  assert.deepEqual([found.right, found.samples], [4, 4]);
  assert.deepEqual(found.back, found.probabilities);
  found.classified.forEach((probability, at) => assert.ok(Math.abs(probability - found.probabilities[at]) < 1e-3, `${probability}, ${found.probabilities[at]}`));
  assertFails(found.wrong.from, "unknown_endpoint", "layer_99");
  assertFails(found.wrong.layer, "bad_option", "fineTuneFrom", "154");
  assertFails(found.wrong.length, "source_wrong_length", "7×7×160");
  assertFails(found.wrong.nan, "training_diverged", "batch", "NaN");
  assertFails(found.wrong.head, "bad_option", "2 outputs");
  assert.deepEqual(page.faults, []);
});

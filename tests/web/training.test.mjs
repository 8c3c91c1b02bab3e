// The module that trains, by itself: in each build in Chromium, on vectors by formula.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertFails, blank, inBuild, visit } from "./harness.mjs";

let server, browser, close;

before(async () => {
  ({ server, browser, close } = await visit());
});

after(() => close?.());

/** A page that has started no module yet. */
async function fresh() {
  const page = await blank(await browser.newContext(), server.site);
  await page.evaluate(() => {
    const FEATURES = 1280;
    Object.assign(globalThis, {
      FEATURES,
      /** Two classes that overlap: 100 vectors each, by a generator of Park and Miller's. */
      vectors: ({ Samples }, count = 200) => {
        let state = 1;
        const unit = () => (state = (state * 48271) % 2147483647) / 2147483647;
        const samples = new Samples(FEATURES, 2);
        for (let row = 0; row < count; row++) {
          const is = row % 2;
          const vector = Float32Array.from({ length: FEATURES }, (_, k) => Math.max(0, unit() * 2 - 0.6 + (k % 7 === is ? 0.2 : 0)));
          samples.push(vector, Float32Array.of(1 - is, is));
        }
        return samples;
      },
      halves: ({ split }, count = 200) => {
        const rows = Uint32Array.from({ length: count }, (_, row) => row);
        return split(rows.map((row) => row % 2), rows, Float32Array.of(80, 20, 0), 1);
      },
    });
  });
  return page;
}

for (const build of ["relaxed-simd", "simd128"]) {
  test(`a head trains, is written, read and asked, ${build}`, async (t) => {
    const page = await fresh();
    await inBuild(page, build, async () => {
      const found = await page.evaluate(async () => {
        const training = await (await import("/pkg/training.js")).loadTraining();
        const { Head, Ridge, Run, Findings, evaluate, nearest, threshold } = training;
        const samples = vectors(training);
        const parts = halves(training);
        const held = Uint32Array.from([...parts.keys()].filter((row) => parts[row] === 1));
        const times = {};
        const timed = (name, work) => {
          const begin = performance.now();
          const value = work();
          times[name] = Math.min(times[name] ?? Infinity, performance.now() - begin);
          return value;
        };
        const fit = () => {
          const run = Run.begin(Head.create({ features: FEATURES, outputs: 2, seed: 1 }), samples, parts, { epochs: 50, classes: ["a", "b"] });
          const epochs = [];
          for (let event; (event = run.step()); ) if (event.epoch) epochs.push(event.epoch);
          return { run, epochs };
        };
        const { run, epochs } = timed("50 epochs", fit);
        const again = timed("50 epochs", fit);
        const head = run.finish();
        const ridge = () => {
          const solver = Ridge.begin(samples, parts, { task: "softmax" });
          while (solver.step());
          return solver.finish();
        };
        timed("ridge", ridge);
        const closed = timed("ridge", ridge);
        const said = {
          classes: ["a", "b"], preprocessing: "keras", endpoint: "global_pool", backbone: "v2", fingerprint: Float32Array.of(0.5, 2),
          metrics: { accuracy: 0.75, none: null }, seed: 7, threshold: threshold(head, samples, held),
        };
        const bytes = head.write(said);
        const read = Head.read(bytes);
        const vector = new Float32Array(FEATURES).fill(0.5);
        const search = Findings.begin(samples, head, { task: "softmax", bursts: new Uint32Array(0) });
        const progress = [];
        for (let at; (at = search.step()); ) progress.push(at);
        return {
          build: training.build, epochs, times, outcome: run.outcome(), same: JSON.stringify(again.epochs) === JSON.stringify(epochs),
          length: bytes.length, info: { ...read.info(), fingerprint: [...read.info().said.fingerprint] },
          predictions: [head, read].map((one) => [...one.predict(vector)]),
          gradient: [...head.gradient(vector, 1)].length,
          ridge: { leftOut: closed.leaveOneOutAccuracy, params: closed.params, evaluation: evaluate(closed.head, samples, held) },
          nearest: ["neighbours", "centroids"].map((method) => evaluate(nearest(samples, parts, { task: "softmax", method }), samples, held).accuracy),
          progress, findings: search.finish(),
          tfjs: head.tfjs(said).map(({ name, bytes: { length } }) => [name, length]),
          onnx: head.onnx(said).length,
        };
      });
      assert.equal(found.build, build);
      t.diagnostic(`50 epochs of 160 × 1280 ${found.times["50 epochs"].toFixed(0)} ms, ridge ${found.times.ridge.toFixed(0)} ms`);
      assert.equal(found.epochs.length, 50);
      assert.ok(found.same, "the same seed gave other losses");
      const last = found.epochs.at(-1);
      assert.ok(last.validationAccuracy > 0.9 && last.loss < found.epochs[0].loss, JSON.stringify(last));
      assert.deepEqual(found.outcome.split, { train: 160, validation: 40, test: 0 });
      assert.deepEqual([found.outcome.params, found.outcome.stopped], [2562, "done"]);
      assert.ok(found.length < 20_000, `${found.length} bytes`);
      const { said, ...info } = found.info;
      assert.deepEqual(info, { features: 1280, outputs: 2, hidden: 0, task: "softmax", method: "gradient", params: 2562, fingerprint: [0.5, 2] });
      assert.deepEqual([said.classes, said.endpoint, said.seed, said.metrics], [["a", "b"], "global_pool", 7, { accuracy: 0.75 }]);
      assert.ok(said.threshold > 0.5, String(said.threshold));
      assert.deepEqual(found.predictions[0], found.predictions[1]);
      assert.equal(found.gradient, 1280);
      assert.ok(found.ridge.leftOut > 0.9 && found.ridge.evaluation.accuracy > 0.9, JSON.stringify(found.ridge));
      assert.equal(found.ridge.evaluation.confusion.flat().reduce((sum, count) => sum + count), 40);
      assert.ok(found.nearest.every((accuracy) => accuracy > 0.6), String(found.nearest));
      assert.equal(found.progress.at(-1).done, 200);
      assert.deepEqual(found.findings.duplicates, []);
      assert.deepEqual(found.tfjs.map(([name]) => name), ["model.json", "weights.bin", "metadata.json"]);
      assert.equal(found.tfjs[1][1], 2562 * 4);
      assert.ok(found.onnx > 2562 * 4);
    });
    await page.context().close();
  });
}

test("bad input throws errors with a code, and leaves what was there", async () => {
  const page = await fresh();
  const found = await page.evaluate(async () => {
    const training = await (await import("/pkg/training.js")).loadTraining();
    const { Head, Ridge, Run, split, augment } = training;
    const samples = vectors(training, 4);
    const caught = (work) => {
      try {
        work();
        return { code: "no error" };
      } catch ({ name, code, message }) {
        return { name, code, message };
      }
    };
    const head = Head.create({ features: FEATURES, outputs: 2 });
    const all = new Uint8Array(4);
    const vector = new Float32Array(FEATURES);
    const diverging = () => {
      const numbers = new training.Samples(1, 1);
      for (let row = 0; row < 8; row++) numbers.push(Float32Array.of(row), Float32Array.of(2 * row));
      const run = Run.begin(Head.create({ features: 1, outputs: 1, task: "regression" }), numbers, new Uint8Array(8), {
        epochs: 500, optimizer: "sgd", momentum: 0, learningRate: 1,
      });
      while (run.step());
    };
    return {
      nan: caught(() => samples.push(vector.map(() => NaN), Float32Array.of(1, 0))),
      short: caught(() => samples.push(new Float32Array(3), Float32Array.of(1, 0))),
      length: samples.length,
      oneClass: caught(() => Run.begin(head, samples, Uint8Array.of(0, 2, 0, 2), { classes: ["cup", "hand"] })),
      rate: caught(() => Run.begin(head, samples, all, { learningRate: -1 })),
      schedule: caught(() => Run.begin(head, samples, all, { schedule: { kind: "guess" } })),
      penalty: caught(() => Ridge.begin(samples, all, { l2: 0 })),
      backbone: caught(() => head.predict(new Float32Array(512))),
      file: caught(() => Head.read(new TextEncoder().encode("<!doctype html>"))),
      split: caught(() => split(new Uint32Array(2), new Uint32Array(1), Float32Array.of(80, 20, 0), 1)),
      picture: caught(() => augment(new Uint8Array(3), 1, 1, 1, 1, {}, 1, 0, 0)),
      diverged: caught(diverging),
    };
  });
  assertFails(found.nan, "not_finite", "sample 4");
  assertFails(found.short, "wrong_shape", "1280");
  assert.equal(found.length, 4);
  assertFails(found.oneClass, "too_few_samples", '"hand"');
  assertFails(found.rate, "bad_option", "learningRate");
  assertFails(found.schedule, "bad_option", "cosine");
  assertFails(found.penalty, "bad_option", "l2");
  assertFails(found.backbone, "wrong_backbone", "1280", "512");
  assertFails(found.file, "unsupported_format", "save");
  assertFails(found.split, "bad_option", "bursts");
  assertFails(found.picture, "source_wrong_length");
  assertFails(found.diverged, "training_diverged", "epoch", "batch", "learningRate");
  assert.deepEqual(page.faults, []);
});

test("augmentation follows its seed and keeps the size asked for", async () => {
  const page = await fresh();
  const found = await page.evaluate(async () => {
    const { augment } = await (await import("/pkg/training.js")).loadTraining();
    const rgba = Uint8Array.from({ length: 64 * 48 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 7) % 251));
    const of = (seed, epoch, options = { rotation: 0.2, flipHorizontal: true }) => augment(rgba, 64, 48, 32, 24, options, seed, 0, epoch);
    const equal = (a, b) => a.every((value, index) => value === b[index]);
    return { length: of(1, 0).length, same: equal(of(1, 0), of(1, 0)), other: equal(of(1, 0), of(1, 1)), seed: equal(of(1, 0), of(2, 0)) };
  });
  assert.deepEqual(found, { length: 32 * 24 * 4, same: true, other: false, seed: false });
});

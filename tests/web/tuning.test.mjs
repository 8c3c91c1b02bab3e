// Fine-tuning through a trainer: the network's end is learnt, what predicts is the network that is saved, and how it ends.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openDataset } from "./dataset-page.mjs";
import { assertFails, assets, visit } from "./harness.mjs";

/** The bound. */
const ABORT_MAX_MS = 100;
/** The network in training and the engine add in another order. */
const PROBABILITY_TOLERANCE = 1e-4;

let visited, page, weights;

before(async () => {
  visited = await visit();
  ({ weights } = await assets(visited.server.site));
  page = await openBars(await visited.browser.newContext());
  await page.evaluate(async () => {
    globalThis.real = await load(weights, { backend: "simd" });
  });
});
after(() => visited?.close());

/** A page that draws pictures of two kinds, and trainers for them. */
async function openBars(context, site = visited.server.site, headers = undefined) {
  const page = await openDataset(context, site, headers);
  await page.evaluate((weights) => {
    globalThis.weights = weights;
    globalThis.bars = (kind, number) => {
      const canvas = drawing(`hsl(${(number * 47) % 360} 30% 80%)`, "", 120, 120);
      const context = canvas.getContext("2d");
      context.fillStyle = "#222";
      for (let bar = 0; bar < 6; bar += 1) {
        const at = 20 + bar * 12 + (number % 5);
        context.fillRect(...(kind === "rows" ? [15, at, 90, 5] : [at, 15, 5, 90]));
      }
      return canvas;
    };
    globalThis.barred = async (count, network = real) => {
      const own = await network.trainer({ classes: ["rows", "columns"] });
      for (let number = 0; number < count; number += 1) {
        for (const kind of ["rows", "columns"]) await own.add(bars(kind, number), kind);
      }
      return own;
    };
    globalThis.tuned = { epochs: 2, fineTuneFrom: "layer_18", fineTuneEpochs: 2, fineTuneLearningRate: 1e-4 };
  }, weights);
  return page;
}

test("head first, then the end of the network with it; what is saved answers the same", async () => {
  const found = await page.evaluate(async () => {
    const own = await barred(8);
    const [batches, epochs] = [[], []];
    const history = await own.fit({ ...tuned, onBatch: ({ epoch }) => batches.push(epoch), onEpoch: ({ epoch, phase }) => epochs.push([epoch, phase]) });
    const before = await own.evaluate({ on: "train" });
    const { labels } = await own.predict(bars("rows", 30));
    const heat = await own.heatMap(bars("rows", 30));
    const head = await code(own.save());
    const [{ name, bytes }] = await own.save({ format: "network" });
    const again = await load(bytes, { backend: "simd" });
    const answer = (await again.classify(bars("rows", 30))).labels;
    again.dispose();
    const base = (await real.classify(bars("rows", 30), { topK: 1 })).labels[0].name;
    return { history, batches, epochs, before, labels, heat: heat.data.length, head, name, answer, base };
  });
  assert.deepEqual(found.epochs, [[0, "head"], [1, "head"], [2, "fine-tuning"], [3, "fine-tuning"]]);
  assert.deepEqual(found.history.epochs.map(({ epoch }) => epoch), [0, 1, 2, 3]);
  assert.deepEqual([...new Set(found.batches)], [0, 1, 2, 3]);
  assert.equal(found.history.stopped, "done");
  assert.ok([2, 3].includes(found.history.bestEpoch), `${found.history.bestEpoch}`);
  const [, head, , end] = found.history.epochs;
  assert.ok(end.validationLoss < head.validationLoss, JSON.stringify(found.history.epochs));
  assert.equal(end.learningRate, Math.fround(1e-4));
  // The last two layers of convolution, their batch norms and the head.
  assert.ok(found.history.params > 2562, `${found.history.params}`);
  assert.ok(found.before.accuracy >= 0.9);
  assert.equal(found.heat, 49);
  assertFails(found.head, "bad_option", "network");
  assert.equal(found.name, "rows-columns.safetensors");
  const probability = new Map(found.answer.map(({ name, probability }) => [name, probability]));
  for (const label of found.labels) {
    assert.ok(Math.abs(probability.get(label.name) - label.probability) < PROBABILITY_TOLERANCE, JSON.stringify([found.labels, found.answer]));
  }
});

test("with random changes, and by the index of a layer; a next fit begins with the network as it was", async () => {
  const found = await page.evaluate(async () => {
    const own = await barred(4);
    const history = await own.fit({ ...tuned, fineTuneFrom: 150, fineTuneEpochs: 1, batchNorm: "training", augment: { flipHorizontal: true, brightness: 0.1 } });
    const { fineTuneFrom, ...plain } = tuned;
    const after = await own.fit(plain);
    const [{ bytes }] = await own.save();
    const fresh = await barred(4);
    const first = await fresh.fit(plain);
    return { phases: history.epochs.map(({ phase }) => phase), bytes: bytes.length, losses: [after, first].map(({ epochs }) => epochs.map(({ loss }) => loss)) };
  });
  assert.deepEqual(found.phases, ["head", "head", "fine-tuning"]);
  assert.deepEqual(found.losses[0], found.losses[1]);
  assert.ok(found.bytes > 10_000);
});

test("schedule, dropout, smoothing and class weights are the head's", async () => {
  const found = await page.evaluate(async () => {
    const own = await barred(4);
    for (const number of [9, 10, 11]) await own.add(bars("rows", number), "rows");
    const asked = { ...tuned, fineTuneEpochs: 3, dropout: 0.2, labelSmoothing: 0.1, classWeights: "balanced", schedule: { kind: "exponential", factor: 0.5 } };
    const twice = [await own.fit(asked), await own.fit(asked)];
    const without = await own.fit({ ...asked, dropout: 0 });
    const wrong = await code(own.fit({ ...tuned, fineTuneEpochs: 0 }));
    const early = await own.fit({ ...tuned, fineTuneEpochs: 50, fineTuneLearningRate: 1e-9, earlyStopping: { patience: 2, minDelta: 1 } });
    return { twice: twice.map(({ epochs }) => epochs.map(({ ms, ...numbers }) => numbers)), without: without.epochs, wrong, early };
  });
  const [first, again] = found.twice;
  assert.deepEqual(first, again);
  const rates = first.map(({ learningRate }) => learningRate);
  const expected = [0.001, 0.0005, 1e-4, 5e-5, 2.5e-5];
  rates.forEach((rate, at) => assert.ok(Math.abs(rate - expected[at]) < 1e-6 * expected[at] + 1e-9, String(rates)));
  assert.notEqual(found.without.at(-1).loss, first.at(-1).loss);
  assertFails(found.wrong, "bad_option", "epochs");
  assert.equal(found.early.stopped, "early");
  assert.equal(found.early.epochs.length, 4);
});

test("from layer 0 on the whole network learns from pictures", async () => {
  const found = await page.evaluate(async () => {
    const own = await barred(4);
    const start = performance.now();
    const history = await own.fit({ ...tuned, fineTuneFrom: 0, batchSize: 2, fineTuneLearningRate: 3e-5, augment: { flipHorizontal: true } });
    const ms = performance.now() - start;
    const { labels } = await own.predict(bars("rows", 30));
    const [{ bytes }] = await own.save({ format: "network" });
    const again = await load(bytes, { backend: "simd" });
    const answer = (await again.classify(bars("rows", 30))).labels;
    again.dispose();
    const large = await code(own.fit({ ...tuned, fineTuneFrom: 0, batchSize: 1000 }));
    return { history, ms, labels, answer, large };
  });
  console.log(`whole network: ${found.ms.toFixed(0)} ms`);
  assert.deepEqual(found.history.epochs.map(({ phase }) => phase), ["head", "head", "fine-tuning", "fine-tuning"]);
  assert.equal(found.history.params, 2_223_872 + 2562);
  const [, head, , end] = found.history.epochs;
  assert.ok(end.validationLoss < head.validationLoss, JSON.stringify(found.history.epochs));
  const probability = new Map(found.answer.map(({ name, probability }) => [name, probability]));
  for (const label of found.labels) {
    assert.ok(Math.abs(probability.get(label.name) - label.probability) < PROBABILITY_TOLERANCE, JSON.stringify([found.labels, found.answer]));
  }
  assertFails(found.large, "bad_option", "batchSize", "MiB");
});

test("a signal ends fine-tuning at once; the best so far predicts", async () => {
  const found = await page.evaluate(async () => {
    const own = await barred(8);
    const stop = new AbortController();
    let since = 0;
    const onBatch = ({ epoch, batch }) => {
      if (epoch === 3 && batch === 0) setTimeout(() => ((since = performance.now()), stop.abort()), 20);
    };
    const history = await own.fit({ ...tuned, fineTuneEpochs: 1000, signal: stop.signal, onBatch });
    const ms = performance.now() - since;
    return { history, ms, right: (await own.predict(bars("rows", 9))).labels[0].name };
  });
  console.log(`aborted in ${found.ms.toFixed(1)} ms`);
  assert.ok(found.ms < ABORT_MAX_MS, `${found.ms} ms`);
  assert.equal(found.history.stopped, "aborted");
  const best = found.history.epochs.reduce((best, each) => (each.validationLoss < best.validationLoss ? each : best));
  assert.equal(found.history.bestEpoch, best.epoch);
  assert.ok(best.epoch >= 2);
  assert.equal(found.right, "rows");
});

test("weights that are not there any more are asked for again, and wrong cuts are named", async () => {
  const found = await page.evaluate(async () => {
    const file = await (await fetch(weights)).blob();
    const bytes = new Uint8Array(await file.arrayBuffer());
    const network = await load(bytes, { backend: "simd" });
    const own = await barred(3, network);
    const gone = await code(own.fit(tuned));
    const kept = own.isTrained;
    const cannot = await code(own.save({ format: "network" }));
    const [whole] = await own.save({ format: "network", weights: file });
    const given = await own.fit({ ...tuned, fineTuneEpochs: 1, weights: bytes });
    const cut = await code(own.fit({ ...tuned, fineTuneFrom: "layer_99", weights: bytes }));
    network.dispose();
    const byFile = await load(file, { backend: "simd" });
    const third = await barred(3, byFile);
    const { epochs } = await third.fit({ ...tuned, fineTuneEpochs: 1 });
    byFile.dispose();
    const seeded = await trainer({ classes: ["rows", "columns"] });
    for (const kind of ["rows", "columns"]) for (const number of [1, 2]) await seeded.add(bars(kind, number), kind);
    const seedless = await code(seeded.fit(tuned));
    const again = await load(whole.bytes, { backend: "simd" });
    const labels = (await again.classify(bars("rows", 2))).labels.map(({ name }) => name).sort();
    again.dispose();
    return { gone, kept, cannot, whole: whole.name, labels, given: given.epochs.length, cut, byFile: epochs.length, seedless };
  });
  assertFails(found.gone, "weights_unavailable", "as bytes", "fit({ weights })");
  assert.equal(found.kept, true);
  assertFails(found.cannot, "weights_unavailable");
  assert.equal(found.whole, "rows-columns.safetensors");
  assert.deepEqual(found.labels, ["columns", "rows"]);
  assert.equal(found.given, 3);
  assertFails(found.cut, "unknown_endpoint", "layer_99");
  assert.equal(found.byFile, 3);
  assertFails(found.seedless, "weights_unavailable", "seed");
});

/** What a network that is loaded so learns, and by how many threads. */
async function learnt(options, on = page) {
  return on.evaluate(async (options) => {
    const network = await load(weights, { backend: "simd", ...options });
    const own = await barred(4, network);
    const { epochs, threads, warnings } = await own.fit(tuned);
    own.dispose();
    network.dispose();
    return { threads, warnings: warnings.map(({ code }) => code), losses: epochs.map(({ loss, validationLoss }) => [loss, validationLoss]) };
  }, options);
}

test("any number of threads learns the same, to the last bit, and is told", async () => {
  const alone = await learnt({ threads: 1 });
  assert.deepEqual([alone.threads, alone.warnings], [1, []]);
  for (const options of [{ threads: 2 }, { threads: 3 }, { threads: 4 }, { threads: 7 }, { threads: 2, worker: false }]) {
    assert.deepEqual(await learnt(options), { ...alone, threads: options.threads }, JSON.stringify(options));
  }
  assert.deepEqual(page.faults, []);
});

test("where there can be no threads, one learns the same", async () => {
  const alone = await learnt({ threads: 1 });
  for (const [missing, site, headers, warnings] of [
    // A page that is not isolated; a server without that build of the module, or without the workers' script.
    [undefined, visited.server.other, { "content-type": "text/html" }, []],
    ["**/wasm/threads/training/**", undefined, undefined, []],
    ["**/pkg/thread.js", undefined, undefined, ["threads_unavailable"]],
  ]) {
    const context = await visited.browser.newContext();
    if (missing) await context.route(missing, (route) => route.fulfill({ status: 404 }));
    const other = await openBars(context, site, headers);
    assert.deepEqual(await learnt({ threads: 2, worker: false }, other), { ...alone, warnings }, `${missing} ${site}`);
    await context.close();
  }
});

test("threads leave when fine-tuning ends, and when it is not begun", async () => {
  const context = await visited.browser.newContext();
  const other = await openBars(context);
  await other.evaluate(async () => {
    globalThis.here = await load(weights, { backend: "simd", threads: 3, worker: false });
    globalThis.own = await barred(3, here);
    globalThis.stop = new AbortController();
  });
  const before = other.workers().length;
  const until = async (count) => {
    for (const end = Date.now() + 20_000; other.workers().length !== before + count; ) {
      assert.ok(Date.now() < end, `${other.workers().length - before} workers, not ${count}`);
      await other.waitForTimeout(20);
    }
  };
  assertFails(await other.evaluate(() => code(own.fit({ ...tuned, fineTuneFrom: "layer_99" }))), "unknown_endpoint");
  await until(0);
  await other.evaluate(
    () =>
      new Promise((begun) => {
        const onBatch = ({ epoch }) => epoch > 1 && begun();
        globalThis.fitting = own.fit({ ...tuned, fineTuneEpochs: 1000, signal: stop.signal, onBatch });
      }),
  );
  await until(2);
  assert.equal(await other.evaluate(async () => (stop.abort(), (await fitting).threads)), 3);
  await until(0);
  await context.close();
});

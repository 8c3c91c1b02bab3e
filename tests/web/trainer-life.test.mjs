// A trainer over time: aborts, a page that stays smooth, files that are saved and loaded again, other networks.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { openDataset } from "./dataset-page.mjs";
import { assertFails, assets, longestTask, visit } from "./harness.mjs";

/** The bound. */
const ABORT_MAX_MS = 100;
/** A frame at 60 Hz is 16.7 ms; three of them are seen. */
const LONGEST_TASK_MS = 50;

let visited, page, weights;

before(async () => {
  visited = await visit();
  page = await open(await visited.browser.newContext());
  ({ weights } = await assets(visited.server.site));
});
after(() => visited?.close());

async function open(context) {
  const page = await openDataset(context, visited.server.site);
  await page.evaluate(() => {
    globalThis.wave = (kind, number) => {
      const canvas = drawing(kind === "red" ? "#c22" : "#22c", "", 96, 96);
      canvas.getContext("2d").fillRect(number % 80, (number * 7) % 80, 16, 16);
      return canvas;
    };
    globalThis.waves = async (count, options = {}, network = net) => {
      const own = await network.trainer({ classes: ["red", "blue"], ...options });
      for (let number = 0; number < count; number += 1) {
        for (const kind of ["red", "blue"]) await own.add(wave(kind, number), kind);
      }
      return own;
    };
    globalThis.probabilities = async (own, ...frame) => (await own.predict(wave(...frame))).labels.map(({ name, probability }) => [name, probability]);
  });
  return page;
}

describe("ends", () => {
  test("a signal ends training at once and keeps the best epoch", async () => {
    const found = await page.evaluate(async () => {
      const own = await waves(10);
      await own.fit({ epochs: 1 });
      const stop = new AbortController();
      let since = 0;
      const onEpoch = ({ epoch }) => {
        if (epoch === 4) {
          since = performance.now();
          stop.abort();
        }
      };
      const history = await own.fit({ epochs: 1_000_000, signal: stop.signal, onEpoch });
      const ms = performance.now() - since;
      const { loss } = await own.evaluate({ on: "validation" });
      const early = await own.fit({ epochs: 5, signal: AbortSignal.abort() });
      return { history, ms, loss, early, trained: own.isTrained };
    });
    const { history, ms, early } = found;
    console.log(`aborted in ${ms.toFixed(1)} ms`);
    assert.ok(ms < ABORT_MAX_MS, `${ms} ms`);
    assert.equal(history.stopped, "aborted");
    const best = history.epochs.reduce((best, each) => (each.validationLoss < best.validationLoss ? each : best));
    assert.ok(history.epochs.length >= 5);
    assert.ok(found.loss <= best.validationLoss + 1e-6, JSON.stringify([found.loss, best]));
    assert.deepEqual([early.stopped, early.epochs.length, early.bestEpoch], ["aborted", 0, null]);
    assert.equal(found.trained, true);
  });

  test("a signal ends the look at pictures as well", async () => {
    const found = await page.evaluate(async () => {
      const own = await waves(10);
      const stop = new AbortController();
      let since = 0;
      const onProgress = ({ done }) => {
        if (done === 3) {
          since = performance.now();
          stop.abort();
        }
      };
      const history = await own.fit({ signal: stop.signal, onProgress });
      const ms = performance.now() - since;
      const seen = [];
      await own.fit({ epochs: 1, onProgress: ({ done }) => seen.push(done) });
      return { history, ms, first: seen[0], last: seen.at(-1) };
    });
    assert.ok(found.ms < ABORT_MAX_MS, `${found.ms} ms`);
    assert.equal(found.history.stopped, "aborted");
    // What was seen until then need not be seen again.
    assert.ok(found.first >= 3 && found.last === 20, JSON.stringify(found));
  });

  test("while it trains, frames are answered and the page stays smooth", async () => {
    const answers = [];
    const longest = await longestTask(visited.browser, page, async () => {
      answers.push(...(await page.evaluate(async () => {
        const own = await waves(10);
        await own.fit({ epochs: 1 });
        const stop = new AbortController();
        const training = own.fit({ epochs: 1_000_000, signal: stop.signal });
        const times = [];
        for (let call = 0; call < 20; call += 1) {
          const start = performance.now();
          await (call % 2 ? own.predict(wave("red", 1)) : net.classify(wave("red", 1)));
          times.push(performance.now() - start);
        }
        stop.abort();
        await training;
        return times;
      })));
    });
    console.log(`while training: an answer in ${answers.sort((a, b) => a - b)[10].toFixed(1)} ms, longest task of the page ${longest.toFixed(1)} ms of processor time`);
    assert.ok(longest < LONGEST_TASK_MS, `${longest} ms`);
  });

  test("dispose lets go, and a network that ends takes its trainer along", async () => {
    const found = await page.evaluate(async () => {
      const own = await waves(2);
      await own.fit({ epochs: 1 });
      own.dispose();
      const disposed = [own.isTrained, own.samples.length, await code(own.predict(wave("red", 1)))];
      const { MobileNet } = await import("/pkg/index.js");
      const other = await MobileNet.synthetic({ version: "v2", multiplier: 0.35, inputHeight: 96, inputWidth: 96 }, { backend: "simd", worker: false });
      const there = await waves(2, {}, other);
      const { stopped } = await there.fit({ epochs: 2 });
      other.dispose();
      return { disposed, stopped, ended: await code(there.fit()) };
    });
    assert.deepEqual(found.disposed.slice(0, 2), [false, 0]);
    assertFails(found.disposed[2], "not_trained");
    assert.equal(found.stopped, "done");
    assertFails(found.ended, "disposed");
  });
});

test("training goes on from an epoch where it ended", async () => {
  const found = await page.evaluate(async () => {
    // So slow that each epoch is the best so far: from the best one it goes on.
    const options = { learningRate: 1e-5, split: { validation: 0 } };
    const whole = await waves(6);
    const { epochs } = await whole.fit({ epochs: 6, ...options });
    const parts = await waves(6);
    const first = await parts.fit({ epochs: 3, ...options });
    const second = await parts.fit({ epochs: 6, initialEpoch: 3, ...options });
    return { whole: epochs.map(({ epoch }) => epoch), parts: [...first.epochs, ...second.epochs].map(({ epoch }) => epoch), loss: [epochs[5].loss, second.epochs[2].loss] };
  });
  assert.deepEqual(found.parts, found.whole);
  assert.ok(Math.abs(found.loss[0] - found.loss[1]) < 1e-5, JSON.stringify(found.loss));
});

test("random changes: a preview, and epochs of them", async () => {
  const found = await page.evaluate(async () => {
    const own = await waves(4);
    const augment = { flipHorizontal: true, rotation: 0.2, zoom: 0.2, brightness: 0.2, contrast: 0.2, translation: 0.1 };
    const draws = await own.preview(own.samples[0].id, augment);
    const same = await own.preview(own.samples[0].id, {}, { count: 2 });
    const history = await own.fit({ epochs: 2, augment });
    const pixels = ({ data }) => data.join();
    return {
      count: draws.length,
      sizes: draws.map(({ width, height }) => [width, height]),
      kinds: new Set(draws.map(pixels)).size,
      plain: pixels(same[0]) === pixels(same[1]),
      refused: await code(own.preview(own.samples[0].id, {}, { count: 0 })),
      epochs: history.epochs.length,
    };
  });
  assert.equal(found.count, 9);
  assert.deepEqual(found.sizes[0], [96, 96]);
  assert.equal(found.kinds, 9);
  assert.ok(found.plain);
  assertFails(found.refused, "bad_option", "count");
  assert.equal(found.epochs, 2);
});

describe("files", () => {
  test("saved, and after a reload loaded again: the same answers, and training needs no new look", async () => {
    const context = await visited.browser.newContext();
    let tab = await open(context);
    const before = await tab.evaluate(async () => {
      const own = await waves(6, { store: "kept" });
      await own.fit({ epochs: 4, learningRate: 0.01 });
      const [{ name, bytes }] = await own.save();
      const files = {};
      for (const format of ["tfjs", "onnx"]) files[format] = (await own.save({ format })).map(({ name, bytes }) => [name, bytes.length]);
      return { name, bytes: [...bytes], files, answer: await probabilities(own, "red", 33), format: await code(own.save({ format: "magic" })) };
    });
    await tab.close();
    tab = await open(context);
    const after = await tab.evaluate(async (bytes) => {
      const own = await trainer({ store: "kept" });
      await own.load(new Uint8Array(bytes));
      const answer = await probabilities(own, "red", 33);
      const steps = [];
      const { stopped } = await own.fit({ epochs: 1, onProgress: ({ done, total }) => steps.push([done, total]) });
      const other = await trainer();
      await other.load(new File([new Uint8Array(bytes)], "mine.safetensors"));
      return { answer, stopped, steps, classes: [own.classes, other.classes], trained: other.isTrained, count: own.samples.length, not: await code(other.load(new Blob(["no head"]))) };
    }, before.bytes);
    assert.equal(before.name, "red-blue.head.safetensors");
    assert.deepEqual(before.files.tfjs.map(([name]) => name), ["model.json", "weights.bin", "metadata.json"]);
    assert.equal(before.files.onnx[0][0], "red-blue.head.onnx");
    assertFails(before.format, "bad_option", "magic");
    assert.ok(before.bytes.length < 100_000, `${before.bytes.length} bytes`);
    assert.deepEqual(after.answer, before.answer);
    assert.deepEqual(after.steps, [[12, 12]]);
    assert.deepEqual(after.classes, [["red", "blue"], ["red", "blue"]]);
    assert.deepEqual([after.trained, after.stopped, after.count], [true, "done", 12]);
    assertFails(after.not, "unsupported_format");
    await context.close();
  });

  test("TensorFlow.js: a head comes back, and so does another program's", async () => {
    const found = await page.evaluate(async () => {
      const own = await waves(5);
      await own.fit({ epochs: 3, hidden: 6 });
      const parts = await own.save({ format: "tfjs" });
      const files = parts.map(({ name, bytes }) => new File([bytes], name));
      const other = await trainer();
      await other.load(files);
      const same = JSON.stringify(await probabilities(own, "blue", 9)) === JSON.stringify(await probabilities(other, "blue", 9));
      const layer = (name, more) => ({ class_name: name, config: { name: name.toLowerCase(), ...more } });
      const model = { modelTopology: { model_config: { config: [layer("InputLayer"), layer("Dropout"), layer("Dense", { units: 2, activation: "softmax", use_bias: false })] } } };
      model.weightsManifest = [{ paths: ["a.bin", "b.bin"], weights: [{ name: "dense/kernel", shape: [1280, 2], dtype: "float32" }] }];
      const weights = new Uint8Array(Float32Array.from({ length: 2560 }, (_, at) => (at % 2 ? 0.01 : -0.01)).buffer);
      const all = [new File([JSON.stringify(model)], "model.json"), new File([weights.slice(0, 5000)], "a.bin"), new File([weights.slice(5000)], "b.bin"), new File(['{"labels":["x","y"]}'], "metadata.json")];
      await other.load(all);
      const answer = await probabilities(other, "red", 1);
      const conv = { ...model, modelTopology: { model_config: { config: [layer("Conv2D")] } } };
      const sigmoid = await trainer({ task: "sigmoid" });
      return {
        same, answer, classes: other.classes,
        part: await code(other.load(all.slice(0, 2))),
        conv: await code(other.load([new File([JSON.stringify(conv)], "model.json"), all[1]])),
        json: await code(other.load([new File(["{"], "model.json"), all[1]])),
        task: await code(sigmoid.load(all)),
        nothing: await code(other.load([])),
      };
    });
    assert.ok(found.same);
    assert.deepEqual(found.classes, ["x", "y"]);
    assert.equal(found.answer[0][0], "y");
    assertFails(found.part, "missing_part", "b.bin");
    assertFails(found.conv, "unsupported_format", "Conv2D");
    assertFails(found.json, "bad_header", "model.json");
    assertFails(found.task, "bad_option", "softmax");
    assertFails(found.nothing, "bad_option");
  });

  test("the same network in another precision is taken, another network refused", async () => {
    const found = await page.evaluate(async (weights) => {
      const { MobileNet } = await import("/pkg/index.js");
      const bytes = new Uint8Array(await (await fetch(weights)).arrayBuffer());
      const whole = await load(bytes, { backend: "simd" });
      const own = await waves(3, {}, whole);
      await own.fit({ method: "ridge" });
      const [{ bytes: head }] = await own.save();
      const { TOLERANCE, distance, fixedPicture } = await import("/pkg/backbone.js");
      const picture = fixedPicture(224, 224);
      const vector = await whole.embed(picture, { resize: "none" });
      const tries = {};
      for (const precision of ["f16", "int8"]) {
        const converted = await MobileNet.convert(bytes, { precision });
        const other = await load(converted.bytes, { backend: "simd" });
        const trainer = await other.trainer();
        tries[precision] = [distance(await other.embed(picture, { resize: "none" }), vector), await code(trainer.load(head))];
        other.dispose();
      }
      const small = await trainer();
      const seeded = await MobileNet.synthetic({ version: "v2" }, { backend: "simd" });
      const stranger = await seeded.trainer();
      const found = { tries, small: await code(small.load(head)), stranger: await code(stranger.load(head)), away: distance(await seeded.embed(picture, { resize: "none" }), vector), tolerance: TOLERANCE };
      whole.dispose();
      seeded.dispose();
      return found;
    }, weights);
    console.log(`vectors of the fixed picture lie apart: f16 ${found.tries.f16[0].toFixed(5)}, int8 ${found.tries.int8[0].toFixed(4)}, other weights ${found.away.toFixed(2)}`);
    assert.equal(found.tries.f16[1].code, "no error", found.tries.f16[1].message);
    assertFails(found.stranger, "wrong_backbone", "v2 1", "%");
    assertFails(found.small, "wrong_backbone", "v2 0.35");
    assert.ok(found.tries.f16[0] < found.tolerance / 5 && found.away > found.tolerance * 5);
  });
});

test("vectors that are no numbers are refused", async () => {
  const found = await page.evaluate(async (weights) => {
    const bytes = new Uint8Array(await (await fetch(weights)).arrayBuffer());
    const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
    // A batch norm that no activation follows, so that nothing holds back what overflows.
    const [from, to] = header["features.17.conv.3.weight"].data_offsets;
    const view = new DataView(bytes.buffer);
    for (let at = start + from; at < start + to; at += 4) view.setFloat32(at, 1e38, true);
    delete header.__metadata__["mobilenet.crc32"];
    bytes.set(new TextEncoder().encode(JSON.stringify(header).padEnd(start - 8)), 8);
    const broken = await load(bytes, { backend: "simd" });
    const own = await broken.trainer({ classes: ["red", "blue"], endpoint: "features.17" });
    for (const kind of ["red", "blue"]) await own.add(wave(kind, 1), kind, { origin: `${kind}.png` });
    const refused = await code(own.fit({ method: "centroids" }));
    broken.dispose();
    return { refused, count: own.samples.length };
  }, weights);
  assertFails(found.refused, "not_finite", "features.17", "weights");
  assert.equal(found.count, 2);
});

// A trainer from pictures to predictions: heads of every kind, what is refused, and how it ends.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { openDataset } from "./dataset-page.mjs";
import { assertFails, assets, visit } from "./harness.mjs";

let visited, page;

before(async () => {
  visited = await visit();
  page = await openDataset(await visited.browser.newContext(), visited.server.site);
  const { weights } = await assets(visited.server.site);
  await page.evaluate(async (weights) => {
    /** A network that has learnt to see; for what does not depend on that the small one is faster. */
    globalThis.real = await load(weights, { backend: "simd" });
    /** Shapes at places by number, on a ground by number: `disc` or `stripes`. */
    globalThis.shape = (kind, number, side = 120) => {
      const canvas = drawing(`hsl(${(number * 47) % 360} 30% 80%)`, "", side, side);
      const context = canvas.getContext("2d");
      const [x, y] = [side * (0.3 + 0.05 * (number % 9)), side * (0.3 + 0.06 * (number % 7))];
      context.fillStyle = kind === "disc" ? "#c00" : "#024";
      if (kind === "disc") {
        context.arc(x, y, side / 5, 0, 7);
        context.fill();
      } else {
        for (let at = -3; at < 4; at += 1) context.fillRect(x + at * 12, y - side / 4, 5, side / 2);
      }
      return canvas;
    };
    /** A trainer with `count` pictures of each kind. */
    globalThis.shapes = async (count, options = {}, network = net) => {
      const own = await network.trainer({ classes: ["disc", "stripes"], ...options });
      for (let number = 0; number < count; number += 1) {
        for (const kind of ["disc", "stripes"]) await own.add(shape(kind, number), kind);
      }
      return own;
    };
    globalThis.right = async (own, first = 50) => {
      let right = 0;
      for (let number = first; number < first + 4; number += 1) {
        for (const kind of ["disc", "stripes"]) right += (await own.predict(shape(kind, number))).labels[0].name === kind;
      }
      return right;
    };
  }, weights);
});
after(() => visited?.close());

test("two classes by gradient: curves, validation, evaluation, predictions", async () => {
  const found = await page.evaluate(async () => {
    const own = await shapes(15, {}, real);
    const [batches, epochs, progress] = [[], [], []];
    const before = [own.isTrained, await code(own.predict(shape("disc", 1))), await code(own.evaluate()), await code(own.save())];
    const history = await own.fit({
      epochs: 8,
      learningRate: 0.003,
      onBatch: (batch) => batches.push(batch),
      onEpoch: (epoch) => epochs.push(epoch),
      onProgress: (step) => progress.push(step),
    });
    const evaluation = await own.evaluate();
    const all = await own.evaluate({ on: "all" });
    const prediction = await own.predict(shape("disc", 3));
    globalThis.own = own;
    return { before, history, batches, epochs, progress, evaluation, all, prediction, right: await right(own), trained: own.isTrained, samples: own.samples };
  });
  const { history, epochs, batches, evaluation, all, prediction, progress } = found;
  assert.equal(found.before[0], false);
  for (const error of found.before.slice(1)) assertFails(error, "not_trained", "fit()");
  assert.equal(found.trained, true);
  assert.deepEqual(history.split, { train: 24, validation: 6, test: 0 });
  assert.equal(history.stopped, "done");
  assert.equal(history.params, 1280 * 2 + 2);
  assert.equal(history.leaveOneOutAccuracy, null);
  assert.deepEqual(history.epochs, epochs);
  assert.deepEqual(epochs.map(({ epoch, phase }) => [epoch, phase]), Array.from({ length: 8 }, (_, epoch) => [epoch, "head"]));
  assert.equal(batches.length, 8 * 2);
  assert.deepEqual(Object.keys(batches[0]).sort(), ["batch", "batches", "epoch", "loss"]);
  const best = epochs.reduce((best, each) => (each.validationLoss < best.validationLoss ? each : best));
  assert.equal(history.bestEpoch, best.epoch);
  assert.ok(epochs.at(-1).loss < epochs[0].loss && epochs.every(({ ms, validationAccuracy }) => ms >= 0 && validationAccuracy >= 0));
  assert.deepEqual(progress.at(-1), { phase: "features", done: 30, total: 30 });
  assert.equal(evaluation.on, "validation");
  assert.ok(Math.abs(evaluation.loss - best.validationLoss) < 1e-6);
  assert.deepEqual(evaluation.classes, ["disc", "stripes"]);
  assert.deepEqual(evaluation.confusion.map((row) => row.reduce((a, b) => a + b)), [3, 3]);
  assert.deepEqual(evaluation.perClass.map(({ name, pictures }) => [name, pictures]), [["disc", 3], ["stripes", 3]]);
  const label = new Map(found.samples.map(({ id, label }) => [id, label]));
  all.cells.forEach((row, is) => row.flat().forEach((id) => assert.equal(label.get(id), all.classes[is])));
  assert.equal(all.cells.flat(2).length, 30);
  assert.equal(found.right, 8);
  assert.deepEqual(prediction.labels.map(({ name }) => name), ["disc", "stripes"]);
  assert.ok(Math.abs(prediction.labels[0].probability + prediction.labels[1].probability - 1) < 1e-5);
  assert.ok(prediction.threshold > 0 && prediction.threshold <= 1 && prediction.ms > 0);
  assert.equal(prediction.unknown, prediction.labels[0].probability < prediction.threshold);
});

test("what training needs is fetched once, before it begins where that is asked for", async () => {
  const context = await visited.browser.newContext();
  const modules = [];
  context.on("request", (request) => /wasm\/.*training.*\.wasm$/.test(request.url()) && modules.push(request.url()));
  const other = await openDataset(context, visited.server.site);
  const before = await other.evaluate(async () => {
    globalThis.own = await trainer({ classes: ["a", "b"] });
    for (const colour of ["red", "blue"]) await own.add(drawing(colour), colour === "red" ? "a" : "b");
  }).then(() => modules.length);
  await other.evaluate(() => Promise.all([own.prepare(), own.prepare()]));
  const prepared = modules.length;
  await other.evaluate(() => own.fit({ method: "centroids" }));
  assert.deepEqual([before, prepared, modules.length], [0, 1, 1]);
  await context.close();
});

test("a heat map is warm where the class is, and lies on what the network sees", async () => {
  const found = await page.evaluate(async () => {
    const map = await own.heatMap(shape("disc", 0, 240), { label: "disc" });
    const other = await own.heatMap(shape("disc", 0, 240), { label: "stripes" });
    const wide = await own.heatMap(drawing("white", "", 400, 200));
    return { map: { ...map, data: [...map.data] }, other: [...other.data], wide: wide.region, missing: await code(own.heatMap(shape("disc", 0), { label: "cup" })) };
  });
  const { map } = found;
  assert.equal(map.label, "disc");
  assert.deepEqual([map.width, map.height, map.data.length], [7, 7, 49]);
  assert.equal(Math.max(...map.data.map(Math.abs)), 1);
  // The disc lies above and left of the middle.
  const mean = (isIn) => {
    const values = map.data.filter((_, at) => isIn(at % 7, Math.floor(at / 7)));
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  assert.ok(mean((x, y) => x < 3 && y < 3) > mean((x, y) => x > 3 || y > 3), `${map.data.map((value) => value.toFixed(2))}`);
  // Of two classes what speaks for one speaks against the other.
  assert.ok(map.data.every((value, at) => Math.abs(value + found.other[at]) < 1e-4));
  const { x, y, width, height } = found.wide;
  assert.ok(Math.abs(x + width / 2 - 0.5) < 0.01 && Math.abs(y + height / 2 - 0.5) < 0.01 && width <= 1 && height <= 1);
  assertFails(found.missing, "bad_option", "cup", "disc");
});

test("ridge, neighbours and centroids, the last two from one picture a class", async () => {
  const found = await page.evaluate(async () => {
    const results = {};
    const many = await shapes(10, {}, real);
    results.ridge = [await many.fit({ method: "ridge" }), await right(many)];
    const few = await shapes(1, {}, real);
    for (const method of ["neighbours", "centroids"]) results[method] = [await few.fit({ method }), await right(few)];
    return results;
  });
  const [ridge, ridgeRight] = found.ridge;
  assert.ok(ridge.leaveOneOutAccuracy > 0.8, `${ridge.leaveOneOutAccuracy}`);
  assert.deepEqual([ridge.method, ridge.epochs, ridge.bestEpoch, ridge.stopped], ["ridge", [], null, "done"]);
  assert.ok(ridgeRight >= 7, `${ridgeRight} of 8`);
  for (const method of ["neighbours", "centroids"]) {
    const [history, right] = found[method];
    assert.deepEqual([history.method, history.stopped, history.split.train], [method, "done", 2]);
    assert.ok(right >= 6, `${method}: ${right} of 8`);
  }
});

test("a seed gives the same result again, another one another", async () => {
  const found = await page.evaluate(async () => {
    const results = [];
    for (const seed of [3, 3, 4]) {
      const own = await shapes(6, { seed });
      const { epochs } = await own.fit({ epochs: 3, dropout: 0.2, hidden: 8, augment: { flipHorizontal: true, rotation: 0.1 } });
      const { labels } = await own.predict(shape("disc", 40));
      results.push(JSON.stringify([epochs.map(({ ms, ...numbers }) => numbers), labels]));
      own.dispose();
    }
    return results;
  });
  assert.equal(found[0], found[1]);
  assert.notEqual(found[0], found[2]);
});

test("bursts never straddle the split", async () => {
  const found = await page.evaluate(async () => {
    const own = await trainer({ classes: ["disc", "stripes"] });
    for (let burst = 0; burst < 12; burst += 1) {
      const number = own.burst();
      for (let frame = 0; frame < 3; frame += 1) await own.add(shape(burst % 2 ? "disc" : "stripes", burst), burst % 2 ? "disc" : "stripes", { burst: number });
    }
    const { split } = await own.fit({ method: "ridge", split: { train: 60, validation: 20, test: 20 } });
    const burstsOf = async (on) => (await own.evaluate({ on })).cells.flat(2).map((id) => own.samples.find((sample) => sample.id === id).burst);
    return { split, parts: [await burstsOf("train"), await burstsOf("validation"), await burstsOf("test")] };
  });
  const sets = found.parts.map((bursts) => new Set(bursts));
  assert.ok(sets.every(({ size }) => size > 0));
  assert.equal(sets.reduce((sum, { size }) => sum + size, 0), 12);
  assert.deepEqual(found.parts.map(({ length }) => length), [found.split.train, found.split.validation, found.split.test]);
});

test("sigmoid outputs and numbers", async () => {
  const found = await page.evaluate(async () => {
    const one = await trainer({ classes: ["disc"], task: "sigmoid" });
    for (let number = 0; number < 10; number += 1) {
      await one.add(shape("disc", number), "disc");
      await one.add(shape("stripes", number), null);
    }
    const { params } = await one.fit({ epochs: 12, learningRate: 0.005 });
    const yes = (await one.predict(shape("disc", 30))).labels[0].probability;
    const no = (await one.predict(shape("stripes", 30))).labels[0].probability;
    const evaluation = await one.evaluate({ on: "all" });
    const both = await trainer({ classes: ["disc", "stripes"], task: "sigmoid" });
    for (let number = 0; number < 8; number += 1) {
      await both.add(shape("disc", number), "disc");
      await both.add(shape("stripes", number), "stripes");
      await both.add(drawing("white"), null, { values: [0, 0] });
    }
    await both.fit({ method: "ridge" });
    const several = await both.evaluate({ on: "all" });
    const size = await trainer({ classes: ["radius"], task: "regression" });
    const disc = (side) => {
      const canvas = drawing("white", "", 200, 200);
      canvas.getContext("2d").fillStyle = "black";
      canvas.getContext("2d").fillRect(100 - side, 100 - side, 2 * side, 2 * side);
      return canvas;
    };
    for (let side = 10; side < 90; side += 5) await size.add(disc(side), null, { values: [side] });
    const ridge = await size.fit({ method: "ridge" });
    const guess = async (side) => (await size.predict(disc(side))).labels[0].probability;
    return { params, yes, no, evaluation, several, ridge, small: await guess(13), large: await guess(77), squared: (await size.evaluate()).meanSquaredError };
  });
  assert.equal(found.params, 1281);
  assert.ok(found.yes > 0.5 && found.no < 0.5, JSON.stringify([found.yes, found.no]));
  assert.deepEqual(found.evaluation.classes, ["not disc", "disc"]);
  assert.equal(found.evaluation.cells.flat(2).length, 20);
  assert.deepEqual(found.several.confusion, []);
  assert.deepEqual(found.several.perClass.map(({ name, pictures }) => [name, pictures]), [["disc", 8], ["stripes", 8]]);
  assert.ok(found.small < found.large, JSON.stringify([found.small, found.large]));
  assert.ok(found.squared >= 0);
});

describe("what is refused", () => {
  test("too few pictures, before any is looked at", async () => {
    const found = await page.evaluate(async () => {
      let looks = 0;
      const fails = (own, options = {}) => code(own.fit({ ...options, onProgress: () => (looks += 1) }));
      const none = await trainer();
      const oneClass = await trainer({ classes: ["disc"] });
      for (let number = 0; number < 3; number += 1) await oneClass.add(shape("disc", number), "disc");
      const emptyClass = await shapes(2);
      await emptyClass.addClass("cup");
      const onePicture = await trainer({ classes: ["disc", "stripes"] });
      await onePicture.add(shape("disc", 1), "disc");
      const noPicture = await trainer({ classes: ["disc", "stripes"] });
      const alwaysYes = await trainer({ classes: ["disc"], task: "sigmoid" });
      for (let number = 0; number < 3; number += 1) await alwaysYes.add(shape("disc", number), "disc");
      return {
        none: await fails(none),
        oneClass: await fails(oneClass),
        emptyClass: await fails(emptyClass, { method: "ridge" }),
        onePicture: await fails(onePicture, { method: "centroids" }),
        noPicture: await fails(noPicture),
        alwaysYes: await fails(alwaysYes),
        looks,
        kept: [oneClass, emptyClass, onePicture].map(({ samples }) => samples.length),
        after: await emptyClass.removeClass("cup").then(() => emptyClass.fit({ epochs: 1 })).then(({ stopped }) => stopped),
      };
    });
    assertFails(found.none, "too_few_samples", "classes", "addClass");
    assertFails(found.oneClass, "too_few_samples", "at least 2", "sigmoid");
    assertFails(found.emptyClass, "too_few_samples", '"cup"');
    assertFails(found.onePicture, "too_few_samples", '"stripes"');
    assertFails(found.noPicture, "too_few_samples");
    assertFails(found.alwaysYes, "too_few_samples", '"disc"', "not of it");
    assert.equal(found.looks, 0);
    assert.deepEqual(found.kept, [3, 4, 1]);
    assert.equal(found.after, "done");
  });

  test("options out of range, a second fit, and an epoch to go on from that there is none of", async () => {
    const found = await page.evaluate(async () => {
      const own = await shapes(3);
      const fails = {};
      for (const options of [{ learningRate: NaN }, { epochs: 0 }, { method: "magic" }, { optimizer: "magic" }, { split: { train: -1 } }, { classWeights: [1] }, { schedule: { kind: "magic" } }, { augment: { rotation: 9 } }]) {
        fails[Object.keys(options)[0]] = await code(own.fit(options));
      }
      const [first, second] = await Promise.all([own.fit({ epochs: 2 }), code(own.fit())]);
      const fresh = await shapes(2);
      return { fails, first: first.stopped, second, goOn: await code(fresh.fit({ initialEpoch: 3 })), on: await code(own.evaluate({ on: "most" })) };
    });
    for (const [option, error] of Object.entries(found.fails)) {
      assert.equal(error.code, "bad_option", `${option}: ${JSON.stringify(error)}`);
      assert.ok(error.message.includes(option), error.message);
    }
    assert.equal(found.first, "done");
    assertFails(found.second, "busy", "signal");
    assertFails(found.goOn, "not_trained", "initialEpoch");
    assertFails(found.on, "bad_option", "validation");
  });

  test("numbers that run away end training, say where, and keep what was good", async () => {
    const found = await page.evaluate(async () => {
      const own = await shapes(4);
      const wild = await code(own.fit({ epochs: 5, optimizer: "sgd", learningRate: 3e38 }));
      const before = own.isTrained;
      await own.fit({ epochs: 2 });
      const kept = JSON.stringify(await own.predict(shape("disc", 20)).then(({ labels }) => labels));
      const again = await code(own.fit({ epochs: 5, optimizer: "sgd", learningRate: 3e38 }));
      return { wild, before, again, kept, after: JSON.stringify(await own.predict(shape("disc", 20)).then(({ labels }) => labels)) };
    });
    assertFails(found.wild, "training_diverged", "batch", "epoch");
    assertFails(found.again, "training_diverged");
    assert.equal(found.before, false);
    assert.equal(found.after, found.kept);
  });
});

// Where the network sees its own classes, by the trainer with no class of one's own; and where a head sees its, on features behind
// a layer that bends.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openDataset } from "./dataset-page.mjs";
import { assertFails, assets, fixtures, visit } from "./harness.mjs";

const V3 = "/fixtures/weights/v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors";

let visited, page;

before(async () => {
  visited = await visit();
  page = await openDataset(await visited.browser.newContext(), visited.server.site);
  const { weights, samples } = await assets(visited.server.site);
  await page.evaluate(
    async ([weights, file]) => {
      globalThis.weights = weights;
      globalThis.real = await load(weights, { backend: "simd" });
      globalThis.picture = await photo(`samples/${file}`);
    },
    [weights, samples[0].file],
  );
});
after(() => visited?.close());

test("of the first label unless said, and of any other; with a head or without", async () => {
  const found = await page.evaluate(async () => {
    const own = await real.trainer();
    const { labels } = await real.classify(picture, { topK: 3 });
    const plain = ({ data, ...map }) => ({ ...map, data: [...data] });
    const maps = [plain(await own.heatMap(picture, { of: "network" }))];
    for (const { index } of labels) maps.push(plain(await own.heatMap(picture, { of: "network", label: index })));
    const { width, height } = await createImageBitmap(picture);
    const untrained = await code(own.heatMap(picture));
    return { labels, maps, width, height, untrained, trained: own.isTrained };
  });
  const [first, same, ...others] = found.maps;
  assert.deepEqual(first, same);
  assert.equal(first.index, found.labels[0].index);
  assert.deepEqual(others.map(({ index }) => index), found.labels.slice(1).map(({ index }) => index));
  for (const { data, width, height, label } of found.maps) {
    assert.deepEqual([width, height, data.length, label], [7, 7, 49, null]);
    assert.ok(Math.abs(Math.max(...data.map(Math.abs)) - 1) < 1e-6);
  }
  // The most probable class has more that speaks for it than against it.
  assert.ok(first.data.reduce((sum, value) => sum + value, 0) > 0);
  assert.notDeepEqual(first.data, others[0].data);
  // What this preprocessing sees is a square in the middle.
  const { x, y, width, height } = first.region;
  assert.ok(Math.abs(x + width / 2 - 0.5) < 0.01 && Math.abs(y + height / 2 - 0.5) < 0.01);
  assert.ok(Math.abs(width * found.width - height * found.height) < 2, JSON.stringify(first.region));
  assertFails(found.untrained, "not_trained");
  assert.equal(found.trained, false);
});

test("a part of the picture that is covered speaks no more", async () => {
  const found = await page.evaluate(async () => {
    const own = await real.trainer();
    const [{ index }] = (await real.classify(picture, { topK: 1 })).labels;
    const look = async (canvas) => ({ map: await own.heatMap(canvas, { of: "network", label: index }), logit: (await real.logits(canvas))[index] });
    const whole = await look(await draw(picture));
    const { data, width, height, region } = whole.map;
    const cover = async (at) => {
      const canvas = await draw(picture);
      const context = canvas.getContext("2d");
      context.fillStyle = "#777";
      const [x, y] = [at % width, Math.floor(at / width)];
      const place = (column, row) => [canvas.width * (region.x + (region.width * column) / width), canvas.height * (region.y + (region.height * row) / height)];
      const [left, top] = place(x - 0.5, y - 0.5);
      const [right, bottom] = place(x + 1.5, y + 1.5);
      context.fillRect(left, top, right - left, bottom - top);
      return (await look(canvas)).logit;
    };
    const order = [...data.keys()].sort((a, b) => data[b] - data[a]);
    return { logit: whole.logit, hottest: await cover(order[0]), coldest: await cover(order.at(-1)) };
  });
  assert.ok(found.hottest < found.coldest && found.hottest < found.logit, JSON.stringify(found));
});

test("what cannot be shown is told", async () => {
  const found = await page.evaluate(async () => {
    const own = await real.trainer();
    const bytes = new Uint8Array(await (await fetch(weights)).arrayBuffer());
    const network = await load(bytes.slice(), { backend: "simd" });
    const without = await network.trainer();
    const gone = await code(without.heatMap(picture, { of: "network" }));
    const given = (await without.heatMap(picture, { of: "network", weights: bytes })).data.length;
    network.dispose();
    const results = { gone, given, seeded: await code((await trainer()).heatMap(picture, { of: "network" })) };
    for (const [name, options] of Object.entries({ of: { of: "me" }, many: { of: "network", label: 1000 }, name: { of: "network", label: "cat" } })) {
      results[name] = await code(own.heatMap(picture, options));
    }
    return results;
  });
  assertFails(found.gone, "weights_unavailable", "Trainer.heatMap", "as bytes", "heatMap(source, { weights })");
  assert.equal(found.given, 49);
  assertFails(found.seeded, "weights_unavailable", "seed");
  assertFails(found.of, "bad_option", '"network"');
  assertFails(found.many, "bad_option", "1000");
  assertFails(found.name, "bad_option", "cat", "index");
});

test("a head on V3's features sees pixels through the layer behind the mean, as the network that is saved does", { skip: fixtures().skip }, async () => {
  const found = await page.evaluate(async (address) => {
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    const network = await load(address, { backend: "simd" });
    const disc = (number, shown = true) => {
      const canvas = drawing(`hsl(${(number * 47) % 360} 30% 80%)`, "", 224, 224);
      const context = canvas.getContext("2d");
      context.fillStyle = "#c00";
      context.arc(number % 2 ? 56 : 168, number % 3 ? 56 : 168, 40, 0, shown ? 7 : 0);
      context.fill();
      return canvas;
    };
    const teach = async (net, options = {}) => {
      const own = await net.trainer({ classes: ["disc", "none"], ...options });
      for (let number = 0; number < 12; number += 1) {
        for (const kind of own.classes) await own.add(disc(number, kind === "disc"), kind);
      }
      return own;
    };
    const plain = ({ data, ...map }) => ({ ...map, data: [...data] });
    const own = await teach(network, { task: "sigmoid" });
    // Of each class what the head says, and what the network says that is saved with it.
    const pairs = [];
    const look = async () => {
      const [saved] = await own.save({ format: "network" });
      const again = await load(saved.bytes.slice(), { backend: "simd" });
      const other = await again.trainer();
      for (const label of [0, 1]) {
        const its = await other.heatMap(disc(12), { of: "network", label, weights: saved.bytes.slice() });
        pairs.push([plain(await own.heatMap(disc(12), { label })), plain(its)]);
      }
      again.dispose();
    };
    await own.fit({ epochs: 30, learningRate: 0.01 });
    await look();
    await own.fit({ epochs: 2, fineTuneFrom: "layer_11", fineTuneEpochs: 2, fineTuneLearningRate: 1e-3 });
    await look();
    // A head with a hidden layer cannot be put into a network.
    await own.fit({ epochs: 30, learningRate: 0.01, hidden: 16 });
    const hidden = plain(await own.heatMap(disc(12), { label: "disc" }));
    // By the means themselves nothing is read again.
    const given = await load(bytes.slice(), { backend: "simd" });
    const linear = [];
    for (const endpoint of ["layer_14", "layer_13"]) {
      const means = await teach(given, { endpoint });
      await means.fit({ method: "ridge" });
      linear.push(plain(await means.heatMap(disc(12), { label: "disc" })));
    }
    const bent = await teach(given);
    await bent.fit({ method: "ridge" });
    const gone = await code(bent.heatMap(disc(12)));
    const again = plain(await bent.heatMap(disc(12), { weights: bytes, label: "disc" }));
    network.dispose();
    given.dispose();
    return { pairs, maps: [hidden, again, ...linear], gone };
  }, V3);
  for (const { width, height, data } of [...found.pairs.flat(), ...found.maps]) {
    assert.deepEqual([width, height, data.length], [7, 7, 49]);
    assert.ok(Math.abs(Math.max(...data.map(Math.abs)) - 1) < 1e-6);
  }
  const apart = (one, other) => Math.max(...one.data.map((value, at) => Math.abs(value - other.data[at])));
  for (const [head, network] of found.pairs) {
    assert.deepEqual([head.index, head.region], [network.index, network.region]);
    // Numbers within −1 … 1; tensors of the saved file and the head are the same, of maps some are added in another order.
    assert.ok(apart(head, network) < 1e-3, `${apart(head, network)}`);
  }
  const [[first], [second], [tuned]] = found.pairs;
  assert.ok(apart(first, second) > 0.1 && apart(first, tuned) > 1e-3);
  // The disc of number 12 lies at the lower right.
  const mean = ({ data }, isIn) => {
    const values = data.filter((_, at) => isIn(at % 7, Math.floor(at / 7)));
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  for (const map of [first, ...found.maps]) {
    assert.ok(mean(map, (x, y) => x > 3 && y > 3) > mean(map, (x, y) => x <= 3 || y <= 3), `${map.data.map((value) => value.toFixed(2))}`);
  }
  assertFails(found.gone, "weights_unavailable", "Trainer.heatMap", "heatMap(source, { weights })");
});

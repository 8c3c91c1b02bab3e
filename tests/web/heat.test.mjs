// Where the network sees its own classes: by the trainer, with no class of one's own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openDataset } from "./dataset-page.mjs";
import { assertFails, assets, visit } from "./harness.mjs";

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

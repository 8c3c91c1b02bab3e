// The same photograph at 4000 px and at 400 px, scaled by the browser. tests/scale.rs does all shared photographs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assets, visitBlank } from "./harness.mjs";

const SIDES_PX = [4000, 400];
const TOLERANCE = 0.03;

let server, page, close, files;

before(async () => {
  ({ server, page, close } = await visitBlank());
  files = await assets(server.site);
});

after(() => close?.());

test("a photograph keeps its label and its probability at 4000 px and at 400 px", async (t) => {
  // One that the network is sure of: of others a slight blur alone moves the probability by more (see tests/scale.rs).
  const sample = files.samples.find(({ file }) => file.startsWith("coffee"));
  assert.ok(sample, "the site has no photograph of coffee");
  const found = await page.evaluate(async ([weights, path, sides]) => {
    const net = await load(weights);
    const bitmap = await createImageBitmap(await photo(path));
    const results = [];
    for (const side of sides) {
      const scale = side / Math.max(bitmap.width, bitmap.height);
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(bitmap.width * scale);
      canvas.height = Math.round(bitmap.height * scale);
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      const { labels } = await net.classify(canvas, { topK: 1000 });
      results.push({ side: Math.max(canvas.width, canvas.height), labels });
    }
    net.dispose();
    return results;
  }, [files.weights, `/samples/${sample.file}`, SIDES_PX]);
  assert.deepEqual(found.map(({ side }) => side), SIDES_PX);
  const [large, small] = found.map(({ labels }) => labels);
  const { index, name, probability } = large[0];
  const moved = Math.abs(probability - small.find((label) => label.index === index).probability);
  t.diagnostic(`${sample.file}: ${name} ${probability.toFixed(4)} at ${SIDES_PX[0]} px, moved by ${moved.toFixed(4)}`);
  assert.ok(sample.expected.includes(index), `${index} ${name}`);
  assert.equal(small[0].index, index);
  assert.ok(moved < TOLERANCE, `moved by ${moved}`);
  assert.deepEqual(page.faults, []);
});

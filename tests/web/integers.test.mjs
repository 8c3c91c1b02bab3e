// Quantised networks in Chromium: computed in the file's own integers, by a module of their own.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { difference, rows, withoutProfile, worst } from "./golden.mjs";
import { GPU_ARGS, fixtures, visitBlank, withoutAdapter } from "./harness.mjs";

/** The bound: one unit of the output, whose probabilities are in steps of 1/256. */
const TOLERANCE = 1 / 256;

const NETS = [
  { file: "v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite", outputs: "v1_0.25_224_quant", pictures: "in224" },
  { file: "coral_quant_tflite/v1_0.5_160_quant.tflite", outputs: "v1_0.5_160_quant", pictures: "in160" },
  { file: "coral_quant_tflite/tf2_v2_1.0_224_ptq.tflite", outputs: "v2_1.0_224_tf2_ptq", pictures: "in224" },
  { file: "v3_small_1.0_224_uint8/v3-small_224_1.0_uint8.tflite", outputs: "v3_small_1.0_224_uint8", pictures: "in224" },
];

const { folder, skip } = fixtures();

describe("networks in integers", { skip }, () => {
  let page, close;

  before(async () => {
    ({ page, close } = await visitBlank({ args: GPU_ARGS }));
    await page.evaluate(() => {
      globalThis.convert = async (...args) => (await import("/pkg/index.js")).MobileNet.convert(...args);
    });
  });

  after(() => close?.());

  const load = (file, options) =>
    page.evaluate(
      async ([file, options]) => {
        globalThis.net = await load(file, options);
        const { backend, why, adapter } = net.info;
        return { backend, why, adapter };
      },
      [`/fixtures/weights/${file}`, options],
    );

  for (const { file, outputs, pictures } of NETS) {
    for (const backend of ["simd", "reference"]) {
      test(`${outputs}, ${backend}: TensorFlow Lite's outputs for 24 photographs`, async (t) => {
        const read = (name) => readFile(join(folder, "golden", outputs, name));
        const { names } = JSON.parse(await read("meta.json"));
        assert.equal(names.length, 24);
        const expected = rows(await read("out_f32.npy"), [names.length, 1001]);
        assert.equal((await load(file, { backend })).backend, backend);
        let [most, right, time] = [0, 0, 0];
        for (const [row, name] of names.entries()) {
          const png = withoutProfile(await readFile(join(folder, "images", pictures, `${name}.png`)));
          const { data, ms } = await page.evaluate(async (path) => {
            const picture = await photo(path);
            const start = performance.now();
            const predictions = await net.embed(picture, { endpoint: "predictions", resize: "none" });
            return { data: [...predictions], ms: performance.now() - start };
          }, `data:image/png;base64,${png.toString("base64")}`);
          most = worst(most, difference(data, expected[row]));
          // Any of the best counts where several are.
          const best = Math.max(...expected[row]);
          right += expected[row][data.indexOf(Math.max(...data))] === best ? 1 : 0;
          time += ms / names.length;
        }
        await page.evaluate(() => net.dispose());
        t.diagnostic(`${outputs}, ${backend}: max ${most * 256} units, top-1 ${right}/${names.length}, ${time.toFixed(1)} ms a picture`);
        assert.ok(most <= TOLERANCE, `differs by ${most * 256} units`);
        assert.equal(right, names.length);
        assert.deepEqual(page.faults, []);
      });
    }
  }

  const [{ file }] = NETS;

  test("auto computes in the file's own integers, and says so", async () => {
    const { backend, why, adapter } = await load(file, { backend: "auto" });
    assert.deepEqual([backend, adapter], ["simd", null]);
    assert.match(why, /integers/);
    const rows = await page.evaluate(async () => {
      const rows = await net.selfTest();
      net.dispose();
      return rows.map(({ backend, failure }) => [backend, failure]);
    });
    assert.deepEqual(rows, [["simd", null]]);
  });

  test("a GPU computes it in floats, and so does who asks for them", async (t) => {
    const noGpu = await withoutAdapter(page);
    if (noGpu) {
      return t.skip(noGpu);
    }
    const [gpu, floats] = await page.evaluate(async (path) => {
      const picture = await photo("/fixtures/images/in224/coral_cat.png");
      const answers = [];
      for (const options of [{ backend: "webgpu" }, { backend: "simd", precision: "f32" }]) {
        const net = await load(path, options);
        const { labels } = await net.classify(picture, { topK: 3 });
        answers.push([net.info.backend, ...labels.map(({ index }) => index)]);
        net.dispose();
      }
      return answers;
    }, `/fixtures/weights/${NETS[2].file}`);
    assert.deepEqual([gpu[0], floats[0]], ["webgpu", "simd"]);
    assert.deepEqual(gpu.slice(1), floats.slice(1));
  });

  test("what it is converted to computes the same", async () => {
    const [original, copy] = await page.evaluate(async (path) => {
      const picture = await photo("/fixtures/images/in224/coral_cat.png");
      const { bytes } = await convert(path);
      const answers = [];
      for (const weights of [path, bytes]) {
        const net = await load(weights, { backend: "simd" });
        answers.push([...(await net.embed(picture, { endpoint: "logits" }))]);
        net.dispose();
      }
      return answers;
    }, `/fixtures/weights/${NETS[3].file}`);
    assert.deepEqual(copy, original);
  });
});

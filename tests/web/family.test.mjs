// The family through the package: endpoints, batches, overrides, labels, descriptions, and what is refused.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertFails, fixtures, visitBlank } from "./harness.mjs";

const V1 = "/fixtures/weights/v1_1.0_224_slim/mobilenet_v1_1.0_224.safetensors";
const V2 = "/fixtures/weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors";
const V3 = "/fixtures/weights/v3_small_1.0_224_uint8/v3-small_dequant_f32.safetensors";

const VERSIONS = ["v1", "v2", "v3-large", "v3-small", "v3-large-minimalistic", "v3-small-minimalistic"];

const { skip } = fixtures();

let page, close;

before(async () => {
  ({ page, close } = await visitBlank());
  await page.evaluate(async () => {
    const { MobileNet } = await import("/pkg/index.js");
    const pattern = (width, height, seed) => {
      let state = seed;
      const data = new Uint8ClampedArray(width * height * 4);
      for (let i = 0; i < data.length; i += 1) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        data[i] = i % 4 === 3 ? 255 : state >>> 24;
      }
      return new ImageData(data, width, height);
    };
    const same = (a, b) => a.length > 0 && a.length === b.length && a.every((value, index) => Object.is(value, b[index]));
    Object.assign(globalThis, { MobileNet, pattern, same });
  });
});

after(() => close?.());

describe("endpoints", () => {
  test("several of one call, in their order, each with its shape; alone they are the same to the last bit", async () => {
    const found = await page.evaluate(async () => {
      const net = await MobileNet.synthetic({ version: "v2", multiplier: 0.35 });
      const picture = pattern(224, 224, 1);
      const endpoints = ["layer_19", "layer_15/expansion_output", "features.3", "global_pool", "layer_4/projection_output"];
      const together = await net.embed(picture, { endpoints });
      const alone = [];
      for (const endpoint of endpoints) alone.push(await net.embed(picture, { endpoint }));
      const info = net.info.endpoints.filter(({ name }) => together.some(({ endpoint }) => endpoint === name));
      const unit = await net.embed(picture, { endpoints: ["global_pool", "logits"], normalize: true });
      net.dispose();
      return {
        kinds: together.map(({ constructor }) => constructor.name),
        names: together.map(({ endpoint }) => endpoint),
        shapes: together.map(({ shape }) => shape),
        same: together.map((vector, i) => same(vector, alone[i]) && alone[i].endpoint === vector.endpoint),
        reductions: Object.fromEntries(info.map(({ name, reduction }) => [name, reduction])),
        unit: unit.map((vector) => Math.hypot(...vector)),
      };
    });
    assert.deepEqual(new Set(found.kinds), new Set(["Float32Array"]));
    assert.deepEqual(found.names, ["layer_19", "layer_15/expansion_output", "layer_4", "global_pool", "layer_4/projection_output"]);
    assert.deepEqual(found.shapes, [[7, 7, 1280], [14, 14, 192], [56, 56, 8], [1280], [56, 56, 8]]);
    assert.deepEqual(found.same, [true, true, true, true, true]);
    assert.deepEqual(found.reductions, {
      "layer_4/projection_output": 4,
      layer_4: 4,
      "layer_15/expansion_output": 16,
      layer_19: 32,
      global_pool: null,
    });
    assert.ok(found.unit.every((length) => Math.abs(length - 1) < 1e-5), `${found.unit}`);
  });

  test("the two maps of an SSDLite head, from trained weights", { skip }, async () => {
    const found = await page.evaluate(async (weights) => {
      const net = await load(weights);
      const maps = await net.embed(pattern(300, 300, 7), { endpoints: ["layer_15/expansion_output", "layer_19"] });
      net.dispose();
      return maps.map((map) => ({ name: map.endpoint, shape: map.shape, length: map.length, least: Math.min(...map), most: Math.max(...map) }));
    }, V2);
    assert.deepEqual(found.map(({ name, shape }) => [name, shape]), [["layer_15/expansion_output", [14, 14, 576]], ["layer_19", [7, 7, 1280]]]);
    for (const { shape, length, least, most } of found) {
      assert.equal(length, shape.reduce((a, b) => a * b));
      assert.ok(least === 0 && most > 1 && most <= 6, `ReLU6 gives 0 … 6, not ${least} … ${most}`);
    }
  });
});

describe("batches", () => {
  for (const version of VERSIONS) {
    test(`${version}: an array of sources gives what single calls give, to the last bit`, async () => {
      const found = await page.evaluate(async (version) => {
        const net = await MobileNet.synthetic({ version, multiplier: 0.35, inputHeight: 96, inputWidth: 160, classes: 20 });
        const canvas = new OffscreenCanvas(50, 40);
        canvas.getContext("2d").fillRect(5, 5, 20, 20);
        const sources = [pattern(160, 96, 1), pattern(33, 77, 2), canvas];
        const singles = { labels: [], logits: [], maps: [] };
        for (const source of sources) {
          singles.labels.push((await net.classify(source)).labels);
          singles.logits.push(await net.logits(source));
          singles.maps.push(await net.embed(source, { endpoints: ["global_pool", "predictions"] }));
        }
        const labels = (await net.classify(sources)).map((each) => each.labels);
        const logits = await net.logits(sources);
        const maps = await net.embed(sources, { endpoints: ["global_pool", "predictions"] });
        const vectors = await net.embed(sources);
        const result = {
          labels: JSON.stringify(labels) === JSON.stringify(singles.labels),
          logits: logits.map((vector, i) => same(vector, singles.logits[i])),
          maps: maps.map((pair, i) => pair.map((vector, j) => same(vector, singles.maps[i][j]))),
          vectors: vectors.map((vector, i) => same(vector, maps[i][0])),
          differ: !same(logits[0], logits[1]),
          none: await net.classify([]),
          bad: await code(net.embed([sources[0], "picture.png"])),
          empty: await code(net.classify([sources[0], sources[1], { data: new Uint8Array(3), width: 1, height: 1 }])),
          option: await code(net.classify([sources[0]], { topK: -1 })),
          after: (await net.logits([sources[2]])).map((vector) => same(vector, singles.logits[2])),
        };
        net.dispose();
        return result;
      }, version);
      assert.equal(found.labels, true);
      assert.deepEqual(found.logits, [true, true, true]);
      assert.deepEqual(found.maps, [[true, true], [true, true], [true, true]]);
      assert.deepEqual(found.vectors, [true, true, true]);
      assert.equal(found.differ, true);
      assert.deepEqual(found.none, []);
      assertFails(found.bad, "source_unsupported", "a string");
      assert.match(found.bad.message, /^frames\[1\], /);
      assertFails(found.empty, "source_wrong_length", "frames[2], frame of 1 × 1 px");
      assertFails(found.option, "bad_option", "topK");
      assert.doesNotMatch(found.option.message, /frames/);
      assert.deepEqual(found.after, [true]);
    });
  }
});

describe("what weights do not state", { skip }, () => {
  test("is inferred, with the reason", async () => {
    for (const [weights, expected] of [
      [V1, { version: "v1", naming: /slim/i, classes: 1001, padding: "same", epsilon: 1e-3 }],
      [V2, { version: "v2", naming: /torchvision/, classes: 1000, padding: "symmetric", epsilon: 1e-5 }],
      [V3, { version: "v3-small", naming: /./, classes: 1001, padding: "same", epsilon: 1e-3 }],
    ]) {
      const info = await page.evaluate(async (weights) => {
        const net = await load(weights);
        net.dispose();
        return net.info;
      }, weights);
      assert.equal(info.version, expected.version);
      assert.match(info.naming, expected.naming);
      assert.deepEqual([info.multiplier, info.inputHeight, info.inputWidth, info.outputStride], [1, 224, 224, 32]);
      assert.equal(info.classes, expected.classes);
      assert.equal(info.padding, expected.padding);
      assert.ok(Math.abs(info.batchNormEpsilon / expected.epsilon - 1) < 1e-6);
      const inferred = Object.fromEntries(info.inferred.map(({ what, value }) => [what, value]));
      assert.equal(inferred.version, expected.version);
      assert.equal(inferred.classes, String(expected.classes));
      assert.equal(inferred.padding, expected.padding);
      assert.ok(info.inferred.every(({ why }) => why.length > 5));
      assert.ok(info.warnings.every(({ code, message }) => /^\w+$/.test(code) && message.length > 5), JSON.stringify(info.warnings));
    }
  });

  test("can be overridden, and is not listed as inferred then", async () => {
    const found = await page.evaluate(async (weights) => {
      const picture = pattern(160, 96, 1);
      const of = async (options) => {
        const net = await load(weights, options);
        const names = net.info.classes > 0 ? ["layer_19", "predictions"] : ["layer_19"];
        const vectors = await net.embed(picture, { endpoints: names });
        net.dispose();
        const sum = vectors[1]?.reduce((a, b) => a + b);
        return { info: net.info, shape: vectors[0].shape, sum, top: net.info.endpoints.at(-1).name };
      };
      return {
        sides: await of({ inputHeight: 96, inputWidth: 160 }),
        dilated: await of({ outputStride: 8 }),
        padded: await of({ inputHeight: 100, inputWidth: 90, padTo32: true }),
        torch: await of({ padding: "same", preprocessing: "keras", batchNormEpsilon: 0.002 }),
        sigmoid: await of({ classifier: "sigmoid", pooling: "max" }),
        headless: await of({ includeTop: false, pooling: "none" }),
      };
    }, V2);
    const { sides, dilated, padded, torch, sigmoid, headless } = found;
    assert.deepEqual([sides.info.inputHeight, sides.info.inputWidth, sides.shape], [96, 160, [3, 5, 1280]]);
    assert.ok(!sides.info.inferred.some(({ what }) => what === "resolution"));
    assert.deepEqual([dilated.info.outputStride, dilated.shape], [8, [28, 28, 1280]]);
    assert.deepEqual(padded.shape, [4, 3, 1280]);
    assert.deepEqual([torch.info.padding, torch.info.preprocessing], ["same", "keras"]);
    assert.ok(Math.abs(torch.info.batchNormEpsilon - 0.002) < 1e-8);
    assert.ok(!torch.info.inferred.some(({ what }) => ["padding", "preprocessing", "batch_norm_epsilon"].includes(what)));
    assert.ok(Math.abs(sides.sum - 1) < 1e-4);
    assert.ok(sigmoid.sum > 1.5, `1000 sigmoids add up to ${sigmoid.sum}`);
    assert.deepEqual([headless.info.classes, headless.top, headless.shape], [0, "layer_19", [7, 7, 1280]]);
    assert.equal(headless.info.params, 2_257_984 - 34_112, "as Keras counts it, less the moving statistics");
  });

  test("labels of 1001 classes: crane and maillot are two classes each; ids go with them", async () => {
    const found = await page.evaluate(async (weights) => {
      const labels = await (await fetch("/fixtures/labels/labels_1001_tflite-support.txt")).text();
      const wnids = Array.from({ length: 1001 }, (_, i) => `n${String(i).padStart(8, "0")}`);
      const net = await load(weights, { labels, wnids, labelSet: "imagenet-1001" });
      const picture = await photo("/fixtures/images/in224/chelsea_cat.png");
      const result = {
        cat: (await net.classify(picture, { topK: 2 })).labels,
        cranes: (await net.classify(picture, { allow: ["crane"] })).labels,
        maillots: (await net.classify(picture, { allow: ["maillot"] })).labels,
        info: net.info,
      };
      net.dispose();
      const bare = await load(weights, { labelsUrl: false });
      result.bare = (await bare.classify(picture, { topK: 1 })).labels[0];
      bare.dispose();
      return result;
    }, V1);
    assert.match(found.cat[0].name, /cat|tabby/);
    assert.equal(found.cat[0].wnid, `n${String(found.cat[0].index).padStart(8, "0")}`);
    assert.deepEqual(found.cranes.map(({ index }) => index).sort(), [135, 518]);
    assert.equal(found.maillots.length, 2);
    assert.ok(found.cranes.every(({ name }) => name === "crane"));
    assert.deepEqual([found.info.labels, found.info.labelSet], [true, "imagenet-1001"]);
    assert.equal(found.bare.index, found.cat[0].index);
    assert.deepEqual([found.bare.name, found.bare.wnid], [`class ${found.bare.index}`, undefined]);
  });
});

describe("networks without weights", () => {
  test("are described: parameters and multiply-accumulates, layer by layer", async () => {
    const found = await page.evaluate(async () => {
      const of = (network) => MobileNet.describe(network);
      return {
        v1: await of({ version: "v1" }),
        v2: await of({ version: "v2", multiplier: 1, inputHeight: 224, inputWidth: 224, classes: 1000 }),
        narrow: await of({ version: "v2", multiplier: 0.1 + 0.25, inputHeight: 96 }),
        custom: await of({
          classes: 2,
          inputHeight: 64,
          table: [
            { conv: { kernel: 3, stride: 2, channels: 16, activation: "hard-swish" } },
            { inverted_residual: { kernel: 5, stride: 2, channels: 24, expansion: 4, squeeze_excite: true, activation: "relu" } },
          ],
        }),
      };
    });
    assert.deepEqual([found.v1.params, found.v1.macs], [4_231_976, 568_740_352]);
    assert.deepEqual([found.v2.params, found.v2.macs], [3_504_872, 300_774_272]);
    assert.ok(found.v2.weightsBytes > 4 * 3.4e6 && found.v2.weightsBytes < 4 * 3.6e6);
    for (const { params, macs, layers } of Object.values(found)) {
      assert.equal(layers.reduce((sum, layer) => sum + layer.params, 0), params);
      assert.equal(layers.reduce((sum, layer) => sum + layer.macs, 0), macs);
    }
    assert.deepEqual(found.v2.layers[0], { name: "layer_1", kind: "conv", shape: [112, 112, 32], params: 864, macs: 10_838_016 });
    assert.deepEqual(found.narrow.layers[0].shape, [48, 48, 16]);
    assert.ok(found.custom.layers.some(({ name, kind }) => name === "layer_2/squeeze_excite/scale" && kind === "scale"));
  });

  test("run at full speed out of a seed, in the worker and in the page", async () => {
    const found = await page.evaluate(async () => {
      const results = [];
      for (const worker of [true, false]) {
        const net = await MobileNet.synthetic({ version: "v3-small", multiplier: 0.75 }, { worker, backend: "simd" });
        const logits = await net.logits(pattern(224, 224, 3));
        results.push({ info: net.info, logits: [...logits] });
        net.dispose();
      }
      return results;
    });
    const [{ info, logits }, inThread] = found;
    assert.deepEqual(logits, inThread.logits);
    assert.ok(logits.every(Number.isFinite) && new Set(logits).size > 900);
    assert.deepEqual([info.loadedFrom, info.url, info.fileBytes, info.naming], ["synthetic", null, 0, "synthetic"]);
    assert.deepEqual([info.version, info.multiplier, info.backend, info.worker], ["v3-small", 0.75, "simd", true]);
    assert.deepEqual([info.inferred, info.warnings], [[], []]);
  });
});

describe("bad input is a typed error", () => {
  // What is asked, the code, what the sentence says.
  const NETWORKS = [
    [{ version: "v2", multiplier: 0 }, "bad_model", "multiplier"],
    [{ version: "v2", multiplier: NaN }, "bad_option", "NaN"],
    [{ version: "v2", outputStride: 12 }, "bad_model", "8, 16 or 32"],
    [{ version: "v2", inputHeight: 20, inputWidth: 20 }, "bad_model", "32 to 4096 px"],
    [{ version: "v2", classes: 1.5 }, "bad_option", "1.5"],
    [{ version: "v2", classes: 3, labels: ["cup", "mug"] }, "bad_model", "3 names"],
    [{ version: "v2", labels: [1, 2] }, "bad_option", "labels"],
    [{ version: "v2", pooling: "sum" }, "bad_option", "avg"],
    [{ version: "v4" }, "bad_option", "v3-large"],
    [{ multiplier: 1 }, "bad_option", "version"],
    [{ version: "v2", multiplier: {} }, "bad_option", "multiplier"],
    [{ table: "[{}]" }, "bad_metadata", "row 1"],
  ];
  for (const [network, code, part] of NETWORKS) {
    test(`describe and synthetic: ${JSON.stringify(network)} → ${code}`, async () => {
      const [described, made] = await page.evaluate(async (network) => {
        return [await globalThis.code(MobileNet.describe(network)), await globalThis.code(MobileNet.synthetic(network))];
      }, network);
      assertFails(described, code, part);
      assertFails(made, code, part);
    });
  }

  const LOADS = [
    [{ multiplier: 0 }, ["bad_model", "bad_option"], "multiplier"],
    [{ multiplier: 0.5 }, ["bad_option"], "`features.0.0.weight` [32, 3, 3, 3]"],
    [{ version: "v1" }, ["bad_option"], "version"],
    [{ outputStride: 12 }, ["bad_model"], "8, 16 or 32"],
    [{ inputHeight: 20, inputWidth: 20 }, ["bad_model"], "32 to 4096 px"],
    [{ classes: 10 }, ["bad_option"], "1000"],
    [{ labels: ["cup", "mug"] }, ["bad_model"], "1000 names"],
    [{ labels: "cup\nmug\n" }, ["bad_model"], "1000 names"],
    [{ wnids: ["n01440764"] }, ["bad_model"], "1000"],
  ];
  for (const [options, codes, part] of LOADS) {
    test(`load: ${JSON.stringify(options)} → ${codes.join(" or ")}`, { skip }, async () => {
      const found = await page.evaluate(([weights, options]) => code(load(weights, options)), [V2, options]);
      assert.ok(codes.includes(found.code), JSON.stringify(found));
      assertFails(found, found.code, part);
    });
  }

  test("an endpoint that no network has names the nearest", async () => {
    const found = await page.evaluate(async () => {
      const net = await MobileNet.synthetic({ version: "v2", multiplier: 0.35, inputHeight: 32 });
      const picture = pattern(32, 32, 1);
      const result = [
        await code(net.embed(picture, { endpoints: ["layer_15/expansion_out", "layer_19"] })),
        await code(net.embed(picture, { endpoints: [] })),
        await code(net.embed(picture, { endpoints: ["layer_19", 3] })),
        await code(net.embed(picture, { endpoints: "layer_19" })),
      ];
      net.dispose();
      return result;
    });
    assertFails(found[0], "unknown_endpoint", "layer_15/expansion_output");
    assertFails(found[1], "bad_option", "endpoints");
    assertFails(found[2], "bad_option", "endpoints");
    assertFails(found[3], "bad_option", "endpoints");
  });
});

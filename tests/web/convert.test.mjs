// Files of other frameworks, and of other precisions, converted in the browser.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertFails, assets, fixtures, visitBlank } from "./harness.mjs";

const { skip } = fixtures();
const TFLITE = "/fixtures/weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_1_default_1.tflite";
const QUANTISED = "/fixtures/weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite";

/** Bytes of a number in a file, and how far a probability may be off: what `tests/precision.rs` found, with some room. */
const PRECISIONS = { kept: [4, 0], f32: [4, 0], f16: [2, 0.02], int8: [1, 0.2] };

let server, page, close, weights, samples;

before(async () => {
  ({ server, page, close } = await visitBlank());
  ({ weights, samples } = await assets(server.site));
  await page.evaluate(() => {
    globalThis.convert = async (...args) => (await import("/pkg/index.js")).MobileNet.convert(...args);
    /** What a network says of a sample. */
    globalThis.look = async (net, picture) => {
      const { labels } = await net.classify(await photo(picture), { topK: 1001 });
      net.dispose();
      return Object.fromEntries(labels.map(({ index, probability }) => [index, probability]));
    };
  });
});

after(() => close?.());

/** Largest difference of two answers, and whether their first label is one. */
function compare(a, b) {
  const top = (answer) => Object.entries(answer).reduce((best, row) => (row[1] > best[1] ? row : best))[0];
  return [Math.max(...Object.keys(a).map((index) => Math.abs(a[index] - b[index]))), top(a) === top(b)];
}

/** A source converted, opened again and shown a picture; and the source itself in that precision. */
function roundTrip(source, precision, options = {}) {
  return page.evaluate(async ([source, precision, options, picture]) => {
    const steps = [];
    const { bytes, name, info } = await convert(source, { precision, ...options, onProgress: ({ phase }) => steps.push(phase) });
    performance.clearResourceTimings();
    const net = await load(bytes, { backend: "simd" });
    const fetched = performance.getEntriesByType("resource").map(({ name }) => name);
    const whole = net.info;
    const found = await look(net, picture);
    const direct = await look(await load(source, { backend: "simd", precision, ...options }), picture);
    const plain = await look(await load(source, { backend: "simd", ...options }), picture);
    return { size: bytes.length, isBytes: bytes instanceof Uint8Array, name, info, whole, steps, fetched, found, direct, plain };
  }, [source, precision, options, `/samples/${samples[0].file}`]);
}

describe("what is converted opens again", () => {
  for (const [precision, [bytes, most]] of Object.entries(PRECISIONS)) {
    test(`the site's own V2 as ${precision}`, async () => {
      const { size, isBytes, name, info, whole, steps, fetched, found, direct, plain } = await roundTrip(weights, precision);
      assert.ok(isBytes);
      assert.equal(name, `mobilenet_v2_1.0_224${precision === "kept" ? "" : `.${precision}`}.safetensors`);
      // Labels and metadata are some tens of kilobytes.
      assert.ok(size > whole.params * bytes && size < whole.params * bytes * 1.08 + 60_000, `${size} bytes`);
      assert.deepEqual([info.version, info.classes, info.format, whole.version, whole.labels], ["v2", 1000, "safetensors", "v2", true]);
      assert.deepEqual([info.warnings, whole.warnings, whole.inferred], [[], [], []]);
      assert.deepEqual([...new Set(steps)], ["download", "prepare"]);
      assert.deepEqual(fetched.filter((url) => url.includes("importer")), [], "the core opens it by itself");
      assert.deepEqual(compare(found, direct), [0, true], "`load` in that precision computes the same");
      const [difference, same] = compare(found, plain);
      assert.ok(same && difference <= most, `off by ${difference}`);
      assert.ok((difference > 0) === (most > 0), "a precision that changes nothing was not written");
    });
  }

  test("another framework's file, without a worker", { skip }, async () => {
    const { name, info, whole, found, plain } = await roundTrip(TFLITE, "kept", { worker: false });
    assert.equal(name, "mobilenet_v1_0.25_224_1_default_1.safetensors");
    assert.deepEqual([info.format, whole.naming, whole.multiplier], ["TensorFlow Lite", "canonical", 0.25]);
    assert.deepEqual(compare(found, plain), [0, true]);
  });

  test("a quantised file keeps its integers, and is as small", { skip }, async () => {
    const { size, info, found, plain } = await roundTrip(QUANTISED, "kept");
    assert.ok(size < info.fileBytes * 1.05, `${size} of ${info.fileBytes} bytes`);
    assert.deepEqual(compare(found, plain), [0, true]);
  });

  test("with what the caller knows better in it; bytes without a name are called after the network", async () => {
    const { name, whole } = await page.evaluate(async (url) => {
      const bytes = await (await fetch(url)).arrayBuffer();
      const { bytes: file, name } = await convert(bytes, { inputHeight: 160, inputWidth: 160, preprocessing: "keras" });
      const net = await load(file, { backend: "simd" });
      net.dispose();
      return { name, whole: net.info };
    }, weights);
    assert.equal(name, "mobilenet_v2_1.0_160.safetensors");
    assert.deepEqual([whole.inputHeight, whole.preprocessing], [160, "keras"]);
  });
});

describe("what cannot be converted says why", () => {
  const failing = (source, options) => page.evaluate(([source, options]) => code(convert(source, options)), [source, options]);

  test("an unknown precision, with the known ones", async () => {
    for (const promise of [failing(weights, { precision: "int4" }), page.evaluate((url) => code(load(url, { precision: "int4" })), weights)]) {
      assertFails(await promise, "bad_option", "precision", "kept, f32, f16, int8", '"int4"');
    }
    assertFails(await failing(weights, { precision: 8 }), "bad_option", "precision", "a string");
  });

  test("no weights at all", async () => {
    assertFails(await failing("data:,hello"), "unsupported_format", "byte 0");
    assertFails(await failing(7), "bad_option", "MobileNet.convert");
  });

  test("an abort", async () => {
    const found = await page.evaluate((url) => {
      const stop = new AbortController();
      const onProgress = () => stop.abort();
      return code(convert(url, { signal: stop.signal, onProgress }));
    }, weights);
    assertFails(found, "aborted", "MobileNet.convert");
  });

  test("and leaves no worker behind", async () => {
    while (page.workers().length > 0) await page.waitForTimeout(50);
    assert.deepEqual(page.faults, []);
  });
});

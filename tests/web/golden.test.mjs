// Whole networks in Chromium against the outputs of the framework that trained them, on every shared photograph.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { blank, fixtures, launch, serve } from "./harness.mjs";

// The bounds, as in tests/golden.rs: sums of thousands of products in another order than the framework's.
const LOGIT_TOLERANCE = 2e-3;
const FEATURE_TOLERANCE = 1e-3;

const WEIGHTS = "/fixtures/weights/v2_1.0_224_torchvision/mobilenet_v2.safetensors";
const OUTPUTS = "golden/v2_1.0_224_torchvision";
const PICTURES = "images/in224";

const { folder, skip } = fixtures();

describe("V2 1.0 224 against torchvision", { skip }, () => {
  let server, browser, page, names, logits, features;

  before(async () => {
    const output = (file) => readFile(join(folder, OUTPUTS, file));
    names = JSON.parse(await output("meta.json")).names;
    logits = rows(await output("logits.npy"), [names.length, 1000]);
    features = rows(await output("features.npy"), [names.length, 1280]);
    server = await serve();
    browser = await launch();
    page = await blank(await browser.newContext(), server.site);
  });

  after(async () => {
    await browser?.close();
    server?.close();
  });

  for (const backend of ["simd", "reference"]) {
    test(`${backend}: logits, features and the first label of 24 photographs`, async (t) => {
      assert.equal(names.length, 24);
      const used = await page.evaluate(async ([weights, backend]) => {
        globalThis.net = await load(weights, { backend });
        return net.info.backend;
      }, [WEIGHTS, backend]);
      assert.equal(used, backend);
      let [worstLogit, worstFeature, right] = [0, 0, 0];
      const start = performance.now();
      for (const [row, name] of names.entries()) {
        const png = withoutProfile(await readFile(join(folder, PICTURES, `${name}.png`)));
        const found = await page.evaluate(async (path) => {
          const picture = await photo(path);
          const of = (vector) => ({ shape: vector.shape, data: [...vector] });
          const options = { resize: "none" };
          return { type: picture.type, logits: of(await net.logits(picture, options)), features: of(await net.embed(picture, options)) };
        }, `data:image/png;base64,${png.toString("base64")}`);
        assert.equal(found.type, "image/png", name);
        assert.deepEqual([found.logits.shape, found.features.shape], [[1000], [1280]]);
        worstLogit = worst(worstLogit, difference(found.logits.data, logits[row]));
        worstFeature = worst(worstFeature, difference(found.features.data, features[row]));
        right += top(found.logits.data) === top(logits[row]) ? 1 : 0;
      }
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      await page.evaluate(() => net.dispose());
      t.diagnostic(
        `${backend}: max |Δlogit| ${worstLogit.toExponential(2)}, max |Δfeature| ${worstFeature.toExponential(2)}, ` +
          `top-1 ${right}/${names.length}, ${seconds} s for ${2 * names.length} runs`,
      );
      assert.ok(worstLogit <= LOGIT_TOLERANCE, `logits differ by ${worstLogit}`);
      assert.ok(worstFeature <= FEATURE_TOLERANCE, `features differ by ${worstFeature}`);
      assert.equal(right, names.length);
      assert.deepEqual(page.faults, []);
    });
  }
});

/** The rows of a two-dimensional little-endian f32 `.npy` file (format 1.0: magic, version, header length, header, data). */
function rows(file, shape) {
  assert.equal(file.toString("latin1", 1, 6), "NUMPY");
  assert.equal(file[6], 1);
  const start = 10 + file.readUInt16LE(8);
  const header = file.toString("latin1", 10, start);
  assert.match(header, /'descr': '<f4', 'fortran_order': False/);
  assert.ok(header.includes(`'shape': (${shape.join(", ")})`), header);
  const [count, width] = shape;
  assert.equal(file.length, start + 4 * count * width);
  const value = (row, column) => file.readFloatLE(start + 4 * (row * width + column));
  return Array.from({ length: count }, (_, row) => Float32Array.from({ length: width }, (_, column) => value(row, column)));
}

/**
 * A PNG file less its colour profile, so that the browser decodes the very pixels that torchvision was given, which
 * reads no profiles. Chromium converts what has one to sRGB: of these pictures that changes only `rocket`, whose logits
 * it moves by 1.1.
 */
function withoutProfile(png) {
  const parts = [png.subarray(0, 8)];
  for (let start = 8; start < png.length; ) {
    const end = start + 12 + png.readUInt32BE(start);
    if (png.toString("latin1", start + 4, start + 8) !== "iCCP") {
      parts.push(png.subarray(start, end));
    }
    start = end;
  }
  return Buffer.concat(parts);
}

function difference(found, expected) {
  assert.equal(found.length, expected.length);
  return found.reduce((most, value, index) => worst(most, Math.abs(value - expected[index])), 0);
}

/** The larger of two differences. NaN, which no comparison finds large, is the largest. */
function worst(a, b) {
  return Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b);
}

function top(values) {
  return values.indexOf(Math.max(...values));
}

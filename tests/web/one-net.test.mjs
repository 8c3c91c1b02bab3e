// One small network in every format, as `cargo test --test one_net` left it: each file dropped on the page, and each
// opened by the package with what its format cannot say.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { blank, visit } from "./harness.mjs";
import { PageDriver } from "./page-driver.mjs";

const CLASSES = ["heron", "otter", "lynx", "marten", "plover"];
const FOLDER = fileURLToPath(new URL("../../target/one-net/written", import.meta.url));

/** Formats whose files say all that the answer depends on. */
const WHOLE = ["safetensors", "hdf5", "keras", "tflite", "onnx", "tfjs-layers", "tfjs-graph", "graph-def"];
/** Those that give the size of pictures and preprocessing to the names' conventions. */
const CONVENTIONAL = ["torch-zip", "torch-legacy", "checkpoint", "saved-model"];
const FORMATS = [...WHOLE, ...CONVENTIONAL];
/** Those that hold class names. */
const NAMED = ["safetensors", "hdf5", "tflite", "onnx"];

/** What the others are told. */
const TOLD = { inputHeight: 96, inputWidth: 96, padding: "same", batchNormEpsilon: 1e-3, preprocessing: "keras", labels: CLASSES };

/** Files of one network through one engine: rounding alone may differ, where batch norms are folded at another time. */
const PROBABILITY_TOLERANCE = 1e-6;

const skip = existsSync(FOLDER) ? false : `SKIPPED: ${FOLDER} is missing; run \`cargo test --test one_net\``;
assert.ok(!skip || process.env.CI !== "true", skip || undefined);

describe("one network in every format", { skip }, () => {
  let server;
  let browser;
  let close;
  before(async () => ({ server, browser, close } = await visit()));
  after(() => close?.());

  /** Answers for the files' own addresses from the folder. */
  const served = (context) =>
    context.route("**/one-net/**", async (route) => {
      const [format, name] = new URL(route.request().url()).pathname.split("/").slice(-2);
      await route.fulfill({ body: await readFile(join(FOLDER, format, name)) });
    });

  test("there are files of twelve formats", () => assert.deepEqual(readdirSync(FOLDER).sort(), FORMATS.toSorted()));

  test("dropped on the page: the same labels from each", async () => {
    const context = await browser.newContext();
    await served(context);
    const demo = new PageDriver(await context.newPage());
    try {
      const { page } = demo;
      await page.goto(server.site);
      const [{ file }] = await demo.samples();
      await demo.result(file);
      const found = {};
      for (const format of FORMATS) {
        const names = readdirSync(join(FOLDER, format));
        // A title of its own for each format, so that the card says which of them is in use.
        const title = names.length > 1 ? null : `${format}${names[0].slice(names[0].lastIndexOf("."))}`;
        await page.evaluate(
          async ([format, names, title]) => {
            // The card is the one of the network before until it says otherwise.
            document.querySelector("#card").dataset.weights = "";
            document.querySelector("#results").dataset.source = "";
            const data = new DataTransfer();
            for (const name of names) {
              data.items.add(new File([await (await fetch(`./one-net/${format}/${name}`)).blob()], title ?? name));
            }
            for (const event of ["dragenter", "dragover", "drop"]) {
              document.body.dispatchEvent(new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true }));
            }
          },
          [format, names, title],
        );
        await page.locator('#card:not([data-weights=""])').waitFor();
        found[format] = (await demo.result(file)).labels;
        assert.equal(found[format].length, CLASSES.length, format);
      }
      for (const format of FORMATS) {
        const indices = ({ index }) => index;
        assert.deepEqual(found[format].map(indices), found.safetensors.map(indices), `${format}: ${JSON.stringify(found[format])}`);
        if (NAMED.includes(format)) {
          assert.deepEqual(found[format].map(({ name }) => name), found.safetensors.map(({ index }) => CLASSES[index]), format);
        }
        if (WHOLE.includes(format)) assertNear(format, found[format], found.safetensors);
      }
      assert.deepEqual(demo.problems, []);
    } finally {
      await context.close();
    }
  });

  test("opened with what their formats cannot say: the same labels, names and probabilities from each", async () => {
    const context = await browser.newContext();
    await served(context);
    const page = await blank(context, server.site);
    const found = {};
    for (const format of FORMATS) {
      found[format] = await page.evaluate(
        async ([format, names, options]) => {
          const files = await Promise.all(names.map(async (name) => new File([await photo(`/one-net/${format}/${name}`)], name)));
          const net = await load(files, { backend: "simd", ...options });
          const [{ file }] = await (await fetch("/samples/index.json")).json();
          const { labels } = await net.classify(await draw(await photo(`/samples/${file}`), 96), { topK: 5 });
          net.dispose();
          return labels;
        },
        [format, readdirSync(join(FOLDER, format)), TOLD],
      );
    }
    for (const format of FORMATS) {
      assert.deepEqual(found[format].map(({ name }) => name), found.safetensors.map(({ name }) => name), format);
      assertNear(format, found[format], found.safetensors);
    }
    assert.deepEqual(found.safetensors.map(({ name }) => name).sort(), CLASSES.toSorted());
    assert.deepEqual(page.faults, []);
    await context.close();
  });
});

function assertNear(format, found, expected) {
  const worst = Math.max(...found.map(({ probability }, at) => Math.abs(probability - expected[at].probability)));
  assert.ok(worst <= PROBABILITY_TOLERANCE, `${format}: ${worst} off: ${JSON.stringify([found, expected])}`);
}

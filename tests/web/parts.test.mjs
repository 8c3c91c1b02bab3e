// Models of several files: by the main file's address, and as a list of files.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { assertFails, visitBlank } from "./harness.mjs";

const LABELS = ["cup", "mug", "neither"];
const SIDE = 96;
const WRONG = `sha256-${"A".repeat(43)}=`;

let server, page, close;
/** The model's files by name. */
const files = new Map();
/** Queries with which each was asked for. */
const asked = [];

before(async () => {
  ({ server, page, close } = await visitBlank());
  await teachable();
  await page.context().route("**/models/**", (route) => {
    const url = new URL(route.request().url());
    const name = url.pathname.split("/").at(-1);
    asked.push([name, url.search]);
    const isThere = files.has(name) && !url.pathname.includes("/broken/") && !(url.pathname.includes("/bare/") && name === "metadata.json");
    if (url.pathname.includes("/outside/")) return route.fulfill({ body: String(files.get("model.json")).replace("shard1.bin", "../shard1.bin") });
    return isThere ? route.fulfill({ body: files.get(name) }) : route.fulfill({ status: 404 });
  });
});

after(() => close?.());

/** A base of V2 0.35 with two dense layers on top, cut in two shards, as Teachable Machine saves it. */
async function teachable() {
  const listed = await readFile(new URL("../data/names/keras_v2_0.35.txt", import.meta.url), "utf8");
  const weights = [];
  const add = (name, shape) => weights.push({ name, shape: shape.split(",").map(Number), dtype: "float32" });
  for (const line of listed.trim().split("\n").slice(1)) {
    const [layer, ...pairs] = line.split(" ");
    if (layer === "predictions") continue;
    for (let at = 0; at < pairs.length; at += 2) add(`${layer}/${pairs[at]}`, pairs[at + 1]);
  }
  add("dense_Dense1/kernel", "1280,100");
  add("dense_Dense1/bias", "100");
  add("dense_Dense2/kernel", `100,${LABELS.length}`);
  let state = 1;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const values = weights.flatMap(({ name, shape }) => {
    const count = shape.reduce((product, side) => product * side, 1);
    const spread = shape.length > 1 ? Math.sqrt(6 / (count / shape.at(-1))) : 0.1;
    const centre = /gamma|variance/.test(name) ? 0.9 : 0;
    return Array.from({ length: count }, () => centre + (random() * 2 - 1) * spread);
  });
  const bytes = Buffer.from(new Float32Array(values).buffer);
  const half = 400_001;
  const dense = (name, units, activation, use_bias) => ({ class_name: "Dense", config: { name, units, activation, use_bias } });
  const input = { class_name: "InputLayer", config: { name: "input_1", batch_input_shape: [null, SIDE, SIDE, 3] } };
  const layers = [input, dense("dense_Dense1", 100, "relu", true), dense("dense_Dense2", LABELS.length, "softmax", false)];
  files.set("shard1.bin", bytes.subarray(0, half));
  files.set("shard2.bin", bytes.subarray(half));
  files.set("metadata.json", JSON.stringify({ tmVersion: "2.4.10", labels: LABELS, imageSize: SIDE }));
  files.set("model.json", JSON.stringify({
    modelTopology: { backend: "tensor_flow.js", class_name: "Sequential", config: { name: "sequential_1", layers } },
    weightsManifest: [{ paths: ["shard1.bin", "shard2.bin"], weights }],
  }));
}

const sum = (names) => names.reduce((bytes, name) => bytes + Buffer.byteLength(files.get(name)), 0);
const sha256 = (name) => `sha256-${createHash("sha256").update(files.get(name)).digest("base64")}`;
const failing = (url, options) => page.evaluate(([u, o]) => code(load(u, o)), [url, options]);

/** What a network says of itself, of one picture, and while it loads. */
async function opened(weights, options = {}) {
  return page.evaluate(async ([weights, options]) => {
    const steps = [];
    const net = await load(weights, { backend: "simd", ...options, onProgress: (step) => steps.push(step) });
    const { labels } = await net.classify(new ImageData(64, 64));
    const { info } = net;
    net.dispose();
    return { info, labels, steps };
  }, [weights, options]);
}

/** The same of a list of files, picked by name. */
async function dropped(names, options = {}) {
  return page.evaluate(async ([names, options]) => {
    const list = await Promise.all(names.map(async (path) => {
      const name = path.split("/").at(-1);
      const file = new File([await photo(`/models/tm/${name}`)], name);
      return path.includes("/") ? Object.defineProperty(file, "webkitRelativePath", { value: path }) : file;
    }));
    return code(load(list, { backend: "simd", ...options }).then(async (net) => {
      const { labels } = await net.classify(new ImageData(64, 64));
      net.dispose();
      return { info: net.info, labels };
    }));
  }, [names, options]);
}

let fromAddress;

describe("by address", () => {
  test("the others are fetched from beside the main file, labels and preprocessing too", async () => {
    fromAddress = await opened("/models/tm/model.json?token=1");
    const { info, labels, steps } = fromAddress;
    assert.deepEqual([info.version, info.multiplier.toFixed(2), info.classes, info.resolution], ["v2", "0.35", 3, SIDE]);
    assert.deepEqual([info.preprocessing, info.naming, info.loadedFrom], ["teachable-machine", "keras", "network"]);
    assert.deepEqual(labels.map(({ name }) => name).sort(), LABELS);
    assert.equal(info.fileBytes, sum([...files.keys()]));
    const loaded = steps.map(({ loadedBytes }) => loadedBytes);
    assert.deepEqual(loaded, [...loaded].sort((a, b) => a - b));
    assert.equal(loaded.at(-1), info.fileBytes);
    assert.deepEqual([...new Set(steps.map(({ phase }) => phase))], ["download", "prepare"]);
    assert.ok(asked.length >= 4 && asked.every(([, query]) => query === "?token=1"), "a signed address keeps its query");
  });

  test("without Teachable Machine's own file", async () => {
    const { info } = await opened("/models/bare/model.json", { worker: false });
    assert.deepEqual([info.preprocessing, info.labels, info.warnings.filter(({ code }) => code === "http_status")], ["keras", false, []]);
  });

  test("from a mirror", async () => {
    const { info } = await opened("/models/broken/model.json", { mirrors: ["/models/tm/model.json"] });
    assert.equal(new URL(info.url).pathname, "/models/tm/model.json");
  });

  test("a shard that is not there", async () => {
    const shard = files.get("shard2.bin");
    files.delete("shard2.bin");
    assertFails(await failing("/models/tm/model.json"), "http_status", "shard2.bin", "404");
    files.set("shard2.bin", shard);
  });

  test("a shard outside the folder", async () =>
    assertFails(await failing("/models/outside/model.json"), "bad_header", "../shard1.bin", "byte"));

  test("an address without a folder", async () => {
    const data = `data:application/json,${encodeURIComponent(files.get("model.json"))}`;
    assertFails(await failing(data), "missing_part", "shard1.bin");
  });
});

/** A model of several files as one, opened: by its address, and as a list of its files. */
test("converted to one file, labels included", async () => {
  const found = await page.evaluate(async (names) => {
    const { MobileNet } = await import("/pkg/index.js");
    const files = await Promise.all(names.map(async (name) => new File([await photo(`/models/tm/${name}`)], name)));
    const answers = [];
    for (const source of ["/models/tm/model.json", files]) {
      const { bytes, name, info } = await MobileNet.convert(source);
      const net = await load(bytes, { backend: "simd" });
      const { labels } = await net.classify(new ImageData(64, 64));
      net.dispose();
      answers.push({ name, labels, size: bytes.length, fileBytes: info.fileBytes, format: info.format });
    }
    return answers;
  }, [...files.keys()]);
  for (const { name, labels, size, fileBytes, format } of found) {
    assert.equal(name, `mobilenet_v2_0.35_${SIDE}.safetensors`, "model.json says nothing of the network");
    assert.deepEqual(labels, fromAddress.labels);
    assert.deepEqual([fileBytes, format], [sum([...files.keys()]), "TensorFlow.js"]);
    assert.ok(Math.abs(size / fileBytes - 1) < 0.02, `${size} of ${fileBytes} bytes`);
  }
});

describe("integrity", () => {
  test("of each file by its path, and all of it cached", async () => {
    const integrity = Object.fromEntries([...files.keys()].map((name) => [name, sha256(name)]));
    await opened("/models/tm/model.json", { integrity });
    asked.length = 0;
    const { info, labels } = await opened("/models/tm/model.json", { integrity });
    assert.deepEqual([info.loadedFrom, asked], ["cache", []]);
    assert.deepEqual(labels, fromAddress.labels);
    assertFails(await failing("/models/tm/model.json", { integrity: { ...integrity, "shard1.bin": WRONG } }), "integrity_mismatch", "shard1.bin");
  });

  test("of the main file alone", async () => {
    assert.equal((await opened("/models/tm/model.json", { integrity: sha256("model.json") })).info.classes, 3);
    assertFails(await failing("/models/tm/model.json", { integrity: WRONG }), "integrity_mismatch", "model.json");
  });
});

describe("as a list of files", () => {
  test("in any order, with others among them, flat or in folders", async () => {
    const flat = ["shard2.bin", "metadata.json", "notes.txt", "model.json", "shard1.bin"];
    for (const [names, options] of [[flat, {}], [flat, { worker: false }], [flat.map((name) => `my model/${name}`), {}]]) {
      const { value, message } = await dropped(names, options);
      assert.ok(value, message);
      assert.deepEqual(value.labels, fromAddress.labels);
      assert.deepEqual([value.info.loadedFrom, value.info.url, value.info.fileBytes], ["bytes", null, fromAddress.info.fileBytes]);
    }
  });

  test("that lacks some", async () => {
    assertFails(await dropped(["model.json", "shard1.bin"]), "missing_part", "model.json", "`shard2.bin`");
    assertFails(await dropped(["model.json"]), "missing_part", "`shard1.bin`, `shard2.bin`", "folder");
    assertFails(await dropped(["shard1.bin", "shard2.bin"]), "missing_part", "one model");
    assertFails(await page.evaluate(() => code(load([]))), "bad_option", "a list of Files");
  });

  test("of one file that needs no other", async () => {
    const found = await page.evaluate(async () => {
      const [{ url }] = await (await fetch("/weights/index.json")).json();
      const bytes = await (await fetch(new URL(url, new URL("/weights/index.json", location)))).arrayBuffer();
      const list = [new File([bytes], "net.safetensors"), new File(["hello"], "readme.md")];
      return code(load(list).then((net) => (net.dispose(), net.info.version)));
    });
    assert.equal(found.value, "v2", found.message);
  });
});

describe("what the importer takes", () => {
  const importer = () => page.evaluateHandle(() => import("/pkg/wasm/importer/mobilenet_web.js"));

  test("its memory is given back, and the next file finds it", async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      const { labels } = await opened("/models/tm/model.json", { worker: false });
      assert.deepEqual(labels, fromAddress.labels);
      const bytes = await (await importer()).evaluate(async (glue) => (await glue.default()).memory.buffer.byteLength);
      assert.ok(bytes < sum([...files.keys()]), `${bytes} bytes after files of ${sum([...files.keys()])}`);
    }
  });

  test("a file that it refuses is given back as well", async () => {
    const bytes = await (await importer()).evaluate(async (glue) => {
      const refused = await code(load(new Blob(["PK\x03\x04", new Uint8Array(20_000_000)]), { worker: false }));
      return [refused.code, (await glue.default()).memory.buffer.byteLength];
    });
    assert.equal(bytes[0], "truncated");
    assert.ok(bytes[1] < 10_000_000, `${bytes[1]} bytes`);
  });

  test("files leave the list that they came in", async () => {
    const left = await (await importer()).evaluate(async ({ Importer }) => {
      const names = ["model.json", "shard1.bin", "shard2.bin", "metadata.json"];
      const file = async (name) => new Uint8Array(await (await photo(`/models/tm/${name}`)).arrayBuffer());
      const parts = await Promise.all(names.map(file));
      const { bytes } = Importer.convert(names, parts, {});
      return [parts.length, bytes.length > 1_000_000];
    });
    assert.deepEqual(left, [0, true]);
  });
});

test("a trainer takes no whole network for a head, and says what to do with it", async () => {
  const found = await page.evaluate(async () => {
    const names = ["model.json", "shard1.bin", "shard2.bin", "metadata.json"];
    const list = await Promise.all(names.map(async (name) => new File([await photo(`/models/tm/${name}`)], name)));
    const net = await load(list, { backend: "simd" });
    const trainer = await net.trainer();
    const flat = await code(trainer.load(list));
    // As Teachable Machine nests it.
    const model = JSON.parse(await list[0].text());
    const { config } = model.modelTopology;
    config.layers = [{ class_name: "Sequential", config: { layers: [{ class_name: "Model", config: {} }] } }, { class_name: "Sequential", config: { layers: config.layers } }];
    const nested = await code(trainer.load([new File([JSON.stringify(model)], "model.json"), ...list.slice(1)]));
    const unnamed = await code(trainer.load([new File([JSON.stringify(model)], "model.json"), ...list.slice(1, 3)]));
    const classes = net.info.classes;
    net.dispose();
    return { flat, nested, unnamed, classes };
  });
  assert.equal(found.classes, LABELS.length);
  for (const error of [found.flat, found.nested]) assertFails(error, "unsupported_format", "model.json", "a head by itself", "Teachable Machine", "MobileNet.load(files)", "trainer()");
  assertFails(found.unnamed, "unsupported_format", "a whole network", "MobileNet.load(files)");
  assert.ok(!found.unnamed.message.includes("Teachable"), found.unnamed.message);
});

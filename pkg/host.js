/** The engine behind messages: the same code in the worker and, on request, in the page's own thread. */

import { Backends } from "./backends.js";
import { download, verify } from "./download.js";
import { MobileNetError, aborted, failure, toWire } from "./errors.js";
import { loadEngine, loadFullEngine } from "./wasm.js";

/** Names are worth no more of a wait than this. */
const LABELS_TIMEOUT_MS = 10_000;

/** Answers `load`, `classify`, `infer`, `keep`, `profile`, `selfTest`, `lose` and `abort` messages, the calls in the order of their arrival. */
export class Host {
  #post;
  #backends = null;
  #broken = null;
  #queue = [];
  #running = false;
  #under = [];
  #loads = new Map();

  /** @param {(message: object, transfer?: Transferable[]) => void} post where answers go */
  constructor(post) {
    this.#post = post;
  }

  /** @param {{ type: string, id: number }} message */
  receive(message) {
    switch (message.type) {
      case "load":
        void this.#answer(message.id, this.#load(message));
        break;
      case "abort":
        this.#abort(message.id);
        break;
      case "lose":
        // Not behind the calls: it is there to meet them under way.
        void this.#answer(message.id, (async () => ({ value: this.#backends.lose() }))());
        break;
      default:
        this.#queue.push(message);
        void this.#pump();
    }
  }

  /** Frees the engine's memory and drops what waits. */
  dispose() {
    for (const controller of this.#loads.values()) {
      controller.abort();
    }
    for (const { frame } of this.#queue.splice(0)) {
      frame?.close?.();
    }
    this.#broken = new MobileNetError("disposed", "MobileNet: it was disposed of");
    this.#backends?.dispose();
  }

  /** Posts what `work` gives, after the answer `before`. */
  async #answer(id, work, before) {
    const told = await work.then(
      ({ value, transfer }) => [{ id, type: "result", value }, transfer],
      (error) => [{ id, type: "error", error: toWire(error) }],
    );
    await before;
    this.#post(...told);
  }

  async #load({ id, weights, integrity, backend, device, overrides, wasmUrl, labelsUrl }) {
    const controller = new AbortController();
    this.#loads.set(id, controller);
    const warnings = [];
    const onProgress = (progress) => this.#post({ id, type: "progress", progress });
    const options = { integrity, signal: controller.signal, onProgress, warnings, wasmUrl };
    const opened = [];
    try {
      const onChange = (state) => this.#post({ type: "backend", state });
      const open = (Module) => {
        opened.push(new Backends(Module, { backend, device, onChange }));
        return opened.at(-1);
      };
      // The module compiles, and the GPU wakes, while the weights arrive; whichever fails first ends both.
      const started = loadEngine(wasmUrl).then((Module) => [Module, open(Module)]);
      const [[Engine, core], { names, parts, from, url }] = await Promise.all([started, readWeights(weights, options)]);
      const fileBytes = parts.reduce((sum, part) => sum + part.length, 0);
      onProgress({ phase: "prepare", loadedBytes: fileBytes, totalBytes: fileBytes, url });
      await turn();
      if (controller.signal.aborted) {
        throw aborted("MobileNet.load", controller.signal);
      }
      const given = { backend, overrides };
      const make = (Module) => (weights.synthetic ? Module.synthetic(given) : new Module(parts[0], given));
      const several = (Full) => Full.parts(names, parts, given);
      const engine = parts.length > 1 ? await this.#openFull(several, wasmUrl) : await this.#open(Engine, make, wasmUrl);
      if (engine.nameless && labelsUrl !== false) {
        await this.#name(engine, labelsUrl, options);
      }
      // A GPU belongs to the module that connected to it.
      const backends = engine instanceof Engine ? core : open(engine.constructor);
      await this.#guarded(() => backends.open(engine, backend));
      if (this.#broken) {
        throw this.#broken;
      }
      this.#backends = backends;
      const info = engine.info();
      warnings.push(...info.warnings);
      return { value: { ...info, ...backends.state, loadedFrom: from, url, fileBytes, warnings } };
    } finally {
      controller.abort();
      this.#loads.delete(id);
      // Whichever is not in use: the core's where the full module runs, and all of them after a failure.
      opened.filter((each) => each !== this.#backends).forEach((each) => each.dispose());
    }
  }

  /** Most files say what they are, and the core module reads them; the full module is fetched for what it cannot do. */
  async #open(Engine, make, wasmUrl) {
    try {
      return this.#guard(() => make(Engine));
    } catch (error) {
      if (error.code !== "needs_full_module") {
        throw error;
      }
    }
    return this.#openFull(make, wasmUrl);
  }

  async #openFull(make, wasmUrl) {
    const Full = await loadFullEngine(wasmUrl);
    return this.#guard(() => make(Full));
  }

  /** ImageNet's names for weights that bring none. They are a courtesy: without them classes keep their numbers. */
  async #name(engine, url, options) {
    try {
      const table = await readLabels(url, options);
      this.#guard(() => engine.name(table));
    } catch ({ message }) {
      options.warnings.push({ code: "labels_unavailable", message });
    }
  }

  #abort(id) {
    this.#loads.get(id)?.abort();
    const index = this.#queue.findIndex((message) => message.id === id);
    if (index >= 0) {
      this.#queue.splice(index, 1)[0].frame?.close?.();
    }
  }

  async #pump() {
    if (this.#running) {
      return;
    }
    this.#running = true;
    while (this.#queue.length > 0) {
      // A call may block this thread, so let the aborts that arrived meanwhile take effect before the next one.
      await turn();
      const message = this.#queue.shift();
      const isMeasuring = message?.type === "selfTest" || message?.type === "profile";
      if (isMeasuring) {
        await Promise.all(this.#under);
      }
      if (message) {
        this.#under.push(this.#answer(message.id, this.#run(message), this.#under.at(-1)));
      }
      // A GPU takes the next frame while it computes the last one.
      while (this.#under.length > (this.#backends?.overlaps && !isMeasuring ? 1 : 0)) {
        await this.#under.shift();
      }
    }
    this.#running = false;
  }

  async #run({ type, frame, options }) {
    if (type === "selfTest") {
      return { value: await this.#guarded(() => this.#backends.selfTest()) };
    }
    let pixels = frame;
    try {
      if (frame instanceof Blob) {
        pixels = await decode(frame);
      }
      if (this.#broken) {
        throw this.#broken;
      }
      return await this.#guarded(() => this.#answers[type](pixels, options));
    } finally {
      pixels.close?.();
    }
  }

  /** What each kind of call about a frame is answered with. */
  #answers = {
    classify: async (pixels, options) => {
      const start = performance.now();
      const { labels } = await this.#backends.classify(pixels, options);
      return { value: { labels, ms: performance.now() - start } };
    },
    infer: async (pixels, options) => {
      const value = await this.#backends.infer(pixels, options);
      return { value, transfer: value.map(({ data }) => data.buffer) };
    },
    keep: async (pixels, options) => ({ value: await this.#backends.keep(pixels, options) }),
    profile: async (pixels, options) => ({ value: await this.#backends.profile(pixels, options) }),
  };

  /** As `#guard`, for work that takes a while. */
  async #guarded(work) {
    try {
      return await work();
    } catch (error) {
      return this.#guard(() => {
        throw error;
      });
    }
  }

  /** After a trap the engine's memory is in an unknown state: it must not answer again. */
  #guard(work) {
    try {
      return work();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) {
        this.#broken = failure("internal", {
          where: "engine",
          found: `a fault (${error.message})`,
          remedy: "Load the network again, and please report this with the console's output.",
          cause: error,
        });
        throw this.#broken;
      }
      throw error;
    }
  }
}

/** The files of the weights, the main one first. */
async function readWeights(weights, options) {
  if (weights.synthetic) {
    return { names: [], parts: [], from: "synthetic", url: null };
  }
  const { source, from, ...main } = await readMain(weights, options);
  const { name, bytes, url } = main;
  if (!mayNeedOthers(bytes)) {
    return { names: [name], parts: [bytes], from, url };
  }
  // Only models of several files need more than this.
  const [{ others }, Full] = await Promise.all([import("./parts.js"), loadFullEngine(options.wasmUrl)]);
  return { ...(await others(main, source, options, { wanted: Full.wanted, readFile })), from, url };
}

async function readMain({ urls, bytes, file, files }, options) {
  const hash = (name) => (typeof options.integrity === "object" ? options.integrity?.[name] : options.integrity);
  if (urls) {
    const main = await download(urls, { ...options, integrity: hash(fileName(urls[0])) });
    return { ...main, name: fileName(main.url), source: { urls } };
  }
  const all = files ?? [{ path: file?.name || "weights", file }];
  const index = files ? (await loadFullEngine(options.wasmUrl)).mainPart(all.map(({ path }) => path)) : 0;
  const chosen = all[index];
  const name = fileName(chosen.path);
  const read = bytes ?? (await readFile(chosen.file, chosen.path));
  const integrity = hash(name);
  if (integrity !== undefined) {
    await verify(read, integrity, chosen.path);
  }
  return { name, bytes: read, from: "bytes", url: null, source: bytes ? {} : { all, chosen } };
}

const fileName = (path) => path.split(/[?#]/)[0].split("/").at(-1);

/** The last eight bytes of a checkpoint's index. */
const TABLE_END = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

/** Whether a file may say which others it needs: a JSON text, or a table of LevelDB's format. */
function mayNeedOthers(bytes) {
  const begin = bytes[0] === 0xef ? 3 : 0;
  const isJson = bytes[begin] === 0x7b && !bytes.subarray(0, 8).includes(0);
  return isJson || TABLE_END.every((byte, index) => bytes[bytes.length - TABLE_END.length + index] === byte);
}

async function readFile(file, where) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    const remedy = "It was probably moved or changed since it was chosen: choose it again.";
    throw failure("truncated", { where, expected: `${file.size} bytes`, found: `none (${cause.message})`, remedy, cause });
  }
}

/** The table of ImageNet's classes. It is waited for a while at most, for the network could do without it. */
async function readLabels(where = new URL("./labels/imagenet.txt", import.meta.url).href, { signal }) {
  const patience = AbortSignal.any?.([signal, AbortSignal.timeout(LABELS_TIMEOUT_MS)]) ?? signal;
  let found;
  try {
    const response = await fetch(where, { signal: patience });
    const type = response.headers.get("content-type");
    if (response.ok && !/^text\/html\b/i.test(type)) {
      return await response.text();
    }
    await response.body?.cancel();
    found = response.ok ? `a web page (content-type ${type})` : `status ${response.status}`;
  } catch ({ message }) {
    found = `no whole answer (${message})`;
  }
  const remedy = "Serve the package's labels/imagenet.txt and name its address in `labelsUrl`, or give names by `labels`.";
  throw failure("labels_unavailable", { where, expected: "ImageNet's class names", found, remedy });
}

/** A picture file's pixels, turned upright as its EXIF orientation says. */
async function decode(blob) {
  try {
    return await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch (cause) {
    throw failure("source_unsupported", {
      where: blob.name || "picture file",
      expected: "a picture that this browser decodes",
      found: `${blob.size} bytes of type "${blob.type}" (${cause.message})`,
      remedy: "If it is an SVG or a format that only <img> shows, draw it on a canvas and pass that.",
      cause,
    });
  }
}

let channel;
const waiting = [];

/** Resolves in a task of its own, after messages that are already there. (Timers would wait 4 ms.) */
function turn() {
  if (!channel) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => waiting.shift()();
  }
  return new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(0);
  });
}

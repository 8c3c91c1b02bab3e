/** The engine behind messages: the same code in the worker and, on request, in the page's own thread. */

import { Intake, bytesOf, moduleOf, opened } from "./arrival.js";
import { Backends } from "./backends.js";
import { download, verify } from "./download.js";
import { MobileNetError, aborted, failure, toWire } from "./errors.js";
import { decode } from "./pixels.js";
import { letGo, wakeFor } from "./wake.js";
import { loadEngine, loadModule, threadsOf } from "./wasm.js";

/** Who needs them besides has them from here, where they are whether scripts are merged or not. */
export { download, opened, verify };

/** Names are worth no more of a wait than this. */
const LABELS_TIMEOUT_MS = 10_000;

/** Answers `load`, `convert`, `classify`, `infer`, `keep`, `profile`, `selfTest`, `lose` and `abort` messages, the calls in the order of their arrival. */
export class Host {
  #post;
  #isApart;
  #backends = null;
  /** The message that the network came of. */
  #loaded;
  #broken = null;
  #team = null;
  #queue = [];
  #running = false;
  #under = [];
  #loads = new Map();

  /**
   * @param {(message: object, transfer?: Transferable[]) => void} post where answers go
   * @param {{ isApart: boolean }} options whether messages come from another thread, and lie behind one another there
   */
  constructor(post, { isApart }) {
    this.#post = post;
    this.#isApart = isApart;
  }

  /** @param {{ type: string, id: number }} message */
  receive(message) {
    switch (message.type) {
      case "load":
        void this.#answer(message.id, this.#load(message));
        break;
      case "convert":
        void this.#answer(message.id, this.#convert(message));
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
    this.#queue.splice(0).forEach(close);
    this.#broken = new MobileNetError("disposed", "MobileNet: it was disposed of");
    this.#backends?.dispose();
    this.#team?.leave();
  }

  /** Posts what `work` gives, after the answer `before`. */
  async #answer(id, work, before) {
    const told = await work.then(
      ({ value, transfer = [], spare }) => [{ id, type: "result", value, spare }, spare ? [...transfer, spare] : transfer],
      (error) => [{ id, type: "error", error: toWire(error) }],
    );
    await before;
    this.#post(...told);
  }

  /** `work(options)` with what reading weights for `message` takes, until it is done or the caller gives it up. */
  async #loading({ id, integrity, wasmUrl }, work) {
    const controller = new AbortController();
    this.#loads.set(id, controller);
    const onProgress = (progress) => this.#post({ id, type: "progress", progress });
    try {
      return await work({ integrity, signal: controller.signal, onProgress, warnings: [], wasmUrl });
    } finally {
      controller.abort();
      this.#loads.delete(id);
    }
  }

  #load(message) {
    return this.#loading(message, async (options) => {
      const { weights, backend, device, gpuPrecision, overrides, precision, wasmUrl, labelsUrl } = message;
      const { warnings } = options;
      options.threads = message.threads = threadsOf(message.threads);
      let backends;
      let starting;
      const intake = new Intake((header) => moduleOf(header, message, starting, () => intake.isOpen), (work) => this.#guard(work));
      try {
        const onChange = (state) => this.#post({ type: "backend", state });
        // The module compiles, and the GPU wakes, while the weights arrive; whichever fails first ends both.
        const start = async () => {
          const woken = message.woken ?? wakeFor(message);
          const Engine = await loadEngine(message).catch((error) => {
            void letGo(woken);
            throw error;
          });
          backends = new Backends(Engine, { backend, device, gpuPrecision, woken, onChange });
          return Engine;
        };
        starting = start();
        const [Engine, main] = await Promise.all([starting, readWeights(weights, { ...options, begun: message.begun }, intake)]);
        const fileBytes = main.length;
        await prepare("MobileNet.load", main, options);
        const given = { backend, overrides };
        const [engine, said] = weights.synthetic
          ? [this.#guard(() => Engine.synthetic(given)), {}]
          : await this.#open(Engine, main, { ...given, precision }, options);
        if (engine.nameless && labelsUrl !== false) {
          await this.#name(engine, labelsUrl, options);
        }
        const { build, team } = engine.constructor;
        this.#team = team;
        const joined = await team?.join(message.threads);
        await this.#guarded(() => backends.open(engine, backend));
        if (this.#broken) {
          throw this.#broken;
        }
        this.#backends = backends;
        weights.bytes = null; // They are in the engine now.
        message.woken = null;
        this.#loaded = message;
        const own = engine.info();
        const info = { ...own, ...said, inferred: [...(said.inferred ?? []), ...own.inferred] };
        warnings.push(...info.warnings, ...(joined?.warnings ?? []));
        const { url, from } = main;
        return { value: { fileBytes, ...info, ...backends.state, build, threads: joined?.threads ?? 1, loadedFrom: from, url, warnings } };
      } finally {
        intake.free();
        // What began may not be there yet when it is given up.
        void starting?.then(() => backends !== this.#backends && backends.dispose(), () => {});
      }
    });
  }

  #convert(message) {
    return this.#loading(message, async (options) => {
      const [{ named }, main] = await Promise.all([import("./convert.js"), readWeights(message.weights, options)]);
      await prepare("MobileNet.convert", main, options);
      const { bytes, ...said } = await this.#import(main, message, options);
      const warnings = [...options.warnings, ...said.warnings];
      const info = { ...said, loadedFrom: main.from, url: main.url, warnings };
      return { value: { bytes, name: named(main.name, info, message.precision), info }, transfer: [bytes.buffer] };
    });
  }

  /**
   * Most files say what they are, and the core module reads them. Any other the importer turns into one of those, and says
   * what it took it for; so it does with one that is asked for in another precision.
   */
  async #open(Engine, main, { backend, overrides, precision = "kept" }, options) {
    const open = (file, given) => this.#engine(Engine, file, { backend, ...given }, options);
    if (precision === "kept") {
      try {
        return [await open(main, { overrides }), {}];
      } catch (error) {
        if (error.code !== "needs_importer" && error.code !== "needs_integers") {
          throw error;
        }
      }
    }
    const asked = { backend, overrides, precision };
    const { bytes, naming, inferred, warnings, fileBytes } = await this.#import(main, asked, options);
    // What the caller knows better is in the file now.
    return [await open({ bytes }), { naming, inferred, warnings, fileBytes }];
  }

  /** A quantised network is computed in its own integers, by a module for such; on a GPU it is one of floats. */
  async #engine(Engine, file, given, { wasmUrl, threads }) {
    try {
      return this.#guard(() => opened(file.Module ?? Engine, file, given));
    } catch (error) {
      if (error.code !== "needs_integers" || given.backend === "webgpu") {
        throw error;
      }
    }
    const Integers = await loadModule("integers", wasmUrl, threads);
    return this.#guard(() => opened(Integers, file, given));
  }

  /** A model of any format as `{ bytes }` that the core module opens, and what there is to say of it. */
  async #import(main, { backend, overrides, precision }, options) {
    const [{ convert }, Importer] = await Promise.all([import("./parts.js"), loadModule("importer", options.wasmUrl)]);
    const tools = { Importer, readFile, guard: (work) => this.#guard(work) };
    this.#guard(() => bytesOf(main));
    return convert(main, { backend, overrides, precision }, options, tools);
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
      close(this.#queue.splice(index, 1)[0]);
    }
  }

  async #pump() {
    if (this.#running) {
      return;
    }
    this.#running = true;
    for (let calls = 0; this.#queue.length > 0; calls += 1) {
      if (calls > 0 || this.#isApart) {
        // A call may block this thread, so let the aborts that arrived meanwhile take effect before the next one.
        await turn();
      }
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

  async #run({ type, frame, plain, options }) {
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
      // Bytes that the page copied have been read: their room goes back, for the next copy.
      return { ...(await this.#guarded(() => this.#answers[type](pixels, options, plain))), spare: frame?.data?.buffer };
    } finally {
      close({ frame: pixels, plain });
    }
  }

  /** What each kind of call about a frame is answered with; those of a trainer may have none. */
  #answers = {
    classify: async (pixels, options, plain) => {
      const start = performance.now();
      const { labels } = await this.#backends.classify(pixels, options, plain);
      return { value: { labels, ms: performance.now() - start } };
    },
    infer: async (pixels, options, plain) => {
      const value = await this.#backends.infer(pixels, options, plain);
      return { value, transfer: value.map(({ data }) => data.buffer) };
    },
    keep: async (pixels, options) => ({ value: await this.#backends.keep(pixels, options) }),
    profile: async (pixels, options) => ({ value: await this.#backends.profile(pixels, options) }),
    train: async (pixels, options) => (await import("./teaching.js")).answer(options, pixels, this.#backends, this.#loaded),
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

/** Says that the weights are here, and leaves room for an abort to arrive before the work on them. */
async function prepare(where, { length, url }, { onProgress, signal }) {
  onProgress({ phase: "prepare", loadedBytes: length, totalBytes: length, url });
  await turn();
  if (signal.aborted) {
    throw aborted(where, signal);
  }
}

/** The weights' file, of several the main one, and where the others are. */
export async function readWeights({ synthetic, urls, bytes, file, files }, options, intake) {
  if (synthetic) {
    return { length: 0, from: "synthetic", url: null };
  }
  const hash = (name) => (typeof options.integrity === "object" ? options.integrity?.[name] : options.integrity);
  if (urls) {
    const main = await download(urls, { ...options, integrity: hash(fileName(urls[0])) }, intake);
    return { ...main, name: fileName(main.url), source: { urls } };
  }
  const all = files ?? [{ path: file?.name || "weights", file }];
  const index = files ? (await loadModule("importer", options.wasmUrl)).mainPart(all.map(({ path }) => path)) : 0;
  const chosen = all[index];
  const name = fileName(chosen.path);
  const read = bytes ?? (await readFile(chosen.file, chosen.path));
  const integrity = hash(name);
  if (integrity !== undefined) {
    await verify(read, integrity, chosen.path);
  }
  return { name, bytes: read, length: read.length, from: "bytes", url: null, source: bytes ? {} : { all, chosen } };
}

const fileName = (path) => path.split(/[?#]/)[0].split("/").at(-1);

export async function readFile(file, where) {
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

/** Gives back what a message brought. */
function close({ frame, plain }) {
  frame?.close?.();
  plain?.close();
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

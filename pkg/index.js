/** MobileNet in the browser: labels and feature vectors from a canvas, a video or any other frame. */

import { localClient, localEngine, workerClient } from "./client.js";
import { CODES, MobileNetError, aborted, failure, fromWire, toWire, within } from "./errors.js";
import { overridesOf } from "./overrides.js";
import { capture, copyBytes, tainted } from "./sources.js";
import { stream } from "./stream.js";

export { MobileNetError };

/** Keeps `new MobileNet()` to `MobileNet.load`. */
const KEY = Symbol("MobileNet.load");
const MOST_THREADS = 16;
const CALL_OPTIONS = ["topK", "threshold", "allow", "deny", "resize", "background"];

/** A loaded network. See `index.d.ts` for the whole description of each member. */
export class MobileNet extends EventTarget {
  #client;
  #info;
  #last = Promise.resolve();

  /** @private use `MobileNet.load` */
  constructor(key, client, info) {
    if (key !== KEY) {
      throw new TypeError("MobileNet: use `await MobileNet.load(…)`, loading takes time");
    }
    super();
    client.onBackend = (state) => {
      this.#info = Object.freeze({ ...this.#info, ...state });
      this.dispatchEvent(Object.assign(new Event("backendchange"), state));
    };
    this.#client = client;
    // A device may have been lost between the answer and this line.
    this.#info = Object.freeze({ ...info, ...client.backend });
  }

  /** Loads a network from an address, bytes or a file. */
  static async load(weights, options = {}) {
    return MobileNet.#start("MobileNet.load", options, overridesOf(options), () => weightsMessage("MobileNet.load", weights, options));
  }

  /** A network with weights out of a seed: for measuring speed without a download. */
  static async synthetic(network, options = {}) {
    return MobileNet.#start("MobileNet.synthetic", options, overridesOf(network), () => ({ synthetic: true }));
  }

  /** Weights of any format as a file of safetensors. */
  static async convert(weights, options = {}) {
    const where = "MobileNet.convert";
    const { integrity, precision, ...rest } = options;
    const message = { type: "convert", overrides: overridesOf(options), integrity, precision };
    const [client, converted] = await ask(where, message, rest, () => weightsMessage(where, weights, options));
    client.end(disposed());
    return converted;
  }

  /** Sizes and layers of a network that is not loaded. */
  static async describe(network, { wasmUrl } = {}) {
    const overrides = overridesOf(network);
    const Engine = await localEngine(address(wasmUrl, "wasmUrl"));
    try {
      return Engine.describe({ overrides });
    } catch (error) {
      throw fromWire(toWire(error));
    }
  }

  static async #start(where, { backend = "auto", device, gpuPrecision = "f32", labelsUrl, integrity, precision, threads, ...rest }, overrides, weightsOf) {
    if (threads !== undefined && !(Number.isInteger(threads) && threads > 0 && threads <= MOST_THREADS)) {
      throw badOption("threads", `a whole number from 1 to ${MOST_THREADS}`, threads);
    }
    if (device && rest.worker !== false) {
      throw badOption("worker", "false beside a device, which cannot be sent to a worker", rest.worker ?? true);
    }
    if (gpuPrecision !== "f32" && gpuPrecision !== "f16") {
      throw badOption("gpuPrecision", '"f32" or "f16"', gpuPrecision);
    }
    const names = labelsUrl === false ? false : address(labelsUrl, "labelsUrl");
    const message = { type: "load", backend, device, gpuPrecision, overrides, integrity, precision, labelsUrl: names, threads };
    const [client, info] = await ask(where, message, rest, weightsOf);
    return new MobileNet(KEY, client, { ...info, worker: rest.worker !== false });
  }

  /** What was loaded, and where it runs. */
  get info() {
    return this.#info;
  }

  /** The most likely labels of a frame; of each where an array of frames is given. */
  async classify(source, { signal, topK = 5, ...options } = {}) {
    const message = { topK, ...callOptions({ topK, ...options }) };
    return each(source, (frame) => this.#run("classify", frame, message, signal));
  }

  /** The class scores before softmax. */
  async logits(source, options = {}) {
    return this.embed(source, { ...options, endpoint: "logits", endpoints: undefined, normalize: false });
  }

  /** A feature vector, or the map of another endpoint, or those of several. */
  async embed(source, { signal, endpoint = "global_pool", endpoints, normalize = false, as = "array", ...options } = {}) {
    const names = endpoints ?? [endpoint];
    if (!Array.isArray(names) || names.length === 0 || names.some((name) => typeof name !== "string")) {
      throw badOption(endpoints === undefined ? "endpoint" : "endpoints", "names out of info.endpoints", endpoints ?? endpoint);
    }
    const message = { ...callOptions(options), endpoints: names };
    if (as === "gpu-buffer") {
      if (this.#info.worker || normalize) {
        const expected = this.#info.worker ? "a network that was loaded with { worker: false }" : "normalize: false";
        throw badOption("as", `"gpu-buffer" with ${expected}`, as);
      }
      return each(source, async (frame) => {
        const kept = await this.#run("keep", frame, message, signal);
        const buffers = kept.map(({ buffer, ...rest }) => Object.assign(buffer, rest));
        return endpoints === undefined ? buffers[0] : buffers;
      });
    }
    if (as !== "array") {
      throw badOption("as", '"array" or "gpu-buffer"', as);
    }
    return each(source, async (frame) => {
      const tensors = await this.#run("infer", frame, message, signal);
      const vectors = tensors.map(({ data, ...rest }) => Object.assign(normalize ? toUnitLength(data) : data, rest));
      return endpoints === undefined ? vectors[0] : vectors;
    });
  }

  /** How long each dispatch of a frame takes; on the CPU each step. */
  async profile(source, { signal, ...options } = {}) {
    return this.#run("profile", source, callOptions(options), signal);
  }

  /** How right and how fast each backend is on this device. */
  async selfTest() {
    return this.#client.call({ type: "selfTest" }, { where: "MobileNet.selfTest" });
  }

  /** Makes the GPU go away as a crashing driver would, so that a page can be tried against it. */
  async simulateDeviceLoss() {
    return this.#client.call({ type: "lose" }, { where: "MobileNet.simulateDeviceLoss" });
  }

  /** The cosine of the angle between two vectors, −1 … 1. */
  similarity(a, b) {
    if (a?.length === undefined || a.length !== b?.length) {
      throw failure("bad_option", {
        where: "similarity",
        expected: "two vectors of one length",
        found: `lengths ${a?.length} and ${b?.length}`,
        remedy: "Pass two results of embed() with the same endpoint.",
      });
    }
    let dot = 0;
    let aa = 0;
    let bb = 0;
    for (let i = 0; i < a.length; i += 1) {
      dot += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    return aa === 0 || bb === 0 ? 0 : Math.max(-1, Math.min(1, dot / Math.sqrt(aa * bb)));
  }

  /** Labels of a playing video's frames, as fast as they are asked for. */
  stream(source, { maxFps, signal, ...options } = {}) {
    const classify = (frame, stop) => this.classify(frame, { ...options, signal: stop });
    return stream(source, classify, { maxFps, signal, overlaps: () => this.#info.backend === "webgpu" });
  }

  /** Classes of one's own on this network. */
  async trainer(options = {}) {
    const { Trainer } = await import("./trainer.js");
    const look = (source, asked, signal) => this.#run("train", source, asked, signal);
    return Trainer.open(options, { info: this.#info, client: this.#client, look });
  }

  /** Ends the worker and frees all memory; calls in flight and later ones are rejected. */
  dispose() {
    this.#client.end(disposed());
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    this.dispose();
  }

  /** Takes the source's picture now, and sends it after the calls before. */
  async #run(type, source, options, signal) {
    const where = `MobileNet.${{ infer: "embed", keep: "embed", train: "trainer" }[type] ?? type}`;
    if (this.#client.ended) {
      throw this.#client.ended;
    }
    if (signal?.aborted) {
      throw aborted(where, signal);
    }
    const captured = capture(source, type !== "train" && this.#info.backend !== "webgpu");
    const before = this.#last;
    const settled = captured.then(() => {}, () => {});
    this.#last = Promise.all([before, settled]).then(() => {});
    const { frame, plain, transfer } = await captured;
    await before;
    try {
      return await this.#client.call({ type, frame, plain, options }, { where, transfer, signal });
    } catch (error) {
      // Refused calls leave the frame here; a frame that was handed over is empty by now, so closing it does nothing.
      if (!(frame instanceof Blob)) {
        frame.close?.();
        plain?.close();
      }
      throw error.name === "DataCloneError" ? tainted(error) : error;
    }
  }
}

/** One answer, or one for each of several sources, all taken now; an error about one of them says which. */
function each(source, answer) {
  if (!Array.isArray(source)) {
    return answer(source);
  }
  const named = (index) => (error) => {
    throw String(error.code).startsWith("source_") ? within(`frames[${index}]`, error) : error;
  };
  return Promise.all(source.map((frame, index) => answer(frame).catch(named(index))));
}

/** The answer to `message` about weights, from a new client that stays open unless it fails. */
async function ask(where, message, { worker = true, wasmUrl, signal, onProgress }, weightsOf) {
  if (signal?.aborted) {
    throw aborted(where, signal);
  }
  const weights = await weightsOf();
  const whole = { ...message, weights, wasmUrl: address(wasmUrl, "wasmUrl") };
  // In this thread the weights need not wait for the modules that read them; a worker asks for them itself.
  const begun = worker === false && weights.urls && message.integrity === undefined ? begin(weights.urls[0]) : undefined;
  let client;
  try {
    client = worker === false ? await localClient(whole) : workerClient(worker === true ? undefined : worker);
    const transfer = weights.bytes ? [weights.bytes.buffer] : [];
    return [client, await client.call({ ...whole, begun }, { where, transfer, signal, onProgress })];
  } catch (error) {
    begun?.controller.abort();
    client?.end(error);
    throw error;
  }
}

/** A request that is under way; who takes it up looks at its failure. Of a body that nobody reads yet, browsers let 2 MB come: this reads. */
function begin(url) {
  const controller = new AbortController();
  const ahead = () => new TransformStream({}, {}, { highWaterMark: Infinity });
  const answer = fetch(url, { signal: controller.signal }).then((response) => new Response(response.body?.pipeThrough(ahead()), response));
  answer.catch(() => {});
  return { answer, controller };
}

async function weightsMessage(where, weights, { mirrors = [] }) {
  if (typeof weights === "string" || weights instanceof URL) {
    return { urls: [weights, ...mirrors].map((url) => absolute(url, where)) };
  }
  if (weights instanceof Blob) {
    return { file: weights };
  }
  if (isFiles(weights)) {
    // Where a folder was chosen or dropped, the browser or the page says where in it the file lies.
    const files = [...weights].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
    return files.length === 1 ? { file: files[0].file } : { files };
  }
  if (weights instanceof ArrayBuffer) {
    return { bytes: await copyBytes(new Uint8Array(weights)) };
  }
  if (ArrayBuffer.isView(weights)) {
    return { bytes: await copyBytes(new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength)) };
  }
  throw failure("bad_option", {
    where,
    expected: "an address, a File, a Blob, a list of Files, an ArrayBuffer or a Uint8Array",
    found: weights === null ? "null" : typeof weights,
    remedy: `For example: ${where}("mobilenet_v2_1.0_224.safetensors").`,
  });
}

/** A list of files with names, at least one. */
function isFiles(weights) {
  const isList = Array.isArray(weights) || (typeof FileList === "function" && weights instanceof FileList);
  return isList && weights.length > 0 && [...weights].every((file) => file instanceof File);
}

/** Addresses are relative to the page, wherever they are used then. */
function absolute(url, where) {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch (cause) {
    throw failure("bad_option", { where, expected: "an address", found: JSON.stringify(String(url)), cause });
  }
}

/** That of an option, which may be left out. */
function address(url, option) {
  return url === undefined ? undefined : absolute(url, `option ${option}`);
}

/** The options that travel to the engine, which checks their ranges; here only what a message can carry. */
function callOptions(options) {
  const picked = {};
  for (const name of CALL_OPTIONS) {
    const value = options[name];
    if (value !== undefined) {
      picked[name] = typeof value === "object" && value !== null ? Array.from(value) : value;
      if ([picked[name]].flat().some((item) => typeof item !== "number" && typeof item !== "string")) {
        throw badOption(name, "numbers or strings", value);
      }
    }
  }
  return picked;
}

function disposed() {
  return new MobileNetError("disposed", `MobileNet: ${CODES.disposed} Load it again.`);
}

function badOption(name, expected, found) {
  return failure("bad_option", { where: `option ${name}`, expected, found: String(found) });
}

function toUnitLength(vector) {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  for (let i = 0; length > 0 && i < vector.length; i += 1) {
    vector[i] /= length;
  }
  return vector;
}

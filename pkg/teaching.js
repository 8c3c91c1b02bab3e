/** The worker's half of training: what a trainer asks of the network, and of the module that learns. */

import { TOLERANCE, distance, fixedPicture } from "./backbone.js";
import { bytesOf, drawn, part, sizeOf } from "./canvas.js";
import { failure } from "./errors.js";
import { readTfjsHead } from "./tfjs-head.js";
import { loadTraining } from "./training.js";

/**
 * JPEG: every browser writes it, four times as fast as WebP. On 12 photographs as camera frames, with a shorter side of 336 px,
 * vectors kept a cosine of 0.991 at least, no first label changed, and a picture took 41 kB.
 */
const ENCODING = { type: "image/jpeg", quality: 0.92 };

/** How long a slice of training may take: calls that came meanwhile wait for it. */
const SLICE_MS = 20;

/** Percent that are held out for validation, unless asked for otherwise. */
const VALIDATION = 20;

/** As large as any preset looks at, over the network's input: the shorter side of a picture that is augmented. */
const LOOKED_AT = 8 / 7;

/** Each network's trainers, by their numbers. */
const teachers = new WeakMap();

/**
 * Answers one question of a trainer.
 *
 * @param {object | undefined} pixels of the frame that it is about, if there is one
 * @param {{ op: string, trainer: number, task: string, endpoint: string, seed: number }} asked
 * @param {Backends} backends where the network runs
 * @param {object} loaded the message that the network came of
 * @returns {Promise<{ value: unknown, transfer?: Transferable[] }>}
 */
export async function answer(pixels, asked, backends, loaded) {
  if (asked.op === "encode") {
    return { value: await drawn(pixels, asked.side).convertToBlob(ENCODING) };
  }
  if (!teachers.has(backends)) {
    teachers.set(backends, new Map());
  }
  const all = teachers.get(backends);
  if (asked.op === "end") {
    all.get(asked.trainer)?.end();
    all.delete(asked.trainer);
    return {};
  }
  if (!all.has(asked.trainer)) {
    all.set(asked.trainer, new Teacher(backends, loaded, asked, await loadTraining(loaded.wasmUrl)));
  }
  return all.get(asked.trainer).answers[asked.op](asked, pixels);
}

/** What one trainer has in the worker. */
class Teacher {
  #backends;
  #module;
  #task;
  #endpoint;
  #seed;
  /** The network: what tells it, its input and its preset. */
  #about = null;
  /** Vectors of pictures, by id. */
  #vectors = new Map();
  /** A `fit` that is under way. */
  #lesson = null;
  #head = null;
  /** A search that is under way. */
  #search = null;

  constructor(backends, loaded, { task, endpoint, seed }, module) {
    [this.#backends, this.#module] = [backends, module];
    [this.#task, this.#endpoint, this.#seed] = [task, endpoint, seed];
  }

  /** What each question is answered with. */
  answers = {
    open: async (asked) => {
      const { endpoints, inputWidth: width, inputHeight: height, preprocessing, backbone } = asked;
      const [{ data, shape }] = await this.#infer(fixedPicture(width, height), [this.#endpoint], "none");
      const fingerprint = vectorOf(data, shape);
      const before = endpoints.slice(0, endpoints.findIndex(({ name }) => name === this.#endpoint) + 1 || undefined);
      const map = before.findLast((each) => each.shape.length === 3 && each.shape[2] === fingerprint.length)?.name;
      this.#about = { width, height, preprocessing, backbone, fingerprint, map };
      return { value: { fingerprint } };
    },
    missing: async ({ ids }) => ({ value: ids.filter((id) => !this.#vectors.has(id)) }),
    recall: async ({ ids, vectors }) => {
      ids.forEach((id, index) => this.#vectors.set(id, vectors[index]));
      return {};
    },
    see: async ({ id }, pixels) => {
      const vector = await this.#look(pixels);
      this.#vectors.set(id, vector);
      return { value: vector };
    },
    check: async (asked) => {
      // Vectors of one number: all else is as it will be.
      const lesson = this.#begin(asked, asked.ids.map(() => Float32Array.of(0)), 1);
      const head = this.#newHead(asked.lesson, 1, asked.lesson.classes.length);
      const run = this.#module.Run.begin(head, lesson.samples, lesson.parts, lesson.options);
      [run, head, lesson.samples].forEach((each) => each.free());
      return {};
    },
    begin: async (asked) => {
      this.#endLesson();
      const vectors = asked.ids.map((id) => this.#vectors.get(id));
      this.#lesson = this.#begin(asked, vectors, this.#about.fingerprint.length);
      this.#start(this.#lesson);
      return {};
    },
    step: async () => ({ value: this.#step(this.#lesson) }),
    augmented: async ({ id, augment, epoch }, pixels) => {
      const { ids, samples } = this.#lesson;
      const row = ids.indexOf(id);
      samples.replace(row, await this.#look(this.#augmented(pixels, augment, row, epoch)));
      return {};
    },
    finish: async () => ({ value: this.#finish() }),
    evaluate: async ({ ids, targets }) => {
      const samples = this.#samples(ids.map((id) => this.#vectors.get(id)), targets, this.#about.fingerprint.length);
      const value = this.#module.evaluate(this.#head, samples, Uint32Array.from(ids.keys()));
      samples.free();
      return { value };
    },
    search: async ({ ids, targets, bursts }) => {
      const samples = this.#samples(ids.map((id) => this.#vectors.get(id)), targets, this.#about.fingerprint.length);
      this.#search?.free();
      this.#search = this.#module.Findings.begin(samples, this.#head, { task: this.#task, bursts });
      samples.free();
      return { value: {} };
    },
    searchOn: async () => {
      if (this.#search.step()) {
        return { value: {} };
      }
      const value = this.#search.finish();
      this.#search.free();
      this.#search = null;
      return { value };
    },
    predict: async (_, pixels) => {
      const start = performance.now();
      const values = this.#head.predict(await this.#look(pixels));
      return { value: { values: Array.from(values), ms: performance.now() - start } };
    },
    heat: async ({ output }, pixels) => ({ value: await this.#heat(pixels, output) }),
    preview: async ({ augment, count }, pixels) => {
      const draws = Array.from({ length: count }, (_, draw) => this.#seen(this.#augmented(pixels, augment, 0, draw)));
      return { value: draws, transfer: draws.map(({ data }) => data.buffer) };
    },
    save: async (asked) => {
      const value = this.#files(asked);
      return { value, transfer: value.map(({ bytes }) => bytes.buffer) };
    },
    load: async ({ files }) => ({ value: this.#load(files) }),
  };

  end() {
    this.#endLesson();
    this.#head?.free();
    this.#search?.free();
    [this.#head, this.#search] = [null, null];
  }

  async #infer(pixels, endpoints, resize = "preset") {
    return this.#backends.infer(pixels, { endpoints, resize });
  }

  /** The vector of a frame. */
  async #look(pixels) {
    const [{ data, shape }] = await this.#infer(pixels, [this.#endpoint]);
    const vector = vectorOf(data, shape);
    if (!vector.every(Number.isFinite)) {
      throw failure("not_finite", {
        where: `vector at ${this.#endpoint}`,
        expected: "finite numbers",
        found: "NaN or infinity",
        remedy: "Leave the picture out, or look for what is wrong with the network's weights.",
      });
    }
    return vector;
  }

  #samples(vectors, targets, features) {
    const samples = new this.#module.Samples(features, targets[0]?.length ?? 1);
    vectors.forEach((vector, row) => samples.push(vector, Float32Array.from(targets[row])));
    return samples;
  }

  #newHead({ hidden }, features, outputs) {
    return this.#module.Head.create({ features, outputs, task: this.#task, hidden, seed: this.#seed });
  }

  /** Samples with their parts. */
  #begin({ ids, targets, labels, bursts, lesson }, vectors, features) {
    const { test = 0, validation = lesson.split?.train === undefined ? VALIDATION : 100 - lesson.split.train - test } = lesson.split ?? {};
    const { train = 100 - validation - test } = lesson.split ?? {};
    const parts = this.#module.split(labels, bursts, Float32Array.of(train, validation, test), this.#seed);
    const options = { ...lesson, task: this.#task, seed: this.#seed };
    return { ids, parts, options, samples: this.#samples(vectors, targets, features), features, learnt: 0, epoch: lesson.initialEpoch ?? 0 };
  }

  /** Methods without epochs are done with this. */
  #start(lesson) {
    const { samples, parts, options, features } = lesson;
    const { method = "gradient", classes, initialEpoch = 0 } = options;
    if (method === "ridge") {
      lesson.solved = this.#module.ridge(samples, parts, options);
    } else if (method !== "gradient") {
      lesson.solved = { head: this.#module.nearest(samples, parts, options), params: 0, leaveOneOutAccuracy: null };
    } else {
      if (initialEpoch > 0 && !this.#head) {
        throw failure("not_trained", { where: "option initialEpoch", expected: "a head to go on with", found: "none" });
      }
      lesson.head = initialEpoch > 0 ? this.#head : this.#newHead(options, features, classes.length);
      lesson.run = this.#module.Run.begin(lesson.head, samples, parts, options);
    }
  }

  /** Batches for a while: what happened, which pictures are wanted before it can go on, and whether it is over. */
  #step(lesson) {
    const { run, options, ids, parts } = lesson;
    const [batches, epochs] = [[], []];
    if (!run) {
      return { batches, epochs, wanted: [], done: true };
    }
    if (options.augment && !lesson.isFresh) {
      lesson.isFresh = true;
      const { epoch } = lesson;
      return { batches, epochs, wanted: ids.filter((_, row) => parts[row] === 0).map((id) => ({ id, epoch })), done: false };
    }
    for (const start = performance.now(); performance.now() - start < SLICE_MS; ) {
      const { batch, epoch } = this.#run(lesson) ?? { epoch: null };
      if (batch) {
        lesson.learnt += 1;
        batches.push(batch);
      }
      if (epoch) {
        lesson.epoch += 1;
        lesson.isFresh = false;
        epochs.push(epoch);
      }
      if (epoch === null || (epoch && (options.augment || run.outcome().stopped !== "aborted"))) {
        return { batches, epochs, wanted: [], done: epoch === null || run.outcome().stopped !== "aborted" };
      }
    }
    return { batches, epochs, wanted: [], done: false };
  }

  #run(lesson) {
    try {
      return lesson.run.step();
    } catch (error) {
      lesson.failed = true;
      throw error;
    }
  }

  /** The head of the lesson takes the place of the last one, if it learnt anything that can be used. */
  #finish() {
    const lesson = this.#lesson;
    const nothing = { bestEpoch: null, stopped: "aborted", params: 0, leaveOneOutAccuracy: null, split: { train: 0, validation: 0, test: 0 } };
    if (!lesson) {
      return nothing;
    }
    const { run, solved, parts, samples } = lesson;
    const rows = (wanted) => Uint32Array.from(parts.keys()).filter((row) => parts[row] === wanted);
    const [train, validation, test] = [0, 1, 2].map((wanted) => rows(wanted).length);
    const outcome = { ...nothing, ...(run ? run.outcome() : { stopped: "done", ...solved, head: undefined }), split: { train, validation, test } };
    const isOf = run ? (lesson.failed ? outcome.bestEpoch !== null : lesson.learnt > 0) : solved !== undefined;
    if (!isOf) {
      this.#endLesson();
      return outcome;
    }
    const head = solved?.head ?? run.finish();
    const { loss, accuracy } = validation > 0 ? this.#module.evaluate(head, samples, rows(1)) : {};
    const threshold = validation > 0 ? this.#module.threshold(head, samples, rows(1)) : null;
    const metrics = { validationLoss: loss, validationAccuracy: accuracy, trainPictures: train, validationPictures: validation };
    this.#endLesson();
    this.#head?.free();
    this.#head = head;
    return { ...outcome, parts, threshold, metrics };
  }

  #endLesson() {
    const { run, head, samples } = this.#lesson ?? {};
    this.#lesson = null;
    [run, head === this.#head ? null : head, samples].forEach((each) => each?.free());
  }

  /** What speaks for an output where: its logit's derivative by the features, times the map that they are the mean of. */
  async #heat(pixels, asked) {
    const { map, width: inputWidth, height: inputHeight, preprocessing } = this.#about;
    if (!map) {
      const expected = "an endpoint whose vectors are the mean of a map";
      throw failure("bad_option", { where: "Trainer.heatMap", expected, found: this.#endpoint, remedy: "Make the trainer with the endpoint of a map." });
    }
    const [{ data, shape }] = await this.#infer(pixels, [map]);
    const [height, width, channels] = shape;
    const vector = vectorOf(data, shape);
    const values = this.#head.predict(vector);
    const output = asked ?? values.indexOf(Math.max(...values));
    const gradients = Array.from(values, (_, index) => this.#head.gradient(vector, index));
    // Softmax does not see what all its classes share.
    const shared = this.#task === "softmax" ? gradients : [];
    const weights = gradients[output].map((weight, channel) => weight - shared.reduce((sum, each) => sum + each[channel], 0) / values.length);
    const heat = new Float32Array(width * height).map((_, at) => {
      const pixel = data.subarray(at * channels, (at + 1) * channels);
      return pixel.reduce((sum, value, channel) => sum + value * weights[channel], 0);
    });
    const most = heat.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
    const [frameWidth, frameHeight] = sizeOf(pixels);
    const [x, y, w, h] = this.#module.view(preprocessing, frameWidth, frameHeight, inputWidth, inputHeight);
    const region = { x: x / frameWidth, y: y / frameHeight, width: w / frameWidth, height: h / frameHeight };
    return { height, width, data: heat.map((value) => value / most), output, region };
  }

  /** One random change of a frame, which the preset looks at afterwards. */
  #augmented(pixels, augment, sample, draw) {
    const { width: inputWidth, height: inputHeight } = this.#about;
    const { data, width, height } = bytesOf(drawn(pixels, Math.ceil(LOOKED_AT * Math.max(inputWidth, inputHeight))));
    return { data: this.#module.augment(data, width, height, width, height, augment, this.#seed, sample, draw), width, height };
  }

  /** What the network sees of a frame. */
  #seen(pixels) {
    const { width, height, preprocessing } = this.#about;
    const region = this.#module.view(preprocessing, ...sizeOf(pixels), width, height);
    return bytesOf(part(pixels, region, width, height));
  }

  #files({ format, classes, metrics, threshold }) {
    const { preprocessing, backbone, fingerprint } = this.#about;
    const said = { classes, preprocessing, endpoint: this.#endpoint, backbone, fingerprint, metrics, seed: this.#seed, threshold };
    switch (format) {
      case "head":
        return [{ name: "*.head.safetensors", bytes: this.#head.write(said) }];
      case "tfjs":
        return this.#head.tfjs(said);
      case "onnx":
        return [{ name: "*.head.onnx", bytes: this.#head.onnx(said) }];
      default:
        throw failure("bad_option", { where: "option format", expected: "head, tfjs or onnx", found: String(format) });
    }
  }

  #load(files) {
    const isTfjs = files.length > 1 || /\.json$/i.test(files[0].name);
    const { head, classes, threshold = null, metrics = {} } = isTfjs ? this.#readTfjs(files) : this.#read(files[0]);
    this.#head?.free();
    this.#head = head;
    return { classes, threshold, metrics };
  }

  #read({ name, bytes }) {
    const head = this.#module.Head.read(bytes);
    const { features, outputs, task, said } = head.info();
    const { fingerprint, classes, threshold, metrics, backbone, endpoint } = said;
    const apart = fingerprint.length > 0 ? distance(this.#about.fingerprint, fingerprint) : 0;
    this.#checkFits(name, { features, task, apart, of: `${backbone} at ${endpoint}` });
    return { head, classes: namesOf(classes, outputs), threshold: threshold ?? null, metrics };
  }

  #readTfjs(files) {
    const { task, layers, features, classes } = readTfjsHead(files);
    this.#checkFits("model.json", { features, task, apart: 0, of: `${features} features` });
    return { head: this.#module.Head.fromKernels({ task, features }, layers), classes: namesOf(classes ?? [], layers.at(-1).bias.length) };
  }

  #checkFits(where, { features, task, apart, of }) {
    const { fingerprint, backbone } = this.#about;
    if (features !== fingerprint.length || !(apart <= TOLERANCE)) {
      throw failure("wrong_backbone", {
        where,
        expected: `the network that it was trained on, ${of}`,
        found: `${backbone} at ${this.#endpoint}, ${fingerprint.length} features that lie ${(100 * apart).toFixed(1)} % away`,
        remedy: "Load that network, or train a head on this one.",
      });
    }
    if (task !== this.#task) {
      const remedy = `Make the trainer with { task: "${task}" }.`;
      throw failure("bad_option", { where, expected: `a head of task "${this.#task}"`, found: `"${task}"`, remedy });
    }
  }
}

/** Names of a head's outputs, where its file has none by number. */
function namesOf(classes, outputs) {
  return classes.length === outputs ? classes : Array.from({ length: outputs }, (_, index) => `class ${index}`);
}

/** A vector as it is; of a map the means of its channels. */
function vectorOf(data, shape) {
  if (shape.length === 1) {
    return data;
  }
  const channels = shape.at(-1);
  const pixels = data.length / channels;
  const sums = new Float64Array(channels);
  data.forEach((value, index) => {
    sums[index % channels] += value;
  });
  return Float32Array.from(sums, (sum) => sum / pixels);
}

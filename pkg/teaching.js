/** The worker's half of training: what a trainer asks of the network, and of the module that learns. */

import { fixedPicture } from "./backbone.js";
import { bytesOf, drawn, part, sizeOf } from "./canvas.js";
import { failure } from "./errors.js";
import { heatOfMeans, openHeat, shown, slopesOf } from "./heat.js";
import { readHead, writeHead } from "./head-files.js";
import { Lesson, NOTHING, calibrated, samplesOf } from "./lesson.js";
import { loadTraining } from "./training.js";
import { Tuning, wholeNetwork } from "./tuning.js";
import { loadModule } from "./wasm.js";

/**
 * JPEG: every browser writes it, four times as fast as WebP. On 12 photographs as camera frames, with a shorter side of 336 px,
 * vectors kept a cosine of 0.991 at least, no first label changed, and a picture took 41 kB.
 */
const ENCODING = { type: "image/jpeg", quality: 0.92 };

/** The shorter side of a picture that is augmented, over the network's input: no preset looks at more. */
const LOOKED_AT = 8 / 7;

/** Each network's trainers, by their numbers. */
const teachers = new WeakMap();

/**
 * Answers one question of a trainer.
 *
 * @param {{ op: string, trainer: number, task: string, endpoint: string, seed: number }} asked
 * @param {object | undefined} pixels of the frame that it is about, if there is one
 * @param {Backends} backends where the network runs
 * @param {object} loaded the message that the network came of
 * @returns {Promise<{ value?: unknown, transfer?: Transferable[] }>}
 */
export async function answer(asked, pixels, backends, loaded) {
  const { op, trainer } = asked;
  if (op === "encode") {
    return { value: await drawn(pixels, asked.side).convertToBlob(ENCODING) };
  }
  if (!teachers.has(backends)) {
    teachers.set(backends, new Map());
  }
  const all = teachers.get(backends);
  if (op === "end") {
    all.get(trainer)?.end();
    all.delete(trainer);
    return {};
  }
  const module = await loadTraining(loaded.wasmUrl, loaded.threads);
  if (!all.has(trainer)) {
    all.set(trainer, new Teacher(backends, loaded, module, asked));
  }
  return all.get(trainer).answers[op](asked, pixels);
}

/** What one trainer has in the worker. */
class Teacher {
  #backends;
  #loaded;
  #module;
  /** Of the trainer and the network: what heads are for, and what their files say. */
  #about;
  /** Vectors of pictures, by id: the network's, and those of the one that was tuned. */
  #vectors = new Map();
  #tunedVectors = new Map();
  /** `{ bytes, engine }` of the network that was tuned, to which the head belongs then. */
  #tuned = null;
  #tuning = null;
  #lesson = null;
  #head = null;
  #search = null;
  /** The ends of the network that the head and its own classes see through, once somebody asked where they look. */
  #ends = {};

  constructor(backends, loaded, module, { task, endpoint, seed }) {
    [this.#backends, this.#loaded, this.#module, this.#about] = [backends, loaded, module, { task, endpoint, seed }];
  }

  /** What each question is answered with. */
  answers = {
    open: async ({ endpoints, inputWidth, inputHeight, preprocessing, backbone }) => {
      const { endpoint } = this.#about;
      const fingerprint = await this.#vectorOf(fixedPicture(inputWidth, inputHeight), { resize: "none" });
      const place = endpoints.findIndex(({ name }) => name === endpoint);
      const isItsMap = ({ shape }) => shape.length === 3 && shape[2] === fingerprint.length;
      const map = endpoints.slice(0, place < 0 ? undefined : place + 1).findLast(isItsMap)?.name;
      Object.assign(this.#about, { inputWidth, inputHeight, preprocessing, backbone, fingerprint, map });
      return { value: { fingerprint } };
    },
    missing: async ({ ids, tuned }) => ({ value: ids.filter((id) => !this.#seenBy(tuned).has(id)) }),
    recall: async ({ ids, vectors }) => {
      ids.forEach((id, index) => this.#vectors.set(id, vectors[index]));
      return {};
    },
    see: async ({ id, tuned }, pixels) => {
      const value = await this.#vectorOf(pixels, { tuned });
      this.#seenBy(tuned).set(id, value);
      return { value };
    },
    forget: async ({ ids }) => {
      ids.forEach((id) => this.#vectors.delete(id));
      ids.forEach((id) => this.#tunedVectors.delete(id));
      return {};
    },
    check: async (asked) => {
      Lesson.check(this.#module, this.#whole(asked), this.#head);
      return {};
    },
    begin: async (asked) => {
      this.#endLesson();
      this.#lesson = new Lesson(this.#module, this.#whole(asked), asked.ids.map((id) => this.#vectors.get(id)), this.#head);
      return {};
    },
    step: async () => ({ value: this.#lesson.step() }),
    augmented: async ({ id, augment, epoch }, pixels) => {
      const lesson = this.#lesson;
      lesson.replace(id, await this.#vectorOf(this.#augmented(pixels, augment, lesson.rowOf(id), epoch)));
      return {};
    },
    finish: async () => ({ value: this.#finish() }),
    tune: async ({ weights, ...asked }) => {
      this.#tuning = await Tuning.begin(this.#module, this.#loaded, this.#whole(asked), this.#head, weights);
      return { value: this.#tuning.crew };
    },
    tuneStep: async () => ({ value: this.#tuning.step() }),
    mapOf: async ({ id, augment, epoch }, pixels) => {
      const tuning = this.#tuning;
      const seen = augment ? this.#augmented(pixels, augment, tuning.rowOf(id), epoch) : pixels;
      tuning.take(id, tuning.endpoint ? (await this.#infer(seen, tuning.endpoint)).data : tuning.pictureOf(bytesOf(drawn(seen, Infinity))));
      return {};
    },
    tuneFinish: async () => ({ value: await this.#finishTuning() }),
    calibrate: async (asked) => ({
      value: this.#with(asked, (samples) => calibrated(this.#module, this.#head, samples, Uint32Array.from(asked.ids.keys()))),
    }),
    evaluate: async (asked) => ({
      value: this.#with(asked, (samples) => this.#module.evaluate(this.#head, samples, Uint32Array.from(asked.ids.keys()))),
    }),
    search: async (asked) => {
      const { bursts } = asked;
      this.#search?.free();
      const { task } = this.#about;
      this.#search = this.#with(asked, (samples) => this.#module.Findings.begin(samples, this.#head, { task, bursts }));
      return { value: {} };
    },
    searchOn: async () => {
      const search = this.#search;
      if (search.step()) {
        return { value: {} };
      }
      const value = search.finish();
      search.free();
      this.#search = null;
      return { value };
    },
    predict: async (_, pixels) => {
      const start = performance.now();
      const values = this.#head.predict(await this.#vectorOf(pixels, { tuned: true }));
      return { value: { values: Array.from(values), ms: performance.now() - start } };
    },
    heat: async (asked, pixels) => ({ value: await this.#heat(pixels, asked) }),
    preview: async ({ augment, count }, pixels) => {
      const value = Array.from({ length: count }, (_, draw) => this.#seen(this.#augmented(pixels, augment, 0, draw)));
      return { value, transfer: value.map(({ data }) => data.buffer) };
    },
    save: async ({ format, weights, ...said }) => {
      const value = format === "network" ? await this.#network(said.classes, weights) : this.#files(format, said);
      return { value, transfer: value.map(({ bytes }) => bytes.buffer) };
    },
    load: async ({ files }) => {
      const { head, ...value } = readHead(this.#module, files, this.#about);
      this.#use(head);
      return { value };
    },
  };

  end() {
    this.#endLesson();
    this.#search?.free();
    this.#tuning?.free();
    Object.values(this.#ends).forEach((opened) => opened.then((end) => end.free(), () => {}));
    this.#use(null);
  }

  /** That head predicts from now on, on the network as it is or on one that was tuned. */
  #use(head, tuned = null) {
    this.#head?.free();
    this.#tuned?.engine.free();
    this.#tunedVectors.clear();
    if (this.#tuned !== tuned) {
      // Not freed: a frame may be under way.
      delete this.#ends.head;
    }
    [this.#head, this.#tuned] = [head, tuned];
  }

  #seenBy(tuned) {
    return tuned && this.#tuned ? this.#tunedVectors : this.#vectors;
  }

  async #finishTuning() {
    const tuning = this.#tuning;
    this.#tuning = null;
    if (!tuning) {
      return {};
    }
    try {
      const { outcome, network } = tuning.finish(await loadModule("core", this.#loaded.wasmUrl, this.#loaded.threads));
      if (network) {
        const { head, ...tuned } = network;
        this.#use(head, tuned);
      }
      return { ...outcome, tuned: network !== null };
    } finally {
      tuning.free();
    }
  }

  async #network(classes, weights) {
    const { task } = this.#about;
    const written = () => wholeNetwork(this.#module, this.#loaded, this.#head, { task, classes, weights });
    const bytes = this.#tuned?.bytes.slice() ?? (await written());
    return [{ name: "*.safetensors", bytes }];
  }

  #files(format, said) {
    if (this.#tuned) {
      const remedy = 'Save the whole: { format: "network" }.';
      const expected = '"network" after fine-tuning, for the head is right on that one only';
      throw failure("bad_option", { where: "option format", expected, found: String(format), remedy });
    }
    return writeHead(this.#head, format, { ...this.#about, ...said });
  }

  #endLesson() {
    this.#lesson?.free();
    this.#lesson = null;
  }

  /** A lesson with what the trainer says for all of them. */
  #whole({ options, ...lesson }) {
    const { task, seed } = this.#about;
    return { ...lesson, options: { ...options, task, seed } };
  }

  /** What `work` makes of pictures as samples for the head. */
  #with({ ids, targets }, work) {
    const vectors = ids.map((id) => this.#seenBy(true).get(id));
    const { features, outputs } = this.#head.info();
    const samples = samplesOf(this.#module, vectors, targets, [features, outputs]);
    try {
      return work(samples);
    } finally {
      samples.free();
    }
  }

  /** The head of the lesson takes the last one's place, if it learnt anything that is of use. */
  #finish() {
    if (!this.#lesson) {
      return NOTHING;
    }
    const { outcome, head, ...said } = this.#lesson.finish();
    this.#endLesson();
    if (!head) {
      return outcome;
    }
    this.#use(head);
    return { ...outcome, ...said };
  }

  async #infer(pixels, endpoint, { resize = "preset", tuned = false } = {}) {
    const network = (tuned && this.#tuned?.engine) || this.#backends;
    const [{ data, shape }] = await network.infer(pixels, { endpoints: [endpoint], resize });
    return { data, shape };
  }

  /** The vector of a frame, which for a map are the means of its channels. */
  async #vectorOf(pixels, options) {
    const { endpoint } = this.#about;
    const vector = meansOf(await this.#infer(pixels, endpoint, options));
    if (!vector.every(Number.isFinite)) {
      throw failure("not_finite", {
        where: `vector at ${endpoint}`,
        expected: "finite numbers",
        found: "NaN or infinity",
        remedy: "Leave the picture out, or look for what is wrong with the network's weights.",
      });
    }
    return vector;
  }

  /** What speaks for an output of the head, or of the network itself, and where. */
  async #heat(pixels, { output: asked, of, weights }) {
    const { map, task, endpoint, preprocessing, inputWidth, inputHeight } = this.#about;
    const isHead = of === "head";
    const last = isHead ? endpoint : "logits";
    // Features that are the means of a map, as those of V1 and V2, need no file.
    const end = isHead && map ? null : await this.#end(of, last, weights);
    const network = (isHead && this.#tuned?.engine) || this.#backends;
    const [seen, vector] = await network.infer(pixels, { endpoints: [end?.endpoint ?? map, last], resize: "preset" });
    const { output, slopes } = slopesOf(isHead ? this.#head : null, meansOf(vector), { task, output: asked });
    const heat = end ? end.map(seen.data, slopes) : heatOfMeans(seen, slopes);
    const [width, height] = sizeOf(pixels);
    const region = this.#module.view(preprocessing, width, height, inputWidth, inputHeight);
    return shown({ heat, shape: seen.shape, output }, region, [width, height]);
  }

  #end(of, endpoint, weights) {
    this.#ends[of] ??= openHeat(this.#module, this.#loaded, endpoint, weights, of === "head" && this.#tuned).catch((error) => {
      delete this.#ends[of];
      throw error;
    });
    return this.#ends[of];
  }

  /** A frame changed at random; the preset looks at it afterwards. */
  #augmented(pixels, augment, sample, draw) {
    const { inputWidth, inputHeight, seed } = this.#about;
    const { data, width, height } = bytesOf(drawn(pixels, Math.ceil(LOOKED_AT * Math.max(inputWidth, inputHeight))));
    return { data: this.#module.augment(data, width, height, width, height, augment, seed, sample, draw), width, height };
  }

  /** What the network sees of a frame. */
  #seen(pixels) {
    const { inputWidth, inputHeight, preprocessing } = this.#about;
    const region = this.#module.view(preprocessing, ...sizeOf(pixels), inputWidth, inputHeight);
    return bytesOf(part(pixels, region, inputWidth, inputHeight));
  }
}

/** A vector as it is; of a map `[h, w, c]` the means of its channels. */
function meansOf({ data, shape }) {
  if (shape.length === 1) {
    return data;
  }
  const channels = shape.at(-1);
  const sums = new Float64Array(channels);
  data.forEach((value, index) => {
    sums[index % channels] += value;
  });
  return Float32Array.from(sums, (sum) => (sum * channels) / data.length);
}

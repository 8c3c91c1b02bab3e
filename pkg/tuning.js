/** Fine-tuning in the worker: the end of the network, learnt from maps at the cut, a batch after the other. */

import { failure } from "./errors.js";
import { opened, readFile, readWeights } from "./host.js";
import { loadModule } from "./wasm.js";

/** Maps at the cut that are kept from epoch to epoch, at most; of the rest pictures are looked at again. */
const KEPT_MAX_BYTES = 256e6;

const [TRAIN, HELD_OUT] = [0, 1];

/**
 * The network's file again, as safetensors that say what they are.
 *
 * @param {object} loaded the message that the network came of
 * @param {object | undefined} given weights as that message has them, in place of its own
 * @param {string} [where] who reads it
 * @param {string} [how] how they are given again
 */
export async function fileAgain(loaded, given, where = "option fineTuneFrom", how = "fit({ weights })") {
  const weights = given ?? loaded.weights;
  if (weights.synthetic || !(weights.urls || weights.file || weights.files || weights.bytes)) {
    throw failure("weights_unavailable", {
      where,
      expected: "the network's file, which is read again for this",
      found: weights.synthetic ? "weights out of a seed" : "weights that were given as bytes, and are not kept",
      remedy: `Give them again as ${how}, or load the network from an address or a File.`,
    });
  }
  const { integrity, wasmUrl, overrides, backend } = loaded;
  const { signal } = new AbortController();
  const options = { integrity: given ? undefined : integrity, signal, onProgress() {}, warnings: [], wasmUrl };
  const main = await readWeights(weights, options);
  if (isOurs(main.bytes)) {
    return { file: main.bytes, overrides };
  }
  const [{ convert }, Importer] = await Promise.all([import("./parts.js"), loadModule("importer", wasmUrl)]);
  const tools = { Importer, readFile, guard: (work) => work() };
  const { bytes } = await convert(main, { backend, overrides, precision: "f32" }, options, tools);
  // What the caller knows better is in the file now.
  return { file: bytes, overrides: {} };
}

/** Whether a file says which network it is. */
function isOurs(bytes) {
  const length = bytes.length > 8 ? Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)) : 0;
  return length < 1 << 20 && new TextDecoder().decode(bytes.subarray(8, 8 + length)).includes('"mobilenet.version"');
}

/** Lets threads go that a tuning of a network in the page's own thread leaves behind, where nobody was left to end it. */
const forgotten = new FinalizationRegistry((team) => team.leave());

export class Tuning {
  /** `{ threads, warnings }`: who computes a batch. */
  crew;
  #tuner;
  #team;
  #lesson;
  /** Maps at the cut, by picture. */
  #kept = new Map();
  #keptBytes = 0;
  /** Rows that are learnt from, and that are held out. */
  #rows;
  /** The former in the order of an epoch. */
  #order;
  /** `before` any training what is held out is looked at, then `train` and `held` follow each other. */
  #stage;
  #epoch = 0;
  /** Rows of this stage, of which so many batches are done, and what those came to. */
  #queue;
  #batch;
  #sum;
  /** Means of the epoch's training. */
  #learnt = null;
  #best = null;
  #sinceBest = 0;
  /** `{ epochs, patience, minDelta }`, with what was left out of the options. */
  #plan;
  /** Of this epoch. */
  #rate = null;
  #stopped = "aborted";

  /**
   * @param {object} module as of `loadTraining`
   * @param {object} loaded as of `answer`
   * @param {{ ids: number[], targets: number[][], parts: Uint8Array, options: object }} lesson
   * @param {object} head that was trained first
   * @param {object | undefined} weights given again
   */
  static async begin(module, loaded, lesson, head, weights) {
    const { options } = lesson;
    const { fineTuneFrom, batchNorm, batchSize, task, classes } = options;
    const { layer: from = fineTuneFrom, of: layers } = Object(fineTuneFrom);
    const { team } = module;
    // Threads start while the file is read.
    const joining = team?.join(loaded.threads);
    let tuner;
    try {
      const { file, overrides } = await fileAgain(loaded, weights);
      tuner = module.Tuner.open(file, { from, layers, batchNorm, batchSize, task, outputs: classes.length, overrides });
      tuner.attach(head);
      return new Tuning(module, tuner, lesson, (await joining) ?? { threads: 1, warnings: [] });
    } catch (error) {
      tuner?.free();
      void joining?.then(() => team.leave());
      throw error;
    }
  }

  /** @private use `Tuning.begin` */
  constructor(module, tuner, lesson, crew) {
    [this.#tuner, this.#lesson, this.#team, this.crew] = [tuner, lesson, module.team, crew];
    const rows = (wanted) => Array.from(lesson.parts.keys()).filter((row) => lesson.parts[row] === wanted);
    this.#rows = { train: rows(TRAIN), held: rows(HELD_OUT) };
    this.#order = (epoch) => Array.from(module.order(Uint32Array.from(this.#rows.train), lesson.options.seed, epoch));
    this.#plan = tuner.begin(this.#targetsOf(this.#rows.train), lesson.options);
    this.#tuner.keep();
    this.#begin(this.#rows.held.length > 0 ? "before" : "train");
    // Last, for whoever begins lets go of what could not be made.
    if (this.#team) {
      forgotten.register(this, this.#team, this);
    }
  }

  /** The endpoint whose maps are learnt from; null where it is pictures. */
  get endpoint() {
    return this.#tuner.info().endpoint;
  }

  /** What the network is given of a frame's bytes. */
  pictureOf({ data, width, height }) {
    return this.#tuner.picture(data, width, height);
  }

  /** The row of a picture, from which its random changes follow. */
  rowOf(id) {
    return this.#lesson.ids.indexOf(id);
  }

  #begin(stage) {
    [this.#stage, this.#batch, this.#sum] = [stage, 0, { loss: 0, right: 0, samples: 0 }];
    this.#queue = stage === "train" ? this.#order(this.#epoch) : this.#rows.held;
  }

  /** The maps of a picture, for this epoch. */
  take(id, maps) {
    this.#kept.set(id, maps);
    this.#keptBytes += maps.byteLength;
  }

  /** One batch: what happened, which pictures' maps are wanted first, and whether it is over. */
  step() {
    const { ids, options } = this.#lesson;
    const { augment } = options;
    const { batchSize } = this.#tuner.info();
    const did = { batches: [], epochs: [], wanted: [], done: false };
    const rows = this.#queue.slice(this.#batch * batchSize, (this.#batch + 1) * batchSize);
    const isTraining = this.#stage === "train";
    const missing = rows.map((row) => ids[row]).filter((id) => !this.#kept.has(id));
    if (missing.length > 0) {
      did.wanted = missing.map((id) => ({ id, epoch: this.#epoch, augment: isTraining ? augment : undefined }));
      return did;
    }
    const { loss, right, samples } = this.#learn(rows, isTraining);
    this.#sum.loss += loss * samples;
    this.#sum.right += right ?? 0;
    this.#sum.samples += samples;
    this.#release(rows, isTraining && augment);
    const batches = Math.ceil(this.#queue.length / batchSize);
    if (isTraining) {
      did.batches.push({ epoch: this.#epoch, batch: this.#batch, batches, loss });
    }
    this.#batch += 1;
    if (this.#batch === batches) {
      this.#turn(did);
    }
    return did;
  }

  #learn(rows, isTraining) {
    const { ids } = this.#lesson;
    const maps = rows.map((row) => this.#kept.get(ids[row]));
    const all = new Float32Array(maps.length * maps[0].length);
    maps.forEach((map, index) => all.set(map, index * map.length));
    const wanted = this.#targetsOf(rows);
    if (!isTraining) {
      return this.#tuner.loss(all, wanted);
    }
    const score = this.#tuner.step(all, wanted, this.#epoch, this.#batch);
    this.#rate = score.learningRate;
    return score;
  }

  #targetsOf(rows) {
    return Float32Array.from(rows.flatMap((row) => this.#lesson.targets[row]));
  }

  /** Maps that were changed at random are of one epoch; of the others as many stay as there is room for. */
  #release(rows, changed) {
    for (const row of rows) {
      const id = this.#lesson.ids[row];
      if (changed || this.#keptBytes > KEPT_MAX_BYTES) {
        this.#keptBytes -= this.#kept.get(id).byteLength;
        this.#kept.delete(id);
      }
    }
  }

  /** From training to validation, and to the next epoch. */
  #turn(did) {
    const { loss, right, samples } = this.#sum;
    const mean = { loss: loss / samples, accuracy: this.#lesson.options.task === "regression" ? null : right / samples };
    if (this.#stage === "before") {
      this.#best = { watched: mean.loss, epoch: null };
      this.#begin("train");
      return;
    }
    if (this.#stage === "train") {
      this.#learnt = mean;
      if (this.#rows.held.length > 0) {
        this.#begin("held");
        return;
      }
    }
    const held = this.#stage === "held" ? mean : null;
    const { epochs, patience, minDelta } = this.#plan;
    did.epochs.push({
      epoch: this.#epoch,
      ...this.#learnt,
      validationLoss: held?.loss ?? null,
      validationAccuracy: held?.accuracy ?? null,
      learningRate: this.#rate,
    });
    const watched = (held ?? this.#learnt).loss;
    if (this.#best === null || watched < this.#best.watched - minDelta) {
      this.#best = { watched, epoch: this.#epoch };
      this.#sinceBest = 0;
      this.#tuner.keep();
    } else {
      this.#sinceBest += 1;
    }
    this.#epoch += 1;
    this.#stopped = this.#epoch >= epochs ? "done" : this.#sinceBest >= (patience ?? Infinity) ? "early" : "aborted";
    did.done = this.#stopped !== "aborted";
    this.#begin("train");
  }

  /**
   * The best epoch's network, opened by the core: null where none was better than what there was before.
   *
   * @param {object} Engine of the core
   */
  finish(Engine) {
    this.#tuner.back();
    const { params } = this.#tuner.info();
    const outcome = { bestEpoch: this.#best?.epoch ?? null, stopped: this.#stopped, params };
    if (outcome.bestEpoch === null) {
      return { outcome, network: null };
    }
    const bytes = this.#tuner.write({ classes: this.#lesson.options.classes });
    const engine = opened(Engine, { bytes }, { backend: "simd", overrides: {} });
    return { outcome, network: { bytes, engine, head: this.#tuner.head() } };
  }

  free() {
    this.#tuner.free();
    this.#kept.clear();
    forgotten.unregister(this);
    this.#team?.leave();
  }
}

/** A head's whole network as safetensors, though nothing of it was tuned. */
export async function wholeNetwork(module, loaded, head, { task, classes, weights }) {
  const { file, overrides } = await fileAgain(loaded, weights);
  const tuner = module.Tuner.open(file, { from: "global_pool", task, outputs: classes.length, overrides, batchSize: 1 });
  try {
    tuner.attach(head);
    return tuner.write({ classes });
  } finally {
    tuner.free();
  }
}

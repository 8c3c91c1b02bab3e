/** One `fit` in the worker: samples and their parts, and what the module makes of them, a slice of time after the other. */

import { failure } from "./errors.js";

/** How long a slice of training may take: calls that came meanwhile wait for it. */
const SLICE_MS = 20;

/** Percent that are held out for validation, unless asked for otherwise. */
const VALIDATION = 20;

const [TRAIN, HELD_OUT, TEST] = [0, 1, 2];

/** Vectors with what is to be learnt of them, so many numbers each, in the module's memory. */
export function samplesOf(module, vectors, targets, [features, outputs]) {
  const samples = new module.Samples(features, outputs);
  try {
    vectors.forEach((vector, row) => samples.push(vector, Float32Array.from(targets[row])));
    return samples;
  } catch (error) {
    samples.free();
    throw error;
  }
}

/** Shares of training, validation and test: what is not said is the rest. */
function sharesOf({ train, validation, test = 0 } = {}) {
  const held = validation ?? (train === undefined ? VALIDATION : 100 - train - test);
  return Float32Array.of(train ?? 100 - held - test, held, test);
}

/** How good a head is on what was held out, and from which probability on it is to be believed. */
export function calibrated(module, head, samples, held) {
  if (held.length === 0) {
    return { threshold: null, metrics: {} };
  }
  const { loss, accuracy } = module.evaluate(head, samples, held);
  const metrics = { validationLoss: loss, validationAccuracy: accuracy, validationPictures: held.length };
  return { threshold: module.threshold(head, samples, held), metrics };
}

export class Lesson {
  #module;
  #options;
  #ids;
  #parts;
  #samples;
  /** The head that training goes on from; it may be another's. */
  #first = null;
  #ownsFirst = false;
  #run = null;
  /** A closed form that is being computed. */
  #solver = null;
  /** What a method without epochs came to. */
  #solved = null;
  #epoch;
  /** Whether this epoch's pictures were changed at random already. */
  #isFresh = false;
  #batches = 0;
  #failed = false;

  /**
   * @param {object} module as of `loadTraining`
   * @param {{ ids: number[], targets: number[][], labels: Uint32Array, bursts: Uint32Array, options: object }} lesson
   * @param {Float32Array[]} vectors
   * @param {object | null} head that there is, for options that go on with it
   */
  constructor(module, { ids, targets, labels, bursts, options }, vectors, head) {
    const features = vectors[0]?.length ?? 1;
    [this.#module, this.#ids, this.#options, this.#epoch] = [module, ids, options, options.initialEpoch ?? 0];
    this.#parts = module.split(labels, bursts, sharesOf(options.split), options.seed);
    this.#samples = samplesOf(module, vectors, targets, [features, options.classes.length]);
    try {
      this.#begin(features, head);
    } catch (error) {
      this.free();
      throw error;
    }
  }

  #begin(features, head) {
    const { method = "gradient", classes, task, hidden, seed } = this.#options;
    if (method === "ridge") {
      this.#solver = this.#module.Ridge.begin(this.#samples, this.#parts, this.#options);
    } else if (method !== "gradient") {
      this.#solved = { head: this.#module.nearest(this.#samples, this.#parts, this.#options) };
    } else {
      this.#ownsFirst = this.#epoch === 0;
      this.#first = this.#ownsFirst ? this.#module.Head.create({ features, outputs: classes.length, task, hidden, seed }) : head;
      this.#run = this.#module.Run.begin(this.#first, this.#samples, this.#parts, this.#options);
    }
  }

  /** Refuses what would be refused, without the vectors: all of them one number, for which there is no closed form. */
  static check(module, lesson, head) {
    const { method, augment, initialEpoch = 0 } = lesson.options;
    if (initialEpoch > 0 && !head) {
      const remedy = "Begin with epoch 0.";
      throw failure("not_trained", { where: "option initialEpoch", expected: "a head to go on with", found: "none", remedy });
    }
    const options = { ...lesson.options, method: method === "ridge" ? "gradient" : method };
    const first = module.Head.create({ ...options, features: 1, outputs: options.classes.length });
    try {
      new Lesson(module, { ...lesson, options }, lesson.ids.map(() => Float32Array.of(1)), first).free();
    } finally {
      first.free();
    }
    if (augment) {
      module.augment(new Uint8Array(4), 1, 1, 1, 1, augment, options.seed, 0, 0);
    }
  }

  /** Another vector of a picture, for this epoch. */
  replace(id, vector) {
    this.#samples.replace(this.#ids.indexOf(id), vector);
  }

  /** The row of a picture, from which its random changes follow. */
  rowOf(id) {
    return this.#ids.indexOf(id);
  }

  /** Learns for a while: what happened, which pictures are wanted before it goes on, and whether it is over. */
  step() {
    const did = { batches: [], epochs: [], wanted: [], done: this.#run === null };
    const { augment } = this.#options;
    if (augment && this.#run && !this.#isFresh) {
      this.#isFresh = true;
      did.wanted = this.#ids.filter((_, row) => this.#parts[row] === TRAIN).map((id) => ({ id, epoch: this.#epoch }));
      return did;
    }
    const start = performance.now();
    if (this.#solver) {
      did.done = this.#solve(start + SLICE_MS);
      return did;
    }
    while (!did.done && performance.now() - start < SLICE_MS) {
      const { batch, epoch } = this.#stepRun();
      if (batch) {
        this.#batches += 1;
        did.batches.push(batch);
      }
      if (epoch) {
        this.#epoch += 1;
        this.#isFresh = false;
        did.epochs.push(epoch);
        did.done = this.#run.outcome().stopped !== "aborted";
        if (augment) {
          break;
        }
      }
    }
    return did;
  }

  /** Goes on with the closed form until then; whether it is found. */
  #solve(until) {
    while (this.#solver.step()) {
      if (performance.now() >= until) {
        return false;
      }
    }
    this.#solved = this.#solver.finish();
    this.#solver = null;
    return true;
  }

  #stepRun() {
    try {
      return this.#run.step();
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** What it came to: `{ outcome, head, parts, threshold, metrics }`, the head null where it learnt nothing. */
  finish() {
    const rows = [TRAIN, HELD_OUT, TEST].map((part) => Uint32Array.from(this.#parts.keys()).filter((row) => this.#parts[row] === part));
    const [train, validation, test] = rows.map(({ length }) => length);
    const { head: solved = null, ...known } = this.#solved ?? this.#run?.outcome() ?? {};
    const outcome = { ...NOTHING, ...(solved ? { stopped: "done" } : {}), ...known, split: { train, validation, test } };
    // After a failure only an epoch that was over before counts.
    const isOf = solved !== null || (this.#failed ? outcome.bestEpoch !== null : this.#batches > 0);
    if (!isOf) {
      return { outcome, head: null };
    }
    const head = solved ?? this.#run.finish();
    const { threshold, metrics } = calibrated(this.#module, head, this.#samples, rows[HELD_OUT]);
    return { outcome, head, parts: this.#parts, threshold, metrics: { ...metrics, trainPictures: train } };
  }

  free() {
    this.#run?.free();
    this.#solver?.free();
    this.#samples.free();
    if (this.#ownsFirst) {
      this.#first.free();
    }
  }
}

/** The outcome of what never began. */
export const NOTHING = {
  bestEpoch: null,
  stopped: "aborted",
  params: 0,
  leaveOneOutAccuracy: null,
  split: { train: 0, validation: 0, test: 0 },
};

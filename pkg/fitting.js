/** One `fit`: pictures become vectors, then the worker trains a slice at a time, so that calls in between are answered. */

import { ahead } from "./ahead.js";
import { failure } from "./errors.js";

/** Options that the worker reads. */
const OPTIONS = [
  ...["method", "epochs", "initialEpoch", "batchSize", "optimizer", "learningRate", "momentum", "schedule", "l2"],
  ...["labelSmoothing", "hidden", "dropout", "classWeights", "earlyStopping", "split", "augment", "neighbours"],
  ...["fineTuneFrom", "fineTuneEpochs", "fineTuneLearningRate", "batchNorm"],
];

/** Pictures that are decoded at a time, while the network looks at the one before. */
export const AT_ONCE = 2;

/** What is learnt of a picture: 1 for its class and 0 for the others, or the numbers that were given. */
export function targetsOf({ label, values }, task, classes) {
  const targets = values ?? classes.map((name) => (name === label ? 1 : 0));
  // Of classes that came later the picture is none.
  return task === "sigmoid" ? classes.map((_, index) => targets[index] ?? 0) : [...targets];
}

/** The values by numbers from 0, in the order in which they first occur. */
export function numbered(values) {
  const seen = new Map();
  return Uint32Array.from(values, (value) => {
    if (!seen.has(value)) {
      seen.set(value, seen.size);
    }
    return seen.get(value);
  });
}

/**
 * @param {Learner} learner
 * @param {{ task: string, classes: string[], samples: object[], options: object, use: (head: object) => void }} lesson `use`
 *   hears of the head that predicts from now on
 * @returns {Promise<object>} a `History`
 */
export async function fit(learner, { task, classes, samples, options, use }) {
  const { signal, onBatch, onEpoch, onProgress } = options;
  const started = performance.now();
  if (classes.length === 0) {
    const remedy = "Add them with addClass(), or pictures with addFolder().";
    throw failure("too_few_samples", { where: "Trainer.fit", expected: "classes", found: "none", remedy });
  }
  const targets = samples.map((sample) => targetsOf(sample, task, classes));
  const ids = samples.map(({ id }) => id);
  const asked = Object.fromEntries(OPTIONS.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]));
  const lesson = {
    ids,
    targets,
    // A class each, or, of several classes at once, each combination.
    labels: numbered(targets.map((each) => (task === "regression" ? 0 : each.join()))),
    bursts: numbered(samples.map(({ burst }) => burst)),
    options: { ...asked, classes },
  };
  const told = { onBatch, onEpoch, epochs: [], since: 0 };
  const { method = "gradient" } = asked;
  const history = (outcome) => ({ method, epochs: told.epochs, threads: 1, warnings: [], ...outcome, ms: performance.now() - started });
  const end = async () => {
    const { parts, metrics, threshold, ...outcome } = await learner.ask("finish");
    if (parts) {
      use({ parts, metrics, threshold });
    }
    return { parts, outcome };
  };
  let ended;
  try {
    // What is wrong with the options, or missing, is told before minutes are spent on pictures.
    await learner.ask("check", lesson, { signal });
    await learner.haveSeen(ids, { signal, onProgress });
    await learner.ask("begin", lesson, { signal });
    await run(learner, HEAD, told, asked.augment, signal);
  } catch (error) {
    ended = await end();
    rethrow(error, signal);
    return history({ ...ended.outcome, stopped: "aborted" });
  }
  ended = await end();
  if (asked.fineTuneFrom === undefined) {
    return history(ended.outcome);
  }
  return history({ ...ended.outcome, ...(await fineTune(learner, { ...lesson, parts: ended.parts }, { told, options, ended, use })) });
}

/** What the worker is asked in each phase, and what its epochs are called. */
const HEAD = { step: "step", see: "augmented", phase: "head", first: 0 };
const TUNING = { step: "tuneStep", see: "mapOf", phase: "fine-tuning" };

/** Slice after slice, until it is over. */
async function run(learner, { step, see, phase, first }, told, augment, signal) {
  told.since = performance.now();
  for (;;) {
    const { batches, epochs, wanted, done } = await learner.ask(step, {}, { signal });
    for (const batch of batches) {
      told.onBatch?.({ ...batch, epoch: first + batch.epoch });
    }
    for (const { epoch, ...means } of epochs) {
      const now = performance.now();
      const full = { epoch: first + epoch, phase, ...means, ms: now - told.since };
      told.since = now;
      told.epochs.push(full);
      told.onEpoch?.(full);
    }
    const look = ({ id, epoch, augment: own = augment }) => learner.see(see, id, { augment: own, epoch }, signal);
    for await (const _ of ahead(wanted, look, AT_ONCE)) {
      // The worker has it now.
    }
    if (done) {
      return;
    }
  }
}

/** The head is trained; now the network's end with it. */
async function fineTune(learner, lesson, { told, options, ended, use }) {
  const { signal, weights } = options;
  const first = told.epochs.length > 0 ? told.epochs.at(-1).epoch + 1 : 0;
  const { parts, ids, targets } = lesson;
  let crew;
  const end = async () => {
    const { tuned, bestEpoch, ...outcome } = await learner.ask("tuneFinish");
    if (tuned) {
      const held = ids.map((id, row) => ({ id, targets: targets[row] })).filter((_, row) => parts[row] === 1);
      await learner.haveSeen(held.map(({ id }) => id), { tuned });
      const calibrated = await learner.ask("calibrate", { ids: held.map(({ id }) => id), targets: held.map((each) => each.targets) });
      use({ parts, tuned, ...calibrated });
    }
    return { ...outcome, ...crew, bestEpoch: tuned ? first + bestEpoch : ended.outcome.bestEpoch };
  };
  try {
    crew = await learner.ask("tune", { ...lesson, weights: await weightsOf(weights) }, { signal });
    await run(learner, { ...TUNING, first }, told, undefined, signal);
  } catch (error) {
    const ending = end();
    if (signal?.aborted && error.code === "aborted") {
      // A batch may take longer than whoever aborts would wait; what is asked meanwhile is answered after it.
      ending.catch(() => {});
      const tuned = told.epochs.filter(({ phase }) => phase === TUNING.phase);
      return { stopped: "aborted", ...crew, bestEpoch: bestOf(tuned, told.epochs, ended.outcome.bestEpoch) };
    }
    await ending.catch(() => {});
    throw error;
  }
  return end();
}

/** The epoch of the lowest loss on what is held out, or on all. */
function bestOf(tuned, epochs, before) {
  const watched = ({ validationLoss, loss }) => validationLoss ?? loss;
  const start = epochs.find(({ epoch }) => epoch === before);
  const best = tuned.reduce((best, each) => (best === undefined || watched(each) < watched(best) ? each : best), start);
  return best?.epoch ?? null;
}

/** Weights that are given again, as the worker reads them. */
export async function weightsOf(weights) {
  if (weights === undefined || weights instanceof Blob) {
    return weights && { file: weights };
  }
  if (typeof weights === "string" || weights instanceof URL) {
    return { urls: [new URL(weights, globalThis.document?.baseURI ?? globalThis.location?.href).href] };
  }
  if (weights instanceof ArrayBuffer || ArrayBuffer.isView(weights)) {
    return { file: new Blob([weights]) };
  }
  const found = Object.prototype.toString.call(weights).slice(8, -1);
  throw failure("bad_option", { where: "option weights", expected: "an address, a File or bytes", found });
}

/** Throws what is not the caller's own wish to end. */
function rethrow(error, signal) {
  if (error.code !== "aborted" || !signal?.aborted) {
    throw error;
  }
}

/** One `fit`: pictures become vectors, then the worker trains a slice at a time, so that calls in between are answered. */

import { ahead } from "./ahead.js";
import { failure } from "./errors.js";

/** Options that the worker reads. */
const OPTIONS = [
  ...["method", "epochs", "initialEpoch", "batchSize", "optimizer", "learningRate", "momentum", "schedule", "l2"],
  ...["labelSmoothing", "hidden", "dropout", "classWeights", "earlyStopping", "split", "augment", "neighbours"],
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
  const told = { onBatch, onEpoch, epochs: [], since: performance.now() };
  const end = async () => {
    const { parts, metrics, threshold, ...outcome } = await learner.ask("finish");
    if (parts) {
      use({ parts, metrics, threshold });
    }
    return { method: asked.method ?? "gradient", epochs: told.epochs, ...outcome, ms: performance.now() - started };
  };
  try {
    // What is wrong with the options, or missing, is told before minutes are spent on pictures.
    await learner.ask("check", lesson, { signal });
    await learner.haveSeen(ids, { signal, onProgress });
    await learner.ask("begin", lesson, { signal });
    told.since = performance.now();
    while (!(await stepped(learner, told, asked.augment, signal))) {
      // One slice after the other.
    }
  } catch (error) {
    const history = await end();
    if (error.code !== "aborted" || !signal?.aborted) {
      throw error;
    }
    return { ...history, stopped: "aborted" };
  }
  return end();
}

/** One slice of training; whether it was the last. */
async function stepped(learner, told, augment, signal) {
  const { batches, epochs, wanted, done } = await learner.ask("step", {}, { signal });
  for (const batch of batches) {
    told.onBatch?.(batch);
  }
  for (const epoch of epochs) {
    const now = performance.now();
    const full = { ...epoch, phase: "head", ms: now - told.since };
    told.since = now;
    told.epochs.push(full);
    told.onEpoch?.(full);
  }
  const see = ({ id, epoch }) => learner.see("augmented", id, { augment, epoch }, signal);
  for await (const _ of ahead(wanted, see, AT_ONCE)) {
    // The worker has it now.
  }
  return done;
}

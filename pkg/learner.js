/** The page's half of learning: pictures go to the network's worker one by one, and what it says comes back. */

import { newNumber } from "./dataset.js";

/** Between a trainer and the worker's `teaching.js`. */
export class Learner {
  #net;
  #dataset;
  /** Under which the worker keeps this trainer's things. */
  #trainer = newNumber();
  isTrained = false;

  constructor(net, dataset, { task, endpoint, seed }) {
    [this.#net, this.#dataset] = [net, dataset];
    this.#said = { task, endpoint, seed };
  }
  #said;

  /** A frame as a compressed picture, its shorter side no longer than that. */
  async encode(source, side, signal) {
    return this.#net.look(source, { op: "encode", side }, signal);
  }

  end() {}
}

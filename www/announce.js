// Speaks the best label through a live region. A camera gives thirty results a second, so a new sentence is spoken
// only when the best label changes, and never sooner than `PAUSE_MS` after the last one.
import { percent, shortName } from "./format.js";

const PAUSE_MS = 1500;

export class Announcer {
  #region;
  #nameOf;
  #spokenIndex = null;
  #spokenAt = -Infinity;
  #waiting = null;
  #timer = null;

  /** `nameOf(label)`: the name as it is spoken. */
  constructor(region, nameOf = shortName) {
    this.#region = region;
    this.#nameOf = nameOf;
  }

  /** Offers a result; within the pause only the latest offer is kept. */
  offer(label) {
    if (!label) return;
    if (label.index === this.#spokenIndex) {
      // Back to what was said last: the change in between is not worth a sentence.
      this.#waiting = null;
      return;
    }
    this.#waiting = label;
    if (this.#timer !== null) return;
    const rest = Math.max(0, this.#spokenAt + PAUSE_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#speak();
    }, rest);
  }

  /** Makes the next result worth saying again, even with the same label: the person chose another picture. */
  forget() {
    this.#spokenIndex = null;
  }

  #speak() {
    const label = this.#waiting;
    if (!label) return;
    this.#waiting = null;
    this.#spokenIndex = label.index;
    this.#spokenAt = performance.now();
    this.#region.textContent = `${this.#nameOf(label)}, ${percent(label.probability)}`;
  }
}

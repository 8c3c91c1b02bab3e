// Time a frame and frames a second.
import { milliseconds } from "./format.js";

const WINDOW_MS = 1000;
const REWRITE_MS = 250;

export class Meter {
  #ms;
  #fps;
  #frames = [];
  #writtenAt = -Infinity;

  constructor({ ms, fps }) {
    this.#ms = ms;
    this.#fps = fps;
  }

  /** A still picture: its time, and no rate. */
  still(ms) {
    this.reset();
    this.#ms.textContent = milliseconds(ms);
  }

  /** One camera frame. The text changes four times a second at most: digits that flicker cannot be read. */
  frame(ms) {
    const now = performance.now();
    this.#frames.push(now);
    while (this.#frames[0] < now - WINDOW_MS) this.#frames.shift();
    if (now - this.#writtenAt < REWRITE_MS) return;
    this.#writtenAt = now;
    this.#ms.textContent = milliseconds(ms);
    const span = now - this.#frames[0];
    if (span > 0) this.#fps.textContent = `${(((this.#frames.length - 1) * 1000) / span).toFixed(0)} fps`;
  }

  reset() {
    this.#frames.length = 0;
    this.#writtenAt = -Infinity;
    this.#fps.textContent = "";
  }
}

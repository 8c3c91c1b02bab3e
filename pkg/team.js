/** The workers that compute parts of a module's steps, in instances of their own over its memory. */

import { failure } from "./errors.js";

/** A worker that has not begun by then is not waited for; if it comes, it helps. */
const PATIENCE_MS = 5000;

/** Who works for a module. Its own thread is one of them. */
export class Team {
  #module;
  #exports;
  /** A promise for each worker: why it did not begin, or nothing. */
  #workers = [];
  /** Stacks of workers that have left. */
  #stacks = [];
  #users = 0;

  /**
   * @param {WebAssembly.Module} module
   * @param {WebAssembly.Exports} exports of its first instance
   */
  constructor(module, exports) {
    this.#module = module;
    this.#exports = exports;
  }

  /** How many there are or will be. */
  get threads() {
    return this.#workers.length + 1;
  }

  /** Starts workers, so that there are so many threads soon. */
  start(threads) {
    while (this.threads < threads) {
      this.#workers.push(this.#worker().catch(({ message }) => message));
    }
  }

  /** A network begins to use them: how many threads there are, and a warning if they are fewer than asked for. */
  async join(threads) {
    this.#users += 1;
    this.start(threads);
    const failed = (await Promise.all(this.#workers)).filter((why) => why);
    const here = this.threads - failed.length;
    const remedy = "Deploy thread.js beside worker.js, and let the page's Content-Security-Policy allow it in worker-src.";
    const { code, message } = failure("threads_unavailable", { where: "thread.js", expected: `${threads} threads`, found: `${here} (${failed[0]})`, remedy });
    return { threads: here, warnings: here < threads ? [{ code, message }] : [] };
  }

  /** A network no longer uses them; after the last they end. */
  leave() {
    this.#users -= 1;
    if (this.#users === 0) {
      this.#exports.threads_dismissed();
      this.#workers = [];
    }
  }

  async #worker() {
    // Written out, because bundlers look for exactly this.
    const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module" });
    const stack = this.#stacks.pop() ?? this.#exports.thread_stack();
    return new Promise((resolve) => {
      worker.onmessage = ({ data: { left } }) => (left ? this.#stacks.push(stack) : resolve());
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(event.message || "an error without details");
      };
      setTimeout(() => resolve("no answer"), PATIENCE_MS);
      worker.postMessage({ module: this.#module, memory: this.#exports.memory, stack });
    });
  }
}

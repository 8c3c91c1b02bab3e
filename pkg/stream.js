/** Results of a playing video, one frame at a time and only when asked. */

import { MobileNetError, failure } from "./errors.js";

/**
 * An async iterator over results of a source's frames. A frame is taken when the consumer asks for the next result, and
 * it is the newest one: a slow consumer sees fewer frames, never a growing delay. On a hidden tab it waits.
 *
 * @template T
 * @param {HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas} source
 * @param {(source: unknown, signal: AbortSignal) => Promise<T>} classify
 * @param {{ maxFps?: number, signal?: AbortSignal }} options
 * @returns {AsyncGenerator<T, void, void>}
 */
export function stream(source, classify, { maxFps = Infinity, signal } = {}) {
  if (!(maxFps > 0)) {
    throw failure("bad_option", { where: "option maxFps", expected: "a number above 0", found: String(maxFps) });
  }
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  if (signal?.aborted) {
    onAbort();
  }
  signal?.addEventListener("abort", onAbort);
  const results = run(source, classify, 1000 / maxFps, stop.signal, () => {
    stop.abort();
    signal?.removeEventListener("abort", onAbort);
  });
  const end = results.return.bind(results);
  // A generator that waits for a frame would answer return() only when one comes.
  results.return = (value) => {
    onAbort();
    signal?.removeEventListener("abort", onAbort);
    return end(value);
  };
  return results;
}

async function* run(source, classify, intervalMs, signal, cleanUp) {
  const frames = new Frames(source, signal);
  let due = performance.now();
  try {
    while (await frames.next(due)) {
      // Frames come on the screen's beat, so a late one is made up for: the mean rate is maxFps, not the next lower beat.
      due = Math.max(due + intervalMs, performance.now() + intervalMs / 2);
      const result = await classify(source, signal);
      if (signal.aborted) {
        return;
      }
      yield result;
    }
  } catch (error) {
    if (!(signal.aborted && error instanceof MobileNetError && error.code === "aborted")) {
      throw error;
    }
  } finally {
    frames.close();
    cleanUp();
  }
}

/** No event tells that a page stopped its own camera. */
const POLL_MS = 250;

/** `HTMLMediaElement.NETWORK_EMPTY`: a video without any source. */
const NETWORK_EMPTY = 0;

/** Knows whether a source shows a frame that was not taken yet, and wakes who waits for one. */
class Frames {
  #source;
  #signal;
  #isVideo;
  #fresh;
  #handle = 0;
  #wake = () => {};
  #hadSource = false;
  #onChange = (event) => {
    if (event.type === "emptied") {
      this.#fresh = false;
    }
    this.#wake();
  };

  constructor(source, signal) {
    this.#source = source;
    this.#signal = signal;
    this.#isVideo = "readyState" in source;
    this.#fresh = this.#hasPicture;
    signal.addEventListener("abort", this.#onChange);
    globalThis.document?.addEventListener("visibilitychange", this.#onChange);
    if (this.#isVideo) {
      for (const event of ["ended", "error", "emptied"]) {
        source.addEventListener(event, this.#onChange);
      }
    }
    this.#request();
  }

  /** Resolves to true at the next new frame not before `due` (ms), to false when there will be none. */
  async next(due) {
    for (;;) {
      if (this.#signal.aborted) {
        return false;
      }
      if (this.#isVideo && this.#source.error) {
        const { message, code } = this.#source.error;
        throw failure("source_unsupported", {
          where: "<video>",
          expected: "a video that plays",
          found: message || `media error ${code}`,
          remedy: "Check its address, format and connection.",
        });
      }
      const wait = due - performance.now();
      const ready = this.#fresh && this.#hasPicture && !(globalThis.document?.hidden ?? false);
      if (ready && wait <= 0) {
        this.#fresh = false;
        return true;
      }
      if (!this.#fresh && this.#isOver) {
        return false;
      }
      let timer;
      await new Promise((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, ready ? wait : POLL_MS);
      });
      clearTimeout(timer);
    }
  }

  close() {
    this.#signal.removeEventListener("abort", this.#onChange);
    globalThis.document?.removeEventListener("visibilitychange", this.#onChange);
    if (this.#isVideo) {
      for (const event of ["ended", "error", "emptied"]) {
        this.#source.removeEventListener(event, this.#onChange);
      }
    }
    if (this.#hasCallback) {
      this.#source.cancelVideoFrameCallback(this.#handle);
    } else {
      cancelAnimationFrame(this.#handle);
    }
  }

  get #hasPicture() {
    return !this.#isVideo || this.#source.readyState >= 2;
  }

  /** Whether a video played to its end, or its camera stopped, or it lost its source; one that never had any may get it. */
  get #isOver() {
    if (!this.#isVideo) {
      return false;
    }
    const { ended, networkState, srcObject } = this.#source;
    this.#hadSource ||= networkState !== NETWORK_EMPTY;
    return ended || srcObject?.active === false || (this.#hadSource && networkState === NETWORK_EMPTY);
  }

  get #hasCallback() {
    return "requestVideoFrameCallback" in this.#source;
  }

  #request() {
    const onFrame = () => {
      this.#fresh = true;
      this.#request();
      this.#wake();
    };
    this.#handle = this.#hasCallback
      ? this.#source.requestVideoFrameCallback(onFrame)
      : requestAnimationFrame(() => (this.#shows() ? onFrame() : this.#request()));
  }

  /** Without requestVideoFrameCallback a playing video is taken to show a new frame at every repaint. */
  #shows() {
    return this.#hasPicture && !(this.#isVideo && this.#source.paused);
  }
}

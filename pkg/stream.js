/** Results of a playing video, one frame at a time and only when asked. */

import { MobileNetError, failure } from "./errors.js";

/**
 * An async iterator over results of a source's frames. A frame is taken when the consumer asks for the next result, and
 * it is the newest one: a slow consumer sees fewer frames, never a growing delay. On a hidden tab it waits.
 *
 * Where calls overlap, the next new frame is taken while the last one is computed; two are under way at most.
 *
 * @template T
 * @param {HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas} source
 * @param {(source: unknown, signal: AbortSignal) => Promise<T>} classify
 * @param {{ maxFps?: number, signal?: AbortSignal, overlaps?: () => boolean }} options
 * @returns {AsyncGenerator<T, void, void>}
 */
export function stream(source, classify, { maxFps = Infinity, signal, overlaps = () => false } = {}) {
  if (!(maxFps > 0)) {
    throw failure("bad_option", { where: "option maxFps", expected: "a number above 0", found: String(maxFps) });
  }
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  if (signal?.aborted) {
    onAbort();
  }
  signal?.addEventListener("abort", onAbort);
  const frames = () => new Frames(source, stop.signal, 1000 / maxFps);
  const results = run(frames, () => classify(source, stop.signal), stop.signal, overlaps, () => {
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

async function* run(open, classify, signal, overlaps, cleanUp) {
  const frames = open();
  /** Hands the present frame over. */
  const take = () => {
    const call = { answer: classify(), since: performance.now(), ms: 0, isOver: false };
    const settle = () => {
      call.isOver = true;
      call.ms = performance.now() - call.since;
      frames.wake();
    };
    call.answer.then(settle, settle);
    return call;
  };
  let ahead = null;
  let [answerMs, consumerMs] = [Infinity, 0];
  try {
    for (;;) {
      // What was ready before it was asked for shows the past, where there is something newer to be seen.
      let call = ahead;
      if (!call || (call.isOver && frames.isFresh)) {
        if (!(await frames.next())) {
          return;
        }
        call = take();
      }
      // To a consumer that takes longer than the network, what is taken ahead would always be old.
      ahead = overlaps() && consumerMs < answerMs && (await frames.next(call)) ? take() : null;
      const result = await call.answer;
      if (signal.aborted) {
        return;
      }
      answerMs = call.ms;
      const since = performance.now();
      yield result;
      consumerMs = performance.now() - since;
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
  #intervalMs;
  #due = performance.now();
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

  constructor(source, signal, intervalMs) {
    this.#source = source;
    this.#signal = signal;
    this.#intervalMs = intervalMs;
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

  /** Whether there is a frame that was not taken yet, and its time has come. */
  get isFresh() {
    return this.#isThere && this.#wait <= 0;
  }

  get #isThere() {
    return this.#fresh && this.#hasPicture && !(globalThis.document?.hidden ?? false);
  }

  /** Milliseconds until the next frame may be taken. */
  get #wait() {
    return this.#due - performance.now();
  }

  /**
   * Resolves to true at the next new frame that may be taken, which then counts as taken; to false when there will be
   * none, or when `call` is over before there is one.
   */
  async next(call) {
    for (;;) {
      if (this.#signal.aborted || call?.isOver) {
        return false;
      }
      if (this.#isVideo && this.#source.error) {
        if (call) {
          return false; // Its answer comes first.
        }
        const { message, code } = this.#source.error;
        throw failure("source_unsupported", {
          where: "<video>",
          expected: "a video that plays",
          found: message || `media error ${code}`,
          remedy: "Check its address, format and connection.",
        });
      }
      if (this.isFresh) {
        this.#fresh = false;
        // Frames come on the screen's beat, so a late one is made up for: the mean rate is maxFps, not the next lower beat.
        const now = performance.now();
        this.#due = Math.max(this.#due + this.#intervalMs, now + this.#intervalMs / 2);
        return true;
      }
      if (!this.#fresh && this.#isOver) {
        return false;
      }
      let timer;
      await new Promise((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, this.#isThere ? this.#wait : POLL_MS);
      });
      clearTimeout(timer);
    }
  }

  /** Makes `next` look again. */
  wake() {
    this.#wake();
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

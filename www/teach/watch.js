// The answer for what the camera, or a picture, shows: bars, and where in the picture it comes from.
import { Announcer } from "../announce.js";
import { Bars } from "../bars.js";
import { Meter } from "../meter.js";
import { describe, draw } from "../heat.js";
import { element } from "./words.js";

/** A map costs a second run of the network, and the eye follows no more of them. */
const HEAT_EVERY_MS = 120;
/** While a head is trained, the camera leaves the processor to it. */
const PAUSE_IN_TRAINING_MS = 250;
/** Of many classes, those that may be it. */
const MOST_SHOWN = 6;
/** How often the words below the picture change. */
const HEAT_TEXT_MS = 1500;

/** Another head, or another trainer, took the place of the one that was asked. */
const PASSING = ["aborted", "not_trained", "disposed"];

const nameOf = ({ name }) => name;

export class Watch {
  #parts;
  #collection;
  #bars;
  #announcer;
  #meter;
  #picture = null;
  #heatAt = -Infinity;
  #textAt = -Infinity;
  busy = false;

  /**
   * `parts`: the elements section, hint, unknown, labels, ms, fps, announcement, stage, video, picture, heat, heatOn,
   * heatClass and heatText.
   */
  constructor(parts, { collection, onProblem }) {
    this.#parts = parts;
    this.#collection = collection;
    this.onProblem = onProblem;
    this.#bars = new Bars(parts.labels, nameOf);
    this.#announcer = new Announcer(parts.announcement, nameOf);
    this.#meter = new Meter({ ms: parts.ms, fps: parts.fps });
    parts.heatOn.addEventListener("change", () => this.#onHeatChosen());
    parts.heatClass.addEventListener("change", () => this.#onHeatChosen());
    collection.addEventListener("change", () => this.#writeClasses());
  }

  /** Whether there is something that answers. */
  get #ready() {
    return this.#collection.trainer?.isTrained ?? false;
  }

  /** A head was trained or opened: answers are its own from now on. */
  renew() {
    const { section, hint } = this.#parts;
    section.hidden = !this.#ready;
    hint.textContent = "Start the camera or try a picture: the answer stands here.";
    this.#parts.labels.replaceChildren();
    this.#bars = new Bars(this.#parts.labels, nameOf);
    this.#announcer.forget();
    this.#parts.unknown.hidden = true;
    hint.hidden = false;
    this.#writeClasses();
    if (this.#picture) this.still(this.#picture);
  }

  /** Answers for each frame until `signal`. */
  async run(signal) {
    const { video, stage } = this.#parts;
    this.#picture = null;
    stage.dataset.source = "camera";
    this.#announcer.forget();
    while (!signal.aborted) {
      if (this.busy) await pause(PAUSE_IN_TRAINING_MS);
      await nextFrame(video, signal);
      if (!this.#ready || signal.aborted) continue;
      try {
        const answer = await this.#collection.trainer.predict(video, { signal });
        if (signal.aborted) break;
        this.#show(answer);
        this.#meter.frame(answer.ms);
        await this.#lookAt(video, signal);
      } catch (error) {
        if (signal.aborted || PASSING.includes(error.code)) continue;
        throw error;
      }
    }
    this.#meter.reset();
    this.clearHeat();
  }

  /** The answer for one picture. */
  async still(blob) {
    this.#picture = blob;
    if (!this.#ready) return;
    try {
      const answer = await this.#collection.trainer.predict(blob);
      if (this.#picture !== blob) return;
      this.#announcer.forget();
      this.#show(answer);
      this.#meter.still(answer.ms);
      this.#heatAt = -Infinity;
      await this.#lookAt(blob);
    } catch (error) {
      if (this.#picture === blob) this.onProblem(error);
    }
  }

  clearHeat() {
    const { heat, heatText } = this.#parts;
    heat.hidden = true;
    heatText.hidden = true;
  }

  #show({ labels, unknown: isUnknown }) {
    const { hint, unknown } = this.#parts;
    hint.hidden = true;
    unknown.hidden = !isUnknown;
    this.#bars.show(labels.slice(0, MOST_SHOWN));
    const [best] = labels;
    this.#announcer.offer(isUnknown ? { ...best, index: -1, name: "Probably none of these" } : best);
  }

  async #lookAt(source, signal) {
    const { heat, heatOn, heatClass, heatText, video, picture } = this.#parts;
    if (!heatOn.checked || this.busy) return;
    const now = performance.now();
    if (now - this.#heatAt < HEAT_EVERY_MS) return;
    this.#heatAt = now;
    const map = await this.#heatMap(source, { label: heatClass.value || undefined, signal });
    if (!map || signal?.aborted || !heatOn.checked) return;
    heat.hidden = false;
    draw(heat, map, source === video ? video : picture);
    if (now - this.#textAt < HEAT_TEXT_MS && !heatText.hidden) return;
    this.#textAt = now;
    heatText.hidden = false;
    heatText.textContent = describe(map, heat.dataset.mirrored === "true");
    heat.setAttribute("aria-label", heatText.textContent);
  }

  /** Null where there is none; then the answers go on without. */
  async #heatMap(source, options) {
    try {
      return await this.#collection.trainer.heatMap(source, options);
    } catch (error) {
      if (PASSING.includes(error.code)) throw error;
      this.#parts.heatOn.checked = false;
      this.#onHeatChosen();
      this.onProblem(error);
      return null;
    }
  }

  #onHeatChosen() {
    const { heatOn, heatClass } = this.#parts;
    heatClass.hidden = !heatOn.checked;
    this.#textAt = -Infinity;
    if (!heatOn.checked) this.clearHeat();
    else if (this.#picture) this.still(this.#picture);
  }

  #writeClasses() {
    const { heatClass } = this.#parts;
    const chosen = heatClass.value;
    const names = this.#ready ? this.#collection.classes : [];
    heatClass.replaceChildren(
      element("option", { value: "", textContent: "for its answer" }),
      ...names.map((name) => element("option", { value: name, textContent: `for ${name}` })),
    );
    heatClass.value = names.includes(chosen) ? chosen : "";
  }
}

/** Resolves with the video's next frame, or when `signal` fires. */
function nextFrame(video, signal) {
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    signal.addEventListener("abort", end);
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(end);
    else requestAnimationFrame(end);
  });
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

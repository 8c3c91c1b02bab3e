// What the network found: labels, times and the feature vector, in whichever order they arrive.
import { Announcer } from "./announce.js";
import { Bars } from "./bars.js";
import { Meter } from "./meter.js";
import { Strip } from "./strip.js";

export class Findings {
  #region;
  #bars;
  #announcer;
  #meter;
  #strip;
  #similarity;
  #previous = null;

  /** `onLabel(label)` hears which label was pressed. */
  constructor({ region, labels, announcement, ms, fps, similarity, strip }, onLabel) {
    this.#region = region;
    this.#bars = new Bars(labels, undefined, onLabel);
    this.#announcer = new Announcer(announcement);
    this.#meter = new Meter({ ms, fps });
    this.#strip = new Strip(strip);
    this.#similarity = similarity;
  }

  /** Work on `source` has begun: what stands here is about something else from now on. */
  begin(source) {
    this.#region.setAttribute("aria-busy", "true");
    this.#region.dataset.source = source;
    this.#announcer.forget();
    this.#meter.reset();
  }

  /** The label that looks pressed, by its index. */
  press(index) {
    this.#bars.press(index);
  }

  /** Work ended, with or without a result. */
  end() {
    this.#region.setAttribute("aria-busy", "false");
  }

  still({ labels, ms }, { quiet }) {
    this.#bars.show(labels);
    this.#meter.still(ms);
    if (!quiet) this.#announcer.offer(labels[0]);
  }

  frame({ labels, ms }) {
    this.end();
    this.#bars.show(labels);
    this.#meter.frame(ms);
    this.#announcer.offer(labels[0]);
  }

  /** The vector of the picture on the stage; `net` compares it with the picture before. */
  vector(net, vector, { compare }) {
    this.#strip.show(vector);
    const before = compare ? this.#previous : null;
    this.#previous = compare ? vector : null;
    this.#similarity.textContent = before ? `Similarity to the last: ${net.similarity(before, vector).toFixed(2)}` : "";
  }

  /** Another network from here on: its vectors have nothing in common with those before. */
  forget() {
    this.#previous = null;
    this.#similarity.textContent = "";
    this.#announcer.forget();
  }

  rest() {
    this.#meter.reset();
  }
}

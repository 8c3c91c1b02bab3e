// Where the network sees one of its labels: a heat map on the stage, for the label that was pressed.
import { shortName } from "./format.js";
import { describe, draw } from "./heat.js";

/** A heat map takes about as long as labels do: no more of them than the eye follows. */
const EVERY_MS = 250;
/** The words below change more slowly, for whoever reads them. */
const TEXT_EVERY_MS = 1500;
/** A frame that was not ready, or a network that was replaced: the next one is looked at. */
const PASSING = ["aborted", "disposed", "source_not_ready"];

export class Where {
  #parts;
  #listener;
  #label = null;
  /** What is on the stage: a video or a picture file, and the network that labels it. */
  #source = null;
  #net = null;
  #trainer = null;
  #isBusy = false;
  #at = -Infinity;
  #textAt = -Infinity;
  /** What is drawn. */
  #map = null;

  /**
   * `parts`: `canvas`, `text`, `off`, and what it is drawn over, `video` or `picture`. `listener` hears `onChosen(index | null)`,
   * `onShown()` and `onProblem(error)`.
   */
  constructor(parts, listener) {
    this.#parts = parts;
    this.#listener = listener;
    parts.off.addEventListener("click", () => this.clear());
    // A phone that is turned has another stage.
    new ResizeObserver(() => this.#draw()).observe(parts.canvas.parentElement);
  }

  /** Shows where that label is; the same once more ends it. */
  choose(label) {
    if (label.index === this.#label?.index) {
      this.clear();
      return;
    }
    this.#label = label;
    this.#map = null;
    [this.#at, this.#textAt] = [-Infinity, -Infinity];
    const { canvas, text, off } = this.#parts;
    canvas.hidden = true;
    text.textContent = `Looking for ${shortName(label)}…`;
    [text.hidden, off.hidden] = [false, false];
    this.#listener.onChosen(label.index);
    this.#look();
  }

  /** Nothing is looked for any more. */
  clear() {
    [this.#label, this.#map] = [null, null];
    const { canvas, text, off } = this.#parts;
    const hadFocus = document.activeElement === off;
    [canvas.hidden, text.hidden, off.hidden] = [true, true, true];
    this.#listener.onChosen(null, { hadFocus });
  }

  /** Something else is on the stage from now on. */
  forget() {
    this.#source = null;
    if (this.#label) this.clear();
  }

  /** `net` labelled what is on the stage: a video, at each frame, or a picture file. */
  async look(net, source) {
    [this.#net, this.#source] = [net, source];
    await this.#look();
  }

  async #look() {
    const [label, source, net] = [this.#label, this.#source, this.#net];
    if (!label || !source || this.#isBusy || performance.now() - this.#at < EVERY_MS) return;
    this.#isBusy = true;
    this.#at = performance.now();
    const isWanted = () => label === this.#label && source === this.#source && net === this.#net;
    try {
      const map = await (await this.#trainerOf(net)).heatMap(source, { of: "network", label: label.index });
      if (isWanted()) this.#show({ ...map, label: shortName(label) });
    } catch (error) {
      if (isWanted() && !PASSING.includes(error.code)) {
        this.clear();
        this.#listener.onProblem(error);
      }
    } finally {
      this.#isBusy = false;
    }
    // Another label was pressed meanwhile, or another picture chosen.
    if (!isWanted()) {
      this.#at = -Infinity;
      await this.#look();
    }
  }

  /** What looks; it is fetched when somebody asks for the first time. */
  async #trainerOf(net) {
    if (this.#trainer?.net !== net) this.#trainer = { net, opened: net.trainer() };
    try {
      return await this.#trainer.opened;
    } catch (error) {
      this.#trainer = null;
      throw error;
    }
  }

  #show(map) {
    const { canvas, text } = this.#parts;
    this.#map = map;
    canvas.hidden = false;
    this.#draw();
    this.#listener.onShown();
    const now = performance.now();
    if (now - this.#textAt < TEXT_EVERY_MS) return;
    this.#textAt = now;
    text.textContent = describe(map, canvas.dataset.mirrored === "true");
    canvas.setAttribute("aria-label", text.textContent);
  }

  #draw() {
    const { canvas, video, picture } = this.#parts;
    if (this.#map) draw(canvas, this.#map, this.#source instanceof Blob ? picture : video);
  }
}

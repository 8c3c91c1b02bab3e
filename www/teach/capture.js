// Pictures from the camera for as long as a button or a number key is held.
import { isTaken } from "./collection.js";
import { counted } from "./words.js";

/** A tap is held for this long, so that it is a picture at least. */
const SHORTEST_MS = 250;
/** A click without a hold, as assistive technology makes one, is a burst of this length. */
const CLICK_MS = 1500;

export class Capture {
  #parts;
  #collection;
  #listener;
  #held = null;

  /**
   * `parts`: the elements list (of cards with a `.hold` button), keys (a checkbox) and announcement. `listener`:
   * `canCapture()` says whether the camera is on, and else starts it; `nameAt(element)` gives a card's class;
   * `onState(name | null, count)`, `onProblem(error)`.
   */
  constructor(parts, { video, collection, listener }) {
    this.#parts = { ...parts, video };
    this.#collection = collection;
    this.#listener = listener;
    this.#listenToPointer(parts.list);
    this.#listenToButtons(parts.list);
    this.#listenToNumbers(parts.keys);
    addEventListener("blur", () => this.end());
    document.addEventListener("visibilitychange", () => this.end());
  }

  /** Captures for class `name` until `end`; `by` is what is held. */
  async begin(name, by) {
    if (this.#held || name === undefined || !this.#listener.canCapture()) return;
    const held = { by, work: new AbortController(), since: performance.now(), count: 0 };
    this.#held = held;
    this.#listener.onState(name, 0);
    try {
      const { trainer } = this.#collection;
      await trainer.capture(this.#parts.video, name, {
        signal: held.work.signal,
        onSample: () => {
          held.count++;
          this.#collection.changed();
          this.#listener.onState(name, held.count);
        },
      });
    } catch (error) {
      if (error.code !== "aborted" && !isTaken(error)) this.#listener.onProblem(error);
    } finally {
      // What was captured before something went wrong stays.
      this.#collection.changed();
      this.#held = null;
      this.#listener.onState(null, 0);
      const all = this.#collection.of(name).length;
      this.#parts.announcement.textContent = `${counted(held.count, "picture")} of ${name} captured, ${all} in all.`;
    }
  }

  /** Ends what `by` began; without it, whatever is held. */
  end(by) {
    const held = this.#held;
    if (!held || (by !== undefined && held.by !== by)) return;
    const rest = SHORTEST_MS - (performance.now() - held.since);
    setTimeout(() => held.work.abort(), Math.max(0, rest));
  }

  #listenToPointer(list) {
    list.addEventListener("pointerdown", (event) => {
      const button = event.target.closest(".hold");
      if (!button || event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.begin(this.#listener.nameAt(button), "pointer");
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      list.addEventListener(type, () => this.end("pointer"));
    }
    // A long press on a phone would open a menu instead.
    list.addEventListener("contextmenu", (event) => event.target.closest(".hold") && event.preventDefault());
  }

  #listenToButtons(list) {
    const isHold = ({ key, target }) => (key === " " || key === "Enter") && target.closest(".hold");
    list.addEventListener("keydown", (event) => {
      if (!isHold(event)) return;
      event.preventDefault();
      if (!event.repeat) this.begin(this.#listener.nameAt(event.target), "button");
    });
    list.addEventListener("keyup", (event) => {
      if (!isHold(event)) return;
      event.preventDefault();
      this.end("button");
    });
    list.addEventListener("click", (event) => {
      // A pointer's own click comes after its hold, and counts itself; one without a pointer counts none.
      const button = event.target.closest(".hold");
      if (!button || event.detail !== 0) return;
      this.begin(this.#listener.nameAt(button), "click");
      setTimeout(() => this.end("click"), CLICK_MS);
    });
  }

  #listenToNumbers(keys) {
    document.addEventListener("keydown", (event) => {
      const [, digit] = /^(?:Digit|Numpad)(\d)$/.exec(event.code) ?? [];
      if (!digit || !keys.checked || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest?.("input:not([type=checkbox], [type=range], [type=file]), select, textarea, dialog")) return;
      event.preventDefault();
      this.begin(this.#collection.classes[(Number(digit) + 9) % 10], event.code);
    });
    document.addEventListener("keyup", ({ code }) => this.end(code));
  }
}

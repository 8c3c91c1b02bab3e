// The training itself: what is missing for it, how far it is, and what came of it.
import { writeProblem } from "../loading.js";
import { counted, listed, share } from "./words.js";

/** Below this many pictures a class, more of them help more than anything else. */
const FEW = 10;
/** How often a screen reader hears of epochs. */
const SPEAK_EVERY_MS = 5000;

export class Training {
  #parts;
  #collection;
  #options;
  #listener;
  #work = null;
  #spokenAt = 0;
  /** The collection's version that the present head was trained on; null for a head that was opened. */
  #trainedOn = null;

  /**
   * `parts`: the elements button, stop, status, progress, problem, problemText and announcement. `listener`: `onBegin()`,
   * `onEpoch(epoch)`, `onEnd(history | null)`.
   */
  constructor(parts, { collection, options, listener }) {
    this.#parts = parts;
    this.#collection = collection;
    this.#options = options;
    this.#listener = listener;
    parts.button.addEventListener("click", () => this.start());
    parts.stop.addEventListener("click", () => this.#work?.abort());
    options.onSubmit = () => this.start();
    collection.addEventListener("change", () => this.write());
  }

  get running() {
    return this.#work !== null;
  }

  /** Another head took the place of the trained one. */
  forget() {
    this.#trainedOn = null;
    this.write();
  }

  async start() {
    const { trainer } = this.#collection;
    if (this.#work || !trainer || !this.#options.check()) return;
    const options = this.#options.read();
    this.#begin();
    const version = this.#collection.version;
    let history = null;
    try {
      history = await trainer.fit({
        ...options,
        signal: this.#work.signal,
        onProgress: ({ done, total }) => this.#progress(`Looking at picture ${done} of ${total}`, done, total),
        onEpoch: (epoch) => {
          this.#listener.onEpoch(epoch);
          this.#onEpoch(epoch, options);
        },
      });
      this.#trainedOn = version;
    } catch (error) {
      if (error.code !== "aborted") this.#fail(error);
    }
    this.#end(history);
  }

  /** What stands beside the button while nothing is trained. */
  write() {
    const { button, status } = this.#parts;
    button.disabled = !this.#collection.trainer;
    if (this.running) return;
    button.textContent = this.#collection.trainer?.isTrained ? "Train again" : "Train";
    const text = this.#advice();
    if (status.textContent !== text) status.textContent = text;
  }

  #advice() {
    const { classes, trainer, version } = this.#collection;
    const sizes = classes.map((name) => ({ name, count: this.#collection.of(name).length }));
    const full = sizes.filter(({ count }) => count > 0);
    const empty = sizes.filter(({ count }) => count === 0);
    if (trainer?.isTrained && this.#trainedOn === version) return "Trained on all the pictures above.";
    if (trainer?.isTrained && this.#trainedOn === null) return "What you opened is ready: start the camera, or try a picture.";
    if (full.length === 0) return "First show it some pictures of each class.";
    if (full.length === 1 && empty.length === 0) return `It needs a second class, to tell ${full[0].name} from.`;
    if (empty.length > 0) return `No pictures yet of ${listed(empty.map(({ name }) => name))}.`;
    if (trainer?.isTrained) return "The pictures have changed since it was trained.";
    const few = full.filter(({ count }) => count < FEW).map(({ name }) => name);
    if (few.length > 0) return `Ready. More pictures of ${listed(few)} would help: ${FEW} or more, from different sides.`;
    const atOnce = full.filter(({ name }) => new Set(this.#collection.of(name).map(({ burst }) => burst)).size < 2);
    if (atOnce.length > 0) {
      return `Ready. Let go and hold again for ${listed(atOnce.map(({ name }) => name))}: it is checked on pictures of another moment.`;
    }
    return `Ready: ${counted(this.#collection.size, "picture")} of ${counted(full.length, "class")}.`;
  }

  #begin() {
    const { button, stop, problem, announcement } = this.#parts;
    this.#work = new AbortController();
    this.#spokenAt = performance.now();
    problem.hidden = true;
    stop.hidden = false;
    button.hidden = true;
    stop.focus();
    this.#progress("Getting ready", null);
    announcement.textContent = "Training has begun.";
    this.#listener.onBegin();
  }

  #progress(text, done, total = 0) {
    const { status, progress } = this.#parts;
    status.textContent = text;
    progress.hidden = false;
    if (done === null) progress.removeAttribute("value");
    else [progress.max, progress.value] = [total, done];
  }

  #onEpoch({ epoch, phase, accuracy, validationAccuracy }, { epochs, fineTuneEpochs = 0 }) {
    const total = epochs + fineTuneEpochs;
    const what = phase === "fine-tuning" ? "Fine-tuning, epoch" : "Epoch";
    const held = validationAccuracy === null ? `${share(accuracy)} right` : `${share(validationAccuracy)} of the held-out pictures right`;
    const text = `${what} ${epoch + 1} of ${total}: ${held}`;
    this.#progress(text, epoch + 1, total);
    const now = performance.now();
    if (now - this.#spokenAt < SPEAK_EVERY_MS) return;
    this.#spokenAt = now;
    this.#parts.announcement.textContent = text;
  }

  #fail(error) {
    const { problem, problemText } = this.#parts;
    writeProblem(problemText, error);
    problem.hidden = false;
  }

  #end(history) {
    const { button, stop, progress, announcement } = this.#parts;
    const held = document.activeElement === stop;
    this.#work = null;
    progress.hidden = true;
    stop.hidden = true;
    button.hidden = false;
    this.write();
    if (held) button.focus();
    announcement.textContent = history ? `Training has ended. ${verdict(history)}` : "";
    this.#listener.onEnd(history);
  }
}

/** What came of a training, in a sentence or two. */
export function verdict({ method, epochs, bestEpoch, stopped, split, leaveOneOutAccuracy, ms }) {
  const time = ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
  const ended = { done: "", early: " It stopped early, as it learnt no more.", aborted: " You stopped it; the best epoch is kept." }[stopped];
  const best = epochs.find(({ epoch }) => epoch === bestEpoch);
  if (best && best.validationAccuracy !== null) {
    return `Of ${counted(split.validation, "picture")} that it had not seen, ${share(best.validationAccuracy)} came out right after epoch ${bestEpoch + 1}, which is kept. ${time}.${ended}`;
  }
  if (best) return `No picture was held out to check it by: that takes two bursts or files of each class, at least. Epoch ${bestEpoch + 1} is kept. ${time}.${ended}`;
  if (leaveOneOutAccuracy !== null) {
    return `Trained at once, in ${time}. Each picture judged by all the others: ${share(leaveOneOutAccuracy)} right.`;
  }
  const how = { neighbours: "It compares with every picture", centroids: "It compares with each class’s mean", ridge: "Trained at once", gradient: "Trained" }[method];
  return `${how}; ready in ${time}.${ended}`;
}

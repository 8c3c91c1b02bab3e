// The trainer's classes and pictures as the page sees them. Whoever shows them hears of changes, once a frame.

/** Whether a picture is there although taking it ended in `error`: only keeping it failed, which the page says elsewhere. */
export function isTaken(error) {
  return error.code === "store_full" || error.code === "store_unavailable";
}

/** What a class is called that nobody has named. */
const UNNAMED = /^Class \d+$/;

export class Collection extends EventTarget {
  #trainer = null;
  #groups = null;
  #places = null;
  #telling = false;
  #version = 0;

  /** The trainer; null before there is one. */
  get trainer() {
    return this.#trainer;
  }

  set trainer(trainer) {
    this.#trainer = trainer;
    this.changed();
  }

  /** Another number after every change. */
  get version() {
    return this.#version;
  }

  get classes() {
    return this.#trainer?.classes ?? [];
  }

  get size() {
    return this.#trainer?.samples.length ?? 0;
  }

  /** Pictures that are in memory only, because the browser had no room for them; none where none is meant to be kept. */
  get unstored() {
    return this.#trainer?.storeError ? this.#trainer.samples.filter(({ stored }) => !stored).length : 0;
  }

  /** A class's pictures in the order in which they came. */
  of(name) {
    this.#groups ??= Map.groupBy(this.#trainer?.samples ?? [], ({ label }) => label);
    return this.#groups.get(name) ?? [];
  }

  /** The picture with that number, or undefined. */
  find(id) {
    this.#places ??= new Map((this.#trainer?.samples ?? []).map((sample) => [sample.id, sample]));
    return this.#places.get(id);
  }

  /** "Class 3", or the first such name that is free. */
  unusedName() {
    let number = this.classes.length + 1;
    while (this.classes.includes(`Class ${number}`)) number++;
    return `Class ${number}`;
  }

  addClass(name) {
    return this.#change(() => this.#trainer.addClass(name));
  }

  renameClass(from, to) {
    return this.#change(() => this.#trainer.renameClass(from, to));
  }

  removeClass(name) {
    return this.#change(() => this.#trainer.removeClass(name));
  }

  /** Classes that were there to begin with, and that nobody named or filled. */
  async removeUnused() {
    const unused = this.classes.filter((name) => UNNAMED.test(name) && this.of(name).length === 0);
    for (const name of unused) await this.removeClass(name);
  }

  async add(source, label, options) {
    try {
      return await this.#change(() => this.#trainer.add(source, label, options));
    } catch (error) {
      if (!isTaken(error)) throw error;
      return this.#trainer.samples.at(-1);
    }
  }

  /** Opens a head, whose classes come first from then on; others that have pictures stay behind them. */
  load(head) {
    return this.#change(() => this.#trainer.load(head));
  }

  /** Moves a picture to another class; what it gives moves it back. */
  async relabel(id, label) {
    const { label: before } = this.find(id);
    await this.#change(() => this.#trainer.relabel(id, label));
    return () => this.relabel(id, before);
  }

  /** Takes a picture out; what it gives puts it back, with another number. */
  async remove(id) {
    const { label, burst, origin } = this.find(id);
    const picture = await this.#trainer.picture(id);
    await this.#change(() => this.#trainer.remove(id));
    return () => this.add(picture, label, { burst, origin });
  }

  /** Says that the trainer holds other pictures or classes than before. */
  changed() {
    this.#groups = null;
    this.#places = null;
    this.#version++;
    if (this.#telling) return;
    this.#telling = true;
    requestAnimationFrame(() => {
      this.#telling = false;
      this.dispatchEvent(new Event("change"));
    });
  }

  async #change(work) {
    try {
      return await work();
    } finally {
      // A picture that could not be stored is there all the same.
      this.changed();
    }
  }
}

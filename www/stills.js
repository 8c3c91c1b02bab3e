// One picture at a time: from a file or a sample to labels and a vector.

const TOP_K = 5;

export class Stills {
  #stage;
  #model;
  #findings;
  #where;
  #onProblem;
  #last = null;
  #work = null;

  constructor({ stage, model, findings, where, onProblem }) {
    this.#stage = stage;
    this.#model = model;
    this.#findings = findings;
    this.#where = where;
    this.#onProblem = onProblem;
  }

  /**
   * Labels `picture`: `{ title, credit?, source, quiet?, open }`, where `open(signal)` gives its file. A newer picture
   * takes the place of an older one, whichever of them arrives first.
   */
  async label(picture) {
    this.stop();
    this.#last = picture;
    const work = new AbortController();
    this.#work = work;
    this.#where.forget();
    this.#findings.begin(picture.source);
    try {
      await this.#run(picture, work.signal);
    } catch (error) {
      if (work.signal.aborted) return;
      this.#stage.showNothing("This picture could not be read.");
      this.#onProblem(error);
    }
    if (!work.signal.aborted) this.#findings.end();
  }

  /** The last picture once more, or just the model when there is none. */
  async again() {
    if (this.#last) await this.label(this.#last);
    else await this.#model.ready().catch(() => null);
  }

  /** Lets go of the picture in work; its result will not be shown. */
  stop() {
    this.#work?.abort();
    this.#work = null;
  }

  async #run(picture, signal) {
    const blob = await picture.open(signal);
    if (signal.aborted) return;
    this.#stage.showPicture(blob, picture);
    // A model that does not load says so in its own panel, and `again` comes back to this picture.
    const net = await this.#model.ready().catch(() => null);
    if (!net || signal.aborted) return;
    const result = await net.classify(blob, { topK: TOP_K, signal });
    if (signal.aborted) return;
    this.#findings.still(result, picture);
    this.#where.look(net, blob);
    const vector = await net.embed(blob, { signal });
    if (signal.aborted) return;
    this.#findings.vector(net, vector, { compare: true });
  }
}

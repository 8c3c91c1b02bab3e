// What the demo does while the camera is on: frames to labels, and now and then to a vector.

const MAX_FPS = 30;
// A vector costs a second run of the network, and a strip that changes faster than this only flickers.
const VECTOR_EVERY_MS = 400;

export class Live {
  #video;
  #model;
  #findings;
  #where;

  constructor({ video, model, findings, where }) {
    this.#video = video;
    this.#model = model;
    this.#findings = findings;
    this.#where = where;
  }

  /** The camera runs on through changes of the model: each network takes over where the one before it ended. */
  async run(signal) {
    this.#where.forget();
    this.#findings.begin("camera");
    // A model that does not load says so in its own panel.
    await this.#model.ready().catch(() => null);
    let net = null;
    while (!signal.aborted && net !== this.#model.net) {
      net = this.#model.net;
      try {
        await this.#watch(net, signal);
      } catch (error) {
        // A network that was replaced is disposed of, with a frame in it more often than not.
        if (error.code !== "disposed" || net === this.#model.net) throw error;
      }
    }
  }

  async #watch(net, signal) {
    let vectorAt = -Infinity;
    for await (const result of net.stream(this.#video, { maxFps: MAX_FPS, signal })) {
      if (signal.aborted || net !== this.#model.net) return;
      this.#findings.frame(result);
      this.#where.look(net, this.#video);
      if (performance.now() - vectorAt < VECTOR_EVERY_MS) continue;
      vectorAt = performance.now();
      const vector = await net.embed(this.#video);
      if (signal.aborted || net !== this.#model.net) return;
      this.#findings.vector(net, vector, { compare: false });
    }
  }
}

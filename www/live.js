// The camera's session: frames to labels for as long as the page is looked at.
import { CameraClosed, explainCamera } from "./camera.js";

const MAX_FPS = 30;
// A vector costs a second run of the network, and a strip that changes faster than this only flickers.
const VECTOR_EVERY_MS = 400;

export class Live {
  #camera;
  #video;
  #model;
  #findings;
  #listener;
  #session = null;

  /** `listener` hears `onState("off" | "asking" | "on")` and `onProblem({ message, code? })`. */
  constructor({ camera, video, model, findings, listener }) {
    this.#camera = camera;
    this.#video = video;
    this.#model = model;
    this.#findings = findings;
    this.#listener = listener;
  }

  get running() {
    return this.#session !== null;
  }

  async start() {
    this.stop();
    const session = new AbortController();
    this.#session = session;
    this.#listener.onState("asking");
    try {
      await this.#camera.open();
      this.#findings.begin("camera");
      this.#listener.onState("on");
      // A model that does not load says so in its own panel.
      const net = await this.#model.ready().catch(() => null);
      if (session.signal.aborted) return;
      if (net) await this.#run(session.signal);
      else this.stop();
    } catch (error) {
      if (session.signal.aborted || error instanceof CameraClosed) return;
      this.stop();
      this.#listener.onProblem(error.name === "MobileNetError" ? error : { message: explainCamera(error) });
    }
  }

  stop() {
    if (!this.#session) return;
    this.#session.abort();
    this.#session = null;
    this.#camera.close();
    this.#findings.rest();
    this.#findings.end();
    this.#listener.onState("off");
  }

  /** The camera runs on through changes of the model: each network takes over where the one before it ended. */
  async #run(signal) {
    let net;
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
      if (performance.now() - vectorAt < VECTOR_EVERY_MS) continue;
      vectorAt = performance.now();
      const vector = await net.embed(this.#video);
      if (signal.aborted || net !== this.#model.net) return;
      this.#findings.vector(net, vector, { compare: false });
    }
  }
}

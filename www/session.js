// The camera's session: from a click until it is stopped, fails, or nobody looks at the page.
import { Camera, CameraClosed, explainCamera } from "./camera.js";

export class CameraSession {
  #camera;
  #run;
  #listener;
  #work = null;
  #resume = false;

  /**
   * `run(signal)` is what is done while the camera is on. `listener` hears `onState("off" | "asking" | "on")`,
   * `onPause()` when the page was hidden, and `onProblem({ message, code? })`.
   */
  constructor({ video, run, listener }) {
    this.#run = run;
    this.#listener = listener;
    this.#camera = new Camera(video, { onLost: (error) => this.#fail(error) });
    document.addEventListener("visibilitychange", () => this.#onVisibility());
    addEventListener("pagehide", () => this.stop());
  }

  get running() {
    return this.#work !== null;
  }

  async start() {
    this.stop();
    const work = new AbortController();
    this.#work = work;
    this.#listener.onState("asking");
    try {
      await this.#camera.open();
      this.#listener.onState("on");
      await this.#run(work.signal);
      if (!work.signal.aborted) this.stop();
    } catch (error) {
      if (work.signal.aborted || error instanceof CameraClosed) return;
      this.#fail(error);
    }
  }

  stop() {
    if (!this.#work) return;
    this.#work.abort();
    this.#work = null;
    this.#camera.close();
    this.#listener.onState("off");
  }

  #fail(error) {
    this.stop();
    this.#listener.onProblem(error.name === "MobileNetError" ? error : { message: explainCamera(error) });
  }

  /** A hidden page looks at nothing, so the camera's light goes out; it comes back with the page. */
  #onVisibility() {
    if (document.hidden) {
      this.#resume = this.running;
      if (!this.#resume) return;
      this.stop();
      this.#listener.onPause();
    } else if (this.#resume) {
      this.#resume = false;
      this.start();
    }
  }
}

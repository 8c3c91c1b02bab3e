/** Where a network runs: the CPU always can; a GPU goes before it where it answers rightly, and faster. */

/** Frames that a backend is timed on, after one that only warms it up. */
const TRIALS = 3;

/** Errors after which the CPU answers instead. */
const GPU_CODES = ["gpu_unavailable", "gpu_lost", "gpu_out_of_memory", "gpu_failed", "gpu_wrong"];

/** So many rebuilds in a row may fail before the GPU is left alone. */
const MOST_REBUILDS = 3;

/** The CPU's and the GPU's half of one engine, and which of them answers. */
export class Backends {
  #engine;
  #device;
  #onChange;
  #gpu = null;
  #connecting = null;
  #failedRebuilds = 0;
  #times = {};
  #adapter = null;
  #active = "simd";
  #why = "";

  /**
   * @param {object} Module the engine's class, whose module is running
   * @param {{ backend: string, device?: GPUDevice, onChange?: (state: object) => void }} options
   */
  constructor(Module, { backend, device, onChange = () => {} }) {
    this.#device = device;
    this.#onChange = onChange;
    if (backend === "auto" || backend === "webgpu") {
      // The GPU answers while the weights are still on their way; a refusal is looked at when they are here.
      this.#connecting = connect(Module, device);
      this.#connecting.catch(() => {});
    }
  }

  /** What `info` says about it. */
  get state() {
    const [pipelines, dispatches, readbackBytes] = this.#gpu ? this.#engine.gpuCost() : [];
    const gpu = this.#gpu && { pipelines, dispatches, readbackBytes };
    return { backend: this.#active, why: this.#why, adapter: this.#adapter, times: this.#times, gpu };
  }

  /**
   * Chooses for that engine. Rejected only where a GPU was asked for by name and cannot be used.
   *
   * @param {object} engine
   * @param {string} backend as asked for
   */
  async open(engine, backend) {
    this.#engine = engine;
    const { backend: cpu, why } = engine.info();
    [this.#active, this.#why] = [cpu, why];
    if (!this.#connecting) {
      return;
    }
    try {
      await this.#attach(await this.#connecting);
    } catch (error) {
      if (backend === "webgpu" || !GPU_CODES.includes(error.code)) {
        throw error;
      }
      this.#use("simd", error.message);
      return;
    }
    if (backend === "webgpu") {
      this.#use("webgpu", "asked for");
      return;
    }
    await this.#choose();
  }

  /** A new engine for the same device is not made: this one's GPU half is. */
  async #attach(gpu) {
    const { vendor, architecture, description } = gpu.device.adapterInfo ?? {};
    this.#adapter = [vendor, architecture, description].filter(Boolean).join(" ");
    const error = await this.#engine.constructor.probe(gpu, false);
    this.#engine.attach(gpu, false);
    this.#gpu = gpu;
    return error;
  }

  /** The faster of both, by the figures of an earlier visit or by measuring. */
  async #choose() {
    const key = decisionKey(this.#engine, this.#adapter);
    let times = await remembered(key);
    const measured = !times;
    try {
      times ??= { simd: await this.#time("simd"), webgpu: await this.#time("webgpu") };
    } catch (error) {
      this.#drop();
      this.#use("simd", error.message);
      return;
    }
    this.#times = times;
    const [winner, loser] = times.webgpu < times.simd ? ["webgpu", "simd"] : ["simd", "webgpu"];
    if (winner === "simd") {
      this.#drop();
    }
    const when = measured ? "here and now" : "on an earlier visit";
    this.#use(winner, `measured ${when}: ${winner} ${ms(times[winner])} a frame, ${loser} ${ms(times[loser])}`);
    if (measured) {
      await remember(key, times);
    }
  }

  /** Milliseconds a frame of this very network: the median of a few. */
  async #time(backend) {
    const { inputWidth: width, inputHeight: height, endpoints } = this.#engine.info();
    const frame = { data: new Uint8Array(width * height * 4), width, height };
    const options = { resize: "none", endpoints: [endpoints.at(-1).name] };
    const times = [];
    for (let trial = 0; trial <= TRIALS; trial += 1) {
      const start = performance.now();
      await (backend === "webgpu" ? this.#engine.gpuInfer(frame, options) : this.#engine.infer(frame, options));
      times.push(performance.now() - start);
    }
    return times.slice(1).sort((a, b) => a - b)[TRIALS >> 1];
  }

  /** How right and how fast each backend is here. */
  async selfTest() {
    const rows = [{ backend: "simd", error: this.#engine.constructor.probeCpu(), ms: await this.#time("simd") }];
    if (this.#gpu) {
      const row = { backend: "webgpu", adapter: this.#adapter, error: null, ms: null, failure: null };
      try {
        row.error = await this.#engine.constructor.probe(this.#gpu, false);
        row.ms = await this.#time("webgpu");
      } catch ({ message }) {
        row.failure = message;
      }
      rows.push(row);
    }
    return rows;
  }

  /** The labels of a frame, from whichever backend answers. */
  async classify(frame, options) {
    return this.#either(
      async () => this.#engine.named(await this.#engine.gpuClassify(frame, options)),
      () => this.#engine.classify(frame, options),
    );
  }

  /** The maps of a frame. */
  async infer(frame, options) {
    return this.#either(
      () => this.#engine.gpuInfer(frame, options),
      () => this.#engine.infer(frame, options),
    );
  }

  /** Whether a second frame may be handed over while the first is computed. */
  get overlaps() {
    return this.#active === "webgpu";
  }

  async #either(gpu, cpu) {
    if (this.#active === "webgpu") {
      try {
        return await gpu();
      } catch (error) {
        if (!GPU_CODES.includes(error.code)) {
          throw error;
        }
        this.#fall(error);
      }
    }
    return cpu();
  }

  /** Gives the device up as a crashing driver would, to see what happens then. */
  lose() {
    this.#gpu?.lose();
  }

  /** From now on the CPU answers; meanwhile the GPU is rebuilt. Calls in flight may all report the same loss. */
  #fall(error) {
    if (this.#active !== "webgpu") {
      return;
    }
    this.#drop();
    this.#use("simd", error.message);
    this.#onChange(this.state);
    if (!this.#device) {
      void this.#rebuild();
    }
  }

  async #rebuild() {
    const engine = this.#engine;
    while (this.#engine && this.#failedRebuilds < MOST_REBUILDS) {
      try {
        await this.#attach(await connect(engine.constructor));
        this.#failedRebuilds = 0;
        this.#use("webgpu", "rebuilt after it was lost");
        this.#onChange(this.state);
        return;
      } catch {
        this.#failedRebuilds += 1;
        this.#drop();
      }
    }
  }

  #use(backend, why) {
    [this.#active, this.#why] = [backend, why];
  }

  #drop() {
    this.#engine?.detach();
    this.#gpu?.free();
    this.#gpu = null;
  }

  dispose() {
    this.#drop();
    this.#engine?.free();
    this.#engine = null;
  }
}

/** A GPU of the engine's module: the browser's, or the one behind a device that the page brings. */
function connect(Module, device) {
  if (!device) {
    return Module.connect();
  }
  // wgpu asks `navigator.gpu` for an adapter and a device; for this one call it gets those of the page's device.
  const gpu = navigator.gpu;
  const adapter = {
    features: device.features,
    limits: device.limits,
    info: device.adapterInfo,
    requestDevice: async () => device,
  };
  const stand = { requestAdapter: async () => adapter, wgslLanguageFeatures: gpu?.wgslLanguageFeatures };
  Object.defineProperty(navigator, "gpu", { value: stand, configurable: true });
  try {
    return Module.connect();
  } finally {
    delete navigator.gpu;
  }
}

const ms = (value) => `${value.toFixed(1)} ms`;

const CACHE = "mobilenet-web-backends";

/** What a decision holds for: this adapter, version and network. */
function decisionKey(engine, adapter) {
  const { version, multiplier, inputHeight, inputWidth, outputStride, classes } = engine.info();
  const parts = [engine.constructor.version(), adapter, version, multiplier, inputHeight, inputWidth, outputStride, classes];
  return `https://mobilenet-web.invalid/${parts.map(encodeURIComponent).join("/")}`;
}

async function remembered(key) {
  try {
    const found = await (await caches.open(CACHE)).match(key);
    return found && (await found.json());
  } catch {
    return undefined; // No Cache Storage here: it is measured every time.
  }
}

async function remember(key, times) {
  try {
    await (await caches.open(CACHE)).put(key, new Response(JSON.stringify(times)));
  } catch {
    // As above.
  }
}

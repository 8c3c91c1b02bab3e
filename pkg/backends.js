/** Where a network runs: the CPU always can; a GPU goes before it where it answers rightly, and faster. */

import { decisionKey, remember, remembered } from "./decisions.js";
import { failure } from "./errors.js";
import { connect, nameOf, warm } from "./gpu.js";
import { Reader } from "./pixels.js";
import { mayUseGpu } from "./wake.js";

/** Frames that a backend is timed on, after one that only warms it up. */
const TRIALS = 3;

/** Errors after which the CPU answers instead. */
const GPU_CODES = ["gpu_unavailable", "gpu_lost", "gpu_out_of_memory", "gpu_failed", "gpu_wrong"];

/** Waits before a GPU is tried again, in ms: a driver that crashed takes a while. After the last it is left alone. */
const PATIENCE_MS = [0, 1000, 5000];

/** The CPU's and the GPU's half of one engine, and which of them answers. */
export class Backends {
  #Module;
  /** What is asked of a GPU: see `connect`. */
  #asked;
  #onChange;
  #engine = null;
  #gpu = null;
  #connecting = null;
  /** Pipelines that nobody uses yet, some of them still being compiled: see `warm`. */
  #warmed = null;
  /** Failures since the GPU last answered. */
  #failures = 0;
  #disposed = false;
  #opened = false;
  #times = {};
  #adapter = null;
  #cpu = "simd";
  #active = "simd";
  #why = "";
  #reader = new Reader();

  /**
   * @param {object} Module the engine's class, whose module is running
   * @param {{ backend: string, device?: GPUDevice, gpuPrecision?: "f32" | "f16", woken?: ReturnType<typeof import("./wake.js").wake>,
   *   onChange?: (state: object) => void }} options
   */
  constructor(Module, { backend, device, gpuPrecision, woken, onChange = () => {} }) {
    this.#Module = Module;
    this.#asked = { device, halves: gpuPrecision === "f16" };
    this.#onChange = onChange;
    if (mayUseGpu(backend)) {
      // The GPU answers while the weights are still on their way; a refusal is looked at when they are here.
      this.#connecting = connect(Module, this.#asked, woken);
      if (backend === "webgpu") {
        this.#connecting = this.#connecting.then((gpu) => {
          this.#warmed = new Map();
          warm(Module, gpu, false, this.#warmed);
          return gpu;
        });
      }
      this.#connecting.catch(() => {});
    }
  }

  /** What `info` says about it. */
  get state() {
    const [pipelines, dispatches, readbackBytes] = this.#gpu ? this.#engine.gpuCost() : [];
    const { timestamps, halves } = this.#gpu ?? {};
    const gpu = this.#gpu && { precision: halves ? "f16" : "f32", pipelines, dispatches, readbackBytes, timestamps };
    return { backend: this.#active, why: this.#why, adapter: this.#adapter, times: this.#times, gpu };
  }

  /** Whether a second frame may be handed over while the first is computed. */
  get overlaps() {
    return this.#active === "webgpu";
  }

  /**
   * Chooses for that engine, which is freed with this. Rejected only where a GPU was asked for by name and cannot be used.
   *
   * @param {object} engine
   * @param {string} backend as asked for
   */
  async open(engine, backend) {
    this.#engine = engine;
    const { backend: cpu, why } = engine.info();
    this.#cpu = cpu;
    this.#use(cpu, why);
    if (!this.#mayUseGpu) {
      this.#leaveGpu();
    }
    if (this.#connecting) {
      try {
        await this.#chooseAny(backend);
      } catch (error) {
        this.#drop();
        if (backend === "webgpu" || !GPU_CODES.includes(error.code)) {
          throw error;
        }
        this.#use(cpu, error.message);
      }
    }
    this.#opened = true;
  }

  /** Integers are the CPU's: the module that computes in them knows no GPU. */
  get #mayUseGpu() {
    return this.#engine instanceof this.#Module;
  }

  #leaveGpu() {
    this.#connected()?.then((gpu) => this.#release(gpu), () => {});
  }

  /** The GPU asked for at the start, once: from then on it is the caller's to release. */
  #connected() {
    const connecting = this.#connecting;
    this.#connecting = null;
    return connecting;
  }

  /** A GPU that does not compute right with 16 bits may do so with 32. */
  async #chooseAny(backend) {
    try {
      await this.#choose(await this.#connected(), backend);
    } catch (error) {
      if (!this.#asked.halves || !GPU_CODES.includes(error.code)) {
        throw error;
      }
      this.#drop();
      this.#asked.halves = false;
      await this.#choose(await connect(this.#Module, this.#asked), backend);
    }
  }

  /** The GPU where it was asked for; else the faster of both, by the figures of an earlier visit or by measuring. */
  async #choose(gpu, backend) {
    this.#adapter = nameOf(gpu.device);
    if (backend === "webgpu") {
      await this.#attach(gpu);
      this.#use("webgpu", "asked for");
      return;
    }
    const key = decisionKey(this.#engine, gpu.halves ? `${this.#adapter} f16` : this.#adapter);
    const known = await remembered(key);
    if (known && known.simd <= known.webgpu) {
      this.#release(gpu);
    } else {
      await this.#attach(gpu);
    }
    this.#times = known ?? { simd: await this.#time("simd"), webgpu: await this.#time("webgpu") };
    const [winner, loser] = this.#times.webgpu < this.#times.simd ? ["webgpu", "simd"] : ["simd", "webgpu"];
    if (winner === "simd") {
      this.#drop();
    }
    const [fast, slow] = [winner, loser].map((name) => `${name} ${this.#times[name].toFixed(1)} ms`);
    this.#use(winner, `measured ${known ? "on an earlier visit" : "here and now"}: ${fast} a frame, ${slow}`);
    if (!known) {
      await remember(key, this.#times);
    }
  }

  /** Brings the weights to a GPU, and lets go of one that does not compute right. */
  async #attach(gpu) {
    let unused = gpu;
    const check = () => {
      if (this.#gpu !== gpu) {
        throw lost("one that was given up meanwhile");
      }
    };
    try {
      const { gated } = this.#engine;
      const warmed = (this.#warmed ??= new Map());
      if (gated || warmed.size === 0) {
        warm(this.#Module, gpu, gated, warmed);
      }
      // Another one may have been attached before.
      this.#drop();
      // The weights travel while the pipelines compile; until it is found right, it answers no call.
      this.#engine.attach(gpu);
      this.#gpu = gpu;
      unused = null;
      await Promise.allSettled(warmed.values());
      check();
      const error = await this.#Module.probe(gpu, gated);
      check();
      void gpu.device.lost.then(({ message, reason }) => this.#fall(gpu, lost(message || reason)));
      return error;
    } catch (error) {
      if (this.#gpu === gpu) {
        this.#drop();
      }
      this.#release(unused);
      throw error;
    } finally {
      this.#warmed = null;
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

  /** How right and how fast each backend is here, also one that is not in use. */
  async selfTest() {
    const rows = [{ backend: this.#cpu, adapter: null, error: this.#engine.constructor.probeCpu(this.#engine.gated), ms: await this.#time("simd"), failure: null }];
    if (!this.#mayUseGpu) {
      return rows;
    }
    const row = { backend: "webgpu", adapter: this.#adapter, error: null, ms: null, failure: null };
    const borrowed = !this.#gpu;
    try {
      if (borrowed) {
        const gpu = await connect(this.#Module, this.#asked);
        row.adapter = nameOf(gpu.device);
        row.error = await this.#attach(gpu);
      } else {
        row.error = await this.#Module.probe(this.#gpu, this.#engine.gated);
      }
      row.ms = await this.#time("webgpu");
    } catch (error) {
      if (!GPU_CODES.includes(error.code)) {
        throw error;
      }
      row.failure = error.message;
      this.#fall(this.#gpu, error);
    }
    if (borrowed && this.#active !== "webgpu") {
      this.#drop();
    }
    return [...rows, row];
  }

  /** The labels of a frame, from whichever backend answers. */
  async classify(frame, options, plain) {
    return this.#either(
      async () => {
        const pairs = await this.#engine.gpuClassify(frame, options);
        return this.#engine.named(pairs);
      },
      async () => this.#engine.classify(await this.#reader.bytes(frame, plain), options),
    );
  }

  /** The maps of a frame. */
  async infer(frame, options, plain) {
    return this.#either(
      () => this.#engine.gpuInfer(frame, options),
      async () => this.#engine.infer(await this.#reader.bytes(frame, plain), options),
    );
  }

  /** How long each dispatch of a frame takes; on the CPU each step. */
  async profile(frame, options) {
    const asked = { ...options, endpoints: [this.#engine.info().endpoints.at(-1).name] };
    if (this.#active !== "webgpu") {
      return this.#engine.profile(frame, asked);
    }
    return this.#onGpu("profile()", () => this.#engine.gpuProfile(frame, asked));
  }

  /** The maps of a frame in buffers on the GPU, where that answers. */
  async keep(frame, options) {
    return this.#onGpu('as: "gpu-buffer"', () => this.#engine.gpuKeep(frame, options));
  }

  /** What only a GPU can do: after a failure there is nothing in its place. */
  async #onGpu(where, ask) {
    const gpu = this.#gpu;
    if (this.#active !== "webgpu") {
      const remedy = 'Load with backend "webgpu", or look at info.backend first.';
      throw failure("gpu_unavailable", { where, expected: "a network on a GPU", found: `${this.#active} (${this.#why})`, remedy });
    }
    try {
      return await ask();
    } catch (error) {
      if (GPU_CODES.includes(error.code)) {
        this.#fall(gpu, error);
      }
      throw error;
    }
  }

  async #either(ask, askCpu) {
    const gpu = this.#gpu;
    if (this.#active === "webgpu") {
      try {
        const answer = await ask();
        this.#failures = 0;
        return answer;
      } catch (error) {
        if (this.#disposed || !GPU_CODES.includes(error.code)) {
          throw error;
        }
        this.#fall(gpu, error);
      }
    }
    return askCpu();
  }

  /** Gives the device up as a crashing driver would, to see what happens then. A page's own device is left alone. */
  lose() {
    const gpu = this.#gpu;
    if (gpu && this.#active === "webgpu") {
      this.#failures = 0;
      if (!this.#asked.device) {
        gpu.lose();
      }
      this.#fall(gpu, lost("a simulated loss"), true);
    }
  }

  /**
   * From now on the CPU answers; meanwhile the GPU is rebuilt. Calls in flight may all report the same loss, some of them
   * when that GPU has been replaced already.
   */
  #fall(gpu, error, again = !this.#asked.device) {
    if (this.#disposed || !this.#opened || gpu !== this.#gpu || this.#active !== "webgpu") {
      return;
    }
    this.#drop();
    this.#use(this.#cpu, error.message);
    this.#failures += 1;
    this.#onChange(this.state);
    if (again) {
      void this.#rebuild();
    }
  }

  async #rebuild() {
    for (; this.#failures <= PATIENCE_MS.length; this.#failures += 1) {
      await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS[this.#failures - 1]));
      if (this.#disposed || this.#active === "webgpu") {
        return;
      }
      try {
        await this.#attach(await connect(this.#Module, this.#asked));
        this.#use("webgpu", "rebuilt after it was lost");
        this.#onChange(this.state);
        return;
      } catch {
        this.#drop();
      }
    }
  }

  #use(backend, why) {
    [this.#active, this.#why] = [backend, why];
  }

  #drop() {
    this.#engine?.detach();
    this.#release(this.#gpu);
    this.#gpu = null;
  }

  /** The browser would keep a device's memory until it collects garbage; one that the page brought stays as it is. */
  #release(gpu) {
    if (gpu && !this.#asked.device) {
      gpu.lose();
    }
    gpu?.free();
  }

  dispose() {
    this.#disposed = true;
    this.#leaveGpu();
    if (this.#engine) {
      this.#drop();
      this.#engine.free();
      this.#engine = null;
    }
  }
}

const lost = (found) =>
  failure("gpu_lost", { where: "gpu", expected: "a device that works", found, remedy: "The CPU answers, and the GPU is tried again." });

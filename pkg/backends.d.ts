import type { LoadProgress } from "./index.js";

/** Where and how a network runs. */
export interface RunOptions {
  /**
   * What runs the network: `"auto"` times WebGPU and WebAssembly SIMD on it and takes the faster, once an adapter, version
   * and network; `"webgpu"` rejects where there is none that computes right; `"simd"`; `"reference"` (slow scalar code).
   * @defaultValue "auto"
   */
  backend?: "auto" | "webgpu" | "simd" | "reference";
  /** A device to run on, with `worker: false`. It stays the page's: `dispose()` does not destroy it. */
  device?: GPUDeviceLike;
  /**
   * `"f16"`: a GPU with `shader-f16` keeps maps and weights in 16 bits, half the memory and half the bytes to move, and sums in 32;
   * any other, and one that does not compute right so, computes with 32. `info.gpu.precision` says which it is.
   * @defaultValue "f32"
   */
  gpuPrecision?: "f32" | "f16";
  /**
   * `true`: in a worker of its own, so that the page stays responsive. `false`: in the calling thread, for pages that run
   * their own worker. An address: in a worker with that script, for bundlers that do not follow `new URL("./worker.js",
   * import.meta.url)`; it must be the package's `worker.js`, bundled.
   * @defaultValue true
   */
  worker?: boolean | string | URL;
  /**
   * How many threads of the CPU compute a frame, or a batch of fine-tuning, 1 … 16, its own among them. More than one takes a
   * page that is `crossOriginIsolated` (headers `Cross-Origin-Opener-Policy: same-origin` and
   * `Cross-Origin-Embedder-Policy: require-corp`) and a browser with relaxed SIMD; elsewhere it is one, and results are the
   * same to the last bit wherever a frame is computed. Threads that cannot start are a warning (`threads_unavailable`). Networks that share a page's own
   * thread (`worker: false`) share its others too.
   * @defaultValue as many as the device has, at most 4
   */
  threads?: number;
  /**
   * Where `mobilenet_web_bg.wasm` is, relative to the page. The importer, for files that do not say which network
   * they are, the module for quantised networks and the one that trains are looked for at `importer/mobilenet_web_bg.wasm`,
   * `integers/mobilenet_web_bg.wasm` and `training/mobilenet_web_bg.wasm` beside it; builds for browsers with relaxed SIMD at
   * `relaxed-simd/mobilenet_web_bg.wasm` and `relaxed-simd/integers/mobilenet_web_bg.wasm`, those for several threads in
   * `threads/` likewise. Where those are missing, the plain ones run.
   * @defaultValue beside the package's scripts
   */
  wasmUrl?: string | URL;
  /** Ends the load, download included; the promise is then rejected with code `aborted`. */
  signal?: AbortSignal;
  /** Called a few dozen times a second during a download, and at the end of each phase. */
  onProgress?: (progress: LoadProgress) => void;
}

/** What runs a network, and what is known about it. All of it changes with `backendchange`. */
export interface BackendState {
  /** `"webgpu"`, `"simd"` or `"reference"`. */
  readonly backend: string;
  /** Why that backend, in a sentence: what was measured, or what is wrong with the GPU. */
  readonly why: string;
  /** The GPU, as far as the browser tells; null where none answered. */
  readonly adapter: string | null;
  /** Milliseconds a frame that `"auto"` decided by; empty where nothing was compared. */
  readonly times: { readonly simd?: number; readonly webgpu?: number };
  /** What a call for labels costs on the GPU; null while the CPU answers. */
  readonly gpu: {
    /** Of maps and weights: see `gpuPrecision`. */
    readonly precision: "f32" | "f16";
    readonly pipelines: number;
    /** Dispatches a frame, from texture to labels. */
    readonly dispatches: number;
    /** Bytes that are read back for them. */
    readonly readbackBytes: number;
    /** Whether `profile` works there. */
    readonly timestamps: boolean;
  } | null;
}

/** A row of `selfTest`. */
export interface BackendTest {
  backend: string;
  adapter: string | null;
  /** How far the small network's answer is off at most, as a share of its range; null after a failure. */
  error: number | null;
  /** Milliseconds a frame of the loaded network; null after a failure. */
  ms: number | null;
  /** What is wrong with that backend, or null. */
  failure: string | null;
}

/** A row of `profile`: a dispatch of the GPU, or a step of the CPU. */
export interface Dispatch {
  /** The layers that it computes; empty for the GPU's passes of the frame and the labels. */
  layers: string[];
  /** The kernel, or the shader. */
  kernel: string;
  /** Microseconds. */
  us: number;
  /** Multiply-accumulates; 0 where there are none to speak of. */
  macs: number;
  /** Billions of floating-point operations a second, two a multiply-accumulate. */
  gflops: number;
  /** Bytes of weights and maps that are read and written. */
  bytes: number;
}

/** A `GPUDevice`. Structural, so that these types need no others. */
export interface GPUDeviceLike {
  readonly queue: object;
  readonly lost: Promise<unknown>;
  destroy(): void;
}

/**
 * A `GPUBuffer` of 32-bit floats, or of 16 bits where `info.gpu.precision` is `"f16"`; usages `STORAGE`, `COPY_SRC` and `COPY_DST`.
 * `[height, width, channels]`, each pixel beginning on a `vec4`, so that from one to the next it is `channels` rounded up to a
 * multiple of 4, with zeros in the lanes between. It belongs to the caller, and lives as long as its device.
 */
export interface KeptMap {
  readonly endpoint: string;
  readonly shape: readonly number[];
  /** In bytes. */
  readonly size: number;
  destroy(): void;
}

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
 * A `GPUBuffer` of 32-bit floats, usages `STORAGE`, `COPY_SRC` and `COPY_DST`: `[height, width, channels]`, each pixel
 * beginning on a `vec4<f32>`, so that from one to the next it is `channels` rounded up to a multiple of 4, with zeros in
 * the lanes between. It belongs to the caller, and lives as long as its device.
 */
export interface KeptMap {
  readonly endpoint: string;
  readonly shape: readonly number[];
  /** In bytes. */
  readonly size: number;
  destroy(): void;
}

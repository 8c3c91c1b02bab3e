/// <reference lib="esnext.disposable" />

import type { BackendState, BackendTest, Dispatch, KeptMap, RunOptions } from "./backends.js";
import type { Converted, ConvertOptions, Precision } from "./convert.js";
import type { Network } from "./overrides.js";
import type { Trainer, TrainerOptions } from "./trainer.js";

/** Pixels as bytes: `data` holds `width · height · 4` bytes, RGBA, rows from top to bottom, alpha not premultiplied, sRGB. */
export interface Pixels {
  data: Uint8Array | Uint8ClampedArray;
  /** Pixels a row. */
  width: number;
  /** Rows. */
  height: number;
}

/**
 * Anything that shows a picture. Its present content is taken when the call is made; it is never closed, detached or
 * changed. Bytes (`ImageData`, `Pixels`) of more than a few hundred thousand pixels are copied in slices: leave them
 * alone until the promise settles. Picture files and `<img>` are turned upright as their EXIF orientation says.
 */
export type FrameSource =
  | HTMLCanvasElement
  | OffscreenCanvas
  | HTMLImageElement
  | HTMLVideoElement
  | ImageBitmap
  | ImageData
  | VideoFrame
  | Blob
  | Pixels;

/**
 * Where weights come from: an address (relative to the page), a picked or dropped file, or bytes (copied, not detached).
 *
 * A model of several files comes by the address of its main file, `model.json` or the `.index` of a checkpoint, beside
 * which the others are fetched; or as a list of files, in any order and with others among them, as a drop or `<input
 * multiple>` gives. Files of a folder keep their place in it as `webkitRelativePath`.
 */
export type WeightsSource = string | URL | Blob | ArrayBuffer | Uint8Array | readonly File[] | FileList;

/** How far `load` has come. */
export interface LoadProgress {
  /** `download`: bytes arrive. `cache`: they were in Cache Storage. `prepare`: all are here, the network is being built. */
  phase: "download" | "cache" | "prepare";
  /** Bytes here so far. */
  loadedBytes: number;
  /** Bytes in all; null while the server does not say (no content-length, or a compressed body). */
  totalBytes: number | null;
  /** The address in use; null for bytes and files. */
  url: string | null;
}

/** All that a `Network` says is known better than what the weights' metadata, names and shapes tell. */
export interface LoadOptions extends RunOptions, Network {
  /**
   * `"sha256-"` and the base64 hash that the weights must have. It is also their key in Cache Storage: with it the second
   * load needs no network, without it only the browser's HTTP cache helps. Needs a secure context.
   *
   * Of a model of several files it is that of the main one; an object gives those of the files that it names, by their
   * paths in the folder of the main file: `{ "model.json": "sha256-…", "group1-shard1of1.bin": "sha256-…" }`.
   */
  integrity?: string | Readonly<Record<string, string>>;
  /**
   * Where `labels/imagenet.txt` is, relative to the page. It is fetched only for a network of ImageNet's 1000 classes, or
   * 1001 with background (see `info.labelSet`), whose weights bring no names while `labels` gives none either. Where it
   * cannot be had, classes keep their numbers and `info.warnings` says why (`labels_unavailable`). `false`: never fetched.
   * @defaultValue beside the package's scripts
   */
  labelsUrl?: string | URL | false;
  /**
   * Computes with the numbers that a file of this precision would hold (see `convert`), to see what it costs. In memory
   * they have 32 bits. A quantised TensorFlow Lite file whose precision is kept is computed in its own integers, on the CPU,
   * unless `backend` is `"webgpu"`.
   * @defaultValue "kept"
   */
  precision?: Precision;
  /** Other addresses of the same weights, tried in order after the first fails. Only for weights by address. */
  mirrors?: readonly (string | URL)[];
}

export interface FrameOptions {
  /**
   * `"preset"`: crop and resize as the weights' preset says. `"none"`: the frame already has the network's input size and
   * is used as it is (`source_wrong_size` otherwise).
   * @defaultValue "preset"
   */
  resize?: "preset" | "none";
  /**
   * What transparent pixels are laid on: red, green, blue, 0 … 255.
   * @defaultValue [255, 255, 255]
   */
  background?: readonly [number, number, number];
  /** Ends the call, code `aborted`. One that already computes is left to finish unseen; one that waits is taken out. */
  signal?: AbortSignal;
}

export interface ClassifyOptions extends FrameOptions {
  /**
   * At most so many labels, 1 or more.
   * @defaultValue 5
   */
  topK?: number;
  /** Labels below this probability (0 … 1) are left out. */
  threshold?: number;
  /** Only these classes, by name or index. Probabilities stay those over all classes. */
  allow?: readonly (string | number)[];
  /** All but these classes, by name or index. */
  deny?: readonly (string | number)[];
}

export interface EmbedOptions extends FrameOptions {
  /**
   * Which endpoint, one of `info.endpoints`: `"global_pool"`, `"layer_19"`, `"layer_15/expansion_output"` …, or what
   * Keras, torchvision and timm call it: `"block_13_expand_relu"`, `"features.18"` … What comes after it is not run.
   * @defaultValue "global_pool"
   */
  endpoint?: string;
  /** Several endpoints of one run, answered as an array in this order. */
  endpoints?: readonly string[];
  /**
   * Scale to Euclidean length 1.
   * @defaultValue false
   */
  normalize?: boolean;
  /**
   * `"gpu-buffer"`: leave it on the GPU (see `KeptMap`). Needs `worker: false`; `gpu_unavailable` where the CPU answers.
   * @defaultValue "array"
   */
  as?: "array" | "gpu-buffer";
}

export interface StreamOptions extends Omit<ClassifyOptions, "signal"> {
  /**
   * At most so many frames a second are taken; less where the network or the consumer is slower.
   * @defaultValue Infinity
   */
  maxFps?: number;
  /** Ends the loop; no error is thrown. */
  signal?: AbortSignal;
}

export interface Label {
  /** Position among the network's outputs, from 0. */
  index: number;
  /** The class's name; `"class 7"` where neither the weights nor `load` know names. Not unique: ImageNet has two cranes. */
  name: string;
  /** Softmax over all classes, 0 … 1 (as the network's `classifier` says). */
  probability: number;
  /** WordNet id such as `"n01440764"`, where the weights or `load` bring them; ImageNet's background has none. */
  wnid?: string;
}

export interface Classification {
  /** The most probable first. */
  labels: Label[];
  /** Milliseconds from reading the frame's pixels to the labels; waiting and the decoding of a file are not in it. */
  ms: number;
}

/** A vector (or scores) with the shape of its endpoint, e.g. `[1280]` or `[14, 14, 576]` (height, width, channels). */
export type Vector = Float32Array & { readonly endpoint: string; readonly shape: readonly number[] };

/** Something that a weights' file does not state. */
export interface Inferred {
  /** E.g. `"multiplier"`. */
  what: string;
  /** What it was taken to be. */
  value: string;
  /** What told it. Where it is wrong, `load` takes an option that goes before it. */
  why: string;
}

/** Something suspicious or inconvenient that is not fatal. */
export interface Warning {
  /** E.g. `"batch_norm_variance_one"`, `"labels_unavailable"`, `"threads_unavailable"`, `"cache"`, or the code of a mirror's error. */
  code: string;
  message: string;
}

/** A network that is not loaded. */
export interface Description {
  /** Trained parameters. */
  params: number;
  /** Multiply-accumulates a frame. */
  macs: number;
  /** Bytes of its packed weights in memory. */
  weightsBytes: number;
  /** Every operation, in order. */
  layers: { name: string; kind: string; shape: number[]; params: number; macs: number }[];
}

export interface Endpoint {
  name: string;
  /** `[height, width, channels]` of a map, `[channels]` of a vector. */
  shape: readonly number[];
  /** Input pixels a pixel of the map stands for, along one side; null for a vector. */
  reduction: number | null;
}

export interface Info extends BackendState {
  /** E.g. `"v2"`. */
  version: string;
  /** Width multiplier, 1 for the full network. */
  multiplier: number;
  /** Height of the network's input in pixels, which is its side where it is square. */
  resolution: number;
  inputHeight: number;
  inputWidth: number;
  /** The least reduction that strides stop at: 8, 16 or 32. */
  outputStride: number;
  /** Outputs of the classifier. */
  classes: number;
  /** E.g. `"imagenet-1000"`; empty where the weights do not say. */
  labelSet: string;
  /** Whether classes have names. */
  labels: boolean;
  /** Preset of crop, resize and normalisation, e.g. `"torchvision"`. */
  preprocessing: string;
  /** `"symmetric"`, `"same"` or `"after"`. */
  padding: string;
  batchNormEpsilon: number;
  /** Whose names the tensors bear, e.g. `"torchvision"`; `"synthetic"` where there are none. */
  naming: string;
  /** What the weights do not state, and why it was taken to be so. */
  inferred: readonly Inferred[];
  /** Trained parameters. */
  params: number;
  /** Multiply-accumulates a frame. */
  macs: number;
  /** Bytes of packed weights in memory. */
  weightsBytes: number;
  /** Bytes for everything between input and output of a frame, allocated once. */
  arenaBytes: number;
  /** What `embed` can return, in the network's order. */
  endpoints: readonly Endpoint[];
  /** The list of kernel calls, as text. */
  plan: string;
  /**
   * Which build of the engine this browser runs: `"relaxed-simd"` multiplies and adds in one instruction; so does
   * `"threads"`, whose memory several threads share.
   */
  build: "threads" | "relaxed-simd" | "simd128";
  /** Threads of the CPU that compute a frame. */
  threads: number;
  /** Whether it runs in a worker. */
  worker: boolean;
  /** Where the weights came from. */
  loadedFrom: "network" | "cache" | "bytes" | "synthetic";
  /** The address that delivered them; null for bytes and files. */
  url: string | null;
  /** Bytes of the weights' file, or of all its files. */
  fileBytes: number;
  /** What went wrong without being fatal: mirrors that failed, a full cache, statistics that no training wrote. */
  warnings: readonly Warning[];
}

export * from "./errors.js";
export type * from "./backends.js";
export type * from "./convert.js";
export type * from "./overrides.js";
export type * from "./trainer.js";

/**
 * A loaded network.
 *
 * ```js
 * await using net = await MobileNet.load("mobilenet_v2_1.0_224.safetensors");
 * const { labels, ms } = await net.classify(video);
 * ```
 *
 * Calls are answered in the order in which they were made. Frames are taken at the call, so await each call in a loop:
 * a hundred calls at once hold a hundred frames.
 */
export class MobileNet extends EventTarget implements AsyncDisposable {
  private constructor();

  /**
   * Loads a network. The file says what it is, or its tensors do (see `info.inferred`); no option is needed for a right
   * answer.
   *
   * @throws MobileNetError with a `LoadErrorCode`, a `WeightsErrorCode` or `bad_option`
   */
  static load(weights: WeightsSource, options?: LoadOptions): Promise<MobileNet>;

  /**
   * Weights of any format, or of several files, as one file of safetensors that says all about itself. Only the network's
   * own tensors are in it.
   *
   * @throws MobileNetError as `load` does
   */
  static convert(weights: WeightsSource, options?: ConvertOptions): Promise<Converted>;

  /** A network with weights out of a seed: as fast as a trained one, for measuring it without a download. */
  static synthetic(network: Network, options?: RunOptions): Promise<MobileNet>;

  /** Sizes and layers of a network that is not loaded; only the WebAssembly module is. */
  static describe(network: Network, options?: { wasmUrl?: string | URL }): Promise<Description>;

  /** What was loaded, and where it runs. */
  readonly info: Readonly<Info>;

  /**
   * The most probable labels of a frame. Keras's `decode_predictions` gives the same rows as
   * `labels.map(({ wnid, name, probability }) => [wnid, name, probability])`.
   *
   * @throws MobileNetError with a `CallErrorCode`, `aborted`, `disposed`, `worker_failed` or `internal`; so do the others
   */
  classify(source: FrameSource, options?: ClassifyOptions): Promise<Classification>;
  /** Those of several frames, all taken now; the same as calls one by one. An error about a frame begins with `frames[2]`. */
  classify(sources: readonly FrameSource[], options?: ClassifyOptions): Promise<Classification[]>;

  /** The class scores before softmax, shape `[classes]`. */
  logits(source: FrameSource, options?: FrameOptions): Promise<Vector>;
  logits(sources: readonly FrameSource[], options?: FrameOptions): Promise<Vector[]>;

  /** The values of several endpoints in one run, in their order. */
  embed(source: FrameSource, options: EmbedOptions & { endpoints: readonly string[] }): Promise<Vector[]>;
  embed(sources: readonly FrameSource[], options: EmbedOptions & { endpoints: readonly string[] }): Promise<Vector[][]>;
  /** The same, left on the GPU: buffers that are the caller's to destroy. */
  embed(source: FrameSource, options: EmbedOptions & { endpoints: readonly string[]; as: "gpu-buffer" }): Promise<KeptMap[]>;
  embed(source: FrameSource, options: EmbedOptions & { as: "gpu-buffer" }): Promise<KeptMap>;
  /** The feature vector (shape `[1280]` for V2 1.0), or the values of another endpoint. */
  embed(source: FrameSource, options?: EmbedOptions & { endpoints?: undefined }): Promise<Vector>;
  embed(sources: readonly FrameSource[], options?: EmbedOptions & { endpoints?: undefined }): Promise<Vector[]>;

  /**
   * Every dispatch of a frame on the GPU, timed by itself, in order; `unsupported` without `info.gpu.timestamps`. On the CPU
   * every step of `info.plan`, which runs by itself as often as it takes for the browser's clock: about a second in all, so
   * load with a worker. The picture's way to the network's input is not among the steps.
   */
  profile(source: FrameSource, options?: FrameOptions): Promise<Dispatch[]>;

  /** Error and time of each backend here, also of one that is not in use: the CPU's row, then WebGPU's. */
  selfTest(): Promise<BackendTest[]>;

  /** Does to the page what a crashing driver would: see `backendchange`. A device that the page brought is left alone. */
  simulateDeviceLoss(): Promise<void>;

  /**
   * `"backendchange"`: the GPU was lost or failed, and the CPU answers from now on, also the calls in flight; or the GPU
   * was rebuilt and taken back. `info` says the same.
   */
  addEventListener(
    type: "backendchange",
    listener: ((event: Event & BackendState) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(...rest: Parameters<EventTarget["addEventListener"]>): void;

  /** Cosine of the angle between two vectors of one length, −1 … 1; 0 when one of them is all zeros. */
  similarity(a: ArrayLike<number>, b: ArrayLike<number>): number;

  /**
   * Labels of a video's (or canvas's) frames, for `for await`. A frame is taken when the next result is asked for, and it
   * is the newest: nothing piles up. On a GPU the next new frame is taken while the last one is computed, for a consumer
   * that keeps pace; at most two are under way. It waits on a hidden tab and a paused video, ends when the video ends, the signal
   * fires or the loop is left, and throws when the video fails.
   */
  stream(
    source: HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas,
    options?: StreamOptions,
  ): AsyncGenerator<Classification, void, void>;

  /** Classes of one's own on this network: a dataset, and heads that learn from it. */
  trainer(options?: TrainerOptions): Promise<Trainer>;

  /** Ends the worker and frees all memory. Calls in flight and later ones are rejected with code `disposed`. */
  dispose(): void;

  /** `dispose()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

import type { AddOptions, Added, CaptureOptions, FolderOptions, Sample, TreeOptions } from "./dataset.js";
import type { FrameSource, Label, MobileNetError, Warning } from "./index.js";

export type * from "./dataset.js";

/**
 * What a head answers: `"softmax"`, one of its classes; `"sigmoid"`, any of them, each by itself (with one class name, whether
 * it is that or not); `"regression"`, a number for each name.
 */
export type Task = "softmax" | "sigmoid" | "regression";

export interface TrainerOptions {
  /** Names, in the order of the outputs. More come with `addFolder`, `importZip` and `addClass`; `load` brings its own. */
  classes?: readonly string[];
  /** @defaultValue "softmax" */
  task?: Task;
  /**
   * The endpoint whose vectors a head learns from. Maps are averaged over their pixels.
   * @defaultValue "global_pool"
   */
  endpoint?: string;
  /**
   * A name under which pictures stay in IndexedDB: the same name finds them after a reload. Without it they are kept as
   * compressed pictures in memory, until `dispose`.
   */
  store?: string;
  /**
   * Everything random (split, order, first weights, dropout, augmentation) follows from it.
   * @defaultValue 1
   */
  seed?: number;
}

/** Parts of a whole, in percent. What a class has too few bursts for goes to training. */
export interface Split {
  /** @defaultValue 80 */
  train?: number;
  /** @defaultValue 20 */
  validation?: number;
  /** @defaultValue 0 */
  test?: number;
}

/** Random changes of training pictures, one draw a picture and epoch. All off unless named. */
export interface Augmentation {
  flipHorizontal?: boolean;
  flipVertical?: boolean;
  /** Up to so much of a turn either way, e.g. 0.2 for ±72°. */
  rotation?: number;
  /** Up to so much of its side either way. */
  translation?: number;
  /** Scaled by 1 ± up to this. */
  zoom?: number;
  /** Up to so much of the whole range is added, either way. */
  brightness?: number;
  /** Distances from the mean are multiplied by 1 ± up to this. */
  contrast?: number;
}

export type Schedule =
  | { kind: "constant" }
  /** Half a cosine from the learning rate to `end` times it (0 unless given), over all epochs. */
  | { kind: "cosine"; end?: number }
  /** Times `factor` (0.9 unless given) after each epoch. */
  | { kind: "exponential"; factor?: number }
  /** Times `factor` (0.1 unless given) after every `epochs` epochs (10 unless given). */
  | { kind: "step"; factor?: number; epochs?: number };

export interface FitOptions {
  /**
   * `"gradient"`: batches and an optimiser. `"ridge"`: closed form, at once. `"neighbours"`: the k nearest pictures vote.
   * `"centroids"`: the nearest mean of a class. The last two take one picture a class.
   * @defaultValue "gradient"
   */
  method?: "gradient" | "ridge" | "neighbours" | "centroids";
  /** @defaultValue 20 */
  epochs?: number;
  /**
   * Where counting begins: training continues with the weights that are there, up to `epochs`.
   * @defaultValue 0
   */
  initialEpoch?: number;
  /** @defaultValue 16 */
  batchSize?: number;
  /** @defaultValue "adam" */
  optimizer?: "adam" | "sgd";
  /** @defaultValue 0.001 */
  learningRate?: number;
  /**
   * Of `"sgd"`.
   * @defaultValue 0.9
   */
  momentum?: number;
  /**
   * How the learning rate changes from epoch to epoch; fine-tuning begins it anew, over `fineTuneEpochs`.
   * @defaultValue constant
   */
  schedule?: Schedule;
  /**
   * Added to the loss: so much times the sum of squared weights, biases left out, as Keras' `L2` has it. Of `"ridge"`, the
   * penalty, 1 unless given.
   * @defaultValue 0
   */
  l2?: number;
  /** Of a target, so much is shared by all classes. It is part of validation's loss too. @defaultValue 0 */
  labelSmoothing?: number;
  /** Units of a hidden layer with ReLU; 0 for none. @defaultValue 0 */
  hidden?: number;
  /** Share of the head's inputs (and hidden units) left out while training, in fine-tuning too. @defaultValue 0 */
  dropout?: number;
  /**
   * `"balanced"`: a class counts the more the fewer pictures it has. Numbers: one a class; of a single sigmoid class also two, for
   * no and for yes. All count the same unless given.
   */
  classWeights?: "balanced" | readonly number[];
  /**
   * Ends when validation loss has not fallen by more than `minDelta` (0 unless given) for `patience` epochs (5 unless given); where
   * nothing is held out it is training's loss. The best epoch's weights are kept in any case. Off unless named; fine-tuning
   * counts its own epochs.
   */
  earlyStopping?: { patience?: number; minDelta?: number };
  split?: Split;
  augment?: Augmentation;
  /** Of `"neighbours"`. @defaultValue 5 */
  neighbours?: number;
  /**
   * Also trains the network itself from here on: an endpoint (`"layer_15"`), or the index of a layer as Keras counts them; where
   * another version of Keras counts, that of so many: `{ layer: 120, of: 155 }`. First the head by itself for `epochs`, then
   * both for `fineTuneEpochs`. The head is one dense layer, on `global_pool`. `schedule`, `dropout`, `classWeights`,
   * `labelSmoothing`, `l2` (of the head's weights), `optimizer` and `batchSize` are the head's.
   *
   * 0 is the whole network, learnt from pictures. Its maps and gradients lie in memory for a whole batch: of V2 at 224 px
   * 55 MB a picture, 0.9 GB with the usual `batchSize`. What does not fit is refused with `bad_option`.
   */
  fineTuneFrom?: string | number | { layer: number; of: number };
  /**
   * Fine-tuning reads the network's file again, from its address or `File`. Where `load` was given bytes, give them here.
   */
  weights?: string | URL | Blob | ArrayBuffer | Uint8Array;
  /** @defaultValue 10 */
  fineTuneEpochs?: number;
  /** @defaultValue a tenth of `learningRate` */
  fineTuneLearningRate?: number;
  /**
   * `"frozen"`: moving statistics normalise, and stay. `"training"`: each batch's own do, and move them.
   * @defaultValue "frozen"
   */
  batchNorm?: "frozen" | "training";
  /** Called after each batch, with what it cost. */
  onBatch?: (batch: { epoch: number; batch: number; batches: number; loss: number }) => void;
  /** Called after each epoch. */
  onEpoch?: (epoch: Epoch) => void;
  /** How many pictures have been turned into vectors. */
  onProgress?: (progress: { phase: "features"; done: number; total: number }) => void;
  /** Stops within 100 ms. The best epoch so far is kept, and `fit` resolves with `stopped: "aborted"`. */
  signal?: AbortSignal;
}

/** Means over one epoch. Validation's are null where no picture is held out. */
export interface Epoch {
  /** From 0. Those of fine-tuning count on. */
  epoch: number;
  phase: "head" | "fine-tuning";
  loss: number;
  /** Share of right answers; null of a regression. */
  accuracy: number | null;
  validationLoss: number | null;
  validationAccuracy: number | null;
  learningRate: number;
  ms: number;
}

export interface History {
  method: NonNullable<FitOptions["method"]>;
  epochs: Epoch[];
  /** Whose weights are kept; null of methods without epochs. */
  bestEpoch: number | null;
  stopped: "done" | "early" | "aborted";
  /** Trained numbers. */
  params: number;
  /** Of `"ridge"`: the share of training pictures that a head trained on all others gets right. */
  leaveOneOutAccuracy: number | null;
  /** Pictures in each part. */
  split: { train: number; validation: number; test: number };
  /** How many threads computed a batch of fine-tuning, as many as the network was loaded for; 1 without. Results are the same. */
  threads: number;
  /** `"threads_unavailable"` where they are fewer. */
  warnings: readonly Warning[];
  ms: number;
}

/** Rows are what pictures are, columns what they were taken for. */
export interface Evaluation {
  on: "train" | "validation" | "test" | "all";
  loss: number;
  accuracy: number | null;
  /** Mean squared error of a regression. */
  meanSquaredError: number | null;
  /** Of one sigmoid output two: `"not cup"` and `"cup"`. */
  classes: string[];
  /** Empty where pictures have no single answer: of several sigmoid outputs, and of a regression. */
  confusion: number[][];
  /** The pictures of each cell of `confusion`. */
  cells: number[][][];
  /** Null where a class was never predicted, or has no picture here. */
  perClass: { name: string; precision: number | null; recall: number | null; pictures: number }[];
}

export interface Prediction {
  /** The most probable first, all classes; those of a regression in order, with `probability` the number itself. */
  labels: Label[];
  /** Whether it is probably none of the classes: its best probability lies below `threshold`. */
  unknown: boolean;
  /** Calibrated on pictures held out; null where there were none. */
  threshold: number | null;
  ms: number;
}

/** Pictures that deserve a look. */
export interface Findings {
  /** Their neighbours, and the head, take them for another class. The most suspicious first. */
  mislabelled: { id: number; label: string; looksLike: string; suspicion: number }[];
  /** Pairs whose vectors are nearly the same. */
  duplicates: { ids: [number, number]; similarity: number }[];
}

export interface HeatMapOptions {
  label?: string | number;
  /** @defaultValue "head" */
  of?: "head" | "network";
  /** Of `"network"`, and of a head on V3's vectors, where `load` was given bytes. */
  weights?: FitOptions["weights"];
  signal?: AbortSignal;
}

/** How much each part of the picture speaks for a class. */
export interface HeatMap {
  /** Rows and columns of `data`, which cover the part of the picture that the network sees. */
  height: number;
  width: number;
  /** −1 … 1: what speaks against it is below 0. */
  data: Float32Array;
  /** Of which output. */
  index: number;
  /** Its name; null of the network's own classes, which `classify` names by the same index. */
  label: string | null;
  /** What the network sees of the frame, and `data` covers: shares of the frame's width and height. */
  region: { x: number; y: number; width: number; height: number };
}

/**
 * `"head"`: one file of safetensors with labels, preprocessing, metrics and what tells its backbone. `"network"`: the whole
 * network with this head, which `MobileNet.load` opens. `"tfjs"`: the head as TensorFlow.js layers (`model.json`,
 * `weights.bin`, `metadata.json`). `"onnx"`: the head as ONNX.
 */
export type SaveFormat = "head" | "network" | "tfjs" | "onnx";

export interface Saved {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Classes of one's own on a loaded network.
 *
 * ```js
 * const trainer = await net.trainer({ classes: ["cup", "hand"] });
 * await trainer.add(video, "cup");
 * await trainer.fit({ epochs: 20, onEpoch: console.log });
 * const { labels } = await trainer.predict(video);
 * const [{ name, bytes }] = await trainer.save();
 * ```
 *
 * Training runs beside the network, in its worker; `classify` and `predict` are answered meanwhile.
 */
export class Trainer implements AsyncDisposable {
  private constructor();
  readonly classes: readonly string[];
  readonly task: Task;
  /** All pictures, without their pixels, in the order in which they were added. A new array or the same after each change. */
  readonly samples: readonly Sample[];
  /** Whether there is a head that predicts. */
  readonly isTrained: boolean;

  /** Behind the others. */
  addClass(name: string): Promise<void>;
  renameClass(from: string, to: string): Promise<void>;
  /** With its pictures. */
  removeClass(name: string): Promise<void>;

  /** Why pictures are in memory only; null while all are in the store, or none was asked for. */
  readonly storeError: MobileNetError | null;
  /** Writes what the store had no room for. */
  persist(): Promise<void>;

  /**
   * Keeps a picture. Files are kept as they are; frames as JPEG, their shorter side at most 1.5 times the network's input. A
   * head that was trained stays as it is until the next `fit`.
   *
   * `label` is one of the classes. It is null where `values` say what the picture is, or where it is none of the classes with
   * `task: "sigmoid"`.
   *
   * @throws MobileNetError `store_full`, `store_unavailable`: the picture is kept all the same, in memory
   */
  add(source: FrameSource, label: string | null, options?: AddOptions): Promise<Sample>;
  /** A number for pictures that are taken in a row. */
  burst(): number;
  /**
   * Frames of a playing video as one burst, until `signal`.
   * @returns how many
   */
  capture(video: HTMLVideoElement, label: string | null, options: CaptureOptions): Promise<number>;
  /**
   * Pictures whose folder names their class, `dataset/alpaca/1.jpg`: of `<input webkitdirectory>`, or what was dropped (call it
   * in the event itself). Classes that are new come behind those that are there. What cannot be read is skipped and told.
   *
   * @throws MobileNetError `aborted`: what was taken in until then stays
   */
  addFolder(files: Iterable<File> | DataTransfer, options?: TreeOptions): Promise<Added>;
  /** Pictures by address. */
  addUrls(urls: Iterable<string | URL>, label: string, options?: FolderOptions): Promise<Added>;
  remove(id: number): Promise<void>;
  relabel(id: number, label: string | null, options?: { values?: readonly number[] }): Promise<void>;
  /** The picture as it is kept, compressed. */
  picture(id: number): Promise<Blob>;
  /** All pictures and classes as one zip, a folder a class. */
  exportZip(options?: { signal?: AbortSignal }): Promise<Blob>;
  /**
   * Adds those of such a zip, or of any zip of such folders.
   *
   * @throws MobileNetError `corrupt` for a file that is no whole archive; a broken picture in it is skipped
   */
  importZip(zip: Blob, options?: FolderOptions): Promise<Added>;
  /**
   * What `augment` makes of a picture, as the network sees it: draws, of the network's input size.
   * `count` is 9 unless given.
   */
  preview(id: number, augment: Augmentation, options?: { count?: number }): Promise<ImageData[]>;

  /**
   * Fetches what training needs, which the first `fit`, `load` or `heatMap` does otherwise: while pictures are taken nobody
   * waits for it.
   */
  prepare(): Promise<void>;
  /**
   * Trains a head, and with `fineTuneFrom` the end of the network.
   *
   * @throws MobileNetError `too_few_samples`, `training_diverged` (which says the batch; the best epoch before is kept), `busy`,
   *   `not_finite` (which says the picture), `weights_unavailable`, `bad_option`
   */
  fit(options?: FitOptions): Promise<History>;
  evaluate(options?: { on?: Evaluation["on"] }): Promise<Evaluation>;
  findings(): Promise<Findings>;
  /** @throws MobileNetError `not_trained` */
  predict(source: FrameSource, options?: { signal?: AbortSignal }): Promise<Prediction>;
  /**
   * What in a picture speaks for one of this head's classes, by name or number; for the most probable one unless said: the
   * derivative of its logit by the last map with pixels, times that map. Where vectors are the means of that map, as those of V1 and
   * V2, that is known from the head. Those of V3 lie behind a layer more: unless fine-tuned, its file is read again, once (see
   * `FitOptions.weights`).
   *
   * `of: "network"`: for one of the network's own classes, by the `index` that `classify` gives. That needs no training and no
   * class of one's own, but reads the network's file once again. Of V1 and V2 it is the class activation map.
   *
   * @throws MobileNetError `not_trained`, `weights_unavailable`, `unknown_endpoint` (a network without classes, or an endpoint
   *   behind no map that is pooled), `bad_option`
   */
  heatMap(source: FrameSource, options?: HeatMapOptions): Promise<HeatMap>;

  /**
   * The files of a format; one, except of `"tfjs"`. After fine-tuning it is the whole network, `format: "network"`. That of a
   * head alone reads the network's file again: see `FitOptions.weights`.
   */
  save(options?: { format?: SaveFormat; weights?: FitOptions["weights"] }): Promise<Saved[]>;
  /**
   * A head that `save` wrote, or a TensorFlow.js head of one or two dense layers: `model.json`, its weights and
   * `metadata.json`. Whole models, Teachable Machine's among them, are for `MobileNet.load`, and the error says so. Its classes come first in `classes`;
   * those that it does not know, and that have pictures, stay behind them.
   *
   * @throws MobileNetError `wrong_backbone`: vectors of a fixed picture lie more than 2 % apart, so that the same weights in
   *   another file, or in f16, are taken, and others are not
   */
  load(head: Blob | Uint8Array | ArrayBuffer | readonly File[]): Promise<void>;

  /** Lets go of pictures in memory and of the head; those in a store stay. */
  dispose(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

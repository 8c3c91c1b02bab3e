import type { MobileNetError } from "./errors.js";

/** One picture of the dataset. */
export interface Sample {
  id: number;
  /** Its class; null where `values` say what it is. */
  label: string | null;
  /** Of a regression, its numbers; of `"sigmoid"`, 0 or 1 for each class, if they were given. */
  values?: readonly number[];
  /** Pictures of one burst never straddle a split. */
  burst: number;
  /** Where it came from: a path, an address or `"camera"`. */
  origin: string;
  /** Milliseconds since 1970. */
  added_ms: number;
  /** Whether it is in the store. False without one, or where that had no room: it is in memory then. */
  stored: boolean;
}

export interface AddOptions {
  /** Numbers to learn, with `task: "regression"`; of `"sigmoid"`, 0 or 1 for each class, instead of one label. */
  values?: readonly number[];
  /** From `trainer.burst()`: frames that were taken in a row. A picture by itself is a burst of its own. */
  burst?: number;
  origin?: string;
  signal?: AbortSignal;
}

/** A picture that was not taken in, and why. The others were. */
export interface Skipped {
  path: string;
  error: MobileNetError;
}

export interface FolderOptions {
  signal?: AbortSignal;
  /** Called after each picture. */
  onProgress?: (progress: { done: number; total: number; path: string }) => void;
}

export interface TreeOptions extends FolderOptions {
  /**
   * The class of a picture by its path; null for none of them, with `task: "sigmoid"`.
   * @defaultValue the name of the folder in which it lies
   */
  labelOf?: (path: string) => string | null;
}

export interface Added {
  added: number;
  skipped: Skipped[];
  /** How many of those that were added the store had no room for: see `storeError`. */
  unstored: number;
}

export interface CaptureOptions {
  /** Ends the burst. */
  signal: AbortSignal;
  /**
   * Frames a second, at most: neighbours that are closer teach nothing.
   * @defaultValue 8
   */
  fps?: number;
  /** Called with each picture. */
  onSample?: (sample: Sample) => void;
}

/** What can go wrong while loading over HTTP, starting or calling. */
export type LoadErrorCode =
  | "http_status"
  | "network"
  | "cors_refused"
  | "truncated"
  | "html_instead_of_weights"
  | "integrity_mismatch"
  | "insecure_context"
  | "wasm_unavailable"
  | "worker_failed"
  | "unsupported"
  | "internal"
  | "aborted"
  | "disposed";

/** What can be wrong with the weights' contents. */
export type WeightsErrorCode =
  | "unsupported_format"
  | "truncated"
  | "bad_header"
  | "corrupt"
  | "refused_pickle"
  | "not_mobilenet"
  | "bad_metadata"
  | "missing_part"
  | "missing_tensor"
  | "wrong_shape"
  | "wrong_dtype"
  | "not_finite"
  | "bad_model";

/** What can be wrong with a call's options or frame. */
export type CallErrorCode =
  | "bad_option"
  | "unknown_endpoint"
  | "source_not_ready"
  | "source_empty"
  | "source_tainted"
  | "source_detached"
  | "source_unsupported"
  | "source_wrong_length"
  | "source_wrong_size";

/** Why a GPU cannot be used. Rejects only a load with `backend: "webgpu"`; else the CPU answers, and `info.why` says so. */
export type GpuErrorCode =
  | "gpu_unavailable"
  | "gpu_lost"
  | "gpu_out_of_memory"
  | "gpu_failed"
  | "gpu_wrong";

/** What can go wrong in a trainer, or with a head that was saved. */
export type TrainingErrorCode =
  | "too_few_samples"
  | "training_diverged"
  | "not_trained"
  | "wrong_backbone"
  | "store_full"
  | "store_unavailable"
  | "busy"
  | "weights_unavailable";

export type ErrorCode = LoadErrorCode | WeightsErrorCode | CallErrorCode | GpuErrorCode | TrainingErrorCode;

/** Every promise of this package that fails is rejected with one of these. Its message says where → expected → found → remedy. */
export class MobileNetError extends Error {
  private constructor();
  readonly name: "MobileNetError";
  /** Stable: compare this, show the message. */
  readonly code: ErrorCode;
  /** What each address failed with, when a load tried several. */
  readonly failures: readonly MobileNetError[];
}

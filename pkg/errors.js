/**
 * Every `code` that a `MobileNetError` of this package's JavaScript can carry, with what it stands for; training's own are in
 * `training-codes.js`. Codes about the weights' contents (`missing_tensor`, `bad_header` …) come from the engine and are
 * listed in `errors.d.ts`.
 */
export const CODES = Object.freeze({
  http_status: "The server answered with a status other than 2xx.",
  network: "No answer came from the server.",
  cors_refused: "The server answered, but does not let pages of this origin read the answer.",
  truncated: "The body ended early.",
  html_instead_of_weights: "A web page came where weights were expected.",
  integrity_mismatch: "The bytes have another sha-256 than asked for.",
  insecure_context: "The browser withholds an API because the page is not in a secure context.",
  aborted: "The call's AbortSignal fired.",
  disposed: "The network was disposed of.",
  wasm_unavailable: "The WebAssembly module could not be fetched or compiled.",
  worker_failed: "The worker could not start, or died.",
  internal: "The engine stopped on a fault of its own.",
  unsupported: "The browser lacks something that this package needs.",
  bad_option: "An option has a value outside its range.",
  source_not_ready: "The frame source has no picture yet.",
  source_empty: "The frame source has no pixels.",
  source_tainted: "The frame source holds another origin's pixels, which this page may not read.",
  source_detached: "The frame source was closed or transferred away.",
  source_unsupported: "This is no frame source, or no picture that the browser can decode.",
});

/** An error with a stable `code`; its message says where → expected → found → remedy. */
export class MobileNetError extends Error {
  /**
   * @param {string} code one of `CODES` or of the engine's codes
   * @param {string} message the whole sentence
   * @param {{ cause?: unknown, failures?: MobileNetError[] }} [more] what caused it; what each mirror failed with
   */
  constructor(code, message, more = {}) {
    super(message, "cause" in more ? { cause: more.cause } : undefined);
    this.name = "MobileNetError";
    this.code = code;
    this.failures = more.failures ?? [];
  }
}

/**
 * An error from the parts of its sentence.
 *
 * @param {string} code
 * @param {{ where: string, expected?: string, found?: string, remedy?: string, cause?: unknown }} parts
 */
export function failure(code, { where, expected, found, remedy, ...more }) {
  const facts = [expected && `expected ${expected}`, found && `found ${found}`].filter(Boolean).join(", ");
  return new MobileNetError(code, `${where}: ${facts || CODES[code]}${remedy ? `. ${remedy}` : ""}`, more);
}

/**
 * The error of a call whose signal fired; the signal's reason is its cause.
 *
 * @param {string} where
 * @param {AbortSignal} signal
 */
export function aborted(where, signal) {
  return new MobileNetError("aborted", `${where}: aborted by its signal`, { cause: signal.reason });
}

/**
 * The error of a picture file that `createImageBitmap` refused.
 *
 * @param {Blob} blob
 * @param {string} where
 * @param {Error} cause
 */
export function undecodable(blob, where, cause) {
  return failure("source_unsupported", {
    where,
    expected: "a picture that this browser decodes",
    found: `${blob.size} bytes of type "${blob.type}" (${cause.message})`,
    remedy: "If it is an SVG or a format that only <img> shows, draw it on a canvas and pass that.",
    cause,
  });
}

/**
 * The error again, its place inside `outer`.
 *
 * @param {string} outer
 * @param {MobileNetError} error
 */
export function within(outer, error) {
  return new MobileNetError(error.code, `${outer}, ${error.message}`, error);
}

/** An error as plain data that survives `postMessage`. */
export function toWire(error) {
  const { code, message, cause, failures = [] } = error;
  return {
    code: typeof code === "string" ? code : "internal",
    message,
    cause: cause === undefined ? undefined : { name: String(cause?.name ?? "Error"), message: String(cause?.message ?? cause) },
    failures: failures.map(toWire),
  };
}

/** The other end of `toWire`. */
export function fromWire({ code, message, cause, failures }) {
  const more = { failures: failures.map(fromWire) };
  if (cause) {
    more.cause = Object.assign(new Error(cause.message), { name: cause.name });
  }
  return new MobileNetError(code, message, more);
}

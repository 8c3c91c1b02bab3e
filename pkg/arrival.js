/** Where the bytes of a download go: into one array, or into the memory of the module that reads them. */

import { loadModule } from "./wasm.js";

/** A longer header is no network's: the engine refuses it too. */
const MAX_HEADER_BYTES = 1 << 20;
const LENGTH_BYTES = 8;
const BRACE = "{".charCodeAt(0);

/** Keeps what comes. */
export class Whole {
  #pieces = [];
  length = 0;

  /** A body begins; what came of another is forgotten. */
  begin() {
    this.take();
  }

  /** @param {Uint8Array} piece */
  write(piece) {
    this.#pieces.push(piece);
    this.length += piece.length;
  }

  /** All pieces, which are no longer kept. */
  take() {
    this.length = 0;
    return this.#pieces.splice(0);
  }

  /** The first `length` bytes, if there are as many. */
  bytes(length) {
    const all = new Uint8Array(Math.min(length, this.length));
    let offset = 0;
    for (const piece of this.#pieces) {
      if (offset === all.length) {
        break;
      }
      const part = piece.subarray(0, all.length - offset);
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  }

  /** The body. */
  async end() {
    return { bytes: this.bytes(this.length) };
  }
}

/**
 * The text at the beginning of a file of safetensors: undefined as long as more bytes are needed, empty of other files.
 *
 * @param {Whole} file
 */
function headerOf(file) {
  const start = file.bytes(LENGTH_BYTES + 1);
  if (start.length <= LENGTH_BYTES) {
    return undefined;
  }
  const end = LENGTH_BYTES + Number(new DataView(start.buffer).getBigUint64(0, true));
  if (start[LENGTH_BYTES] !== BRACE || end > MAX_HEADER_BYTES) {
    return "";
  }
  return file.length < end ? undefined : new TextDecoder().decode(file.bytes(end).subarray(LENGTH_BYTES));
}

/** Gives what comes to a module as soon as the header tells which, so that little is left to do after the last byte. */
export class Intake {
  #moduleOf;
  #guard;
  #kept = new Whole();
  #announced = null;
  #choice;
  #arrival = null;
  #Module = null;
  /** Whether more is to come. */
  isOpen = true;

  /**
   * @param {(header: string) => Promise<object> | null} moduleOf the engine's class for files of that header; null where
   *   they are wanted as bytes
   * @param {<T>(work: () => T) => T} guard sees to it that a module that failed is not used again
   */
  constructor(moduleOf, guard) {
    this.#moduleOf = moduleOf;
    this.#guard = guard;
  }

  /** @param {number | null} announced how many bytes are to come, as far as is known */
  begin(announced) {
    this.free();
    this.isOpen = true;
    this.#kept = new Whole();
    this.#announced = announced;
    this.#choice = undefined;
  }

  write(piece) {
    if (this.#arrival) {
      this.#guard(() => this.#arrival.append(piece));
      return;
    }
    this.#kept.write(piece);
    const header = this.#choice === undefined ? headerOf(this.#kept) : undefined;
    if (header === undefined) {
      return;
    }
    const kept = this.#kept;
    this.#choice = this.#moduleOf(header);
    // Without a length, room is made when all is here: memory that grows in steps is copied in steps.
    this.#choice?.then((Module) => kept === this.#kept && this.#announced !== null && this.#give(Module)).catch(() => {});
  }

  /** What is kept goes to that module. */
  #give(Module) {
    if (!this.#arrival) {
      this.#guard(() => {
        this.#arrival = Module.expect(this.#announced ?? this.#kept.length);
        this.#Module = Module;
        this.#kept.take().forEach((piece) => this.#arrival.append(piece));
      });
    }
  }

  /** The body, in an array or in a module. */
  async end() {
    this.isOpen = false;
    if (!this.#choice) {
      return this.#kept.end();
    }
    this.#give(await this.#choice);
    return { arrival: this.#arrival, Module: this.#Module };
  }

  /** Lets go of the module's memory. */
  free() {
    this.isOpen = false;
    try {
      this.#arrival?.free();
    } catch {
      // A module that failed is not used again.
    }
    this.#arrival = null;
  }
}

/**
 * Which module's memory a file of that header goes to while it comes; none for what the importer or the caller wants whole.
 *
 * @param {string} header
 * @param {object} message of a load
 * @param {Promise<object>} starting the engine's class of the core
 * @param {() => boolean} isComing whether the file is still on its way
 */
export function moduleOf(header, { backend, precision = "kept", wasmUrl, threads }, starting, isComing) {
  if (precision !== "kept" || !header.includes('"mobilenet.version"')) {
    return null;
  }
  if (!header.includes('"input/map"') || backend === "reference") {
    if (backend === "auto" || backend === "simd") {
      starting.then((Engine) => warmUp(Engine, !/"mobilenet\.version":"v[12]"/.test(header), isComing)).catch(() => {});
    }
    return manned(starting, threads);
  }
  return backend === "webgpu" ? null : manned(loadModule("integers", wasmUrl, threads), threads);
}

/** A module whose workers start while the file is still on its way. */
async function manned(loading, threads) {
  const Module = await loading;
  Module.team?.start(threads);
  return Module;
}

/** The network in a file: one that is in that module already, or bytes. */
export function opened(Module, file, given) {
  if (file.arrival && file.Module === Module) {
    return file.arrival.open(given);
  }
  const arrival = Module.expect(bytesOf(file).length);
  try {
    arrival.append(file.bytes);
    return arrival.open(given);
  } finally {
    arrival.free();
  }
}

/** A file's bytes, also of one that a module has and cannot read. */
export function bytesOf(file) {
  if (!file.bytes) {
    file.bytes = file.arrival.bytes();
    file.Module = undefined;
  }
  return file.bytes;
}

/** Small networks that run before the first frame: what ran a few times, browsers compile anew, and faster. */
const WARM_UPS = 3;

/** Runs what frames will run while the weights are on their way, with room between for the pieces that come. */
async function warmUp(Engine, gated, isComing) {
  for (let run = 0; run < WARM_UPS; run += 1) {
    await new Promise((resolve) => setTimeout(resolve));
    if (!isComing()) {
      return;
    }
    Engine.probeCpu(gated);
  }
}

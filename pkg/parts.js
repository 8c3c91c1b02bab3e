/** Models of several files: the others are read from beside the main one, wherever that is. */

import { aborted, failure } from "./errors.js";
import { download, verify } from "./host.js";

/** Requests under way at a time: browsers allow a server as many over HTTP/1. */
const AT_ONCE = 6;

/** Adds up what several downloads report. */
class Tally {
  #parts = new Map();
  #report;

  /**
   * @param {(progress: object) => void} report hears of all downloads together
   * @param {number} bytes those that are here already
   */
  constructor(report, bytes) {
    this.#report = report;
    this.#parts.set("", { loadedBytes: bytes, totalBytes: bytes });
  }

  /** Bytes here so far. */
  get loadedBytes() {
    return this.#sum("loadedBytes");
  }

  #sum(key) {
    return [...this.#parts.values()].reduce((sum, part) => sum + part[key], 0);
  }

  /** What the download of that file reports to. */
  of(path) {
    return (progress) => {
      this.#parts.set(path, progress);
      const known = [...this.#parts.values()].every(({ totalBytes }) => totalBytes !== null);
      this.#report({ ...progress, loadedBytes: this.loadedBytes, totalBytes: known ? this.#sum("totalBytes") : null });
    };
  }

  /** A file that will be asked for: nothing is known of its size yet. */
  expect(path) {
    this.#parts.set(path, { loadedBytes: 0, totalBytes: null });
  }

  /** One that is not there. */
  forget(path) {
    this.#parts.delete(path);
  }
}

/** The last eight bytes of a checkpoint's index. */
const TABLE_END = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

/** Whether a file may say which others it needs: a JSON text, or a table of LevelDB's format. */
function mayNeedOthers(bytes) {
  const begin = bytes[0] === 0xef ? 3 : 0;
  const isJson = bytes[begin] === 0x7b && !bytes.subarray(0, 8).includes(0);
  return isJson || TABLE_END.every((byte, index) => bytes[bytes.length - TABLE_END.length + index] === byte);
}

/**
 * What the importer makes of a model: `{ bytes, naming, inferred, warnings, fileBytes }`. It copies each file, so `main` and
 * whatever else was read are let go of here.
 *
 * @param {{ name: string, bytes: Uint8Array, url: string | null, source: object }} main as of `others`
 * @param {object} given the caller's options about the network
 * @param {object} options those of a load
 * @param {{ Importer: object, readFile: Function, guard: Function }} tools the importer, and the host's reader and guard
 */
export async function convert(main, given, options, { Importer, readFile, guard }) {
  const { names, parts } = await others(main, options, { wanted: Importer.wanted, readFile });
  const fileBytes = parts.reduce((sum, part) => sum + part.length, 0);
  main.bytes = null;
  try {
    return { ...guard(() => Importer.convert(names, parts, given)), fileBytes };
  } finally {
    await renew();
  }
}

/**
 * All files of a model, the main one first.
 *
 * @param {{ name: string, bytes: Uint8Array, url: string | null, source: object }} main `source` says where it came from:
 *   `{ urls?: string[], all?: { path: string, file: File }[], chosen?: { path: string, file: File } }`
 * @param {object} options those of a load
 * @param {{ wanted: Function, readFile: Function }} tools the importer's question and the host's reader
 */
async function others(main, options, { wanted, readFile }) {
  if (!mayNeedOthers(main.bytes)) {
    return { names: [main.name], parts: [main.bytes] };
  }
  const { urls, all, chosen } = main.source;
  const tally = new Tally(options.onProgress, main.bytes.length);
  const nothing = async () => null;
  const beside = urls ? besideUrl(main.url, urls) : chosen ? besideFile(chosen, all, readFile) : nothing;
  return gather(wanted(main.name, main.bytes), { ...main, beside }, { ...options, tally });
}

/**
 * All files of a model, the main one first.
 *
 * @param {{ needed: string[], optional: string[] }} wanted paths relative to the main file's folder
 * @param {{ name: string, bytes: Uint8Array, beside: (path: string, options: object) => Promise<Uint8Array | null> }} main
 * @param {object} options those of a load; `tally` counts its bytes
 * @returns {Promise<{ names: string[], parts: Uint8Array[] }>}
 */
async function gather({ needed, optional }, { name, bytes, beside }, options) {
  const paths = [...needed, ...optional];
  const found = new Map();
  const waiting = paths.slice();
  paths.forEach((path) => options.tally.expect(path));
  const take = async () => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const part = await beside(path, { ...options, isNeeded: needed.includes(path) });
      if (part) {
        found.set(path, part);
      } else {
        options.tally.forget(path);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, paths.length) }, take));
  // What is not there is for the engine to name, all of it at once.
  return { names: [name, ...found.keys()], parts: [bytes, ...found.values()] };
}

/**
 * Starts the importer anew: its memory grew to all files at once, and would stay so for as long as this thread runs. It
 * keeps nothing between two calls, so whoever else uses it does not notice.
 */
async function renew() {
  const { __wbg_reset_state: reset } = await import("./wasm/importer/mobilenet_web.js");
  try {
    reset();
  } catch (error) {
    // Old browsers have a page's own thread wait for no module: there the grown one goes on.
    if (!(error instanceof RangeError)) {
      throw error;
    }
  }
}

/** Hashes by path; one alone is the main file's. */
function hashes(integrity) {
  return typeof integrity === "object" && integrity !== null ? integrity : {};
}

/** Reads files beside one that came from `url`; other addresses are tried after that one. */
function besideUrl(url, urls) {
  const bases = [url, ...urls.filter((other) => other !== url)];
  return async (path, { integrity, isNeeded, tally, signal, warnings }) => {
    const options = { integrity: hashes(integrity)[path], signal, onProgress: tally.of(path), warnings };
    try {
      return (await download(bases.map((base) => sibling(base, path)), options)).bytes;
    } catch (error) {
      if (isNeeded || signal.aborted) {
        throw error;
      }
      return null;
    }
  };
}

/** The address of a file in the same folder, or below it; a signed address keeps its query. */
function sibling(base, path) {
  const steps = path.split("/").map(encodeURIComponent).join("/");
  try {
    const url = new URL(steps, base);
    url.search = new URL(base).search;
    return url.href;
  } catch (cause) {
    throw failure("missing_part", {
      where: base.slice(0, 80),
      expected: `\`${path}\` beside it`,
      found: "an address that has no folder",
      remedy: "Serve the model's files in one folder, or hand them in as a list of files.",
      cause,
    });
  }
}

/** Finds files beside `main` among `files`, which may have come without their folders. */
function besideFile(main, files, readFile) {
  const folder = main.path.slice(0, main.path.lastIndexOf("/") + 1);
  return async (path, { integrity, tally, signal }) => {
    const named = files.filter((each) => each.path.split("/").at(-1) === path.split("/").at(-1));
    const found = files.find((each) => each.path === folder + path) ?? (named.length === 1 ? named[0] : undefined);
    if (!found) {
      return null;
    }
    const bytes = await readFile(found.file, found.path);
    if (signal.aborted) {
      throw aborted("MobileNet.load", signal);
    }
    const hash = hashes(integrity)[path];
    if (hash !== undefined) {
      await verify(bytes, hash, found.path);
    }
    tally.of(path)({ phase: "download", loadedBytes: bytes.length, totalBytes: bytes.length, url: null });
    return bytes;
  };
}

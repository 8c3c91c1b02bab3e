/** Trees of pictures: chosen, dropped, fetched. The folder in which a picture lies names its class. */

import { ahead } from "./ahead.js";
import { MobileNetError, aborted, failure, undecodable } from "./errors.js";

/** What systems put into folders by themselves. */
const CLUTTER = /(^|\/)(\.[^/]*|__MACOSX|Thumbs\.db|desktop\.ini)(\/|$)/i;

/** Pictures that are read and decoded at a time: a decoded photograph may take 50 MB. */
const AT_ONCE = 3;
/** Pictures that are written at a time: they are small. */
const WRITTEN_AT_ONCE = 8;

/**
 * The files of a tree in the order of their paths, each `{ path, open }`.
 *
 * @param {Iterable<File> | DataTransfer} files what was dropped is read at once, for after the event it is gone
 */
export function treeOf(files) {
  const found = isTransfer(files) ? dropped(files) : Promise.resolve(Array.from(files, chosen));
  return found.then(ordered);
}

const isTransfer = (files) => Object.prototype.toString.call(files) === "[object DataTransfer]";

function chosen(file) {
  if (!(file instanceof Blob)) {
    throw failure("bad_option", {
      where: "Trainer.addFolder",
      expected: "Files of an <input webkitdirectory>, or the DataTransfer of a drop",
      found: Object.prototype.toString.call(file).slice(8, -1),
    });
  }
  return { path: file.webkitRelativePath || file.name, open: async () => file };
}

/** Entries without clutter, in an order that does not depend on the file system. */
export function ordered(entries) {
  const { compare } = new Intl.Collator("en", { numeric: true });
  const byPath = (a, b) => compare(a.path, b.path) || (a.path < b.path ? -1 : 1);
  return entries.filter(({ path }) => !CLUTTER.test(path)).sort(byPath);
}

function dropped(transfer) {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.length > 0 ? below(entries) : Promise.resolve(Array.from(transfer.files, chosen));
}

async function below(entries) {
  const found = [];
  for (const entry of entries) {
    if (entry.isDirectory) {
      found.push(...(await below(await childrenOf(entry))));
    } else {
      const open = () => new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push({ path: entry.fullPath.replace(/^\//, ""), open });
    }
  }
  return found;
}

/** A reader gives a hundred entries at a time, and none when there are no more. */
async function childrenOf(folder) {
  const reader = folder.createReader();
  const children = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) {
      return children;
    }
    children.push(...some);
  }
}

/** The name of the folder that a path's file lies in, or null. */
export const folderOf = (path) => path.split("/").at(-2) || null;

/** The picture at an address. */
export async function fetchPicture(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal });
  } catch (cause) {
    throw signal?.aborted
      ? aborted(url, signal)
      : failure("network", {
          where: url,
          expected: "an answer that this page may read",
          found: `none (${cause.message})`,
          remedy: "Check the address; pictures of other origins need Access-Control-Allow-Origin and a place in connect-src.",
          cause,
        });
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw failure("http_status", { where: url, expected: "status 200", found: `${response.status} ${response.statusText}`.trim() });
  }
  return response.blob();
}

/** The picture in a file, decoded and turned upright. Close it soon. */
export async function decoded(blob, where) {
  try {
    return await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch (cause) {
    throw undecodable(blob, where, cause);
  }
}

/**
 * Takes pictures in, in their order: those to come are read and decoded meanwhile, and those before written, a few at a time.
 * What cannot be read is told and left out.
 *
 * @param {{ path: string, open: () => Promise<Blob> }[]} entries
 * @param {(entry: object, picture: Blob) => Promise<void>} keep has taken the picture when it returns, and kept it later
 * @param {{ signal?: AbortSignal, onProgress?: (progress: { done: number, total: number, path: string }) => void }} options
 * @returns {Promise<{ added: number, skipped: { path: string, error: Error }[] }>}
 */
export async function takeIn(entries, keep, { signal, onProgress }) {
  const skipped = [];
  const take = async ({ entry, picture, error }) => {
    const { path } = entry;
    if (error || signal?.aborted) {
      return { path, error };
    }
    return keep(entry, picture).then(
      () => ({ path }),
      (reason) => ({ path, error: reason }),
    );
  };
  let done = 0;
  for await (const { path, error } of ahead(ahead(entries, readable, AT_ONCE), take, WRITTEN_AT_ONCE)) {
    if (signal?.aborted) {
      throw aborted("Trainer", signal);
    }
    if (error) {
      skipped.push({ path, error });
    }
    done += 1;
    onProgress?.({ done, total: entries.length, path });
  }
  return { added: entries.length - skipped.length, skipped };
}

/** A file that this browser decodes, or what keeps it from that. */
async function readable(entry) {
  try {
    const picture = await entry.open();
    (await decoded(picture, entry.path)).close();
    return { entry, picture };
  } catch (cause) {
    return { entry, error: cause instanceof MobileNetError ? cause : unreadable(entry.path, cause) };
  }
}

/** The error of a file whose bytes the browser does not get. */
export function unreadable(where, cause) {
  const remedy = "It was probably moved or changed since it was chosen: choose it again.";
  return failure("truncated", { where, expected: "a file that can be read", found: cause.message || cause.name, remedy, cause });
}

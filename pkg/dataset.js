/** Classes and their pictures, which stay compressed: in memory, and under a name in IndexedDB. */

import { ahead } from "./ahead.js";
import { aborted, failure } from "./errors.js";
import { folderOf, ordered, unreadable } from "./folders.js";
import { Store } from "./store.js";
import { readZip, writeZip } from "./zip.js";

/** The archive's own list: it knows more of pictures than their folders do. */
const LIST = "dataset.json";
const LIST_VERSION = 1;

const ENDINGS = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/gif": "gif",
  "image/avif": "avif",
  "image/bmp": "bmp",
};
const TYPES = { ...Object.fromEntries(Object.entries(ENDINGS).map(([type, ending]) => [ending, type])), jpeg: "image/jpeg" };

/** Pictures that are fetched from the store at a time. */
const AT_ONCE = 8;

let lastNumber = 0;

/** A number that grows with time, and that hardly another tab of the site has: microseconds, the last three digits by chance. */
export function newNumber() {
  lastNumber = Math.max(lastNumber + 1, Date.now() * 1000 + Math.floor(Math.random() * 1000));
  return lastNumber;
}

/** What a trainer learns from. */
export class Dataset {
  /** Names, in the order of the outputs. */
  classes;
  /** All pictures without their pixels, in the order in which they came. */
  samples = [];
  /** Why a picture is in memory only; null while all are in the store, or none is meant to be. */
  storeError = null;
  #store = null;
  /** Pictures that no store holds, by id. */
  #memory = new Map();

  /**
   * @param {{ classes?: readonly string[], store?: string }} options
   * @returns {Promise<Dataset>} with what the store of that name has; classes that only it knows come behind those given
   */
  static async open({ classes = [], store }) {
    const dataset = new Dataset();
    dataset.classes = [...classes];
    if (store !== undefined) {
      dataset.#store = await Store.open(store);
      const kept = await dataset.#store.read();
      dataset.samples = kept.samples.map((sample) => ({ ...sample, stored: true })).sort((a, b) => a.id - b.id);
      const labels = kept.samples.map(({ label }) => label).filter((label) => label !== null);
      await dataset.setClasses([...new Set([...classes, ...kept.classes, ...labels])]);
    }
    return dataset;
  }

  /** The store, which keeps vectors too; null without one. */
  get store() {
    return this.#store;
  }

  /** @param {number} id */
  sample(id) {
    return this.samples[this.#position(id)];
  }

  /** Behind the last one is looked first: that is where pictures are added. */
  #position(id) {
    const position = this.samples.findLastIndex((sample) => sample.id === id);
    if (position < 0) {
      throw failure("bad_option", { where: "option id", expected: "the id of one of `samples`", found: String(id) });
    }
    return position;
  }

  /** Whether the store has that picture. */
  isStored(id) {
    return this.samples.findLast((sample) => sample.id === id)?.stored ?? false;
  }

  #has(id) {
    return this.samples.findLastIndex((sample) => sample.id === id) >= 0;
  }

  /**
   * Takes a picture in. It is in `samples` from now on, whatever becomes of the store.
   *
   * @param {Blob} picture
   * @param {{ label: string | null, values?: readonly number[], burst?: number, origin: string, added_ms?: number }} said
   * @returns {Promise<object>} its sample; where that is not `stored` and should be, `storeError` says why
   */
  async add(picture, { label, values, burst = newNumber(), origin, added_ms = Date.now() }) {
    const sample = { id: newNumber(), label, ...(values && { values: [...values] }), burst, origin, added_ms, stored: false };
    this.samples.push(sample);
    this.#memory.set(sample.id, picture);
    await this.#keep(sample);
    return this.#has(sample.id) ? this.sample(sample.id) : sample;
  }

  /** Brings a picture from memory to the store, if there is one and it has room. */
  async #keep(sample) {
    const { id, label } = sample;
    try {
      await this.#store?.add(rowOf(sample), this.#memory.get(id));
    } catch (error) {
      this.storeError = error;
      return;
    }
    if (!this.#store) {
      return;
    }
    if (!this.#has(id)) {
      await this.#store.remove([id]); // It was removed while it was written.
      return;
    }
    this.#memory.delete(id);
    const now = { ...this.sample(id), stored: true };
    this.samples[this.#position(id)] = now;
    if (now.label !== label) {
      await this.#store.update([rowOf(now)]);
    }
  }

  /** Writes what the store had no room for, and throws what it says where it has none again. */
  async persist() {
    this.storeError = null;
    await this.setClasses(this.classes);
    for (const sample of this.samples.filter(({ stored }) => !stored)) {
      if (!this.storeError) {
        await this.#keep(sample);
      }
    }
    if (this.storeError) {
      throw this.storeError;
    }
  }

  /** @param {readonly number[]} ids */
  async remove(ids) {
    const gone = new Set(ids);
    this.samples = this.samples.filter(({ id }) => !gone.has(id));
    ids.forEach((id) => this.#memory.delete(id));
    await this.#store?.remove(ids);
  }

  /** Other labels, or values, for pictures. */
  async relabel(ids, { label, values }) {
    const changed = new Set(ids);
    const said = values ? { label, values: [...values] } : { label };
    this.samples = this.samples.map((sample) => {
      const { values: before, ...rest } = sample;
      return changed.has(sample.id) ? { ...rest, ...said } : sample;
    });
    await this.#store?.update(this.samples.filter(({ id, stored }) => stored && changed.has(id)).map(rowOf));
  }

  /** Names for classes, in the order of the outputs. Where the store does not take them, `storeError` says why. */
  async setClasses(classes) {
    this.classes = [...classes];
    try {
      await this.#store?.name(this.classes);
    } catch (error) {
      this.storeError = error;
    }
  }

  /** The picture as it is kept. */
  async picture(id) {
    const { stored, origin } = this.sample(id);
    const picture = stored ? await this.#store.picture(id) : this.#memory.get(id);
    if (!picture) {
      throw unreadable(origin, { message: "none in the store: another tab may have removed it" });
    }
    return picture;
  }

  /** Pictures and classes as an archive, a folder a class, and a list that knows the rest. */
  async exportZip(task, signal) {
    const [folders, counts, pictures] = [folderNames(this.classes), new Map(), []];
    const { samples, classes } = this;
    const withPicture = async (sample) => ({ sample, blob: await this.picture(sample.id) });
    const files = async function* () {
      for await (const { sample, blob } of ahead(samples, withPicture, AT_ONCE)) {
        if (signal?.aborted) {
          throw aborted("Trainer.exportZip", signal);
        }
        const { id, stored, ...said } = sample;
        const folder = said.label === null ? "pictures" : folders.get(said.label);
        counts.set(folder, (counts.get(folder) ?? 0) + 1);
        const path = `${folder}/${String(counts.get(folder)).padStart(5, "0")}.${endingOf(blob, said.origin)}`;
        pictures.push({ path, ...said });
        yield { path, blob, ms: said.added_ms };
      }
      const list = JSON.stringify({ version: LIST_VERSION, task, classes, pictures });
      yield { path: LIST, blob: new Blob([list], { type: "application/json" }), ms: Date.now() };
    };
    return writeZip(files());
  }

  /** Lets go of what is in memory. */
  close() {
    this.samples = [];
    this.#memory.clear();
    this.#store?.close();
  }
}

/** What a store keeps of a sample. */
const rowOf = ({ stored, ...row }) => row;

const endingOf = ({ type }, origin) => ENDINGS[type] ?? /\.(\w{1,5})$/.exec(origin)?.[1].toLowerCase() ?? "jpg";

/** A folder for each class, with names that every system allows, no two alike. */
function folderNames(classes) {
  const taken = new Set();
  return new Map(
    classes.map((name) => {
      const plain = name.replace(/[\u0000-\u001f/\\:*?"<>|]/g, "_").replace(/^\.+|[. ]+$/g, "_") || "_";
      let folder = plain;
      for (let count = 2; taken.has(folder.toLowerCase()); count += 1) {
        folder = `${plain} ${count}`;
      }
      taken.add(folder.toLowerCase());
      return [name, folder];
    }),
  );
}

/**
 * What an archive holds: `{ classes, entries }`, each entry a picture as `takeIn` takes it, with its label and whatever else
 * the archive's list knows of it.
 *
 * @param {Blob} zip
 */
export async function readArchive(zip) {
  const files = await readZip(zip);
  const list = files.find(({ path }) => path === LIST);
  const { classes = [], pictures = [] } = list ? await readList(list) : {};
  const known = new Map(pictures.map((picture, place) => [picture.path, { ...picture, place }]));
  const bursts = new Map();
  const entries = ordered(files.filter((file) => file !== list)).map(({ path, open }) => {
    const { place = Infinity, burst, ...said } = known.get(path) ?? { label: folderOf(path), origin: path };
    if (burst !== undefined && !bursts.has(burst)) {
      bursts.set(burst, newNumber());
    }
    const type = TYPES[/\.(\w+)$/.exec(path)?.[1].toLowerCase()] ?? "";
    const typed = (blob) => blob.slice(0, blob.size, type);
    return { ...said, path, place, open: async () => typed(await open()), burst: bursts.get(burst) };
  });
  // The list has them as they were added, which decides with the seed what becomes of each.
  entries.sort((a, b) => a.place - b.place || 0);
  return { classes, entries };
}

/** The list of an archive of ours; that of another program with the same name says nothing. */
async function readList(file) {
  try {
    const { version, classes, pictures } = JSON.parse(await (await file.open()).text());
    const isText = (value) => typeof value === "string";
    if (version === LIST_VERSION && classes.every(isText) && pictures.every(({ path, origin }) => isText(path) && isText(origin))) {
      return { classes, pictures };
    }
  } catch {
    // Folders name classes then.
  }
  return {};
}

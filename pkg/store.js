/** Pictures in IndexedDB under a name: the same name finds them after a reload. */

import { failure } from "./errors.js";

const PREFIX = "mobilenet-web/";
const VERSION = 1;

/** Object stores: what is known of each picture, the pictures, their vectors, and what is known of all of them. */
const [SAMPLES, PICTURES, VECTORS, ABOUT] = ["samples", "pictures", "vectors", "about"];

/** A connection to one dataset. */
export class Store {
  #database;
  #name;

  /** @private use `Store.open` */
  constructor(database, name) {
    this.#database = database;
    this.#name = name;
    // Another tab wants to delete it, or to bring it to a later version of the package: it must not wait for this one.
    database.onversionchange = () => database.close();
  }

  /** @param {string} name */
  static async open(name) {
    let request;
    try {
      request = indexedDB.open(PREFIX + name, VERSION);
    } catch (cause) {
      throw unavailable(name, cause);
    }
    return new Promise((resolve, reject) => {
      request.onupgradeneeded = () => {
        for (const store of [SAMPLES, PICTURES, VECTORS, ABOUT]) {
          request.result.createObjectStore(store);
        }
      };
      request.onsuccess = () => resolve(new Store(request.result, name));
      request.onerror = () => reject(unavailable(name, request.error));
    });
  }

  /** What is known of the dataset: `{ classes, samples }`, without pixels. */
  async read() {
    const [classes, samples] = await this.#all([ABOUT, SAMPLES], "readonly", (about, all) => [about.get("classes"), all.getAll()]);
    return { classes: classes ?? [], samples };
  }

  /** Takes a picture in, whose id must be new. As bytes: browsers write those three times as fast as Blobs. */
  async add(sample, picture) {
    const { type } = picture;
    const bytes = await picture.arrayBuffer().catch((cause) => {
      throw unavailable(this.#name, cause);
    });
    await this.#all([SAMPLES, PICTURES], "readwrite", (samples, pictures) => [
      samples.add(sample, sample.id),
      pictures.add({ type, bytes }, sample.id),
    ]);
  }

  /** Writes what is known of pictures anew. */
  async update(samples) {
    await this.#all([SAMPLES], "readwrite", (store) => samples.map((sample) => store.put(sample, sample.id)));
  }

  /** Forgets pictures and what belongs to them. */
  async remove(ids) {
    await this.#all([SAMPLES, PICTURES, VECTORS], "readwrite", (...stores) =>
      stores.flatMap((store) => ids.map((id) => store.delete(id))),
    );
  }

  /** The picture of that id, or undefined. */
  async picture(id) {
    const [found] = await this.#all([PICTURES], "readonly", (pictures) => [pictures.get(id)]);
    return found && new Blob([found.bytes], { type: found.type });
  }

  /** Keeps the names of classes, in their order. */
  async name(classes) {
    await this.#all([ABOUT], "readwrite", (about) => [about.put([...classes], "classes")]);
  }

  /** What tells the network whose vectors are kept: undefined before any. */
  async backbone() {
    const [backbone] = await this.#all([ABOUT], "readonly", (about) => [about.get("backbone")]);
    return backbone;
  }

  /** Vectors are another network's from now on: those that are there go. */
  async rebase(backbone) {
    await this.#all([ABOUT, VECTORS], "readwrite", (about, vectors) => [about.put(backbone, "backbone"), vectors.clear()]);
  }

  /** Vectors of pictures, in the order of `ids`; undefined where there is none. */
  async vectors(ids) {
    return this.#all([VECTORS], "readonly", (vectors) => ids.map((id) => vectors.get(id)));
  }

  /** Keeps vectors: pairs of id and numbers. */
  async keepVectors(pairs) {
    await this.#all([VECTORS], "readwrite", (vectors) => pairs.map(([id, vector]) => vectors.put(vector, id)));
  }

  close() {
    this.#database.close();
  }

  /** The answers to all requests that `ask` makes in one transaction: all of it is done, or nothing. */
  #all(names, mode, ask) {
    return new Promise((resolve, reject) => {
      let transaction;
      try {
        transaction = this.#database.transaction(names, mode);
      } catch (cause) {
        // Closed: by another tab's wish, or because the site's data was deleted.
        reject(unavailable(this.#name, cause));
        return;
      }
      let requests = [];
      transaction.oncomplete = () => resolve(requests.map(({ result }) => result));
      transaction.onabort = () => reject(this.#explain(transaction.error));
      try {
        requests = ask(...names.map((name) => transaction.objectStore(name)));
      } catch (cause) {
        reject(this.#explain(cause));
      }
    });
  }

  #explain(cause) {
    if (cause?.name !== "QuotaExceededError") {
      return unavailable(this.#name, cause);
    }
    return failure("store_full", {
      where: `store "${this.#name}"`,
      expected: "room on the device",
      found: "none that the browser gives this site",
      remedy: "Nothing is lost as long as the page is open: save the pictures with exportZip(), or remove some and call persist().",
      cause,
    });
  }
}

function unavailable(name, cause) {
  return failure("store_unavailable", {
    where: `store "${name}"`,
    expected: "an IndexedDB that this page may use",
    found: cause?.message || cause?.name || "none",
    remedy: "Private windows and pages of other origins may have none: leave `store` out, and save pictures with exportZip().",
    ...(cause && { cause }),
  });
}

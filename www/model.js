// The network: the first row of weights/index.json, loaded once, with progress and a way to try again.
import { MobileNet } from "./pkg/index.js";

export class Model {
  #loading = null;
  #listener;

  /** `listener` hears `onStart()`, `onProgress(progress)`, `onReady(net, row)` and `onError(error)`. */
  constructor(listener) {
    this.#listener = listener;
  }

  /** The network; the first call starts the download, and a call after a failure tries again. */
  ready() {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = null;
      this.#listener.onError(error);
      throw error;
    });
    return this.#loading;
  }

  async #load() {
    this.#listener.onStart();
    const index = new URL("./weights/index.json", document.baseURI);
    const [row] = await catalogue(index);
    if (!row) throw problem("no_weights", "weights/index.json names no weights: this site was built without a model.");
    const net = await MobileNet.load(new URL(row.url, index).href, {
      // The hash is also the key of the library's cache: with it, the next visit needs no network. Pages over plain
      // http have neither hashes nor caches, and still classify.
      integrity: isSecureContext ? row.sha256 : undefined,
      onProgress: ({ phase, loadedBytes, totalBytes }) =>
        this.#listener.onProgress({ phase, loadedBytes, totalBytes: totalBytes ?? row.bytes }),
    });
    this.#listener.onReady(net, row);
    return net;
  }
}

async function catalogue(url) {
  let answer;
  try {
    answer = await fetch(url);
  } catch {
    throw problem("network", "The list of models could not be fetched. Check the connection and try again.");
  }
  if (!answer.ok) {
    throw problem("http_status", `The list of models answered ${answer.status}. Try again, or reload the page.`);
  }
  return answer.json();
}

function problem(code, message) {
  return Object.assign(new Error(message), { code });
}

// The network in use: at first the first row of weights/index.json, then whatever the person opened last.
import { MobileNet } from "./pkg/index.js";

export class Model {
  #net = null;
  #starting = null;
  #opening = null;
  #listener;
  #first = {};

  /**
   * `listener` hears of the first network `onStart()`, `onProgress(progress)` and `onError(error)`; of one that was
   * asked for `onOpen(choice)`, `onOpenProgress(progress)`, `onRefused(error, choice)` and, when the person gave it up,
   * `onGivenUp()`; of either `onReady(net, choice, { instead })`, where `instead` is the network it takes the place of,
   * still alive, or null.
   */
  constructor(listener) {
    this.#listener = listener;
    this.#first.promise = new Promise((resolve) => (this.#first.resolve = resolve));
  }

  /** The network in use, or null before the first. */
  get net() {
    return this.#net;
  }

  /** The network; the first call starts the download, and a call after a failure tries again. */
  async ready() {
    if (this.#net) return this.#net;
    this.#starting ??= this.#start();
    // A file may be opened, and ready, while the first download is under way.
    return Promise.race([this.#starting, this.#first.promise]);
  }

  /**
   * Loads another network and then puts it in place of the present one, which answers until then, and stays when this
   * fails. `choice`: `{ title, weights }`, weights being an address or a file. A newer choice ends an older one.
   */
  async open(choice) {
    this.giveUp();
    const work = new AbortController();
    this.#opening = work;
    const { signal } = work;
    this.#listener.onOpen(choice);
    try {
      const net = await MobileNet.load(choice.weights, {
        integrity: choice.integrity,
        signal,
        onProgress: (progress) => signal.aborted || this.#listener.onOpenProgress(progress),
      });
      if (signal.aborted) return net.dispose();
      if (net.info.classes === 0) {
        net.dispose();
        throw problem("no_classes", `${choice.title} has no classifier, so there would be no labels to show.`);
      }
      this.#opening = null;
      this.#adopt(net, choice);
    } catch (error) {
      if (signal.aborted) return;
      this.#opening = null;
      this.#listener.onRefused(error, choice);
    }
  }

  /** The network that the page came with, again. */
  async openDefault() {
    try {
      await this.open(await defaultChoice());
    } catch (error) {
      this.#listener.onRefused(error, null);
    }
  }

  /** Ends a load that was asked for; the present network stays. */
  giveUp() {
    if (!this.#opening) return;
    this.#opening.abort();
    this.#opening = null;
    this.#listener.onGivenUp();
  }

  async #start() {
    try {
      this.#listener.onStart();
      const choice = await defaultChoice();
      const net = await MobileNet.load(choice.weights, {
        integrity: choice.integrity,
        onProgress: ({ phase, loadedBytes, totalBytes }) =>
          this.#listener.onProgress({ phase, loadedBytes, totalBytes: totalBytes ?? choice.row.bytes }),
      });
      // A file that was opened meanwhile stays.
      if (this.#net) net.dispose();
      else this.#adopt(net, choice);
      return this.#net;
    } catch (error) {
      this.#starting = null;
      if (this.#net) return this.#net;
      this.#listener.onError(error);
      throw error;
    }
  }

  #adopt(net, choice) {
    const instead = this.#net;
    this.#net = net;
    this.#listener.onReady(net, choice, { instead });
    this.#first.resolve(net);
    instead?.dispose();
  }
}

/** The first row of the catalogue. */
async function defaultChoice() {
  const index = new URL("./weights/index.json", document.baseURI);
  const [row] = await catalogue(index);
  if (!row) throw problem("no_weights", "weights/index.json names no weights: this site was built without a model.");
  // The hash is also the key of the library's cache: with it, the next visit needs no network. Pages over plain http
  // have neither hashes nor caches, and still classify.
  const integrity = isSecureContext ? row.sha256 : undefined;
  return { title: row.title, weights: new URL(row.url, index).href, integrity, row };
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

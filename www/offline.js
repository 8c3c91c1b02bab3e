// Working without a network: the service worker keeps the page, the library keeps the weights.

/** Whether the library has the weights in its cache: it says so when it could not put them there. */
export function isKept({ loadedFrom, warnings }) {
  return isSecureContext && (loadedFrom === "cache" || !warnings.some(({ code }) => code === "cache"));
}

export class Offline {
  #badge;
  #update;
  #set;
  #shell = false;
  #weights = false;
  #asked = false;

  /** `set`: what this page needs beyond the files that every visitor gets, by its name in precache.js. */
  constructor({ badge, update, set = null }) {
    this.#badge = badge;
    this.#update = update;
    this.#set = set;
    addEventListener("online", () => this.#write());
    addEventListener("offline", () => this.#write());
    this.#write();
  }

  /** Registers the worker; pages that may have none (plain http, private windows) simply go without the badge. */
  async start() {
    const workers = navigator.serviceWorker;
    if (!workers) return;
    try {
      const registration = await workers.register("./sw.js");
      this.#offerUpdates(workers, registration);
      const { active } = await workers.ready;
      if (this.#set) await keep(active, this.#set);
      this.#shell = true;
      this.#write();
    } catch (error) {
      console.info(`No offline use: ${error.message}`);
    }
  }

  /** Keeps another set of files too, once: what was used now works without a network later. */
  async also(set) {
    if (set === this.#set || !this.#shell) return;
    this.#set = set;
    const { active } = await navigator.serviceWorker.ready;
    await keep(active, set).catch((error) => console.info(`Not kept for offline use: ${error.message}`));
  }

  /** The library has put the weights in its cache. */
  weightsReady() {
    this.#weights = true;
    this.#write();
  }

  /** After the first use, asks the browser not to clear this site's storage when space is short. */
  async keep() {
    if (this.#asked) return;
    this.#asked = true;
    await navigator.storage?.persist?.();
  }

  #write() {
    const ready = this.#shell && this.#weights;
    const state = navigator.onLine ? (ready ? "ready" : "none") : "offline";
    const words = { ready: "Ready offline", offline: ready ? "Working offline" : "Offline", none: "" };
    // Written only when it changes: the badge is a status that screen readers speak.
    if (this.#badge.textContent === words[state]) return;
    this.#badge.dataset.state = state;
    this.#badge.textContent = words[state];
  }

  /** A new version waits until the person asks for it: files of two versions never meet on one page. */
  #offerUpdates(workers, registration) {
    let wanted = false;
    const offer = (waiting) => {
      this.#update.hidden = false;
      this.#update.onclick = () => {
        wanted = true;
        waiting.postMessage("activate");
      };
    };
    if (registration.waiting) offer(registration.waiting);
    registration.addEventListener("updatefound", () => {
      const { installing } = registration;
      installing.addEventListener("statechange", () => {
        if (installing.state === "installed" && workers.controller) offer(installing);
      });
    });
    workers.addEventListener("controllerchange", () => {
      if (wanted) location.reload();
    });
  }
}

/** Has the service worker fetch a set of files, once; rejects where it could not. */
function keep(worker, set) {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve, reject) => {
    port1.onmessage = ({ data }) => (data === "kept" ? resolve() : reject(new Error(data)));
    worker.postMessage({ keep: set }, [port2]);
  });
}

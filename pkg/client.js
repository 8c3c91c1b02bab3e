/** The page's end of a `Host`: calls become messages, answers settle promises. */

import { aborted, failure, fromWire } from "./errors.js";
import { giveBack } from "./sources.js";
import { letGo, wakeFor } from "./wake.js";
import { loadEngine, loadModule } from "./wasm.js";

/** Sends calls through a port and keeps who waits for which answer. */
export class Client {
  #port;
  #pending = new Map();
  #nextId = 1;
  #end = null;

  /**
   * @param {(receive: (message: object) => void, fail: (error: Error) => void) =>
   *   { post: (message: object, transfer?: Transferable[]) => void, close: () => void }} connect
   */
  constructor(connect) {
    this.#port = connect(
      (message) => this.#receive(message),
      (error) => this.end(error),
    );
  }

  /** The error that every call gets from now on, or null while calls are taken. */
  get ended() {
    return this.#end;
  }

  /**
   * @param {object} message with its `type`
   * @param {{ where: string, transfer?: Transferable[], signal?: AbortSignal, onProgress?: (progress: object) => void }} options
   * @returns {Promise<any>} the answer's value
   */
  call(message, { where, transfer, signal, onProgress }) {
    return new Promise((resolve, reject) => {
      if (this.#end) {
        throw this.#end;
      }
      if (signal?.aborted) {
        throw aborted(where, signal);
      }
      const id = this.#nextId++;
      this.#port.post({ ...message, id }, transfer);
      const onAbort = () => {
        settle();
        this.#port.post({ type: "abort", id });
        reject(aborted(where, signal));
      };
      const settle = () => {
        this.#pending.delete(id);
        signal?.removeEventListener("abort", onAbort);
      };
      signal?.addEventListener("abort", onAbort);
      this.#pending.set(id, { resolve, reject, settle, onProgress });
    });
  }

  /** Rejects what is in flight and all that comes, and lets go of the other end. */
  end(error) {
    if (this.#end) {
      return;
    }
    this.#end = error;
    this.#port.close();
    for (const { reject, settle } of [...this.#pending.values()]) {
      settle();
      reject(error);
    }
  }

  /** The state after the last change of backend; null before any. */
  backend = null;

  /** Called with the state of each change of backend. */
  onBackend = () => {};

  #receive({ id, type, value, error, progress, state, spare }) {
    giveBack(spare);
    if (type === "backend") {
      this.backend = state;
      this.onBackend(state);
      return;
    }
    const waiting = this.#pending.get(id);
    if (!waiting) {
      return; // Aborted meanwhile.
    }
    if (type === "progress") {
      waiting.onProgress?.(progress);
      return;
    }
    waiting.settle();
    if (type === "result") {
      waiting.resolve(value);
    } else {
      waiting.reject(fromWire(error));
    }
  }
}

/**
 * A client of a new worker.
 *
 * @param {string | URL | undefined} url another place of worker.js, for bundlers that do not follow `new URL`
 */
export function workerClient(url) {
  return new Client((receive, fail) => {
    const worker = startWorker(url);
    let heard = false;
    worker.onmessage = ({ data }) => {
      heard = true;
      receive(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(heard ? died(event.message) : notStarted(event.message || "an error without details"));
    };
    worker.onmessageerror = () => fail(died("a message that could not be read"));
    return {
      post: (message, transfer = []) => worker.postMessage(message, transfer),
      close: () => worker.terminate(),
    };
  });
}

/** What only the thread that runs the engine imports. */
async function engineModule(importing) {
  try {
    return await importing;
  } catch (cause) {
    throw failure("wasm_unavailable", {
      where: "host.js, wasm.js and wasm/mobilenet_web.js of the package",
      expected: "modules that load",
      found: cause.message,
      remedy: "Deploy the package's whole folder, wasm included, or let your bundler follow its imports.",
      cause,
    });
  }
}

/** The engine's class in this very thread. */
export async function localEngine(wasmUrl) {
  return loadModule("core", wasmUrl);
}

/** A client of a host in this very thread, whose first call is that message. */
export async function localClient(message) {
  const modules = [import("./host.js")];
  // All at once, for a module's own imports are known only when it is here. Where scripts are merged they are part of it.
  APART: modules.push(import("./arrival.js"), import("./backends.js"), import("./decisions.js"), import("./download.js"), import("./gpu.js"), import("./pixels.js"));
  let woken;
  if (message.type === "load") {
    // The module and the GPU need not wait for the scripts that use them: those look at their failures.
    loadEngine(message).catch(() => {});
    woken = wakeFor(message);
  }
  const [{ Host }] = await engineModule(Promise.all(modules)).catch((error) => {
    void letGo(woken);
    throw error;
  });
  return new Client((receive) => {
    const host = new Host(receive, { isApart: false });
    return {
      // As postMessage does: refuses tainted pictures, which would taint the engine's own canvas for good.
      post: ({ device, begun, ...message }, transfer = []) => {
        host.receive({ ...structuredClone(message, { transfer }), device, begun, woken });
        woken = undefined;
      },
      close: () => {
        void letGo(woken);
        host.dispose();
      },
    };
  });
}

function startWorker(url) {
  try {
    if (url !== undefined) {
      return new Worker(url, { type: "module" });
    }
    // Written out, because bundlers look for exactly this.
    return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  } catch (error) {
    const blob = url === undefined && crossOriginWorkerScript();
    if (!blob) {
      throw notStarted(error.message, error);
    }
    try {
      return new Worker(blob, { type: "module" });
    } catch (cause) {
      throw notStarted(cause.message, cause);
    }
  }
}

let shim;

/** Workers must come from the page's own origin; for a package on a CDN a local script imports it from there. */
function crossOriginWorkerScript() {
  // In two steps, because bundlers would take `new URL("./worker.js", import.meta.url)` for a file to copy.
  const here = import.meta.url;
  const script = new URL("worker.js", here);
  if (!/^https?:$/.test(script.protocol) || script.origin === globalThis.location?.origin) {
    return null;
  }
  shim ??= URL.createObjectURL(new Blob([`import ${JSON.stringify(script.href)};`], { type: "text/javascript" }));
  return shim;
}

function notStarted(found, cause) {
  return failure("worker_failed", {
    where: "worker.js",
    expected: "a module worker that starts",
    found,
    remedy:
      "Check that worker.js and wasm/mobilenet_web.js are deployed, that the page comes from http(s) and that its " +
      "Content-Security-Policy allows them in worker-src; or load with { worker: false }.",
    ...(cause && { cause }),
  });
}

function died(found) {
  return failure("worker_failed", {
    where: "worker",
    expected: "answers",
    found: found || "an error without details",
    remedy: "Load the network again; if it happens again, please report it.",
  });
}

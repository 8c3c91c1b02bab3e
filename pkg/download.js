/** Weights over HTTP: streamed, verified, cached by their hash, from the first address that delivers. */

import { Whole } from "./arrival.js";
import { MobileNetError, aborted, failure } from "./errors.js";

const CACHE = "mobilenet-web-v1";
const INTEGRITY = /^sha256-[A-Za-z0-9+/]{43}=$/;
const PROGRESS_INTERVAL_MS = 30;

/**
 * Fetches weights from the first of `urls` that delivers them whole.
 *
 * @param {string[]} urls absolute; the first is the original, the others its mirrors
 * @param {object} options
 * @param {string} [options.integrity] `sha256-…`; also the key in Cache Storage, so without it nothing is cached
 * @param {AbortSignal} options.signal
 * @param {(progress: { phase: string, loadedBytes: number, totalBytes: number | null, url: string }) => void} options.onProgress
 * @param {{ code: string, message: string }[]} options.warnings what went wrong without being fatal is added here
 * @param {{ answer: Promise<Response>, controller: AbortController }} [options.begun] a request for the first address
 * @param {{ begin: Function, write: Function, end: Function }} [into] where bytes go as they come; a file that has to have a
 *   hash is read as a whole before anyone gets it
 * @returns {Promise<{ bytes?: Uint8Array, length: number, from: "network" | "cache", url: string }>} with what `into` ends in
 */
export async function download(urls, { integrity, signal, onProgress, warnings, begun }, into = new Whole()) {
  if (integrity !== undefined) {
    checkIntegrityOption(integrity);
    const bytes = await readCache(integrity, warnings);
    if (bytes) {
      onProgress({ phase: "cache", loadedBytes: bytes.length, totalBytes: bytes.length, url: urls[0] });
      return { bytes, length: bytes.length, from: "cache", url: urls[0] };
    }
  }
  const failures = [];
  signal.addEventListener("abort", () => begun?.controller.abort());
  for (const [index, url] of urls.entries()) {
    try {
      const answer = (index === 0 && begun?.answer) || fetch(url, { signal });
      const body = await fetchOne(answer, url, signal, onProgress, integrity === undefined ? into : new Whole());
      if (integrity !== undefined) {
        await verify(body.bytes, integrity, url);
        await writeCache(integrity, body.bytes, warnings);
      }
      if (failures.length > 0) {
        warnings.push(...failures.map(({ code, message }) => ({ code, message })));
      }
      return { ...body, from: "network", url };
    } catch (error) {
      if (signal.aborted || !(error instanceof MobileNetError)) {
        throw signal.aborted ? aborted(url, signal) : error;
      }
      failures.push(error);
    }
  }
  if (failures.length === 1) {
    throw failures[0];
  }
  const list = failures.map((error, index) => `(${index + 1}) ${error.message}`).join(" ");
  throw new MobileNetError(failures[0].code, `None of ${urls.length} addresses delivered the weights. ${list}`, { failures });
}

/**
 * Throws unless `bytes` have the hash that `integrity` names.
 *
 * @param {Uint8Array} bytes
 * @param {string} integrity `sha256-` and 44 characters of base64
 * @param {string} where for the error's sentence
 */
export async function verify(bytes, integrity, where) {
  checkIntegrityOption(integrity);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = `sha256-${btoa(String.fromCharCode(...digest))}`;
  if (found !== integrity) {
    throw failure("integrity_mismatch", {
      where,
      expected: integrity,
      found: `${found} over ${bytes.length} bytes`,
      remedy: "The file was changed or damaged on its way: fetch it from its source again, or update `integrity`.",
    });
  }
}

function checkIntegrityOption(integrity) {
  if (typeof integrity !== "string" || !INTEGRITY.test(integrity)) {
    throw failure("bad_option", {
      where: "option integrity",
      expected: '"sha256-" followed by 44 characters of base64',
      found: JSON.stringify(integrity),
      remedy: "Make it with: openssl dgst -sha256 -binary FILE | base64.",
    });
  }
  if (!globalThis.crypto?.subtle) {
    throw failure("insecure_context", {
      where: "option integrity",
      expected: "crypto.subtle, which browsers offer in secure contexts only",
      found: `a page at ${globalThis.location?.origin ?? "an unknown origin"}`,
      remedy: "Serve the page over https:// or from localhost, or load without `integrity`.",
    });
  }
}

/** One address, whole, or an error that says what is wrong with it. */
async function fetchOne(answer, url, signal, onProgress, into) {
  let response;
  try {
    response = await answer;
  } catch (error) {
    throw signal.aborted ? aborted(url, signal) : await explainNoAnswer(url, error);
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw failure("http_status", {
      where: url,
      expected: "status 200",
      found: `${response.status} ${response.statusText}`.trim(),
      remedy: "Check the address, or host the weights yourself and name other copies in `mirrors`.",
    });
  }
  const type = response.headers.get("content-type") ?? "";
  if (/^text\/html\b|^application\/xhtml/i.test(type)) {
    await response.body?.cancel();
    throw html(url, `content-type ${type}`);
  }
  const length = await readBody(response, url, signal, onProgress, into);
  const body = await into.end();
  const start = new TextDecoder().decode(body.bytes?.subarray(0, 64)).trimStart().toLowerCase();
  if (start.startsWith("<!doctype") || start.startsWith("<html")) {
    throw html(url, `a body that begins with ${start.slice(0, 15)}`);
  }
  return { ...body, length };
}

/** Writes the whole body, and says how long it is. */
async function readBody(response, url, signal, onProgress, into) {
  // With a content-encoding, content-length counts the encoded bytes and says nothing about those that arrive here.
  const encoded = (response.headers.get("content-encoding") ?? "identity") !== "identity";
  const length = Number(response.headers.get("content-length") ?? NaN);
  const totalBytes = !encoded && Number.isSafeInteger(length) && length > 0 ? length : null;
  let loadedBytes = 0;
  let reported = -Infinity;
  const short = (cause) =>
    failure("truncated", {
      where: url,
      expected: totalBytes === null ? "a whole body" : `${totalBytes} bytes`,
      found: loadedBytes === 0 ? "an empty body" : `the end after ${loadedBytes} bytes`,
      remedy: "Try again; if it stays so, the copy on the server is incomplete or a proxy cuts it off.",
      ...(cause && { cause }),
    });
  onProgress({ phase: "download", loadedBytes, totalBytes, url });
  const reader = response.body?.getReader();
  const read = async () => {
    try {
      return (await reader?.read()) ?? { done: true };
    } catch (error) {
      throw signal.aborted ? aborted(url, signal) : short(error);
    }
  };
  into.begin(totalBytes);
  for (let { done, value } = await read(); !done; { done, value } = await read()) {
    into.write(value);
    loadedBytes += value.length;
    if (performance.now() - reported >= PROGRESS_INTERVAL_MS) {
      reported = performance.now();
      onProgress({ phase: "download", loadedBytes, totalBytes, url });
    }
  }
  if (loadedBytes === 0 || (totalBytes !== null && loadedBytes < totalBytes)) {
    throw short();
  }
  onProgress({ phase: "download", loadedBytes, totalBytes: loadedBytes, url });
  return loadedBytes;
}

function html(where, found) {
  return failure("html_instead_of_weights", {
    where,
    expected: "weights",
    found: `a web page (${found})`,
    remedy: "The server probably answers unknown paths with its start page: check that the file is deployed there.",
  });
}

/** `fetch` tells a refusal by CORS and a dead server apart to the developer's console only, so ask in another way. */
async function explainNoAnswer(url, cause) {
  const here = globalThis.location;
  if (here && new URL(url).origin !== here.origin && /^https?:/.test(url) && (await answersWithoutCors(url))) {
    return failure("cors_refused", {
      where: url,
      expected: `an answer with Access-Control-Allow-Origin for ${here.origin}`,
      found: "an answer that this page may not read",
      remedy: "Let the server send `Access-Control-Allow-Origin: *`, or host the weights on the page's own origin.",
      cause,
    });
  }
  const mixed = here?.protocol === "https:" && url.startsWith("http:");
  return failure("network", {
    where: url,
    expected: "an answer",
    found: globalThis.navigator?.onLine === false ? "no network" : `none (${cause.message})`,
    remedy: mixed
      ? "A page on https:// may not load from http://: use https:// for the weights too."
      : "Check the address and the connection, and that the page's Content-Security-Policy allows it in connect-src.",
    cause,
  });
}

/**
 * Whether a server is there at all. In a page under `Cross-Origin-Embedder-Policy: require-corp` the probe's answer is
 * blocked as well, but then a report of that block proves that there was an answer.
 */
async function answersWithoutCors(url) {
  const target = new URL(url).href;
  let blocked = false;
  let observer;
  if (typeof ReportingObserver === "function") {
    observer = new ReportingObserver(
      (reports) => {
        // Chromium shows this report's contents in its JSON only.
        blocked ||= reports.some((report) => JSON.parse(JSON.stringify(report)).body?.blockedURL === target);
      },
      { types: ["coep"] },
    );
    observer.observe();
  }
  const stop = new AbortController();
  try {
    await fetch(url, { mode: "no-cors", cache: "no-store", signal: stop.signal });
    return true;
  } catch {
    // The report comes in a task of its own, after the rejection.
    for (let wait = 0; wait < 5 && observer && !blocked; wait += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return blocked;
  } finally {
    stop.abort();
    observer?.disconnect();
  }
}

/** A synthetic address: Cache Storage keys are requests, ours is the hash. */
function cacheKey(integrity) {
  const hex = Array.from(atob(integrity.slice("sha256-".length)), (c) => c.charCodeAt(0).toString(16).padStart(2, "0"));
  return new URL(`/${CACHE}/${hex.join("")}`, globalThis.location.origin).href;
}

/** The cached bytes if they are there and still have their hash. */
async function readCache(integrity, warnings) {
  try {
    const cache = await globalThis.caches?.open(CACHE);
    const hit = await cache?.match(cacheKey(integrity));
    if (!hit) {
      return null;
    }
    const bytes = new Uint8Array(await hit.arrayBuffer());
    try {
      await verify(bytes, integrity, "cached weights");
      return bytes;
    } catch (error) {
      warnings.push({ code: error.code, message: `${error.message} They were fetched again.` });
      await cache.delete(cacheKey(integrity));
      return null;
    }
  } catch (error) {
    warnings.push({ code: "cache", message: `Cache Storage could not be read (${error.message}); the weights were fetched instead.` });
    return null;
  }
}

/** Keeps the bytes for the next load; a full or forbidden cache costs a download then, nothing now. */
async function writeCache(integrity, bytes, warnings) {
  try {
    const cache = await globalThis.caches?.open(CACHE);
    const headers = { "content-type": "application/octet-stream", "content-length": String(bytes.length) };
    await cache?.put(cacheKey(integrity), new Response(bytes, { headers }));
  } catch (error) {
    const message = `The weights could not be kept in Cache Storage (${error.message}); the next load fetches them again.`;
    warnings.push({ code: "cache", message });
  }
}

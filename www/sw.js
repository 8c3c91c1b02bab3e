// The service worker: keeps the pages, the package and the samples, so that a cold start needs no network.
// The weights are not its business: the library keeps those itself, under their hash.

// Sets self.PRECACHE = { revision, files, sets }; the build writes it, and any changed file changes the revision.
importScripts("./precache.js");

const PREFIX = "mobilenet-web-shell-";
const CACHE = PREFIX + self.PRECACHE.revision;
const SCOPE = self.registration.scope;
/** Addresses, relative to wherever the site lies. */
const addresses = (files) => files.map((file) => new URL(file.replace(/^\//, ""), SCOPE).href);
/** What every visitor gets, at once. */
const FILES = addresses(self.PRECACHE.files);
/** What only some pages need, by name: kept when such a page asks for it. */
const SETS = new Map(Object.entries(self.PRECACHE.sets).map(([name, files]) => [name, addresses(files)]));
const ALL = new Set([...FILES, ...[...SETS.values()].flat()]);
const INDEX = new URL("index.html", SCOPE).href;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data === "activate") self.skipWaiting();
  else if (event.data?.keep) event.waitUntil(keep(event.data.keep, event.ports[0]));
});
self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  const kept = keptAddress(event.request.url);
  if (kept) event.respondWith(cacheFirst(kept, event.request));
});

async function install() {
  const sets = await Promise.all([...SETS.values()].map(async (files) => ((await wasKept(files)) ? files : [])));
  await fetchAll([...FILES, ...sets.flat()]);
}

/** Whether an earlier version kept that set: then this one has it too from the start. */
async function wasKept([first]) {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  const found = await Promise.all(names.map((name) => caches.match(first, { cacheName: name })));
  return found.some(Boolean);
}

async function fetchAll(urls) {
  const cache = await caches.open(CACHE);
  // Past the HTTP cache: a revision must hold the files it was made of.
  await cache.addAll(urls.map((url) => new Request(url, { cache: "reload" })));
}

/** Fetches a set unless it is here, and answers "kept" or why it is not. */
async function keep(name, port) {
  try {
    const files = SETS.get(name) ?? [];
    const cache = await caches.open(CACHE);
    const held = await Promise.all(files.map((url) => cache.match(url)));
    if (!held.every(Boolean)) {
      await assertCurrent();
      await fetchAll(files);
    }
    port.postMessage("kept");
  } catch (error) {
    port.postMessage(error.message);
  }
}

/** The site may have moved on since this worker was installed; a cache of two versions would be neither. */
async function assertCurrent() {
  const list = await (await fetch("./precache.js", { cache: "reload" })).text();
  if (!list.includes(JSON.stringify(self.PRECACHE.revision))) throw new Error("a new version of the site waits");
}

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** The kept file that answers `url`, if any: queries do not matter, and the bare scope is its index.html. */
function keptAddress(url) {
  const bare = url.split(/[?#]/)[0];
  if (bare === SCOPE) return INDEX;
  return ALL.has(bare) ? bare : null;
}

async function cacheFirst(url, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(url)) ?? fetch(request);
}

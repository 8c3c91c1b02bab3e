// The service worker: keeps the page, the package and the samples, so that a cold start needs no network.
// The weights are not its business: the library keeps those itself, under their hash.

// Sets self.PRECACHE = { revision, files }; the build writes it, and any changed file changes the revision.
importScripts("./precache.js");

const PREFIX = "mobilenet-web-shell-";
const CACHE = PREFIX + self.PRECACHE.revision;
const SCOPE = self.registration.scope;
/** Addresses kept, relative to wherever the site lies. */
const FILES = new Set(self.PRECACHE.files.map((file) => new URL(file.replace(/^\//, ""), SCOPE).href));
const INDEX = new URL("index.html", SCOPE).href;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data === "activate") self.skipWaiting();
});
self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  const kept = keptAddress(event.request.url);
  if (kept) event.respondWith(cacheFirst(kept, event.request));
});

async function install() {
  const cache = await caches.open(CACHE);
  // Past the HTTP cache: a revision must hold the files it was made of.
  await cache.addAll([...FILES].map((url) => new Request(url, { cache: "reload" })));
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
  return FILES.has(bare) ? bare : null;
}

async function cacheFirst(url, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(url)) ?? fetch(request);
}

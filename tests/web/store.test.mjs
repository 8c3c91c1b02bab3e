// A dataset in IndexedDB: there after a reload, and nothing is lost where there is no room.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openDataset } from "./dataset-page.mjs";
import { assertFails, visit } from "./harness.mjs";

const MANY = 10_000;
/** What a page's own heap may grow by while so many pictures are taken in: they are compressed, and in the store. */
const MANY_HEAP_MAX_BYTES = 60e6;

let visited, context;

before(async () => {
  visited = await visit();
  context = await visited.browser.newContext();
});
after(() => visited?.close());

const open = () => openDataset(context, visited.server.site);

test("pictures, classes and bursts are there after a reload", async () => {
  let page = await open();
  const before = await page.evaluate(async () => {
    const own = await trainer({ classes: ["cup"], store: "reload" });
    const burst = own.burst();
    for (const label of ["cup", "cup", "cup"]) await own.add(drawing("red"), label, { burst });
    await own.addFolder([at("set/hand/1.png", await png("blue"))]);
    await own.addClass("spoon");
    await own.relabel(own.samples[1].id, "hand");
    await own.renameClass("hand", "palm");
    await own.remove(own.samples[0].id);
    globalThis.own = own;
    return { samples: own.samples, classes: own.classes, picture: await bytes(await own.picture(own.samples[0].id)) };
  });
  await page.close();
  page = await open();
  const after = await page.evaluate(async () => {
    const own = await trainer({ store: "reload" });
    const other = await trainer({ store: "another" });
    return { samples: own.samples, classes: own.classes, picture: await bytes(await own.picture(own.samples[0].id)), others: other.samples.length };
  });
  assert.deepEqual(after, { ...before, others: 0 });
  assert.deepEqual(after.classes, ["cup", "palm", "spoon"]);
  assert.deepEqual(after.samples.map(({ label, stored }) => [label, stored]), [["palm", true], ["cup", true], ["palm", true]]);
  await page.close();
});

test("two tabs add to one dataset, and neither overwrites the other", async () => {
  const tabs = await Promise.all([open(), open()]);
  const add = (tab, colour) =>
    tab.evaluate(async (colour) => {
      const own = await trainer({ classes: ["any"], store: "tabs" });
      for (let count = 0; count < 20; count += 1) await own.add(drawing(colour, String(count)), "any");
      return own.samples.map(({ id }) => id);
    }, colour);
  const ids = await Promise.all([add(tabs[0], "red"), add(tabs[1], "blue")]);
  const found = await tabs[0].evaluate(async () => (await trainer({ store: "tabs" })).samples.map(({ id }) => id));
  assert.deepEqual(new Set(found), new Set(ids.flat()));
  assert.equal(found.length, 40);
  await Promise.all(tabs.map((tab) => tab.close()));
});

test("a picture that is removed while it is written is gone", async () => {
  const page = await open();
  const found = await page.evaluate(async () => {
    const own = await trainer({ classes: ["any"], store: "haste" });
    const adding = own.add(await png("red"), "any");
    while (own.samples.length === 0) await new Promise((resolve) => setTimeout(resolve));
    await own.remove(own.samples[0].id);
    await adding;
    const again = await trainer({ store: "haste" });
    return [own.samples.length, again.samples.length];
  });
  assert.deepEqual(found, [0, 0]);
  await page.close();
});

test("without room pictures stay in memory, and are written when there is some", async () => {
  // Chromium asks anew how much room there is only when none is left of what it was told: so from the start, in a context of its own.
  const fresh = await visited.browser.newContext();
  const page = await openDataset(fresh, visited.server.site);
  const cdp = await fresh.newCDPSession(page);
  const quota = (bytes) => cdp.send("Storage.overrideQuotaForOrigin", { origin: new URL(visited.server.site).origin, ...bytes });
  await quota({ quotaSize: 600_000 });
  const full = await page.evaluate(async () => {
    globalThis.own = await trainer({ classes: ["noise"], store: "full" });
    /** A picture with so many bytes behind it that nothing compresses. */
    const noise = async (bytes) => {
      const tail = new Uint8Array(bytes);
      for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(tail.subarray(at, at + 65536));
      return new Blob([await png("red"), tail], { type: "image/png" });
    };
    const fails = [];
    for (let count = 0; count < 6; count += 1) fails.push(await code(own.add(await noise(200_000), "noise")));
    const folder = await own.addFolder([at("set/noise/1.png", await noise(200_000)), at("set/noise/2.png", await noise(200_000))]);
    const pictures = await Promise.all(own.samples.map(async ({ id }) => (await own.picture(id)).size));
    const zip = await own.exportZip();
    const stored = own.samples.map(({ stored }) => stored);
    return { fails, folder, pictures, zip: zip.size, stored, error: own.storeError.code, again: await code(own.persist()) };
  });
  const refused = full.fails.find(({ code }) => code !== "no error");
  assertFails(refused, "store_full", "full", "exportZip", "persist");
  assert.deepEqual([full.folder.added, full.folder.unstored, full.folder.skipped], [2, 2, []]);
  assert.equal(full.pictures.length, 8);
  assert.ok(full.pictures.every((size) => size > 200_000));
  assert.ok(full.zip > full.pictures.reduce((sum, size) => sum + size));
  assert.ok(full.stored[0] && !full.stored.at(-1), `${full.stored}`);
  assert.equal(full.error, "store_full");
  assertFails(full.again, "store_full");
  await quota({});
  const after = await page.evaluate(async () => {
    await own.persist();
    const again = await trainer({ store: "full" });
    return { error: own.storeError, stored: own.samples.every(({ stored }) => stored), again: again.samples.length };
  });
  assert.deepEqual(after, { error: null, stored: true, again: 8 });
  await fresh.close();
});

test("where there is no IndexedDB, a store is refused and the rest works", async () => {
  const page = await open();
  const found = await page.evaluate(async () => {
    const refusal = () => { throw new DOMException("not here", "SecurityError"); };
    Object.defineProperty(globalThis, "indexedDB", { value: { open: refusal }, configurable: true });
    const refused = await code(trainer({ store: "any" }));
    const own = await trainer({ classes: ["any"] });
    await own.add(drawing("red"), "any");
    return { refused, count: own.samples.length };
  });
  assertFails(found.refused, "store_unavailable", "any", "not here", "leave `store` out");
  assert.equal(found.count, 1);
  await page.close();
});

test(`${MANY} pictures from a folder into a store, an archive, and back`, async () => {
  const page = await open();
  const cdp = await context.newCDPSession(page);
  const heap = async () => {
    await cdp.send("HeapProfiler.collectGarbage");
    return (await cdp.send("Runtime.getHeapUsage")).usedSize;
  };
  const before = await heap();
  const found = await page.evaluate(async (many) => {
    const picture = await png("red", "", 64, 64);
    const own = await trainer({ store: "many" });
    const folder = Array.from({ length: many }, (_, index) => at(`set/${index % 7}/${index}.png`, picture));
    let start = performance.now();
    const added = await own.addFolder(folder);
    const times = { add: performance.now() - start };
    start = performance.now();
    globalThis.zip = await own.exportZip();
    times.zip = performance.now() - start;
    start = performance.now();
    globalThis.own = await trainer({ store: "many" });
    times.open = performance.now() - start;
    own.dispose();
    start = performance.now();
    const other = await trainer();
    const back = await other.importZip(zip);
    times.import = performance.now() - start;
    const count = other.samples.length;
    other.dispose();
    return { added, back, count, again: globalThis.own.samples.length, classes: globalThis.own.classes, times };
  }, MANY);
  const growth = (await heap()) - before;
  const { add, zip, open: reopened, import: imported } = found.times;
  console.log(`${MANY} pictures: added in ${(add / 1000).toFixed(1)} s, written to a zip in ${(zip / 1000).toFixed(1)} s, found again in ${(reopened / 1000).toFixed(2)} s, read back in ${(imported / 1000).toFixed(1)} s; heap grew by ${(growth / 1e6).toFixed(1)} MB`);
  assert.deepEqual(found.added, { added: MANY, skipped: [], unstored: 0 });
  assert.deepEqual(found.back, { added: MANY, skipped: [], unstored: 0 });
  assert.deepEqual([found.count, found.again], [MANY, MANY]);
  assert.deepEqual(found.classes, ["0", "1", "2", "3", "4", "5", "6"]);
  assert.ok(growth < MANY_HEAP_MAX_BYTES, `${growth} bytes`);
  await page.close();
});

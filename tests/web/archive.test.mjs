// A dataset as a zip archive: out and in again, and what other programs make of archives.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";

import { openDataset } from "./dataset-page.mjs";
import { assertFails, visit } from "./harness.mjs";

let visited, page;

before(async () => {
  visited = await visit();
  page = await openDataset(await visited.browser.newContext(), visited.server.site);
});
after(() => visited?.close());

test("an archive brings everything back", async () => {
  const found = await page.evaluate(async () => {
    const own = await trainer({ classes: ["a/b", "A/B", "größe", "empty"] });
    const burst = own.burst();
    for (const [index, label] of ["größe", "a/b", "A/B", "größe"].entries()) {
      await own.add(await png("red", String(index)), label, { burst: index % 3 === 0 ? burst : undefined, origin: `${index}.png` });
    }
    const zip = await own.exportZip();
    const other = await trainer();
    const added = await other.importZip(zip);
    const same = [];
    for (const [index, { id }] of other.samples.entries()) {
      const [here, there] = [await other.picture(id), await own.picture(own.samples[index].id)];
      same.push(here.type === there.type && (await bytes(here)) === (await bytes(there)));
    }
    return {
      zip: btoa(String.fromCharCode(...new Uint8Array(await zip.arrayBuffer()))),
      added, same, classes: other.classes, before: own.samples, after: other.samples,
      aborted: await code(own.exportZip({ signal: AbortSignal.abort() })),
    };
  });
  assert.deepEqual([found.added.added, found.added.skipped], [4, []]);
  assert.deepEqual(found.same, [true, true, true, true]);
  assert.deepEqual(found.classes, ["a/b", "A/B", "größe", "empty"]);
  const said = (samples) => samples.map(({ label, origin, added_ms, burst }) => [label, origin, added_ms, burst === samples[0].burst]);
  assert.deepEqual(said(found.after), said(found.before));
  assertFails(found.aborted, "aborted");
  const entries = readEntries(Buffer.from(found.zip, "base64"));
  assert.deepEqual(entries, ["größe/00001.png", "a_b/00001.png", "A_B 2/00001.png", "größe/00002.png", "dataset.json"]);
});

test("archives of others: deflated, with folders, in a wrong checksum, encrypted, cut off", async () => {
  const picture = Buffer.from((await page.evaluate(async () => bytes(await png("green")))).split(",").map(Number));
  const zip = zipOf([
    { path: "set/" },
    { path: "set/cat/1.png", data: picture, deflated: true },
    { path: "set/cat/2.png", data: picture },
    { path: "set/dog/3.png", data: picture, deflated: true, crc: 1 },
    { path: "set/dog/4.png", data: picture, flags: 1 },
    { path: "set/dog/5.png", data: picture, deflated: true, size: 10 },
    { path: "__MACOSX/set/cat/._1.png", data: Buffer.from("clutter") },
    { path: "dataset.json", data: Buffer.from("not ours") },
  ]);
  const found = await page.evaluate(async (base64) => {
    const zip = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
    const own = await trainer();
    const added = await own.importZip(zip);
    const empty = await own.importZip(new Blob([zip.slice(zip.size - 22, zip.size - 12), new Uint8Array(12)])).catch((error) => error.message);
    return {
      added: { ...added, skipped: added.skipped.map(({ path, error }) => [path, error.code]) },
      labels: own.samples.map(({ label, origin }) => [label, origin]),
      cut: await code(own.importZip(zip.slice(0, zip.size - 30))),
      none: await code(own.importZip(new Blob(["PK"]))),
      list: await code(own.importZip(zip.slice(20))),
      empty,
    };
  }, zip.toString("base64"));
  assert.equal(found.added.added, 2);
  assert.deepEqual(found.added.skipped, [["set/dog/3.png", "corrupt"], ["set/dog/4.png", "corrupt"], ["set/dog/5.png", "corrupt"]]);
  assert.deepEqual(found.labels, [["cat", "set/cat/1.png"], ["cat", "set/cat/2.png"]]);
  assertFails(found.cut, "corrupt", "end");
  assertFails(found.none, "corrupt");
  assertFails(found.list, "corrupt");
});

test("more files than an old archive could list", async () => {
  const found = await page.evaluate(async () => {
    const { readZip, writeZip } = await import("/pkg/zip.js");
    const [empty, last] = [new Blob(), new Blob(["65599"])];
    const files = async function* () {
      for (let index = 0; index < 65_600; index += 1) yield { path: `n/${index}`, blob: index === 65_599 ? last : empty, ms: 0 };
    };
    const entries = await readZip(await writeZip(files()));
    return [entries.length, entries[65_599].path, await (await entries[65_599].open()).text()];
  });
  assert.deepEqual(found, [65_600, "n/65599", "65599"]);
});

/** Paths of an archive, each local header and checksum looked at, by another reader than the package's. */
function readEntries(zip) {
  const paths = [];
  let at = zip.readUInt32LE(zip.length - 6);
  for (let count = zip.readUInt16LE(zip.length - 12); count > 0; count -= 1) {
    assert.equal(zip.readUInt32LE(at), 0x02014b50);
    const [crc, packed, size, name, extra, comment, local] = [zip.readUInt32LE(at + 16), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24), zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32), zip.readUInt32LE(at + 42)];
    assert.equal(zip.readUInt32LE(local), 0x04034b50);
    assert.deepEqual(zip.subarray(local + 6, local + 28), zip.subarray(at + 8, at + 30));
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    assert.equal(packed, size);
    assert.equal(crc32(zip.subarray(start, start + size)), crc);
    paths.push(zip.subarray(at + 46, at + 46 + name).toString());
    at += 46 + name + extra + comment;
  }
  assert.equal(at, zip.length - 22);
  return paths;
}

/** An archive by another writer than the package's. */
function zipOf(files) {
  const [parts, central] = [[], []];
  let offset = 0;
  for (const { path, data = Buffer.alloc(0), deflated = false, crc = crc32(data), size = data.length, flags = 0 } of files) {
    const packed = deflated ? deflateRawSync(data) : data;
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50);
    const said = Buffer.alloc(26);
    [[2, 20], [2, flags], [2, deflated ? 8 : 0], [4, 0], [4, crc], [4, packed.length], [4, size], [2, path.length]].reduce((at, [length, value]) => {
      said.writeUIntLE(value, at, length);
      return at + length;
    }, 0);
    said.copy(header, 4);
    const row = Buffer.alloc(46);
    row.writeUInt32LE(0x02014b50);
    said.copy(row, 6);
    row.writeUInt32LE(offset, 42);
    parts.push(header, Buffer.from(path), packed);
    central.push(row, Buffer.from(path));
    offset += header.length + path.length + packed.length;
  }
  const list = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
}

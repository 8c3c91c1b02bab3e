// Bodies as they come: in pieces, with and without a length, for a module or for an array.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Intake, Whole } from "../../pkg/arrival.js";
import { download } from "../../pkg/download.js";

const OWN = '{"__metadata__":{"mobilenet.version":"v2"},"a":{}}';

/** A file of that header with some data behind it. */
function file(header = OWN, data = 50) {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data).fill(7);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function cut(bytes, size) {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

/** Stands for a module: keeps what it is given. */
class Module {
  static made = [];
  static expect(announced) {
    const arrival = new Module();
    arrival.announced = announced;
    Module.made.push(arrival);
    return arrival;
  }
  pieces = [];
  freed = 0;
  append(piece) {
    this.pieces.push(...piece);
  }
  free() {
    this.freed += 1;
  }
}

const direct = (work) => work();

function intake(choose = () => Promise.resolve(Module), guard = direct) {
  const headers = [];
  Module.made = [];
  const made = new Intake((header) => {
    headers.push(header);
    return choose(header);
  }, guard);
  return Object.assign(made, { headers });
}

async function sent(into, pieces, announced) {
  into.begin(announced);
  for (const piece of pieces) {
    into.write(piece);
    await null;
  }
  return into.end();
}

describe("an intake", () => {
  for (const size of [1, 7, 8, 9, 57, 58, 1000]) {
    test(`gives a module the file whole, from pieces of ${size} bytes`, async () => {
      const into = intake();
      const { arrival, Module: of, bytes } = await sent(into, cut(file(), size), file().length);
      assert.deepEqual(into.headers, [OWN]);
      assert.equal(of, Module);
      assert.equal(bytes, undefined);
      assert.deepEqual(Module.made, [arrival]);
      assert.deepEqual(Uint8Array.from(arrival.pieces), file());
      assert.equal(arrival.announced, file().length);
    });
  }

  test("gives pieces before the last one has come", async () => {
    const into = intake();
    into.begin(file().length);
    const pieces = cut(file(), 60);
    into.write(pieces[0]);
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(Module.made[0].pieces.length, 60);
    into.write(pieces[1]);
    assert.equal(Module.made[0].pieces.length, file().length);
  });

  test("makes room once all is here where no length was told", async () => {
    const into = intake();
    into.begin(null);
    into.write(file());
    await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual(Module.made, []);
    assert.equal((await into.end()).arrival.announced, file().length);
  });

  test("keeps what is for no module, and what is no safetensors", async () => {
    const into = intake(() => null);
    for (const bytes of [file(), new TextEncoder().encode("PK and then more"), new TextEncoder().encode("short"), new Uint8Array(9)]) {
      assert.deepEqual(await sent(into, cut(bytes, 3), bytes.length), { bytes });
    }
    assert.deepEqual(into.headers, [OWN, "", ""]);
  });

  test("takes no length at its word that no header has", async () => {
    const bytes = file();
    new DataView(bytes.buffer).setBigUint64(0, 1n << 40n, true);
    const into = intake(() => null);
    assert.deepEqual(await sent(into, [bytes], bytes.length), { bytes });
    assert.deepEqual(into.headers, [""]);
  });

  test("forgets one body when another begins, also one that its module is late for", async () => {
    const late = {};
    late.promise = new Promise((resolve) => Object.assign(late, { resolve }));
    const into = intake(() => late.promise);
    into.begin(1000);
    into.write(file(OWN, 20));
    into.begin(file().length);
    into.write(file());
    late.resolve(Module);
    const { arrival } = await into.end();
    assert.deepEqual(Uint8Array.from(arrival.pieces), file());
    assert.equal(Module.made.length, 1);
    into.begin(1000);
    assert.equal(arrival.freed, 1);
  });

  test("fails as its module does, and by the guard's error", async () => {
    await assert.rejects(sent(intake(() => Promise.reject(new Error("no module"))), [file()], 9), /no module/);
    const guard = (work) => {
      try {
        return work();
      } catch {
        throw new Error("guarded");
      }
    };
    const broken = { expect: () => { throw new Error("out of memory"); } };
    await assert.rejects(sent(intake(() => Promise.resolve(broken), guard), [file()], file().length), /guarded/);
  });
});

describe("a download", () => {
  const answer = (body, headers = {}, status = 200) => {
    const stream = new ReadableStream({
      start(controller) {
        cut(body, 11).forEach((piece) => controller.enqueue(piece));
        controller.close();
      },
    });
    return { answer: Promise.resolve(new Response(stream, { headers, status })), controller: new AbortController() };
  };
  const options = (begun) => ({ signal: new AbortController().signal, onProgress() {}, warnings: [], begun });
  const from = (body, headers, into) => download(["http://localhost:1024/x"], options(answer(body, headers)), into);

  for (const [what, headers] of [
    ["a length", { "content-length": String(file().length) }],
    ["no length", {}],
    ["a length that is none", { "content-length": "many" }],
    ["the length of an encoded body", { "content-length": "20", "content-encoding": "gzip" }],
    ["a length that the body passes", { "content-length": "20" }],
  ]) {
    test(`with ${what} comes whole, to an array and to a module`, async () => {
      const kept = await from(file(), headers, new Whole());
      assert.deepEqual([kept.bytes, kept.length, kept.from], [file(), file().length, "network"]);
      const given = await from(file(), headers, intake());
      assert.deepEqual(Uint8Array.from(given.arrival.pieces), file());
      assert.equal(given.length, file().length);
    });
  }

  test("that ends early is refused, and no module keeps it for a file", async () => {
    const into = intake();
    const headers = { "content-length": String(file().length + 1) };
    await assert.rejects(from(file(), headers, into), { code: "truncated", message: /expected 109 bytes, found the end after 108/ });
    await assert.rejects(from(new Uint8Array(), {}, into), { code: "truncated", message: /an empty body/ });
  });

  test("falls to its mirror with nothing left of the first", async () => {
    const real = globalThis.fetch;
    globalThis.fetch = async () => new Response(file());
    try {
      const begun = answer(file(OWN, 3), { "content-length": "1000" });
      const into = intake();
      const found = await download(["http://localhost:1024/x", "http://localhost:1024/y"], options(begun), into);
      assert.deepEqual(Uint8Array.from(found.arrival.pieces), file());
      assert.equal(found.url, "http://localhost:1024/y");
    } finally {
      globalThis.fetch = real;
    }
  });

  test("that is aborted ends the request that had begun", async () => {
    const stop = new AbortController();
    const begun = { controller: new AbortController(), answer: null };
    begun.answer = new Promise((_, reject) => begun.controller.signal.addEventListener("abort", () => reject(new Error("stopped"))));
    const done = download(["http://localhost:1024/x"], { ...options(begun), signal: stop.signal }, intake());
    stop.abort();
    await assert.rejects(done, { code: "aborted" });
    assert.equal(begun.controller.signal.aborted, true);
  });
});

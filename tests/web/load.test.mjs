// Loading: every way in, every way it fails, by its own code.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { SITE_HEADERS, assertFails, assets, blank, visitBlank } from "./harness.mjs";

const NO_ISOLATION = { "content-type": "text/html" };

let server, browser, context, page, close, files;

before(async () => {
  ({ server, browser, page, close } = await visitBlank({ args: ["--host-resolver-rules=MAP insecure.test 127.0.0.1"] }));
  context = page.context();
  files = await assets(server.site);
});

after(() => close?.());

const failing = (url, options, where = page) => where.evaluate(([u, o]) => code(load(u, o)), [url, options]);

describe("a load that works", () => {
  test("by address: reports progress in bytes and says what it is", async () => {
    const { info, steps } = await page.evaluate(async (url) => {
      const steps = [];
      const net = await load(url, { onProgress: (step) => steps.push(step) });
      const info = net.info;
      net.dispose();
      return { info, steps };
    }, files.weights);
    assert.equal(info.loadedFrom, "network");
    assert.equal(info.worker, true);
    assert.equal(info.fileBytes, files.bytes);
    assert.equal(info.version, "v2");
    assert.equal(info.resolution, 224);
    assert.deepEqual(info.warnings, []);
    const documented = async (file, name) => {
      const types = await readFile(new URL(`../../pkg/${file}`, import.meta.url), "utf8");
      const [, body] = new RegExp(`export interface ${name} .*\\{([^]*?)\\n\\}`).exec(types);
      return [...body.matchAll(/^  (?:readonly )?(\w+):/gm)].map(([, key]) => key);
    };
    const keys = [...(await documented("index.d.ts", "Info")), ...(await documented("backends.d.ts", "BackendState"))];
    assert.deepEqual(Object.keys(info).sort(), keys.sort());
    assert.equal(new URL(info.url).pathname, files.weights);
    assert.deepEqual([...new Set(steps.map(({ phase }) => phase))], ["download", "prepare"]);
    const loaded = steps.map(({ loadedBytes }) => loadedBytes);
    assert.deepEqual(loaded, [...loaded].sort((a, b) => a - b));
    assert.equal(loaded.at(-1), files.bytes);
    assert.equal(steps.at(-1).totalBytes, files.bytes);
  });

  test("from a File and from bytes, which stay the caller's", async () => {
    const found = await page.evaluate(async (url) => {
      const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
      const sources = [new File([bytes], "net.safetensors"), bytes, bytes.buffer];
      const loaded = [];
      for (const source of sources) {
        for (const worker of [true, false]) {
          const net = await load(source, { worker });
          loaded.push([net.info.loadedFrom, net.info.fileBytes, net.info.url, net.info.worker]);
          net.dispose();
        }
      }
      return { loaded, left: bytes.length };
    }, files.weights);
    assert.equal(found.left, files.bytes);
    for (const [index, entry] of found.loaded.entries()) {
      assert.deepEqual(entry, ["bytes", files.bytes, null, index % 2 === 0]);
    }
  });

  test("from another origin that allows it", async () => {
    const net = await failing(`${server.other}cors${files.weights}`);
    assert.equal(net.code, "no error", net.message);
  });

  test("with the package itself on another origin", async () => {
    const elsewhere = await blank(context, server.site, NO_ISOLATION);
    const found = await elsewhere.evaluate(async ([script, url]) => {
      const { MobileNet } = await import(script);
      return code(MobileNet.load(url).then((net) => net.info.worker));
    }, [`${server.other}cors/pkg/index.js`, files.weights]);
    assert.deepEqual(found, { code: "no error", value: true });
    await elsewhere.close();
  });
});

describe("a load in the page's own thread", () => {
  test("has its weights and its module on their way before its other scripts are here", async () => {
    const slow = await blank(context, server.site);
    let isAhead = false;
    await slow.route("**/pkg/host.js", async (route) => {
      const arrived = () => left.length === 0 && performance.getEntriesByType("resource").some(({ name }) => name.endsWith("_bg.wasm"));
      isAhead = await slow.waitForFunction(arrived, undefined, { timeout: 5000 }).then(() => true, () => false);
      await route.continue();
    });
    const found = await slow.evaluate(async (path) => {
      const bytes = new Uint8Array(await (await fetch(path)).arrayBuffer());
      globalThis.left = Array.from({ length: 10 }, (_, index) => [index, index + 1].map((end) => Math.round((end / 10) * bytes.length)));
      // As a network's body, it gives what is asked for.
      const pull = (controller) => (left.length > 0 ? controller.enqueue(bytes.slice(...left.shift())) : controller.close());
      const own = fetch;
      globalThis.fetch = async (url, options) => (new URL(url).pathname === path ? new Response(new ReadableStream({ pull })) : own(url, options));
      return code(load(path, { worker: false }).then((net) => net.info.fileBytes));
    }, files.weights);
    assert.deepEqual(found, { code: "no error", value: files.bytes });
    assert.ok(isAhead, "weights and module waited for host.js");
    await slow.close();
  });

  for (const [path, expected, ...words] of [
    ["/faults/404", "http_status", "404"],
    ["/faults/html", "html_instead_of_weights", "text/html"],
    ["/faults/truncated?path=", "truncated", "the end after"],
    ["data:application/octet-stream,", "truncated", "an empty body"],
  ]) {
    test(`fails as one in a worker does: ${path}`, async () => {
      const url = path.endsWith("=") ? path + files.weights : path;
      assertFails(await failing(url, { worker: false }), expected, ...words);
    });
  }
});

describe("a download that fails", () => {
  test("status", async () => assertFails(await failing("/faults/404"), "http_status", "/faults/404", "404", "mirrors"));

  test("a web page instead of weights", async () =>
    assertFails(await failing("/faults/html"), "html_instead_of_weights", "text/html", "deployed"));

  test("a web page under another type", async () =>
    assertFails(await failing("data:application/octet-stream,%0a<!DOCTYPE html><p>hello"), "html_instead_of_weights"));

  test("truncated", async () =>
    assertFails(await failing(`/faults/truncated?path=${files.weights}`), "truncated", `expected ${files.bytes} bytes`, "the end after"));

  test("empty", async () => assertFails(await failing("data:application/octet-stream,"), "truncated", "an empty body"));

  test("refused by CORS, on an isolated page and on a plain one", async () => {
    const url = `${server.other}${files.weights.slice(1)}`;
    const remedy = "Access-Control-Allow-Origin: *";
    assertFails(await failing(url), "cors_refused", url, remedy);
    const plain = await blank(context, server.site, NO_ISOLATION);
    assertFails(await failing(url, { worker: false }, plain), "cors_refused", url, remedy);
    await plain.close();
  });

  test("no server", async () =>
    assertFails(await failing("http://localhost:1024/x.safetensors"), "network", "localhost:1024", "connect-src"));

  test("bytes that are no weights", async () => {
    assertFails(await failing("data:application/octet-stream,hello%20this%20is%20nothing"), "unsupported_format");
    const found = await page.evaluate(() => code(load(new Uint8Array(100))));
    assert.equal(found.name, "MobileNetError");
    assert.notEqual(found.code, "internal", found.message);
  });

  test("an argument that is no weights", async () => {
    assertFails(await failing(undefined), "bad_option", "undefined", "For example");
    assertFails(await failing("http://["), "bad_option", "http://[");
  });
});

describe("integrity and cache", () => {
  test("another hash", async () => {
    const wrong = `sha256-${"A".repeat(43)}=`;
    assertFails(await failing(files.weights, { integrity: wrong }), "integrity_mismatch", wrong, files.sha256);
    const bytes = await page.evaluate((integrity) => code(load(new Uint8Array(2000), { integrity })), wrong);
    assertFails(bytes, "integrity_mismatch");
  });

  test("a hash that is none", async () =>
    assertFails(await failing(files.weights, { integrity: "sha256-abc" }), "bad_option", "integrity", "openssl"));

  test("a page that is not a secure context", async () => {
    const insecure = await blank(context, server.site.replace("127.0.0.1", "insecure.test"), NO_ISOLATION);
    const found = await failing(files.weights, { integrity: files.sha256 }, insecure);
    assertFails(found, "insecure_context", "crypto.subtle", "https://");
    await insecure.close();
  });

  test("the second load needs no network, and a damaged copy is fetched again", async () => {
    const own = await browser.newContext();
    const there = await blank(own, server.site);
    const source = (options = {}) =>
      there.evaluate(async ([url, o]) => {
        const phases = new Set();
        const net = await load(url, { ...o, onProgress: ({ phase }) => phases.add(phase) });
        net.dispose();
        return { from: net.info.loadedFrom, phases: [...phases], warnings: net.info.warnings };
      }, [files.weights, { integrity: files.sha256, ...options }]);
    assert.equal((await source()).from, "network");
    // With the network off a worker's script cannot come, so the thread's own host, imported before, loads, and works alone.
    await source({ worker: false, threads: 1 });
    await own.setOffline(true);
    assert.deepEqual(await source({ worker: false, threads: 1 }), { from: "cache", phases: ["cache", "prepare"], warnings: [] });
    await own.setOffline(false);
    await there.evaluate(async () => {
      const cache = await caches.open("mobilenet-web-v1");
      const [key, ...others] = await cache.keys();
      if (others.length > 0) throw new Error("one hash, one entry");
      await cache.put(key, new Response("damaged"));
    });
    const again = await source();
    assert.equal(again.from, "network");
    assert.equal(again.warnings[0].code, "integrity_mismatch");
    assert.match(again.warnings[0].message, /cached weights.*fetched again/);
    assert.equal((await source()).from, "cache");
    await own.close();
  });
});

describe("mirrors", () => {
  test("are tried in order until one delivers", async () => {
    const found = await page.evaluate(async (url) => {
      const net = await load("/faults/404", { mirrors: ["/faults/html", url, "/never"] });
      net.dispose();
      return net.info;
    }, files.weights);
    assert.equal(new URL(found.url).pathname, files.weights);
    assert.equal(found.warnings.length, 2);
    assert.deepEqual(found.warnings.map(({ code }) => code), ["http_status", "html_instead_of_weights"]);
    assert.match(found.warnings[0].message, /404/);
  });

  test("that all fail are all named", async () => {
    const found = await failing("/faults/404", { mirrors: ["/faults/html"] });
    assertFails(found, "http_status", "/faults/404", "/faults/html", "2 addresses");
    assert.deepEqual(found.failures.map(({ code }) => code), ["http_status", "html_instead_of_weights"]);
  });

  test("step in for a copy with another hash", async () => {
    const found = await failing(files.samples[0] ? `/samples/${files.samples[0].file}` : "/", { integrity: files.sha256, mirrors: [files.weights] });
    assert.equal(found.code, "no error", found.message);
  });
});

describe("abort", () => {
  for (const worker of [true, false]) {
    test(`ends a download, ${worker ? "in the worker" : "in the page"}`, async () => {
      const found = await page.evaluate(async ([url, worker]) => {
        const controller = new AbortController();
        const seen = [];
        const onProgress = ({ loadedBytes }) => {
          seen.push(loadedBytes);
          if (loadedBytes > 300_000) controller.abort();
        };
        const failed = await code(load(url, { worker, signal: controller.signal, onProgress }));
        const count = seen.length;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return { failed, late: seen.length - count, loaded: seen.at(-1) };
      }, [`/faults/slow?path=${files.weights}`, worker]);
      assertFails(found.failed, "aborted");
      assert.equal(found.failed.cause, "AbortError");
      assert.equal(found.late, 0);
      assert.ok(found.loaded < files.bytes / 2);
    });
  }

  test("before it begins", async () => {
    assertFails(await page.evaluate((url) => code(load(url, { signal: AbortSignal.abort() })), files.weights), "aborted");
  });
});

describe("an engine that cannot start", () => {
  test("wasm that is not there, or is a web page", async () => {
    assertFails(await failing(files.weights, { wasmUrl: "/nowhere.wasm" }), "wasm_unavailable", "/nowhere.wasm", "404", "wasmUrl");
    assertFails(await failing(files.weights, { wasmUrl: "/faults/html" }), "wasm_unavailable", "web page", "wasmUrl");
    assertFails(await failing(files.weights, { wasmUrl: files.weights }), "wasm_unavailable", "wasmUrl");
  });

  test("wasm named by its address", async () => {
    const found = await failing(files.weights, { wasmUrl: "/pkg/wasm/mobilenet_web_bg.wasm" });
    assert.equal(found.code, "no error", found.message);
  });

  test("a worker script that is not there", async () =>
    assertFails(await failing(files.weights, { worker: "/nowhere.js" }), "worker_failed", "worker: false"));

  test("a Content-Security-Policy without workers, or without wasm", async () => {
    const policy = (csp) => blank(context, server.site, { ...SITE_HEADERS, "content-security-policy": csp });
    const noWorkers = await policy("script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'");
    assertFails(await failing(files.weights, {}, noWorkers), "worker_failed", "worker-src");
    const noWasm = await policy("script-src 'self'");
    assertFails(await failing(files.weights, { worker: false }, noWasm), "wasm_unavailable", "wasm-unsafe-eval");
    await Promise.all([noWorkers.close(), noWasm.close()]);
  });
});

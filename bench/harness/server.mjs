// The local host of a benchmark: files under prefixes, and a place to which a page sends what it measured.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** Isolated pages get the finer clock; nothing is cached, so that every fresh page downloads its weights. */
const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-store",
};

/** What no runtime brings: networks, and the benchmark's own scripts. */
const OF_THE_BENCH = /^\/(models|www|bench\/(page|runtimes))\//;

/**
 * @param {Record<string, string[]>} mounts folders by URL prefix, each with a slash at its end
 * @returns {Promise<{ url: string, outcome: () => Promise<object>, close: () => void }>} `outcome` waits for the next one, and
 *   adds as `files` what was downloaded meanwhile of the runtime itself
 */
export async function serve(mounts) {
  let settle = () => {};
  let files = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    if (request.method === "POST" && path === "/outcome") {
      const pieces = await request.toArray();
      response.writeHead(204, HEADERS).end();
      settle({ ...JSON.parse(Buffer.concat(pieces).toString()), files });
      return;
    }
    const found = await find(mounts, path);
    if (!found) {
      response.writeHead(404, HEADERS).end(`no file at ${path}`);
      return;
    }
    if (!OF_THE_BENCH.test(path)) {
      files.push(found.file);
    }
    const type = TYPES[extname(found.file)] ?? "application/octet-stream";
    response.writeHead(200, { ...HEADERS, "content-type": type, "content-length": found.size });
    createReadStream(found.file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    outcome: () => new Promise((resolve) => { settle = resolve; files = []; }),
    close: () => { server.closeAllConnections(); server.close(); },
  };
}

/** The file at a path: that of the first folder which has it. */
async function find(mounts, path) {
  const clean = normalize(path);
  const prefix = Object.keys(mounts).find((start) => clean.startsWith(start));
  for (const folder of mounts[prefix] ?? []) {
    const file = join(folder, clean.slice(prefix.length));
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile()) {
      return { file, size: found.size };
    }
  }
  return undefined;
}

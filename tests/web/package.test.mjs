// What npm would publish: types that compile both ways, nothing missing, nothing odd.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const ROOT = new URL("../../", import.meta.url);
const PACKAGE = new URL("pkg/", ROOT);
const run = promisify(execFile);

for (const project of ["tsconfig.json", "tsconfig.nodenext.json"]) {
  test(`types compile under pkg/${project}`, async () => {
    const compiler = fileURLToPath(new URL("node_modules/typescript/bin/tsc", ROOT));
    await run(process.execPath, [compiler, "--project", fileURLToPath(new URL(project, PACKAGE))]).catch(({ stdout }) => {
      assert.fail(stdout);
    });
  });
}

test("publint finds nothing", async () => {
  const { messages } = await publint({ pkgDir: fileURLToPath(PACKAGE), strict: true });
  const manifest = JSON.parse(await readFile(new URL("package.json", PACKAGE), "utf8"));
  assert.deepEqual(messages.map((message) => formatMessage(message, manifest)), []);
});

test("every relative import and address is among the published files", async () => {
  const { files, exports } = JSON.parse(await readFile(new URL("package.json", PACKAGE), "utf8"));
  const scripts = (await readdir(PACKAGE)).filter((name) => name.endsWith(".js"));
  const types = (await readdir(PACKAGE)).filter((name) => name.endsWith(".d.ts"));
  const published = new Set([...scripts, ...types, ...files, "package.json"]);
  for (const name of scripts) {
    const text = await readFile(new URL(name, PACKAGE), "utf8");
    for (const [, path] of text.matchAll(/(?:from|import\(|import|new URL\()\s*"\.\/([^"]+)"/g)) {
      assert.ok(published.has(path), `${name} refers to ${path}, which package.json does not publish`);
    }
  }
  for (const target of Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [entry] : Object.values(entry)))) {
    assert.ok(published.has(target.replace("./", "")), `exports name ${target}, which package.json does not publish`);
  }
});

test("what the host imports is asked for at once, wherever it runs", async () => {
  const imports = async (name, pattern) => {
    const text = await readFile(new URL(name, PACKAGE), "utf8");
    return [...text.matchAll(pattern)].map(([, path]) => path);
  };
  const all = new Set();
  const follow = async (name) => {
    for (const path of await imports(name, /^import .*from "\.\/([^"]+)"/gm)) {
      if (!all.has(path)) {
        all.add(path);
        await follow(path);
      }
    }
  };
  await follow("host.js");
  const worker = await imports("worker.js", /^import .*"\.\/([^"]+)"/gm);
  assert.deepEqual([...all].filter((path) => !worker.includes(path)), []);
  // The page has those already that index.js imports.
  const client = [...(await imports("client.js", /import\("\.\/([^"]+)"\)/g)), ...(await imports("client.js", /^import .*from "\.\/([^"]+)"/gm))];
  assert.deepEqual([...all].filter((path) => !client.includes(path)), []);
});

test("scripts that were merged left none behind that asks for them, and each exists once", async () => {
  const folder = new URL("target/site/pkg/", ROOT);
  const scripts = (await readdir(folder)).filter((name) => name.endsWith(".js"));
  assert.ok(!scripts.includes("download.js") && scripts.includes("host.js"), "the site's scripts are not merged: run `npm ci` and `cargo xtask build`");
  const texts = await Promise.all(scripts.map((name) => readFile(new URL(name, folder), "utf8")));
  for (const [index, text] of texts.entries()) {
    const asked = [...text.matchAll(/(?:from|import\(|import|new URL\()\s*"\.\/([^"/]+\.js)"/g)].map(([, path]) => path);
    assert.deepEqual(asked.filter((path) => !scripts.includes(path)), [], scripts[index]);
  }
  // Words of `index.js`, `client.js`, `download.js`, `wasm.js`: in two files the same thing would be there twice.
  for (const word of ["loading takes time", "a module worker that starts", "body?.getReader", "relaxed-simd/mobilenet_web_bg.wasm"]) {
    assert.equal(texts.filter((text) => text.includes(word)).length, 1, word);
  }
});

async function codes() {
  const [{ CODES }, { TRAINING_CODES }] = await Promise.all(["errors.js", "training-codes.js"].map((name) => import(new URL(name, PACKAGE))));
  return { ...CODES, ...TRAINING_CODES };
}

test("the types list every error code of the scripts", async () => {
  const CODES = await codes();
  const types = await readFile(new URL("errors.d.ts", PACKAGE), "utf8");
  assert.deepEqual(Object.keys(CODES).filter((code) => !types.includes(`| "${code}"`)), []);
});

test("the types list every error code of the engine, and no others", async () => {
  const kinds = await readFile(new URL("src/error.rs", ROOT), "utf8");
  const CODES = await codes();
  const types = await readFile(new URL("errors.d.ts", PACKAGE), "utf8");
  // The host answers those itself, by loading another module.
  const own = ["needs_importer", "needs_integers"];
  const engine = [...kinds.matchAll(/=> "([a-z_]+)"/g)].map(([, code]) => code).filter((code) => !own.includes(code));
  const listed = [...types.matchAll(/^  \| "([a-z_]+)"/gm)].map(([, code]) => code);
  assert.ok(engine.length > 10);
  assert.deepEqual(new Set(listed), new Set([...engine, ...Object.keys(CODES)]));
});

// Every kernel's SIMD body against its scalar reference, over the edge cases of tests/suite, as wasm in Chromium, in each build.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { visitBlank } from "./harness.mjs";

const REFERENCES = fileURLToPath(new URL("../../kernels/src/reference", import.meta.url));

let server, page, close;

before(async () => {
  ({ server, page, close } = await visitBlank());
});

after(() => close?.());

for (const [build, folder] of [["simd128", "suite/"], ["relaxed-simd", "suite/relaxed-simd/"]]) {
  test(`the kernels' bodies agree on every edge case, ${build}`, (t) => run(t, folder));
}

async function run(t, folder) {
  const missing = "there is no target/suite: `cargo xtask build` makes it";
  assert.ok((await fetch(new URL(`${folder}suite_bg.wasm`, server.site), { method: "HEAD" })).ok, missing);
  const report = await page.evaluate(async (at) => {
    const { default: init, run_suite: runSuite } = await import(`/${at}suite.js`);
    await init({ module_or_path: `/${at}suite_bg.wasm` });
    return runSuite();
  }, folder);
  const lines = report.trimEnd().split("\n");
  assert.deepEqual(lines.filter((line) => !line.startsWith("ok ")), []);
  // One file a kernel: a kernel without a case, or a module that ran another suite, shows here.
  const stems = (await readdir(REFERENCES)).filter((file) => file !== "mod.rs").map((file) => file.replace(/\.rs$/, ""));
  const count = Object.fromEntries(stems.map((stem) => [stem, lines.filter((line) => line.startsWith(`ok ${stem} `)).length]));
  t.diagnostic(`${lines.length} cases: ${Object.entries(count).map(([stem, cases]) => `${stem} ${cases}`).join(", ")}`);
  assert.ok(stems.length >= 7, String(stems));
  assert.deepEqual(stems.filter((stem) => count[stem] === 0), [], "kernels without a case");
  assert.equal(Object.values(count).reduce((sum, cases) => sum + cases), lines.length, "cases of no known kernel");
  assert.ok(lines.length > 100, `${lines.length} cases`);
  assert.deepEqual(page.faults, []);
}

// How long heads take on vectors that are there already: `node bench/heads.mjs`, after `cargo xtask build`. In turns, medians.

import { blank, visit } from "../tests/web/harness.mjs";

const ROUNDS = 5;
const [CLASSES, PICTURES, FEATURES, EPOCHS] = [2, 100, 1280, 50];

const visited = await visit();
const page = await blank(await visited.browser.newContext(), visited.server.site);
const times = await page.evaluate(
  async ([rounds, classes, pictures, features, epochs]) => {
    const { loadTraining } = await import("/pkg/training.js");
    const module = await loadTraining();
    const samples = new module.Samples(features, classes);
    let state = 1;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    for (let row = 0; row < classes * pictures; row += 1) {
      const own = row % classes;
      // As features of a ReLU6 are: half of them nothing, the others by class and chance.
      const vector = Float32Array.from({ length: features }, (_, at) => Math.max(0, random() * 2 - 1 + ((at + own) % 7 === 0 ? 0.3 : 0)));
      samples.push(vector, Float32Array.from({ length: classes }, (_, at) => (at === own ? 1 : 0)));
    }
    const rows = Uint32Array.from({ length: classes * pictures }, (_, row) => row);
    const parts = module.split(rows.map((row) => row % classes), rows, Float32Array.of(80, 20, 0), 1);
    const timed = { gradient: [], ridge: [], neighbours: [] };
    for (let round = 0; round <= rounds; round += 1) {
      let start = performance.now();
      const head = module.Head.create({ features, outputs: classes, task: "softmax", seed: 1 });
      const run = module.Run.begin(head, samples, parts, { epochs, seed: 1 });
      while (run.step()) {
        // One batch, or some of the validation.
      }
      run.finish().free();
      timed.gradient.push(performance.now() - start);
      start = performance.now();
      const solver = module.Ridge.begin(samples, parts, {});
      while (solver.step()) {
        // Some of it.
      }
      solver.finish().head.free();
      timed.ridge.push(performance.now() - start);
      start = performance.now();
      module.nearest(samples, parts, { method: "neighbours" }).free();
      timed.neighbours.push(performance.now() - start);
      run.free();
      head.free();
    }
    return { build: module.build, ...timed };
  },
  [ROUNDS, CLASSES, PICTURES, FEATURES, EPOCHS],
);
await visited.close();
const { build, ...methods } = times;
console.log(`${CLASSES} classes, ${PICTURES} pictures each, ${FEATURES} features, one thread, ${build}:`);
for (const [method, all] of Object.entries(methods)) {
  // The first turn compiles.
  const sorted = all.slice(1).sort((a, b) => a - b);
  const what = method === "gradient" ? `${EPOCHS} epochs of Adam` : method;
  console.log(`  ${what}: ${sorted[ROUNDS >> 1].toFixed(1)} ms (${sorted[0].toFixed(1)} … ${sorted.at(-1).toFixed(1)})`);
}

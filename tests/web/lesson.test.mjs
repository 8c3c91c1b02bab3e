// A lesson in the worker: what takes seconds goes slice by slice, so that whoever asks in between is answered.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { visitBlank } from "./harness.mjs";

/** The bound of what a signal may have to wait for. */
const SLICE_MAX_MS = 100;

let visited;

before(async () => {
  visited = await visitBlank();
});
after(() => visited?.close());

test("a closed form of thousands of pictures, and one that is given up", async (t) => {
  const found = await visited.page.evaluate(async () => {
    const [COUNT, FEATURES] = [4000, 1280];
    const [{ Lesson }, { loadTraining }] = await Promise.all([import("/pkg/lesson.js"), import("/pkg/training.js")]);
    const module = await loadTraining();
    let state = 1;
    const unit = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const vectors = Array.from({ length: COUNT }, (_, row) => Float32Array.from({ length: FEATURES }, (_, at) => unit() + (at % 2 === row % 2 ? 0.05 : 0)));
    const rows = Uint32Array.from(vectors.keys());
    const targets = Array.from(rows, (row) => (row % 2 ? [0, 1] : [1, 0]));
    const options = { method: "ridge", classes: ["even", "odd"], task: "softmax", seed: 1 };
    const lesson = () => new Lesson(module, { ids: [...rows], targets, labels: rows.map((row) => row % 2), bursts: rows, options }, vectors, null);
    const timed = (work) => {
      const start = performance.now();
      const value = work();
      return [performance.now() - start, value];
    };
    const [begun, whole] = timed(lesson);
    const slices = [];
    for (;;) {
      const [ms, { done }] = timed(() => whole.step());
      slices.push(ms);
      if (done) break;
    }
    const [finished, { outcome, head, metrics }] = timed(() => whole.finish());
    const result = { begun, slices, finished, outcome, metrics, method: head.info().method };
    head.free();
    whole.free();
    const given = lesson();
    given.step();
    const { outcome: stopped, head: none } = given.finish();
    given.free();
    return { ...result, stopped, none };
  });
  const longest = Math.max(...found.slices);
  t.diagnostic(`begun in ${found.begun.toFixed(0)} ms, ${found.slices.length} slices, the longest ${longest.toFixed(0)} ms, finished in ${found.finished.toFixed(0)} ms`);
  assert.ok(found.slices.length > 10, `${found.slices.length} slices`);
  assert.ok(longest < SLICE_MAX_MS, `${longest} ms`);
  assert.equal(found.method, "ridge");
  assert.deepEqual(found.outcome.split, { train: 3200, validation: 800, test: 0 });
  assert.equal(found.outcome.stopped, "done");
  assert.equal(found.outcome.params, 2562);
  assert.ok(found.outcome.leaveOneOutAccuracy > 0.6 && found.metrics.validationAccuracy > 0.6, JSON.stringify(found));
  assert.deepEqual([found.stopped.stopped, found.none], ["aborted", null]);
});

// A stream over a backend whose calls overlap: the next frame is taken while the last one is computed, and no more.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { visitBlank } from "./harness.mjs";

let page, close;

before(async () => {
  ({ page, close } = await visitBlank());
  await page.evaluate(async () => {
    // The site has the scripts that others share within its index.
    const { stream, MobileNetError } = await import("/pkg/index.js");
    globalThis.pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const canvas = Object.assign(document.createElement("canvas"), { width: 9, height: 9 });
    /** Numbers of frames as a network that takes `ms` a frame answers them, and what was under way meanwhile. */
    globalThis.stream = (ms, { overlaps = true, fail = -1, ...options } = {}) => {
      const seen = { taken: 0, under: 0, most: 0, aborted: 0, takenAt: [] };
      let last = Promise.resolve();
      const classify = async (source, signal) => {
        const number = seen.taken;
        seen.taken += 1;
        seen.under += 1;
        seen.takenAt.push(performance.now());
        seen.most = Math.max(seen.most, seen.under);
        const before = last;
        const work = (async () => {
          if (!overlaps) await before.catch(() => {});
          await pause(ms);
          await before.catch(() => {});
        })();
        last = work;
        await Promise.race([work, new Promise((resolve) => signal.addEventListener("abort", resolve))]);
        seen.under -= 1;
        if (signal.aborted) {
          seen.aborted += 1;
          throw new MobileNetError("aborted", "aborted");
        }
        if (number === fail) throw new Error(`frame ${number}`);
        return number;
      };
      return { results: stream(canvas, classify, { ...options, overlaps: () => overlaps }), seen };
    };
  });
});

after(() => close?.());

test("two frames are under way at most, answers keep their order, and a slow network is asked more often", async (t) => {
  const found = await page.evaluate(async () => {
    const time = async (overlaps) => {
      const { results, seen } = stream(80, { overlaps });
      const numbers = [];
      const start = performance.now();
      for await (const number of results) {
        numbers.push(number);
        if (numbers.length === 15) break;
      }
      return { numbers, ms: performance.now() - start, ...seen };
    };
    return { ahead: await time(true), inTurn: await time(false) };
  });
  t.diagnostic(`15 frames: ${found.ahead.ms.toFixed(0)} ms ahead, ${found.inTurn.ms.toFixed(0)} ms in turn`);
  for (const { numbers } of [found.ahead, found.inTurn]) {
    assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
  }
  assert.deepEqual([found.ahead.most, found.inTurn.most], [2, 1]);
  assert.ok(found.ahead.ms < 0.8 * found.inTurn.ms, JSON.stringify(found));
  // The one that was ahead when the loop was left has been aborted.
  assert.ok(found.ahead.under === 0 && found.ahead.aborted <= 1, JSON.stringify(found.ahead));
});

test("a slow consumer gets frames that were taken when it asked", async () => {
  const found = await page.evaluate(async () => {
    const { results, seen } = stream(10);
    const ages = [];
    for await (const number of results) {
      ages.push(performance.now() - seen.takenAt[number]);
      if (ages.length === 8) break;
      await pause(200);
    }
    return { ages, ...seen };
  });
  // 200 ms and more where a frame is taken before the consumer's pause.
  assert.ok(found.ages.every((age) => age < 150), JSON.stringify(found));
  // After the first pause nothing is taken ahead any more.
  assert.ok(found.taken <= 10, JSON.stringify(found));
});

test("maxFps holds for both, a failure comes in its turn, and abort ends both calls without an error", async () => {
  const found = await page.evaluate(async () => {
    const limited = stream(150, { maxFps: 10 });
    const start = performance.now();
    let count = 0;
    for await (const _ of limited.results) {
      count += 1;
      if (performance.now() - start > 1000) break;
    }
    const fps = (limited.seen.taken / (performance.now() - start)) * 1000;
    const failing = stream(60, { fail: 2 });
    const told = [];
    const failure = await (async () => {
      for await (const number of failing.results) told.push(number);
    })().catch(({ message }) => message);
    const controller = new AbortController();
    const ending = stream(300, { signal: controller.signal });
    setTimeout(() => controller.abort(), 150);
    let answers = 0;
    for await (const _ of ending.results) answers += 1;
    return { fps, count, told, failure, answers, ending: ending.seen };
  });
  assert.ok(found.fps <= 12 && found.count >= 4, JSON.stringify(found));
  assert.deepEqual([found.told, found.failure], [[0, 1], "frame 2"]);
  assert.equal(found.answers, 0);
  assert.deepEqual([found.ending.taken, found.ending.aborted, found.ending.under], [2, 2, 0]);
  assert.deepEqual(page.faults, []);
});

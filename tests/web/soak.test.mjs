// 500 frames: nothing may grow.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assets, visitBlank } from "./harness.mjs";

const FRAMES = 500;
/**
 * V8's own code and statistics still grow by about 30 kB in these frames, and by less in each further 500. One leaked
 * result a frame would be 200 kB and more.
 */
const JS_HEAP_TOLERANCE_BYTES = 60_000;

let server, page, close, cdp;

before(async () => {
  ({ server, page, close } = await visitBlank({ args: ["--js-flags=--expose-gc", "--enable-precise-memory-info"] }));
  const { weights, samples } = await assets(server.site);
  cdp = await page.context().newCDPSession(page);
  await page.evaluate(async ([url, photograph]) => {
    globalThis.net = await load(url);
    globalThis.canvas = await draw(await photo(photograph));
    globalThis.video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream(60) });
    globalThis.moving = setInterval(() => canvas.getContext("2d").fillRect(0, 0, 1, 1), 16);
    await video.play();
    /** Every kind of call, over the sources that loops use. */
    globalThis.run = async (frames) => {
      for (let frame = 0; frame < frames; frame += 1) {
        if (frame % 50 === 10) await net.embed(canvas, { normalize: true });
        else if (frame % 50 === 20) await net.classify({}).catch(() => {});
        else if (frame % 50 === 30) await net.classify(canvas, { signal: new AbortController().signal });
        else await net.classify(frame % 2 ? canvas : video);
      }
    };
  }, [weights, `/samples/${samples[0].file}`]);
});

after(() => close?.());

/** Bytes of the wasm memory and, after a collection, of the JS heaps of worker and page. */
async function memory() {
  const [worker] = page.workers();
  const build = await page.evaluate(() => net.info.build);
  const inWorker = await worker.evaluate(async (build) => {
    const { default: init } = await import(`/pkg/wasm/${build}/mobilenet_web.js`);
    // Already initialised: this answers with the running module's exports.
    const { memory } = await init();
    gc();
    return { wasm: memory.buffer.byteLength };
  }, build);
  const heap = await heaps();
  return { ...inWorker, ...heap };
}

async function heaps() {
  await cdp.send("HeapProfiler.collectGarbage");
  const page = (await cdp.send("Runtime.getHeapUsage")).usedSize;
  return { page, worker: await inWorkerSession("Runtime.getHeapUsage") };
}

/** The worker's own heap, through a session of its own. */
async function inWorkerSession(method) {
  const attached = new Promise((resolve) => cdp.once("Target.attachedToTarget", resolve));
  await cdp.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  const { sessionId } = await attached;
  const send = (id, name) => {
    const answer = new Promise((resolve) => {
      const onMessage = ({ message }) => {
        const { id: answered, result } = JSON.parse(message);
        if (answered === id) {
          cdp.off("Target.receivedMessageFromTarget", onMessage);
          resolve(result);
        }
      };
      cdp.on("Target.receivedMessageFromTarget", onMessage);
    });
    return cdp.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method: name }) }).then(() => answer);
  };
  await send(1, "HeapProfiler.collectGarbage");
  const { usedSize } = await send(2, method);
  await cdp.send("Target.setAutoAttach", { autoAttach: false, waitForDebuggerOnStart: false, flatten: false });
  return usedSize;
}

test(`${FRAMES} frames leave wasm memory exactly, and both JS heaps nearly, as they were`, async () => {
  await page.evaluate(() => run(100));
  const first = await memory();
  await page.evaluate((frames) => run(frames), FRAMES);
  const last = await memory();
  console.log("bytes before:", first, "after:", last);
  assert.equal(last.wasm, first.wasm);
  for (const heap of ["page", "worker"]) {
    const grown = last[heap] - first[heap];
    assert.ok(grown <= JS_HEAP_TOLERANCE_BYTES, `the ${heap}'s JS heap grew by ${grown} bytes`);
  }
  assert.deepEqual(page.faults, []);
});

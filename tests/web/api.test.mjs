// The class: options, vectors, streams, aborts, ends, and the same answers with and without a worker.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assertFails, assets, blank, engines, launch, longestTask, serve } from "./harness.mjs";

let server, browser, page, files, folder, webcam;

before(async () => {
  server = await serve();
  files = await assets(server.site);
  webcam = files.samples.find(({ file }) => file.startsWith("coffee")) ?? files.samples[0];
  folder = await mkdtemp(join(tmpdir(), "mobilenet-web-"));
  const film = join(folder, "webcam.mjpeg");
  await writeFile(film, await jpeg(`/samples/${webcam.file}`));
  browser = await launch({
    args: ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${film}`],
  });
  page = await blank(await browser.newContext(), server.site);
  await page.evaluate(async ([weights, photograph]) => {
    globalThis.weights = weights;
    globalThis.net = await load(weights);
    globalThis.inThread = await load(weights, { worker: false });
    globalThis.file = await photo(photograph);
    globalThis.canvas = await draw(file);
    globalThis.same = (a, b) => a.length === b.length && a.every((value, index) => value === b[index]);
  }, [files.weights, `/samples/${webcam.file}`]);
});

/** A photograph as a JPEG, which is a film of one frame: Chromium's fake webcam shows it over and over. */
async function jpeg(path) {
  const converter = await launch();
  const base64 = await (await blank(await converter.newContext(), server.site)).evaluate(async (path) => {
    const canvas = await draw(await photo(path));
    return canvas.toDataURL("image/jpeg", 0.95).split(",")[1];
  }, path);
  await converter.close();
  return Buffer.from(base64, "base64");
}

after(async () => {
  await browser?.close();
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

describe("classify", () => {
  test("needs no option: five labels, the most probable first, and the time it took", async () => {
    const { labels, ms } = await page.evaluate(() => net.classify(canvas));
    assert.equal(labels.length, 5);
    assert.deepEqual(Object.keys(labels[0]).sort(), ["index", "name", "probability", "wnid"]);
    const probabilities = labels.map(({ probability }) => probability);
    assert.deepEqual(probabilities, [...probabilities].sort((a, b) => b - a));
    assert.ok(webcam.expected.includes(labels[0].index), JSON.stringify(labels[0]));
    assert.ok(ms > 0 && ms < 10_000);
  });

  test("topK, threshold, allow and deny", async () => {
    const found = await page.evaluate(async () => {
      const all = (await net.classify(canvas, { topK: net.info.classes })).labels;
      const labels = async (options) => (await net.classify(canvas, options)).labels;
      const third = all[2];
      return {
        all,
        one: await labels({ topK: 1 }),
        above: await labels({ topK: 1000, threshold: third.probability }),
        allowed: await labels({ allow: new Set([all[7].index, all[4].index]) }),
        denied: await labels({ deny: [all[0].index], topK: 2 }),
        byName: net.info.labels ? await labels({ allow: [third.name], topK: 1 }) : null,
      };
    });
    const { all } = found;
    assert.ok(Math.abs(all.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-4);
    assert.deepEqual(found.one, all.slice(0, 1));
    assert.deepEqual(found.above, all.slice(0, 3));
    assert.deepEqual(found.allowed, [all[4], all[7]]);
    assert.deepEqual(found.denied, all.slice(1, 3));
    assert.ok(found.byName === null || found.byName[0].index === all[2].index);
  });

  test("options out of range", async () => {
    const fails = (options) => page.evaluate((o) => code(net.classify(canvas, o)), options);
    assertFails(await fails({ topK: 1.5 }), "bad_option", "topK", "1.5");
    assertFails(await fails({ threshold: 2 }), "bad_option", "threshold");
    assertFails(await fails({ allow: ["no such class"] }), "bad_option", "no such class");
    assertFails(await fails({ allow: [{}] }), "bad_option", "allow");
    assertFails(await fails({ resize: "squash" }), "bad_option", "squash");
    assertFails(await fails({ background: [0, 0] }), "bad_option");
    assertFails(await fails({ resize: "none" }), "source_wrong_size", "224");
  });
});

describe("vectors", () => {
  test("logits and embeddings have shapes, lengths and a cosine", async () => {
    const found = await page.evaluate(async () => {
      const logits = await net.logits(canvas);
      const vector = await net.embed(canvas);
      const unit = await net.embed(canvas, { normalize: true });
      const endpoint = net.info.endpoints.find(({ shape }) => shape.length === 3 || shape.length === 4);
      const map = await net.embed(canvas, { endpoint: endpoint.name });
      const other = await net.embed({ data: new Uint8Array(4 * 9).fill(255), width: 3, height: 3 });
      const top = logits.indexOf(Math.max(...logits));
      return {
        kinds: [logits, vector, unit, map].map((x) => x.constructor.name),
        shapes: [logits, vector, unit].map(({ shape }) => shape),
        lengths: [logits.length, vector.length, unit.length],
        length: Math.hypot(...unit),
        map: [map.shape, endpoint.shape, map.length],
        same: [net.similarity(vector, unit), net.similarity(vector, vector)],
        other: net.similarity(vector, other),
        zero: net.similarity(vector, new Float32Array(vector.length)),
        mismatch: await code((async () => net.similarity(vector, logits))()),
        top: [top, (await net.classify(canvas)).labels[0].index],
        classes: net.info.classes,
      };
    });
    assert.deepEqual(new Set(found.kinds), new Set(["Float32Array"]));
    assert.deepEqual(found.shapes[0], [found.classes]);
    assert.deepEqual(found.shapes[1], [1280]);
    assert.deepEqual(found.lengths, [found.classes, 1280, 1280]);
    assert.ok(Math.abs(found.length - 1) < 1e-5);
    assert.deepEqual(found.map[0], found.map[1]);
    assert.equal(found.map[2], found.map[0].reduce((a, b) => a * b));
    assert.ok(found.same.every((cosine) => Math.abs(cosine - 1) < 1e-6));
    assert.ok(found.other < 0.95);
    assert.equal(found.zero, 0);
    assertFails(found.mismatch, "bad_option", "1280");
    assert.equal(found.top[0], found.top[1]);
  });

  test("an endpoint that does not exist", async () => {
    assertFails(await page.evaluate(() => code(net.embed(canvas, { endpoint: "layer_99" }))), "unknown_endpoint", "layer_99");
    assertFails(await page.evaluate(() => code(net.embed(canvas, { endpoint: 3 }))), "bad_option", "endpoint");
  });
});

test("worker and thread agree to the last bit", async () => {
  const found = await page.evaluate(async () => {
    const [a, b] = [await net.classify(file), await inThread.classify(file)];
    return [
      JSON.stringify(a.labels) === JSON.stringify(b.labels),
      same(await net.logits(canvas), await inThread.logits(canvas)),
      same(await net.embed(file), await inThread.embed(file)),
    ];
  });
  assert.deepEqual(found, [true, true, true]);
});

test("calls in the worker do not hold the page up", async () => {
  let median;
  const longest = await longestTask(browser, page, async () => {
    median = await page.evaluate(async () => {
      const times = [];
      for (let call = 0; call < 30; call += 1) times.push((await net.classify(canvas)).ms);
      return times.sort((a, b) => a - b)[15];
    });
  });
  console.log(`30 calls of ${median.toFixed(1)} ms: longest task of the page ${longest.toFixed(2)} ms of processor time`);
  assert.ok(longest < Math.max(4, median / 2), `${longest} ms`);
});

test("calls are answered in order, whatever their sources", async () => {
  const order = await page.evaluate(async () => {
    const order = [];
    const note = (name) => () => order.push(name);
    await Promise.all([
      net.classify(file).then(note("file")),
      net.classify(canvas).then(note("canvas")),
      net.embed({ data: new Uint8Array(4), width: 1, height: 1 }).then(note("bytes")),
      net.classify({}).catch(note("bad")),
      net.classify(canvas).then(note("last")),
    ]);
    return order.filter((name) => name !== "bad");
  });
  assert.deepEqual(order, ["file", "canvas", "bytes", "last"]);
});

describe("abort and end", () => {
  for (const worker of [true, false]) {
    const where = worker ? "in the worker" : "in the page";

    test(`a signal takes a waiting call out, ${where}`, async () => {
      const found = await page.evaluate(async (worker) => {
        const which = worker ? net : inThread;
        const controller = new AbortController();
        const calls = Array.from({ length: 20 }, (_, i) => which.classify(canvas, i === 0 ? {} : { signal: controller.signal }));
        setTimeout(() => controller.abort("enough"), 5);
        const [first, ...others] = await Promise.all(calls.map(code));
        const start = performance.now();
        const { ms } = await which.classify(canvas);
        return { first: first.code, others: others.map(({ code, cause }) => [code, cause]), wait: performance.now() - start, ms };
      }, worker);
      assert.equal(found.first, "no error");
      // In the page's own thread a call or two may be done before the timer gets its turn.
      assert.ok(found.others.filter(([code, cause]) => code === "aborted" && cause === "enough").length >= 15, JSON.stringify(found));
      // One call at most was computing; the 18 others never did.
      assert.ok(found.wait < found.ms * 10, JSON.stringify(found));
    });

    test(`a signal that fired before, ${where}`, async () => {
      const found = await page.evaluate((worker) => code((worker ? net : inThread).classify(canvas, { signal: AbortSignal.abort() })), worker);
      assertFails(found, "aborted");
    });

    test(`dispose rejects what is in flight and all that comes, ${where}`, async () => {
      const found = await page.evaluate(async (worker) => {
        const own = await load(weights, { worker });
        const flying = [own.classify(canvas), own.embed(file)].map(code);
        await new Promise((resolve) => setTimeout(resolve));
        own.dispose();
        own.dispose();
        const later = [own.classify(canvas), own.logits(canvas), own.embed(canvas), own.stream(canvas).next()].map(code);
        return Promise.all([...flying, ...later]);
      }, worker);
      for (const each of worker ? found : found.slice(1)) {
        assertFails(each, "disposed", "Load it again");
      }
    });
  }

  test("asyncDispose is there for `await using`", async () => {
    const found = await page.evaluate(async () => {
      const own = await load(weights);
      await own[Symbol.asyncDispose]();
      return code(own.classify(canvas));
    });
    assertFails(found, "disposed");
  });

  test("a worker that dies takes its calls with it", async () => {
    const started = page.waitForEvent("worker");
    const found = await page.evaluate(async () => {
      globalThis.mortal = await load(weights);
      return (await mortal.classify(canvas)).labels.length;
    });
    assert.equal(found, 5);
    const worker = await started;
    const flying = page.evaluate(() => code(mortal.classify(canvas)));
    await worker.evaluate(() => setTimeout(() => { throw new Error("struck by lightning"); }));
    const [first, second] = [await flying, await page.evaluate(() => code(mortal.classify(canvas)))];
    assert.ok(["worker_failed", "no error"].includes(first.code), first.message);
    assertFails(second, "worker_failed", "struck by lightning");
  });

  test("no worker stays behind", async () => {
    // That of `net`, and the threads of both networks that are left.
    const threads = await page.evaluate(() => net.info.threads + inThread.info.threads - 2);
    // Ending takes a moment; one that never ends is met by the test's own limit.
    while (engines(page).length > 1 || page.workers().length > 1 + threads) await page.waitForTimeout(50);
    assert.equal(engines(page).length, 1);
  });
});

test("the class cannot be made without load", async () => {
  const message = await page.evaluate(async () => {
    const { MobileNet } = await import("/pkg/index.js");
    try {
      new MobileNet();
    } catch (error) {
      return error.message;
    }
  });
  assert.match(message, /MobileNet\.load/);
});

test("import needs no browser", async () => {
  const { MobileNet } = await import(new URL("../../pkg/index.js", import.meta.url));
  await assert.rejects(MobileNet.load("x.safetensors"), { name: "MobileNetError" });
});

describe("stream", () => {
  test("of a webcam gives the photograph's label, at most maxFps a second", async () => {
    const found = await page.evaluate(async () => {
      const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
      document.body.append(video);
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
      await video.play();
      globalThis.video = video;
      const results = [];
      const start = performance.now();
      for await (const { labels } of net.stream(video, { maxFps: 5, topK: 1 })) {
        results.push(labels[0]);
        if (results.length === 6) break;
      }
      return { results, elapsed: performance.now() - start, size: [video.videoWidth, video.videoHeight] };
    });
    assert.equal(found.results.length, 6);
    for (const { index, probability } of found.results) {
      assert.ok(webcam.expected.includes(index), `${index} at ${probability}, video ${found.size}`);
    }
    assert.ok(found.elapsed > 900, `6 frames at 5 a second in ${found.elapsed} ms`);
  });

  test("takes a frame only when asked", async () => {
    const calls = await page.evaluate(async () => {
      let calls = 0;
      const counting = new Proxy(video, {
        get: (target, key) => {
          if (key === Symbol.toStringTag) calls += 1;
          const value = Reflect.get(target, key);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      const results = net.stream(counting);
      // The proxy is no source, but the attempt to take it is what counts.
      const first = await code(results.next());
      const taken = calls;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return { taken, later: calls, first: first.code };
    });
    assert.equal(calls.later, calls.taken);
    assert.ok(calls.taken > 0, JSON.stringify(calls));
  });

  test("ends with its signal, with the video, and when the loop is left; throws what the network throws", async () => {
    const found = await page.evaluate(async () => {
      const controller = new AbortController();
      let count = 0;
      for await (const _ of net.stream(video, { signal: controller.signal })) {
        count += 1;
        if (count === 3) controller.abort();
      }
      const paused = net.stream(document.createElement("video"));
      const waiting = paused.next();
      await paused.return();
      const own = await load(weights);
      const results = own.stream(video);
      await results.next();
      own.dispose();
      const disposed = await code(results.next());
      const ending = (async () => {
        for await (const _ of net.stream(video)) void _;
        return "ended";
      })();
      for (const track of video.srcObject.getTracks()) track.stop();
      const ended = await Promise.race([ending, new Promise((resolve) => setTimeout(resolve, 3000, "still waiting"))]);
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
      await video.play();
      const losing = (async () => {
        for await (const _ of net.stream(video)) video.srcObject = null;
        return "lost";
      })();
      return {
        lost: await Promise.race([losing, new Promise((resolve) => setTimeout(resolve, 3000, "still waiting"))]),
        count,
        left: (await waiting).done,
        disposed: disposed.code,
        ended,
        bad: (await code((async () => net.stream(canvas, { maxFps: 0 }))())).code,
      };
    });
    assert.deepEqual(found, { lost: "lost", count: 3, left: true, disposed: "disposed", ended: "ended", bad: "bad_option" });
  });

  test("throws when the video fails", async () => {
    const found = await page.evaluate(async () => {
      const broken = Object.assign(document.createElement("video"), { src: "data:video/mp4,no", muted: true });
      return code(net.stream(broken).next());
    });
    assertFails(found, "source_unsupported", "<video>");
  });

  test("waits while the tab is hidden", async () => {
    const counts = await page.evaluate(async () => {
      const moving = setInterval(() => canvas.getContext("2d").fillRect(0, 0, 1, 1), 20);
      let hidden = true;
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      let count = 0;
      const controller = new AbortController();
      const loop = (async () => {
        for await (const _ of net.stream(canvas, { signal: controller.signal })) count += 1;
      })();
      await new Promise((resolve) => setTimeout(resolve, 400));
      const whileHidden = count;
      hidden = false;
      document.dispatchEvent(new Event("visibilitychange"));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      controller.abort();
      await loop;
      clearInterval(moving);
      delete document.hidden;
      return { whileHidden, after: count };
    });
    assert.equal(counts.whileHidden, 0);
    assert.ok(counts.after > 0);
  });
});

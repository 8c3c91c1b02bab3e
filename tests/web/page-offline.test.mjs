// The demo page as an installed app: without a server, below another path, and when a new version comes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { visit } from "./harness.mjs";
import { PageDriver, openSite } from "./page-driver.mjs";
import { proxy } from "./site-proxy.mjs";

let site, browser, close;
before(async () => {
  ({ server: site, browser, close } = await visit({}, openSite));
});
after(() => close?.());

/** A second visit in the same context: the first page is closed, the new one starts cold. */
async function reopen(demo, url) {
  const context = demo.page.context();
  await demo.page.close();
  const again = new PageDriver(await context.newPage());
  await again.page.goto(url);
  return again;
}

test("with the server gone and the network off, a cold start classifies", async () => {
  const server = await proxy(site.url);
  const first = await PageDriver.open(browser, server.url);
  try {
    await first.readyOffline();
    const samples = await first.samples();
    const { labels: online } = await first.chooseSample(samples[1].file);

    await server.stop();
    await first.page.context().setOffline(true);
    const demo = await reopen(first, server.url);
    const { labels } = await demo.chooseSample(samples[1].file);
    assert.deepEqual(labels, online);
    await demo.page.getByText("Working offline").waitFor();
    assert.equal(await demo.page.evaluate(() => crossOriginIsolated), true, "kept answers keep their headers");
    const upload = { name: "mine.png", mimeType: "image/png", buffer: await demo.page.locator("#stage").screenshot() };
    assert.equal((await demo.chooseFile(upload)).labels.length, 5);
    await demo.page.goto(`${server.url}index.html?from=home-screen`);
    await demo.result(samples[0].file);
    assert.deepEqual(demo.problems, []);
  } finally {
    await first.close();
    await server.stop();
  }
});

test("the page works below a path, offline too", async () => {
  const server = await proxy(site.url, { prefix: "/some/where/" });
  const first = await PageDriver.open(browser, server.url);
  try {
    await first.readyOffline();
    const [{ file, expected }] = await first.samples();
    await server.stop();
    const demo = await reopen(first, server.url);
    const { labels } = await demo.chooseSample(file);
    assert.ok(expected.includes(labels[0].index));
    assert.deepEqual([...first.problems, ...demo.problems], []);
  } finally {
    await first.close();
    await server.stop();
  }
});

test("a new version waits for the person's click, and then removes the old one's files but not the weights", async () => {
  const server = await proxy(site.url);
  const shells = (page) =>
    page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith("mobilenet-web-shell-")));
  const others = (page) =>
    page.evaluate(async () => (await caches.keys()).filter((name) => !name.startsWith("mobilenet-web-shell-")));
  const first = await PageDriver.open(browser, server.url);
  try {
    await first.readyOffline();
    const [old] = await shells(first.page);
    const kept = await others(first.page);
    assert.equal(kept.length, 1, "the library has a cache of its own");
    server.edits.set("/precache.js", (text) => text.replace(/("revision":\s*")/, "$1new-"));
    const demo = await reopen(first, server.url);
    const update = demo.page.getByRole("button", { name: "Reload for the new version" });
    await update.waitFor();
    assert.deepEqual((await shells(demo.page)).length, 2, "the old version serves until then");
    const [{ file }] = await demo.samples();
    await demo.result(file);
    await update.click();
    await demo.page.waitForFunction(async () => (await caches.keys()).some((name) => name.includes("shell-new-")));
    await demo.page.waitForFunction(async (old) => !(await caches.keys()).includes(old), old);
    await demo.page.waitForLoadState();
    await demo.result(file);
    assert.deepEqual(await others(demo.page), kept);
    assert.ok(await update.isHidden());
    assert.deepEqual(demo.problems, []);
  } finally {
    await first.close();
    await server.stop();
  }
});

test("the weights are fetched once, and never by way of the service worker's cache", async () => {
  const server = await proxy(site.url);
  const first = await PageDriver.open(browser, server.url);
  try {
    await first.readyOffline();
    const held = await first.page.evaluate(async () => {
      const [name] = (await caches.keys()).filter((name) => name.startsWith("mobilenet-web-shell-"));
      return (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
    });
    assert.ok(held.some((path) => path.endsWith(".wasm")));
    assert.ok(held.includes("/pkg/worker.js") && held.includes("/index.html") && held.includes("/weights/index.json"));
    assert.deepEqual(held.filter((path) => path.endsWith(".safetensors")), []);
    const asked = [];
    first.page.context().on("request", (request) => asked.push(request.url()));
    const demo = await reopen(first, server.url);
    await demo.readyOffline();
    assert.deepEqual(asked.filter((url) => url.endsWith(".safetensors")), []);
  } finally {
    await first.close();
    await server.stop();
  }
});

test("what only training needs is kept from the first visit to its page on, and by later versions too", async () => {
  const server = await proxy(site.url);
  const held = (page) =>
    page.evaluate(async () => {
      const names = (await caches.keys()).filter((name) => name.startsWith("mobilenet-web-shell-"));
      const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return requests.map((list) => list.map(({ url }) => new URL(url).pathname).filter((path) => /teach|uplot|trainer|training/.test(path)));
    });
  const demo = await PageDriver.open(browser, server.url);
  try {
    await demo.readyOffline();
    assert.deepEqual(await held(demo.page), [[]], "a visitor of the demo downloads nothing for training");
    await demo.page.goto(new URL("teach.html", server.url).href);
    await demo.readyOffline();
    const [kept] = await held(demo.page);
    for (const path of ["/teach.html", "/teach/teach.js", "/vendor/uplot/uPlot.esm.js", "/vendor/uplot/LICENSE.txt", "/pkg/trainer.js"]) {
      assert.ok(kept.includes(path), `${path} is not kept: ${kept}`);
    }
    server.edits.set("/precache.js", (text) => text.replace(/("revision":\s*")/, "$1new-"));
    await demo.page.reload();
    await demo.page.getByRole("button", { name: "Reload for the new version" }).waitFor();
    assert.deepEqual(await held(demo.page), [kept, kept]);
    assert.deepEqual(demo.problems, []);
  } finally {
    await demo.close();
    await server.stop();
  }
});

test("the manifest is complete and Chromium finds the page installable", async () => {
  const demo = await PageDriver.open(browser, site.url);
  try {
    const { page } = demo;
    await demo.readyOffline();
    const answer = await page.request.get(new URL("manifest.webmanifest", site.url).href);
    assert.match(answer.headers()["content-type"], /^application\/manifest\+json/);
    const manifest = await answer.json();
    for (const member of ["id", "name", "short_name", "start_url", "scope", "display", "theme_color", "icons"]) {
      assert.ok(manifest[member], member);
    }
    assert.ok(manifest.icons.some(({ purpose }) => purpose === "maskable"));
    for (const { src, sizes, type } of manifest.icons) {
      const size = await page.evaluate(async (src) => {
        const image = Object.assign(new Image(), { src });
        await image.decode();
        return `${image.naturalWidth}x${image.naturalHeight}`;
      }, src);
      if (sizes !== "any") assert.equal(size, sizes, src);
      const icon = await page.request.get(new URL(src, site.url).href);
      assert.equal(icon.headers()["content-type"], type);
    }
    const devtools = await page.context().newCDPSession(page);
    const { errors } = await devtools.send("Page.getAppManifest");
    assert.deepEqual(errors, []);
    const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
    // Contexts made by a test are incognito, where nothing can be installed; anything else would be the page's fault.
    assert.deepEqual(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== "in-incognito"), []);
    assert.deepEqual(demo.problems, []);
  } finally {
    await demo.close();
  }
});

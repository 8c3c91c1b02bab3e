// The demo page as a person uses it: its own buttons, and what it shows afterwards.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { serve } from "./harness.mjs";

const PATIENCE_MS = 60_000;

/** The site: at SITE_URL if a server runs there, else started for as long as it is not closed. */
export async function openSite() {
  if (process.env.SITE_URL) return { url: process.env.SITE_URL, close() {} };
  const { site, close } = await serve();
  return { url: site, close };
}

/** Names and counts of the training page's cards after the next frame, which is when changes of the collection are written. */
export async function cards(page) {
  await page.evaluate(() => new Promise(requestAnimationFrame));
  return page.locator(".class").evaluateAll((all) => all.map((card) => [card.dataset.name, parseInt(card.querySelector(".all").textContent)]));
}

export class PageDriver {
  /** Console errors and uncaught exceptions so far. */
  problems = [];

  constructor(page) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push(`${message.text()} ${message.location().url}`.trim());
    });
    page.on("pageerror", (error) => this.problems.push(String(error.stack ?? error)));
  }

  /** Opens the page in a context of its own. */
  static async open(browser, url, options = {}) {
    const context = await browser.newContext(options);
    const driver = new PageDriver(await context.newPage());
    await driver.page.goto(url);
    return driver;
  }

  /** The rows of samples/index.json. */
  samples() {
    return this.page.evaluate(async () => (await fetch("./samples/index.json")).json());
  }

  /** Waits for the labels of `source`: a file's name, or "camera". */
  async result(source) {
    await this.page.locator(`#results[data-source=${JSON.stringify(source)}][aria-busy="false"]`).waitFor();
    const labels = await this.page.locator("#labels li:visible").evaluateAll((items) =>
      items.map((item) => ({
        index: Number(item.dataset.index),
        probability: Number(item.dataset.probability),
        name: item.querySelector(".name").textContent,
      })),
    );
    return { labels, ms: parseFloat(await this.page.locator("#ms").textContent()) };
  }

  async chooseSample(file) {
    await this.page.locator(`#samples button[data-file=${JSON.stringify(file)}]`).click();
    return this.result(file);
  }

  /** `file` as Playwright takes it: a path or `{ name, mimeType, buffer }`. */
  async chooseFile(file) {
    await this.page.locator("#file").setInputFiles(file);
    return this.result(file.name);
  }

  async startCamera() {
    await this.page.locator("#camera").click();
    return this.result("camera");
  }

  /** A file of the site, as a person would have it on disk. */
  async download(path) {
    const answer = await this.page.request.get(new URL(path, this.page.url()).href);
    return { name: path.split("/").at(-1), mimeType: answer.headers()["content-type"], buffer: await answer.body() };
  }

  /** Waits until the page says that it works without a network. */
  async readyOffline() {
    await this.page.locator('#offline[data-state="ready"]').waitFor();
  }

  /** Fails with what axe finds wrong with the page as it stands. */
  async checkAxe() {
    const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
    await this.page.evaluate(await readFile(axe, "utf8"));
    const { violations } = await this.page.evaluate(() => globalThis.axe.run());
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`);
    assert.deepEqual(told, []);
  }

  async close() {
    await this.page.context().close();
  }
}

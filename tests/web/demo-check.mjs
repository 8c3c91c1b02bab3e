// The driver behind `cargo xtask demo --check`: uses the page as a person would and prints what it saw.
//
// Environment: SITE_URL and CHROMIUM; CHECK_JSON (a file) and CHECK_SCREENSHOTS (a folder) where wanted.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { launch } from "./harness.mjs";
import { PageDriver, openSite } from "./page-driver.mjs";
import { webcamArguments, writeWebcam } from "./fake-webcam.mjs";

const DESKTOP = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

const rows = [];
const problems = [];
const folder = await mkdtemp(join(tmpdir(), "mobilenet-web-check-"));
const site = await openSite();
try {
  const { webcam, sample } = await checkPictures();
  await checkCamera(webcam, sample);
  await showErrors();
} finally {
  await site.close();
  await rm(folder, { recursive: true, force: true });
}
await report();

/** Every sample by its button and one as a file; gives a film of one of them. */
async function checkPictures() {
  const browser = await launch();
  try {
    const demo = await PageDriver.open(browser, site.url, { ...DESKTOP, colorScheme: "light" });
    const samples = await demo.samples();
    if (samples.length === 0) problems.push("samples/index.json lists no photograph");
    for (const sample of samples) note("sample", sample, await demo.chooseSample(sample.file));
    const [first] = samples;
    note("file", first, await demo.chooseFile(renamed(await demo.download(`samples/${first.file}`))));
    await demo.readyOffline();
    await screenshot(demo, "light");
    const webcam = join(folder, "webcam.y4m");
    const sample = await roomiest(demo, samples);
    await writeWebcam(demo.page, webcam, [{ url: `./samples/${sample.file}`, frames: 2 }]);
    await finish(demo);

    for (const [name, options] of [["dark", { ...DESKTOP, colorScheme: "dark" }], ["phone", PHONE]]) {
      const demo = await PageDriver.open(browser, site.url, options);
      await demo.chooseSample(first.file);
      await screenshot(demo, name);
      await finish(demo);
    }
    return { webcam, sample };
  } finally {
    await browser.close();
  }
}

async function checkCamera(webcam, sample) {
  const browser = await launch({ args: webcamArguments(webcam) });
  try {
    const demo = await PageDriver.open(browser, site.url, DESKTOP);
    note("camera", sample, await demo.startCamera());
    await demo.page.locator("#fps:not(:empty)").waitFor();
    await screenshot(demo, "camera");
    await demo.page.locator("#camera").click();
    await finish(demo);
  } finally {
    await browser.close();
  }
}

/** What a person sees when the weights are gone and the camera is refused; here the console may complain. */
async function showErrors() {
  const browser = await launch({ args: ["--use-fake-device-for-media-stream", "--deny-permission-prompts"] });
  try {
    const context = await browser.newContext({ ...DESKTOP, serviceWorkers: "block" });
    await context.route("**/weights/*.safetensors", (route) => route.fulfill({ status: 404, body: "gone" }));
    const demo = new PageDriver(await context.newPage());
    await demo.page.goto(site.url);
    await demo.page.locator("#model-retry").waitFor();
    await demo.page.locator("#camera").click();
    await demo.page.locator("#source-retry").waitFor();
    await screenshot(demo, "error");
    await context.close();
  } catch (error) {
    problems.push(`the error state did not show: ${error.message}`);
  } finally {
    await browser.close();
  }
}

/** The widest picture: filling a camera's frame cuts nothing off it that the network would have seen. */
async function roomiest(demo, samples) {
  const shapes = await demo.page.locator("#samples img").evaluateAll((images) =>
    Promise.all(images.map((image) => image.decode().then(() => image.naturalWidth / image.naturalHeight))),
  );
  return samples[shapes.indexOf(Math.max(...shapes))];
}

/** Another name than the button's picture, so that its result cannot be taken for the file's. */
function renamed(file) {
  return { ...file, name: `my ${file.name}` };
}

function note(via, sample, { labels: [best], ms }) {
  const ok = sample.expected.includes(best?.index);
  rows.push({ picture: sample.file, via, expected: sample.expected, ...best, ms, ok });
}

async function screenshot(demo, name) {
  const to = process.env.CHECK_SCREENSHOTS;
  if (!to) return;
  await mkdir(to, { recursive: true });
  await demo.page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await demo.page.screenshot({ path: join(to, `${name}.png`), fullPage: true });
}

async function finish(demo) {
  problems.push(...demo.problems);
  await demo.close();
}

async function report() {
  const header = ["picture", "via", "expected", "label", "probability", "ms", ""];
  const body = rows.map((row) => [
    row.picture,
    row.via,
    row.expected.join(" or "),
    `${row.index} ${row.name}`,
    row.probability?.toFixed(3) ?? "",
    row.ms.toFixed(1),
    row.ok ? "right" : "WRONG",
  ]);
  const widths = header.map((_, column) => Math.max(...[header, ...body].map((line) => line[column].length)));
  for (const line of [header, ...body]) {
    console.log(line.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
  }
  for (const problem of problems) console.log(`problem: ${problem}`);
  const ok = problems.length === 0 && rows.length > 0 && rows.every((row) => row.ok);
  if (process.env.CHECK_JSON) {
    await mkdir(dirname(process.env.CHECK_JSON), { recursive: true });
    await writeFile(process.env.CHECK_JSON, `${JSON.stringify({ ok, rows, problems }, null, 2)}\n`);
  }
  process.exitCode = ok ? 0 : 1;
}

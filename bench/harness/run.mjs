// The run of a benchmark: contests of runtimes on networks, in turns within one Chromium, a fresh page each turn.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { launch } from "../../tests/web/harness.mjs";
import { agreement, judged, misread } from "./answers.mjs";
import { expected, prepare } from "./models.mjs";
import { plots } from "./plots.mjs";
import { serve } from "./server.mjs";
import { shipped } from "./shipped.mjs";
import { figures, quantile } from "./statistics.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const MODELS = process.env.MOBILENET_BENCH_MODELS ?? join(ROOT, "../shared/bench-models");
export const MADE = join(ROOT, "target/bench");
const LONGEST_TURN_MS = 180_000;

/** A new page keeps the browser busy for about this long, which is no runtime's doing. */
const PAGE_OPENS_MS = 750;

/** The options of every benchmark, for `parseArgs`. */
export const OPTIONS = {
  models: { type: "string" },
  runtimes: { type: "string" },
  rounds: { type: "string", default: "3" },
  out: { type: "string", default: join(ROOT, "bench/results") },
};

/** The keys of `all` that an option names by their beginnings; all without the option. */
export function chosen(option, wanted, all) {
  const words = wanted?.split(",") ?? [""];
  const unknown = words.find((word) => !Object.keys(all).some((key) => key.startsWith(word)));
  if (unknown !== undefined) {
    throw new Error(`--${option} ${unknown}: there are ${Object.keys(all).join(", ")}`);
  }
  return Object.keys(all).filter((key) => words.some((word) => key.startsWith(word)));
}

/**
 * Runs the contests of each network in turns, and writes what is known after each network.
 *
 * @param {object} benchmark
 * @param {string} benchmark.name of the files of results
 * @param {Record<string, object[]>} benchmark.networks contests by network: `{ title, model, ours, titles, page }`, where
 *   `titles` are those of the runtimes by key, and `page(key)` is what the page is asked to do
 * @param {string[]} benchmark.flags of Chromium
 * @param {(page: object) => Promise<string>} benchmark.adapters what else the machine is, told in a page
 * @param {string} benchmark.settings a paragraph for the reader
 * @param {Record<string, string>} benchmark.figures what is compared: words by figure
 * @param {(found: object, images: object[]) => string} benchmark.markdown the text, with plots that lie beside it
 */
export async function bench({ name, networks, flags, adapters, settings, figures: words, markdown, rounds, out }) {
  if (!hasModels()) {
    console.log(`SKIPPED: ${MODELS} is missing; set MOBILENET_BENCH_MODELS to the folder of benchmark models.`);
    return;
  }
  await inChromium(flags, async ({ site, browser }) => {
    const found = { machine: await describe({ site, browser, adapters }), settings, networks: {}, turns: {} };
    console.log(found.machine);
    let text = "";
    for (const [network, contests] of Object.entries(networks)) {
      await contend({ site, browser, network, contests, rounds, measures: Object.keys(words), found });
      const titles = Object.assign({}, ...Object.values(networks).flat().map((contest) => contest.titles));
      const images = plots({ name, titles, figures: words, networks: found.networks });
      text = markdown(found, images);
      // Written after each network, so that a run that is broken off is not lost.
      await keep({ out, name, text, found, images });
    }
    console.log(`\n${text}\nwritten to ${out}`);
  });
}

/** Whether the models are there that are no part of this repository. */
export const hasModels = () => existsSync(join(MODELS, "README.md"));

/** `work({ site, browser })` with a server of the benchmark's files and a Chromium. */
export async function inChromium(flags, work) {
  const site = await serve({
    "/bench/": [join(ROOT, "bench")],
    "/pkg/": [join(ROOT, "target/package")],
    "/www/": [join(ROOT, "www")],
    "/models/": [MADE, MODELS],
  });
  try {
    const browser = await launch({ args: flags });
    try {
      await work({ site, browser });
    } finally {
      await browser.close();
    }
  } finally {
    site.close();
  }
}

/** Writes a benchmark's files. */
export async function keep({ out, name, text, found, images = [] }) {
  await mkdir(out, { recursive: true });
  await writeFile(join(out, `${name}.md`), text);
  await writeFile(join(out, `${name}.json`), `${JSON.stringify(found, rounded)}\n`);
  for (const { file, svg } of images) {
    await writeFile(join(out, file), svg);
  }
}

/** All contests of a network, turn by turn through all of them, so that each can be compared with the others. */
async function contend({ site, browser, network, contests, rounds, measures, found }) {
  const turns = new Map();
  for (const contest of contests) {
    await prepare(MODELS, MADE, contest.model);
    contest.right = await expected(MODELS, contest.model);
    turns.set(contest, new Map(Object.keys(contest.titles).map((key) => [key, []])));
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const contest of contests) {
      for (const [key, outcomes] of turns.get(contest)) {
        const outcome = await turn({ site, browser, asked: { model: contest.model, ...contest.page(key) } });
        if (outcome.result) {
          outcome.agrees = agreement(outcome.result, contest.right);
          outcome.error = judged(outcome.result, contest.right);
        }
        delete outcome.result;
        outcomes.push(outcome);
        console.log(`${contest.title}, round ${round} of ${rounds}, ${contest.titles[key]}: ${told(outcome)}`);
      }
    }
  }
  compareFrames(turns);
  for (const contest of contests) {
    const rows = figures(turns.get(contest), contest.ours, measures);
    for (const row of rows) {
      row.shipped = await shipped(MADE, turns.get(contest).get(row.runtime).find(({ error }) => !error)?.files);
    }
    found.networks[contest.title] = rows;
    found.turns[contest.title] = Object.fromEntries([...turns.get(contest)].map(([key, all]) => [key, all.map(brief)]));
  }
  found.shown = { ...found.shown, [network]: contests.map(({ title }) => title) };
}

/** Marks who reads a frame differently from the first that tells all its scores, on the same network. */
function compareFrames(turns) {
  const others = new Map();
  const answers = [...turns].flatMap(([contest, all]) => [...all].flatMap(([key, outcomes]) => outcomes.map((outcome) => [contest, outcome, key])));
  for (const [{ model }, { plain, error }] of answers) {
    if (plain?.scores && !error && !others.has(model)) {
      others.set(model, plain.scores);
    }
  }
  for (const [{ model, right, title, titles }, outcome, key] of answers) {
    if (outcome.plain && !outcome.error && others.has(model)) {
      outcome.error = misread(outcome.plain, others.get(model), right.unit);
      if (outcome.error) {
        console.log(`${title}, ${titles[key]}: ${outcome.error}`);
      }
    }
    delete outcome.plain;
  }
}

/** What is asked of a page that has seen nothing before; `page` is its name in `bench/page/`, `longest` the time in ms it may take. */
export async function turn({ site, browser, asked, page: name = "turn", longest = LONGEST_TURN_MS }) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await sleep(PAGE_OPENS_MS);
  let late;
  const ended = new Promise((resolve) => {
    page.on("crash", () => resolve({ error: "the page crashed" }));
    page.on("pageerror", (error) => resolve({ error: `uncaught: ${error.message}` }));
    late = setTimeout(() => resolve({ error: `no answer within ${longest / 1000} s` }), longest);
  });
  const said = site.outcome();
  await page.goto(`${site.url}bench/page/${name}.html?${new URLSearchParams(asked)}`, { waitUntil: "commit" });
  const outcome = await Promise.race([said, ended]);
  clearTimeout(late);
  await context.close();
  return outcome;
}

/** Processor, browser and what the benchmark tells of the page. */
export async function describe({ site, browser, adapters }) {
  const page = await browser.newPage();
  await page.goto(`${site.url}bench/page/blank.html`);
  const more = await adapters(page);
  await page.close();
  const load = loadavg()[0].toFixed(1);
  return `${cpus()[0].model}, ${cpus().length} cores, load ${load} before the run; Chromium ${browser.version()}; ${more}`;
}

function told({ error, first, ms, frames, agrees }) {
  const span = (values) => {
    const [p10, median, p90] = [0.1, 0.5, 0.9].map((share) => quantile(values, share).toFixed(values[0] < 10 ? 2 : 1));
    return `${median} ms [${p10}–${p90}] of ${values.length}`;
  };
  if (error) {
    return error;
  }
  const parts = [ms && `call ${span(ms)}`, frames && `frame ${span(frames)}`, `first label ${Math.round(first)} ms`];
  return [...parts, agrees && `largest error ${agrees}`].filter(Boolean).join(", ");
}

/** A turn as it is kept: what was downloaded is told once, by its size. */
function brief({ files, ...rest }) {
  return rest;
}

function rounded(key, value) {
  return typeof value === "number" ? Number(value.toPrecision(5)) : value;
}

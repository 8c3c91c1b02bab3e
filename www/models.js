// The page that compares the family: joins the list, the table, the plots and the stopwatch.
import { Comparison } from "./comparison.js";
import { SERIES, members } from "./family.js";
import { milliseconds } from "./format.js";
import { showLayers } from "./layers.js";
import { writeProblem } from "./loading.js";
import { Times, measure } from "./measuring.js";
import { Plot, swatch } from "./plot.js";

const at = (id) => document.getElementById(id);
const times = new Times();

const { models, sources } = await list();
const plots = [
  new Plot(at("plot-macs"), {
    key: "macs",
    title: "multiply–adds, millions",
    text: (macs) => `${(macs / 1e6).toFixed(0)} M`,
    tick: (macs) => String(macs / 1e6),
    empty: "No model is shown.",
  }, { onPoint: point }),
  new Plot(at("plot-ms"), {
    key: "ms",
    title: "milliseconds a frame",
    text: milliseconds,
    tick: String,
    empty: "Nothing to draw yet: measure some models below.",
  }, { onPoint: point }),
];
const comparison = new Comparison({
  table: document.querySelector(".comparison"),
  head: at("head"),
  models,
  listener: { onChoice: writeButton, onOpen: showLayers, onPoint: point },
});
let work = null;

showSources();
showFilter();
applyFilter();
writeStatus();
at("measure").addEventListener("click", () => measureAll(wanted()));
at("cancel").addEventListener("click", () => work?.abort());
at("forget").addEventListener("click", forget);

/** models.json, which the build writes: the rows with this browser's times. */
async function list() {
  try {
    const answer = await fetch("./models.json");
    if (!answer.ok) throw new Error(`The list of models answered ${answer.status}. Try again, or reload the page.`);
    const { models, sources } = await answer.json();
    const numbers = new Map(sources.map(({ name }, place) => [name, place + 1]));
    return {
      sources,
      models: members(models).map((model) => ({
        ...model,
        ms: times.of(model.name),
        sourceNumber: numbers.get(model.source),
      })),
    };
  } catch (error) {
    writeProblem(at("list-error-text"), error);
    at("list-error").hidden = false;
    return { models: [], sources: [] };
  }
}

function showSources() {
  at("sources").append(
    ...sources.map(({ title, url }) => {
      const item = document.createElement("li");
      item.append(Object.assign(document.createElement("a"), { href: url, textContent: title, rel: "external" }));
      return item;
    }),
  );
}

/** The filter is the plots' legend too. */
function showFilter() {
  for (const series of SERIES) {
    const input = Object.assign(document.createElement("input"), { type: "checkbox", value: series.id, checked: true });
    input.addEventListener("change", applyFilter);
    const label = Object.assign(document.createElement("label"), { className: "pill" });
    label.append(input, swatch(series), series.title);
    at("filter").append(label);
  }
}

function applyFilter() {
  const ids = [...at("filter").querySelectorAll("input:checked")].map(({ value }) => value);
  comparison.show(ids);
  draw();
}

function draw() {
  for (const plot of plots) plot.show(comparison.shown);
}

/** One model in view: the same in every plot, and in the table. */
function point(model) {
  for (const plot of plots) plot.point(model);
  comparison.point(model);
}

/** What the button measures: the ticked rows, or all that are shown. */
function wanted() {
  const { chosen, shown } = comparison;
  return chosen.length > 0 ? chosen : shown;
}

function writeButton() {
  const { chosen, shown } = comparison;
  at("measure").textContent = chosen.length > 0 ? `Measure ${chosen.length} chosen` : `Measure all ${shown.length}`;
  at("measure").disabled = shown.length === 0;
}

function writeStatus() {
  const measured = models.filter(({ ms }) => ms !== undefined).length;
  at("forget").hidden = measured === 0;
  at("measure-status").textContent =
    measured === 0
      ? "No model is measured yet."
      : `${measured} of ${models.length} models measured, last on ${new Date(times.last).toLocaleDateString("en", { dateStyle: "long" })}.`;
}

/** One after the other: networks that run at once would take each other's time. */
async function measureAll(rows) {
  work = new AbortController();
  const { signal } = work;
  const progress = at("measure-progress");
  setMeasuring(true);
  at("measure-error").hidden = true;
  progress.max = rows.length;
  let done = 0;
  try {
    for (const model of rows) {
      progress.value = done;
      at("measure-status").textContent = `Measuring ${model.title} (${done + 1} of ${rows.length})`;
      comparison.mark(model);
      model.ms = await measure(model, signal);
      times.set(model.name, model.ms);
      done++;
      comparison.refresh(model);
      draw();
    }
  } catch (error) {
    if (!signal.aborted) {
      writeProblem(at("measure-error-text"), error);
      at("measure-error").hidden = false;
    }
  }
  comparison.mark(null);
  setMeasuring(false);
  writeStatus();
  at("announcement").textContent = `${done} of ${rows.length} models measured.`;
}

/** Swaps the buttons and keeps the focus on the one that a person can use next. */
function setMeasuring(running) {
  const held = document.activeElement === at(running ? "measure" : "cancel");
  at("measure").hidden = running;
  at("cancel").hidden = !running;
  at("measure-progress").hidden = !running;
  at("forget").hidden = running;
  if (held) at(running ? "cancel" : "measure").focus();
}

function forget() {
  times.clear();
  for (const model of models) {
    model.ms = undefined;
    comparison.refresh(model);
  }
  at("measure").focus();
  writeStatus();
  draw();
}

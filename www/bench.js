// The page of speed: joins the list, the stopwatch, the table, a strip a network, and the Markdown.
import { cells, markdown, span } from "./figures.js";
import { Flame } from "./flame.js";
import { percent } from "./format.js";
import { writeProblem } from "./loading.js";
import { summary } from "./profiler.js";
import { NETWORKS, backends, measure } from "./speed.js";

const at = (id) => document.getElementById(id);
let found = [];
let work = null;

const boxes = NETWORKS.map(({ title }) => {
  const input = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
  input.addEventListener("change", writeButton);
  const label = Object.assign(document.createElement("label"), { className: "pill" });
  label.append(input, title);
  at("networks").append(label);
  return input;
});
at("measure").addEventListener("click", measureAll);
at("cancel").addEventListener("click", () => work?.abort());
at("copy").addEventListener("click", copy);

function wanted() {
  return NETWORKS.filter((_, place) => boxes[place].checked);
}

function writeButton() {
  at("measure").disabled = wanted().length === 0;
}

/** One after the other: networks that run at once would take each other's time. */
async function measureAll() {
  work = new AbortController();
  const { signal } = work;
  setMeasuring(true);
  found = [];
  show();
  let count = 0;
  try {
    const runs = (await backends()).flatMap((backend) => wanted().map((network) => [network, backend]));
    count = at("progress").max = runs.length;
    for (const [network, backend] of runs) {
      at("progress").value = found.length;
      at("status").textContent = `Measuring ${network.title} on the ${backend === "webgpu" ? "GPU" : "CPU"} (${found.length + 1} of ${count})`;
      found.push(await measure(network, backend, signal));
      show();
    }
  } catch (error) {
    if (!signal.aborted) {
      writeProblem(at("error-text"), error);
      at("error").hidden = false;
    }
  }
  setMeasuring(false);
  at("status").textContent = `${found.length} of ${count} measured.`;
  at("announcement").textContent = at("status").textContent;
}

/** Swaps the buttons and keeps the focus on the one that a person can use next. */
function setMeasuring(running) {
  const held = document.activeElement === at(running ? "measure" : "cancel");
  at("measure").hidden = running;
  at("cancel").hidden = !running;
  at("progress").hidden = !running;
  at("networks").disabled = running;
  at("error").hidden = true;
  if (held) at(running ? "cancel" : "measure").focus();
}

function show() {
  at("found").hidden = found.length === 0;
  at("markdown").hidden = true;
  at("machine").textContent = machine();
  at("rows").replaceChildren(...found.map(line));
  const shown = found.filter(({ error }) => !error);
  // Those that are there already stay, with what a person opened in them.
  for (const old of [...at("results").children].slice(shown.length)) old.remove();
  for (const result of shown.slice(at("results").childElementCount)) at("results").append(panel(result));
  shown.forEach((result, place) => (at("results").children[place].querySelector(".figure").textContent = frame(result)));
}

function line(result) {
  const made = document.createElement("tr");
  const [title, ...texts] = cells(result);
  made.append(Object.assign(document.createElement("th"), { scope: "row", textContent: title }));
  for (const text of texts) made.insertCell().textContent = text;
  if (result.error) made.lastChild.colSpan = 4;
  return made;
}

/** A network's frame and its steps. */
function panel({ title, place, backend, rows }) {
  const { firstElementChild: section } = at("result").content.cloneNode(true);
  const part = (selector) => section.querySelector(selector);
  const heading = part("h2");
  heading.id = `result-${at("results").childElementCount}`;
  heading.textContent = `${title}: ${place}`;
  for (const named of [section, part(".flame")]) named.setAttribute("aria-labelledby", heading.id);
  part(".scroller").setAttribute("aria-label", `Steps of ${title}, ${place}`);
  const flame = new Flame({ bar: part(".flame"), text: part(".text"), details: part("details"), body: part("tbody") });
  flame.show(rows ?? [], (total) => (rows ? summary({ backend }, rows, total) : "This GPU has no clock for its steps."));
  return section;
}

function frame({ ms, pointwise, peak }) {
  const best = peak ? ` Pointwise layers come to ${percent(pointwise / peak.gflops)} of this device’s ${peak.gflops.toFixed(1)} GFLOP/s (${peak.name}).` : "";
  return `${span(ms)} ms a frame.${best}`;
}

/** As far as the browser tells: nothing that tells people apart beyond what every page sees. */
function machine() {
  const adapter = found.find(({ adapter }) => adapter)?.adapter;
  const parts = [navigator.userAgent, `${navigator.hardwareConcurrency} logical processors`, adapter && `GPU: ${adapter}`];
  return [...parts, crossOriginIsolated ? "isolated" : "not isolated"].filter(Boolean).join("; ");
}

async function copy() {
  at("markdown").textContent = markdown(found, machine());
  try {
    await navigator.clipboard.writeText(at("markdown").textContent);
    at("copy").textContent = "Copied";
  } catch {
    at("markdown").hidden = false;
    getSelection().selectAllChildren(at("markdown"));
    at("copy").textContent = "Selected: copy it";
  }
  at("announcement").textContent = at("copy").textContent;
  setTimeout(() => (at("copy").textContent = "Copy as Markdown"), 2000);
}

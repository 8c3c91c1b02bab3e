// One network layer by layer, as the library's own graph counts it.
import { specOf } from "./family.js";
import { grouped } from "./format.js";
import { writeProblem } from "./loading.js";
import { MobileNet } from "./pkg/index.js";

/** Fills `cell` with the layers of `model`, or with why they could not be counted; the next opening tries again. */
export async function showLayers(model, cell) {
  if (cell.querySelector("table")) return;
  const waiting = Object.assign(document.createElement("p"), { className: "hint", textContent: "Counting layers…" });
  cell.replaceChildren(waiting);
  try {
    cell.replaceChildren(table(model, await MobileNet.describe(specOf(model))));
  } catch (error) {
    writeProblem(waiting, error);
    waiting.className = "problem";
  }
}

function table({ title }, { layers, params, macs }) {
  const made = document.createElement("table");
  made.className = "layer-table";
  const caption = made.createCaption();
  caption.className = "visually-hidden";
  caption.textContent = `Layers of ${title}`;
  const head = made.createTHead().insertRow();
  for (const name of ["Layer", "Kind", "Output", "Params", "Mult–adds"]) {
    head.append(Object.assign(document.createElement("th"), { scope: "col", textContent: name }));
  }
  const body = made.createTBody();
  for (const layer of multiplying(layers)) addRow(body, layer);
  addRow(made.createTFoot(), { name: "Total", kind: "", shape: [], params, macs });
  return made;
}

/** The layers that multiply, each with the parameters of the batch norm behind it. */
function multiplying(layers) {
  const rows = [];
  for (const layer of layers) {
    if (layer.macs > 0) rows.push({ ...layer });
    else if (rows.length > 0) rows.at(-1).params += layer.params;
  }
  return rows;
}

function addRow(section, { name, kind, shape, params, macs }) {
  const row = section.insertRow();
  row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: name }));
  for (const text of [kind, shape.join(" × "), grouped(params), grouped(macs)]) row.insertCell().textContent = text;
}

// The model card: what `net.info` says, in words.
import { width } from "./family.js";
import { bytes, grouped, millions } from "./format.js";
import { writeProblem } from "./loading.js";

/** Fills the description list, and the notes below it, from the network's own account of itself. */
export function showCard({ list, notes }, info, { title, row }) {
  const facts = [
    ["Network", network(info.version)],
    ["Width multiplier", width(info.multiplier)],
    ["Input", `${info.inputHeight} × ${info.inputWidth} px`],
    ["Classes", [grouped(info.classes), info.labelSet].filter(Boolean).join(" · ")],
    ["Parameters", millions(info.params)],
    ["Multiply–adds a frame", millions(info.macs)],
    ["Weights", bytes(info.weightsBytes)],
    ["Preprocessing", info.preprocessing],
    ["Backend", info.why ? `${info.backend} (${info.why})` : info.backend],
  ];
  if (!row) facts.unshift(["File", title]);
  const pairs = facts.map(([term, fact]) => pair(term, fact));
  // The backend's reason is a sentence, and gets a row to itself.
  pairs.at(-1).className = "wide";
  list.replaceChildren(...pairs);
  list.dataset.weights = row?.name ?? title;
  notes.replaceChildren(...[warnings(info.warnings), inferences(info.inferred)].filter(Boolean));
}

/** "v3-small-minimalistic" → "MobileNet V3 Small minimalistic". */
function network(version) {
  const [generation, size, ...rest] = version.split("-");
  const words = [generation.toUpperCase(), size && size[0].toUpperCase() + size.slice(1), ...rest];
  return `MobileNet ${words.filter(Boolean).join(" ")}`;
}

/** What the library finds odd about the weights, as it says it. */
function warnings(list) {
  if (list.length === 0) return null;
  const box = Object.assign(document.createElement("ul"), { className: "problem", id: "card-warnings" });
  for (const { code, message } of list) {
    const item = document.createElement("li");
    writeProblem(item, { code, message });
    box.append(item);
  }
  return box;
}

/** What the file did not say and its tensors did, each with its reason. */
function inferences(list) {
  if (list.length === 0) return null;
  const details = Object.assign(document.createElement("details"), { className: "details", id: "card-inferred" });
  const summary = Object.assign(document.createElement("summary"), { textContent: "How the file was understood" });
  const facts = Object.assign(document.createElement("dl"), { className: "inferred" });
  facts.append(...list.map(({ what, value, why }) => pair(`${what}: ${value}`, why)));
  details.append(summary, facts);
  return details;
}

function pair(term, fact) {
  const group = document.createElement("div");
  group.append(
    Object.assign(document.createElement("dt"), { textContent: term }),
    Object.assign(document.createElement("dd"), { textContent: fact }),
  );
  return group;
}

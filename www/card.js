// The model card: what `net.info` says, in words.
import { bytes, grouped, millions } from "./format.js";

/** Fills the description list from the network's own account of itself and the weights' catalogue row. */
export function showCard(list, info, row) {
  const facts = [
    ["Network", `MobileNet ${info.version.toUpperCase()}`],
    ["Width multiplier", decimal(info.multiplier)],
    ["Input", `${info.resolution} × ${info.resolution} px`],
    ["Classes", [grouped(info.classes), info.labelSet].filter(Boolean).join(" · ")],
    ["Parameters", millions(info.params)],
    ["Multiply–adds a frame", millions(info.macs)],
    ["Weights", bytes(info.weightsBytes)],
    ["Preprocessing", info.preprocessing],
    ["Backend", info.why ? `${info.backend} (${info.why})` : info.backend],
  ];
  const pairs = facts.map(([term, fact]) => pair(term, fact));
  // The backend's reason is a sentence, and gets a row to itself.
  pairs.at(-1).className = "wide";
  list.replaceChildren(...pairs);
  list.dataset.weights = row.name;
}

/** "1" reads as a count; a width multiplier is written 1.0. */
function decimal(value) {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function pair(term, fact) {
  const group = document.createElement("div");
  group.append(
    Object.assign(document.createElement("dt"), { textContent: term }),
    Object.assign(document.createElement("dd"), { textContent: fact }),
  );
  return group;
}

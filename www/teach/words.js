// Small words and elements that several parts of this page write.
import { grouped } from "../format.js";

/** 1, "picture" → "1 picture"; 1280 → "1,280 pictures". */
export function counted(count, noun) {
  const many = noun.endsWith("s") ? `${noun}es` : `${noun}s`;
  return `${grouped(count)} ${count === 1 ? noun : many}`;
}

/** 0.964 → "96.4 %", with a space that does not break; 1 → "100 %"; null → "–". */
export function share(value) {
  return value === null ? "–" : `${Number((value * 100).toFixed(1))}\u00a0%`;
}

/** ["a", "b", "c"] → "a, b and c". */
export function listed(words) {
  return new Intl.ListFormat("en").format(words);
}

/** An element with properties and children. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A table's row: the first cell is its heading. */
export function row(heading, ...cells) {
  return element(
    "tr",
    {},
    element("th", { scope: "row", textContent: heading }),
    ...cells.map((cell) => (cell instanceof Node ? element("td", {}, cell) : element("td", { textContent: cell }))),
  );
}

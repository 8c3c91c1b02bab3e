/** What tells a network by what it computes: the same weights in another container, or in halves, are the same network. */

/**
 * How far two vectors of one picture may lie apart, as a share of their length, to be the same network's. Halves of floats move
 * V2's by 0.002, weights of eight bits by 0.04, and other weights by 1 and more.
 */
export const TOLERANCE = 0.02;

/**
 * A picture that everyone has: waves of each colour, and noise by a formula, so that no layer sees nothing.
 *
 * @param {number} width px, the network's input
 * @param {number} height px
 * @returns {{ data: Uint8Array, width: number, height: number }}
 */
export function fixedPicture(width, height) {
  const data = new Uint8Array(width * height * 4);
  let state = 1;
  for (let at = 0; at < data.length; at += 4) {
    const [x, y] = [((at >> 2) % width) / width, Math.floor((at >> 2) / width) / height];
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const noise = ((state >>> 24) - 128) / 4;
    data[at] = 128 + 90 * Math.sin(19 * x + 7 * y * y) + noise;
    data[at + 1] = 128 + 90 * Math.sin(11 * y + 5 * x * y) + noise;
    data[at + 2] = 128 + 90 * Math.sin(31 * (x - y) * (x + y)) - noise;
    data[at + 3] = 255;
  }
  return { data, width, height };
}

/** How far two vectors lie apart, as a share of the second one's length; infinitely where they cannot be compared. */
export function distance(found, expected) {
  if (found.length !== expected.length) {
    return Infinity;
  }
  let [apart, length] = [0, 0];
  for (let index = 0; index < found.length; index += 1) {
    apart += (found[index] - expected[index]) ** 2;
    length += expected[index] ** 2;
  }
  return Math.sqrt(apart / length);
}

/** Whether two vectors of the fixed picture are one network's. */
export const isSame = (found, expected) => distance(found, expected) <= TOLERANCE;

/** Heat maps: what in a picture speaks for a class, and where. */

import { fileAgain } from "./tuning.js";

/**
 * An output, and the derivatives of its logit by a vector.
 *
 * @param {object | null} head of the module, on that vector; null where its numbers are the logits
 * @param {Float32Array} vector
 * @param {{ task: string, output: number | null }} asked null for the output that is said most of
 */
export function slopesOf(head, vector, { task, output: asked }) {
  const values = head?.predict(vector) ?? vector;
  const output = asked ?? values.indexOf(Math.max(...values));
  const slopes = head?.gradient(vector, output) ?? new Float32Array(vector.length).fill(1, output, output + 1);
  if (head && task === "softmax") {
    // It does not see what all its classes have in common.
    values.forEach((_, index) => {
      head.gradient(vector, index).forEach((slope, channel) => {
        slopes[channel] -= slope / values.length;
      });
    });
  }
  return { output, slopes };
}

/** Derivatives by the means of a map `[h, w, c]`, times that map. */
export function heatOfMeans({ data, shape: [height, width, channels] }, slopes) {
  const heat = new Float32Array(width * height);
  data.forEach((value, index) => {
    heat[Math.floor(index / channels)] += value * slopes[index % channels];
  });
  return heat;
}

/** The network from its last map to the vector of an endpoint: its file is read again for it, but for one that was tuned. */
export async function openHeat(module, loaded, endpoint, weights, tuned) {
  const { file, overrides } = tuned
    ? { file: tuned.bytes }
    : await fileAgain(loaded, weights, "Trainer.heatMap", "heatMap(source, { weights })");
  return module.Heat.open(file, endpoint, { overrides });
}

/** A heat map within −1 … 1, and where in a frame of that size it lies. */
export function shown({ heat, shape: [height, width], output }, [x, y, w, h], [frameWidth, frameHeight]) {
  const most = heat.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  const region = { x: x / frameWidth, y: y / frameHeight, width: w / frameWidth, height: h / frameHeight };
  return { height, width, data: heat.map((value) => value / most), output, region };
}

/** Heat maps: what in a picture speaks for a class, and where. */

import { fileAgain } from "./tuning.js";

/**
 * For an output of a head: its logit's derivative by the features, times the map that they are the means of.
 *
 * @param {object} head of the module
 * @param {{ data: Float32Array, shape: number[], vector: Float32Array }} seen a map `[h, w, c]`, and its means
 * @param {{ task: string, output: number | null }} asked null for the output that the head says most of
 */
export function heatOfHead(head, { data, shape, vector }, { task, output: asked }) {
  const [height, width, channels] = shape;
  const values = head.predict(vector);
  const output = asked ?? values.indexOf(Math.max(...values));
  const weights = head.gradient(vector, output);
  if (task === "softmax") {
    // It does not see what all its classes have in common.
    const all = Array.from(values, (_, index) => head.gradient(vector, index));
    weights.forEach((weight, channel) => {
      weights[channel] = weight - all.reduce((sum, each) => sum + each[channel], 0) / all.length;
    });
  }
  const heat = new Float32Array(width * height);
  data.forEach((value, index) => {
    heat[Math.floor(index / channels)] += value * weights[index % channels];
  });
  return { heat, shape, output };
}

/** The end of the network itself, whose file is read again for it. */
export async function openHeat(module, loaded, weights) {
  const { file, overrides } = await fileAgain(loaded, weights, "Trainer.heatMap", "heatMap(source, { weights })");
  return module.Heat.open(file, { overrides });
}

/** A heat map within −1 … 1, and where in a frame of that size it lies. */
export function shown({ heat, shape: [height, width], output }, [x, y, w, h], [frameWidth, frameHeight]) {
  const most = heat.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  const region = { x: x / frameWidth, y: y / frameHeight, width: w / frameWidth, height: h / frameHeight };
  return { height, width, data: heat.map((value) => value / most), output, region };
}

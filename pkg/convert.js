/** What only a conversion needs, and so is fetched for one. */

/** Endings of the files that are read. */
const ENDING = /\.(safetensors|pth|pt|h5|hdf5|keras|tflite|onnx|json|index|pb)$/i;

/** Names that say nothing of the network. */
const ANY_NAME = /^(weights|model|variables|saved_model|checkpoint|network|)$/i;

/**
 * The name under which a converted file is saved.
 *
 * @param {string} name the file's it was converted from, of a model of several files the main one's
 * @param {{ version: string, multiplier: number, inputHeight: number }} info
 * @param {string} [precision]
 */
export function named(name, { version, multiplier, inputHeight }, precision = "kept") {
  const stem = name.replace(ENDING, "");
  const width = Number.isInteger(multiplier) ? multiplier.toFixed(1) : Number(multiplier.toPrecision(6));
  const own = ANY_NAME.test(stem) ? `mobilenet_${version}_${width}_${inputHeight}` : stem;
  return `${own}${precision === "kept" ? "" : `.${precision}`}.safetensors`;
}

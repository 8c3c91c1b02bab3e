// Whether a runtime answers rightly: one that does not is not timed.

/**
 * The correlation with the right answer that an answer must have; that of another input or network has none. Less than 1 of
 * floats because a network that nobody trained is ill-conditioned, so that pixels rounded to 8 bits move its answers; of
 * integers because each runtime's kernels round their own way, and a probability is a few units.
 */
const LEAST_LIKENESS = { probabilities: 0.98, units: 0.8 };
/** How far answers to the very same pixels may be apart, as a share of the greatest probability and in units. */
const APART = { probabilities: 0.02, units: 3 };

/**
 * How far an answer is from the right one, as text; only the top label where it gives no more.
 *
 * @param {{ index: number, score?: number, scores?: number[] }} answer
 * @param {{ values: Float32Array, unit?: number }} right `unit` is what integers count in
 */
export function agreement({ index, score, scores }, { values, unit }) {
  const errors = scores ? scores.map((value, i) => Math.abs(value - values[i])) : [Math.abs(score - values[index])];
  const error = Math.max(...errors);
  const size = unit === undefined ? error.toExponential(0) : `${Math.round(error / unit)}/${Math.round(1 / unit)}`;
  // Any of the best counts where integers make several alike.
  const top = values.indexOf(Math.max(...values));
  return values[index] === values[top] ? size : `${size}, top label ${index} instead of ${top}`;
}

/** Why an answer is wrong; undefined where it is right, or where a runtime tells too little to say. */
export function judged({ scores }, { values, unit }) {
  if (!scores) {
    return undefined;
  }
  const least = LEAST_LIKENESS[unit === undefined ? "probabilities" : "units"];
  const found = correlation(scores, values);
  return found >= least ? undefined : `answers wrongly: correlation ${found.toFixed(3)} with what is right, at least ${least} expected`;
}

/**
 * Why a runtime's label of a frame is wrong, by what another answers to that frame: all its scores.
 *
 * @param {{ index: number, score?: number, scores?: number[] }} answer
 */
export function misread({ index, score, scores }, other, unit) {
  const found = scores?.[index] ?? score;
  const limit = unit === undefined ? APART.probabilities * Math.max(...other) : APART.units * unit;
  if (Math.abs(found - other[index]) <= limit && Math.max(...other) - other[index] <= limit) {
    return undefined;
  }
  return `answers wrongly: label ${index} with ${found.toPrecision(3)} for a frame where others say ${other[index].toPrecision(3)}`;
}

function correlation(a, b) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < b.length; i += 1) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

// Medians, and whether they may be claimed.

/** A figure whose p10 and p90 lie further apart than this share of its median is not claimed. */
export const NOISY = 0.1;
/** Fewer samples cannot tell how far they spread. */
const FEWEST_SAMPLES = 3;

/** The value below which a share of the sorted values lies, between neighbours by straight line. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** @returns {{ median: number, p10: number, p90: number, noisy: boolean, samples: number }} */
export function summary(values) {
  const [p10, median, p90] = [0.1, 0.5, 0.9].map((share) => quantile(values, share));
  return { median, p10, p90, noisy: values.length < FEWEST_SAMPLES || (p90 - p10) / median > NOISY, samples: values.length };
}

/** What a turn measured, by the figure's name: some samples of each. */
const SAMPLES = { call: ({ ms }) => ms, frame: ({ frames }) => frames, first: ({ first }) => [first] };

/**
 * The figures of one contest: each runtime's samples of all rounds together, with the ratio of ours to it. A ratio is the
 * median of the rounds' own, so that a machine that slows down between rounds does not shift it.
 *
 * @param {Map<string, object[]>} turns outcomes by runtime, one a round
 * @param {string} ours the runtime that the others are compared with
 * @param {string[]} measures which figures
 */
export function figures(turns, ours, measures) {
  const rows = [...turns].map(([runtime, outcomes]) => {
    const good = outcomes.filter((outcome) => outcome.error === undefined);
    const failed = outcomes.find((outcome) => outcome.error !== undefined);
    // One wrong answer is enough not to be believed.
    if (good.length === 0 || failed?.error.startsWith("answers wrongly")) {
      return { runtime, error: failed?.error ?? "no turn" };
    }
    const { agrees, details, memory } = good[0];
    const row = { runtime, agrees, details, memory };
    for (const measure of measures.filter((name) => SAMPLES[name](good[0])?.length > 0)) {
      row[measure] = summary(good.flatMap(SAMPLES[measure]));
    }
    return row;
  });
  for (const row of rows.filter(({ error, runtime }) => !error && runtime !== ours)) {
    for (const measure of measures.filter((name) => row[name])) {
      row[`${measure}Ratio`] = ratioOf(turns.get(ours), turns.get(row.runtime), (turn) => quantile(SAMPLES[measure](turn), 0.5));
    }
  }
  return rows;
}

/** The median of the rounds' ratios. */
export function ratioOf(ours = [], theirs, of) {
  const pairs = ours.map((outcome, round) => [outcome, theirs[round]]).filter((pair) => pair.every((turn) => turn && !turn.error));
  return pairs.length === 0 ? undefined : quantile(pairs.map(([a, b]) => of(a) / of(b)), 0.5);
}

/** The quickest of the peers that ran, by a figure. */
export function fastest(rows, ours, figure) {
  const peers = rows.filter((row) => row[figure] && row.runtime !== ours);
  return peers.sort((a, b) => a[figure].median - b[figure].median)[0];
}

/** Why the comparison with the fastest peer may not be claimed; undefined where it may. */
export function doubt(rows, ours, figure) {
  return unsteady([rows.find(({ runtime }) => runtime === ours), fastest(rows, ours, figure)], figure);
}

/** Which of these rows spread too far to be compared, and how far; undefined where none does. */
export function unsteady(rows, figure) {
  const shown = rows.filter((row) => row?.[figure]?.noisy);
  if (shown.length === 0) {
    return undefined;
  }
  const why = ({ p10, p90, median, samples }) =>
    samples < FEWEST_SAMPLES ? `has ${samples} samples only` : `spreads over ${Math.round(((p90 - p10) / median) * 100)} % of its median`;
  return shown.map((row) => `${row.runtime} ${why(row[figure])}`).join(", ");
}

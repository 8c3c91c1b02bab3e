// The family as this page groups it: one row a series, in the order of publication, and how each looks in a plot.

/** `shape` as well as colour tells series apart; minimalistic networks are their series' marks, left hollow. */
export const SERIES = [
  { id: "v1", title: "V1", shape: "circle" },
  { id: "v2", title: "V2", shape: "square" },
  { id: "v3-large", title: "V3 Large", shape: "triangle" },
  { id: "v3-small", title: "V3 Small", shape: "diamond" },
];

const MINIMALISTIC = "-minimalistic";

/** The rows of models.json with what the page adds: place in the list, series and a name for people. */
export function members(models) {
  return models.map((model, place) => {
    const series = SERIES.find(({ id }) => id === model.version.replace(MINIMALISTIC, ""));
    const minimal = model.version.endsWith(MINIMALISTIC);
    const network = `${series.title}${minimal ? " minimalistic" : ""} ${width(model.multiplier)}`;
    return { ...model, place, series, minimal, network, title: `${network}, ${model.resolution} px` };
  });
}

/** "1" reads as a count; a width multiplier is written 1.0. */
export function width(multiplier) {
  return Number.isInteger(multiplier) ? multiplier.toFixed(1) : String(multiplier);
}

/** What `MobileNet.synthetic` and `MobileNet.describe` want to know of a row. */
export function specOf({ version, multiplier, resolution, classes }) {
  return { version, multiplier, inputHeight: resolution, inputWidth: resolution, classes };
}

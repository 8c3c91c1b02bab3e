// A heat map over the picture: what speaks for a class glows, what speaks against it is blue.

/** Red, green, blue. Warm and cold differ in lightness too. */
const FOR = [255, 170, 30];
const AGAINST = [50, 90, 255];
/** How much of the picture the strongest spot hides. */
const STRONGEST = 0.72;
/** What the network takes for little is not shown at all: else the whole picture is tinted. */
const FAINT = 0.15;
/** Above 1, spots stand out from what lies around them. */
const SHARPNESS = 1.5;
/** The rule of the stage's elements: `object-fit` of a video is cover, of a picture contain. */
const FIT = { VIDEO: Math.max, IMG: Math.min };

/** Draws `map` where `shown`, a video or picture of the stage below `canvas`, has the part that the network saw. */
export function draw(canvas, map, shown) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const [own, high] = [shown.videoWidth ?? shown.naturalWidth, shown.videoHeight ?? shown.naturalHeight];
  if (!width || !own) return;
  const ratio = Math.min(2, devicePixelRatio);
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  canvas.dataset.mirrored = shown.dataset.mirrored ?? "false";
  canvas.dataset.label = map.label;
  const scale = FIT[shown.tagName](canvas.width / own, canvas.height / high);
  const [left, top] = [(canvas.width - own * scale) / 2, (canvas.height - high * scale) / 2];
  const { x, y, width: across, height: down } = map.region;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(tinted(map), left + x * own * scale, top + y * high * scale, across * own * scale, down * high * scale);
}

/** The map as a picture of its own few pixels; scaling it up smooths it. */
function tinted({ data, width, height }) {
  const image = new ImageData(width, height);
  data.forEach((value, at) => {
    const share = Math.max(0, (Math.abs(value) - FAINT) / (1 - FAINT)) ** SHARPNESS;
    image.data.set([...(value > 0 ? FOR : AGAINST), share * STRONGEST * 255], at * 4);
  });
  const small = new OffscreenCanvas(width, height);
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

/** The map in words; `isMirrored`: left and right as the person sees them. */
export function describe({ data, width, height, label }, isMirrored) {
  const at = data.indexOf(data.reduce((a, b) => Math.max(a, b), -Infinity));
  if (!(data[at] > 0)) return `Nothing in the picture speaks for ${label}.`;
  const third = (place, count) => Math.min(2, Math.floor(((place + 0.5) * 3) / count));
  const row = ["at the top", "in the middle", "at the bottom"][third(Math.floor(at / width), height)];
  const columns = isMirrored ? ["right", "centre", "left"] : ["left", "centre", "right"];
  return `${label}: strongest ${row}, ${columns[third(at % width, width)]}, of what the network sees.`;
}

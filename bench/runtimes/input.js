// What runtimes share in the page.

/** Whole numbers by rounding, halves away from zero, as TensorFlow Lite does. */
const rounded = (value) => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);

/**
 * What the network takes: -1 … 1 as numbers, or as the integers that stand for them.
 *
 * @param {{ input: { scale: number, zeroPoint: number } }} [integers]
 */
function element(integers) {
  if (!integers) {
    return { of: (value) => value, Type: Float32Array };
  }
  const { scale, zeroPoint } = integers.input;
  return { of: (value) => Math.min(255, Math.max(0, rounded(value / scale) + zeroPoint)), Type: Uint8Array };
}

/** The input as the runtimes' tensors hold it, `[height, width, channels]`. */
export function tensor({ values, integers }) {
  const { of, Type } = element(integers);
  return Type.from(values, of);
}

/** The input as a picture: what is -1 … 1 there is 0 … 255 here; where the input is integers, the pixels that come closest to those. */
export function picture({ side, values, integers }) {
  const { of } = element(integers);
  const closest = Array.from({ length: 256 }, (_, integer) => pixelOf(integer, of));
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let i = 0; i < side * side; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      const value = values[3 * i + c];
      pixels[4 * i + c] = integers ? closest[of(value)] : Math.round((value + 1) * 127.5);
    }
  }
  return new ImageData(pixels, side, side);
}

function pixelOf(integer, of) {
  let best = 0;
  for (let pixel = 1; pixel < 256; pixel += 1) {
    if (Math.abs(of(pixel / 127.5 - 1) - integer) < Math.abs(of(best / 127.5 - 1) - integer)) {
      best = pixel;
    }
  }
  return best;
}

/** `[height, width, channels]` as `[channels, height, width]`. */
export function channelsFirst({ side }, values) {
  const area = side * side;
  const turned = new values.constructor(values.length);
  for (let i = 0; i < area; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      turned[c * area + i] = values[3 * i + c];
    }
  }
  return turned;
}

/**
 * What a page has to do for a runtime that takes tensors: a canvas squeezed to the network's size, and its pixels as the
 * tensor that the network takes.
 *
 * @param {boolean} [planar] `[channels, height, width]`
 * @returns {(canvas: HTMLCanvasElement) => Float32Array | Uint8Array} one array, written anew each time
 */
export function reader({ side, integers }, planar = false) {
  const { of, Type } = element(integers);
  const table = Type.from({ length: 256 }, (_, pixel) => of(pixel / 127.5 - 1));
  const small = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  const area = side * side;
  const values = new Type(3 * area);
  const [step, plane] = planar ? [1, area] : [3, 1];
  return (canvas) => {
    small.drawImage(canvas, 0, 0, side, side);
    const { data } = small.getImageData(0, 0, side, side);
    for (let i = 0; i < area; i += 1) {
      values[step * i] = table[data[4 * i]];
      values[step * i + plane] = table[data[4 * i + 1]];
      values[step * i + 2 * plane] = table[data[4 * i + 2]];
    }
    return values;
  };
}

/** A label as every application derives it from scores. */
export function label(scores) {
  let index = 0;
  for (let i = 1; i < scores.length; i += 1) {
    if (scores[i] > scores[index]) {
      index = i;
    }
  }
  return { index, scores };
}

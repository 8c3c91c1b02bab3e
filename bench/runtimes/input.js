// What runtimes share in the page.

/** The network's input as a picture: what is -1 … 1 there is 0 … 255 here. */
export function picture({ side, values }) {
  const pixels = new Uint8ClampedArray(side * side * 4);
  for (let i = 0; i < side * side; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      pixels[4 * i + c] = Math.round((values[3 * i + c] + 1) * 127.5);
    }
    pixels[4 * i + 3] = 255;
  }
  return new ImageData(pixels, side, side);
}

/** `[height, width, channels]` as `[channels, height, width]`. */
export function channelsFirst({ side, values }) {
  const area = side * side;
  const turned = new Float32Array(values.length);
  for (let i = 0; i < area; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      turned[c * area + i] = values[3 * i + c];
    }
  }
  return turned;
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

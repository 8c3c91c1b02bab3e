// Orders of axes.

/** `[out, …rest]` as `[…rest, out]`. */
export function transposed(data, out) {
  const rest = data.length / out;
  const turned = new Float32Array(data.length);
  for (let o = 0; o < out; o += 1) {
    for (let i = 0; i < rest; i += 1) {
      turned[i * out + o] = data[o * rest + i];
    }
  }
  return turned;
}

/** `[out, height, width, in]` as `[out, in, height, width]`; of a depthwise kernel `[1, height, width, c]` as `[c, height, width]`. */
export function channelsFirst(data, [out, height, width, channels]) {
  const area = height * width;
  const turned = new Float32Array(data.length);
  for (let o = 0; o < out; o += 1) {
    for (let at = 0; at < area; at += 1) {
      for (let c = 0; c < channels; c += 1) {
        turned[(o * channels + c) * area + at] = data[(o * area + at) * channels + c];
      }
    }
  }
  return turned;
}

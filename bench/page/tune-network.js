// V2 1.0 at 160 px with weights out of a formula: all of it as safetensors, and its end as tensors.

/** Expansion factor, stride, channels of each row behind the first convolution. */
const ROWS = [
  [1, 1, 16], [6, 2, 24], [6, 1, 24], [6, 2, 32], [6, 1, 32], [6, 1, 32], [6, 2, 64], [6, 1, 64], [6, 1, 64], [6, 1, 64],
  [6, 1, 96], [6, 1, 96], [6, 1, 96], [6, 2, 160], [6, 1, 160], [6, 1, 160], [6, 1, 320],
];
const SIDE_PX = 160;
const LAST = 1280;
const CLASSES = 2;
/** Where training begins, and its map's side. */
export const FROM = "layer_17";
const MAP = [5, 5, 160];
export const EPSILON = 1e-3;
export const LEARNING_RATE = 1e-4;

/** Numbers in -1 … 1, the same everywhere. */
function noise(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 8) / (1 << 23) - 1;
  };
}

/** Every tensor by this package's own name, weights `[out, in, h, w]`. */
function tensors() {
  const all = new Map();
  const add = (name, shape, of) => {
    const next = noise(all.size);
    all.set(name, { shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => of(next())) });
  };
  const convolution = (name, out, channels, kernel, gain) => {
    const scale = Math.sqrt(gain / (channels * kernel * kernel));
    add(`${name}/weights`, [out, channels, kernel, kernel], (u) => u * scale);
    add(`${name}/batch_norm/gamma`, [out], (u) => 1 + u / 4);
    add(`${name}/batch_norm/beta`, [out], (u) => u / 5);
    add(`${name}/batch_norm/moving_mean`, [out], (u) => u / 5);
    add(`${name}/batch_norm/moving_variance`, [out], (u) => 1 + u / 2);
  };
  convolution("layer_1", 32, 3, 3, 6);
  let channels = 32;
  ROWS.forEach(([factor, , out], row) => {
    const name = `layer_${row + 2}`;
    const inner = factor * channels;
    if (factor > 1) {
      convolution(`${name}/expand`, inner, channels, 1, 6);
    }
    convolution(`${name}/depthwise`, inner, 1, 3, 6);
    convolution(`${name}/project`, out, inner, 1, 1.5);
    channels = out;
  });
  convolution("layer_19", LAST, channels, 1, 6);
  return all;
}

/** What the core module opens, which is told everything by metadata. */
function safetensors(all) {
  const metadata = {
    version: "v2", multiplier: "1.0", resolution: String(SIDE_PX), classes: "0", pooling: "avg", padding: "same",
    batch_norm_epsilon: String(EPSILON), preprocessing: "tf-slim",
  };
  const header = { __metadata__: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`mobilenet.${key}`, value])) };
  let at = 0;
  for (const [name, { shape, data }] of all) {
    header[name] = { dtype: "F32", shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + padded + at).fill(32, 8, 8 + padded);
  new DataView(file.buffer).setUint32(0, padded, true);
  file.set(text, 8);
  at = 8 + padded;
  for (const { data } of all.values()) {
    file.set(new Uint8Array(data.buffer), at);
    at += data.byteLength;
  }
  return file;
}

/** The network, a head, and a batch: maps `[batch, h, w, c]`, targets `[batch, classes]`. */
export function network(batch) {
  const all = tensors();
  const [next, weight] = [noise(1000), noise(1001)];
  const [height, width, channels] = MAP;
  return {
    file: safetensors(all),
    tensors: all,
    from: FROM,
    epsilon: EPSILON,
    learningRate: LEARNING_RATE,
    batch,
    shape: MAP,
    features: LAST,
    classes: CLASSES,
    maps: Float32Array.from({ length: batch * height * width * channels }, () => 2 * next()),
    targets: Float32Array.from({ length: batch * CLASSES }, (_, at) => Number(Math.floor(at / CLASSES) % CLASSES === at % CLASSES)),
    // `[in, out]`, as Keras has it.
    head: { kernel: Float32Array.from({ length: LAST * CLASSES }, () => weight() / 20), bias: new Float32Array(CLASSES) },
  };
}

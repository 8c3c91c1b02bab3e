// Golden outputs: reading them, the pictures behind them, and how far values lie apart.

import assert from "node:assert/strict";

/** The rows of a two-dimensional little-endian f32 `.npy` file (format 1.0: magic, version, header length, header, data). */
export function rows(file, shape) {
  assert.equal(file.toString("latin1", 1, 6), "NUMPY");
  assert.equal(file[6], 1);
  const start = 10 + file.readUInt16LE(8);
  const header = file.toString("latin1", 10, start);
  assert.match(header, /'descr': '<f4', 'fortran_order': False/);
  assert.ok(header.includes(`'shape': (${shape.join(", ")})`), header);
  const [count, width] = shape;
  assert.equal(file.length, start + 4 * count * width);
  const value = (row, column) => file.readFloatLE(start + 4 * (row * width + column));
  return Array.from({ length: count }, (_, row) => Float32Array.from({ length: width }, (_, column) => value(row, column)));
}

/**
 * A PNG file less its colour profile, so that the browser decodes the very pixels that torchvision was given, which
 * reads no profiles. Chromium converts what has one to sRGB: of these pictures that changes only `rocket`, whose logits
 * it moves by 1.1.
 */
export function withoutProfile(png) {
  const parts = [png.subarray(0, 8)];
  for (let start = 8; start < png.length; ) {
    const end = start + 12 + png.readUInt32BE(start);
    if (png.toString("latin1", start + 4, start + 8) !== "iCCP") {
      parts.push(png.subarray(start, end));
    }
    start = end;
  }
  return Buffer.concat(parts);
}

export function difference(found, expected) {
  assert.equal(found.length, expected.length);
  return found.reduce((most, value, index) => worst(most, Math.abs(value - expected[index])), 0);
}

/** The larger of two differences. NaN, which no comparison finds large, is the largest. */
export function worst(a, b) {
  return Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b);
}

export function top(values) {
  return values.indexOf(Math.max(...values));
}

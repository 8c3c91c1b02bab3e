// Writes the metadata into a TFLite file that MediaPipe's ImageClassifier asks for: the input is an RGB picture, [-1, 1].

import { root } from "./tflite.mjs";

const ALIGN = 16;
const RGB = 1;
const IMAGE_PROPERTIES = 2;
const NORMALIZATION_OPTIONS = 1;

// What is written. References point forward only, so parents are laid out before their children.
const table = (fields) => ({ fields });
const references = (items) => ({ items });
const floats = (values) => ({ raw: Buffer.from(Float32Array.from(values).buffer), count: values.length });
const bytes = (raw) => ({ raw, count: raw.length });
const string = (text) => ({ raw: Buffer.from(`${text}\0`), count: text.length });
/** A number in a table; all take four bytes. */
const number = (value) => ({ number: value });
/** An object of the file that follows what is written. */
const old = (position) => ({ position });

/** Lays `tree` out with a file identifier, ready to be put before a file to which `old` objects belong. */
function layOut(tree, identifier) {
  const room = Buffer.alloc(1 << 16);
  room.write(identifier, 4);
  let end = 8;
  const take = (size, align = 4) => {
    const at = Math.ceil(end / align) * align;
    end = at + size;
    return at;
  };
  const waiting = [{ from: 0, to: tree }];
  const later = [];
  const refer = (from, to) => (to.position === undefined ? waiting : later).push({ from, to });
  const put = (node) => {
    if (node.raw) {
      const at = take(0, ALIGN) + ALIGN - 4;
      end = at + 4 + node.raw.length;
      room.writeUInt32LE(node.count, at);
      node.raw.copy(room, at + 4);
      return at;
    }
    if (node.items) {
      const at = take(4 + 4 * node.items.length);
      room.writeUInt32LE(node.items.length, at);
      node.items.forEach((item, index) => refer(at + 4 + 4 * index, item));
      return at;
    }
    const slots = Math.max(...Object.keys(node.fields).map(Number)) + 1;
    const given = Object.entries(node.fields);
    const vtable = take(4 + 2 * slots);
    const at = take(4 + 4 * given.length);
    room.writeUInt16LE(4 + 2 * slots, vtable);
    room.writeUInt16LE(4 + 4 * given.length, vtable + 2);
    room.writeInt32LE(at - vtable, at);
    given.forEach(([slot, field], index) => {
      const place = 4 + 4 * index;
      room.writeUInt16LE(place, vtable + 4 + 2 * Number(slot));
      if (field.number === undefined) {
        refer(at + place, field);
      } else {
        room.writeUInt32LE(field.number, at + place);
      }
    });
    return at;
  };
  while (waiting.length > 0) {
    const { from, to } = waiting.shift();
    room.writeUInt32LE(put(to) - from, from);
  }
  take(0, ALIGN);
  const size = Math.ceil(end / ALIGN) * ALIGN;
  for (const { from, to } of later) {
    room.writeUInt32LE(size + to.position - from, from);
  }
  return room.subarray(0, size);
}

function pictureMetadata() {
  const normalization = table({ 0: floats([127.5, 127.5, 127.5]), 1: floats([127.5, 127.5, 127.5]) });
  const input = table({
    0: string("image"),
    3: table({ 0: number(IMAGE_PROPERTIES), 1: table({ 0: number(RGB) }) }),
    4: references([table({ 0: number(NORMALIZATION_OPTIONS), 1: normalization })]),
  });
  const output = table({ 0: string("probability") });
  const graph = table({ 2: references([input]), 3: references([output]) });
  return layOut(table({ 0: string("mobilenet"), 3: references([graph]) }), "M001");
}

/**
 * @param {Uint8Array} file a TFLite file without metadata
 * @returns {Buffer} the same file behind a new root that has metadata too
 */
export function withMetadata(file) {
  const model = root(file);
  const entries = (index) => model.tables(index).map(({ at }) => old(at));
  const buffers = entries(4);
  const fields = { 0: number(model.int32(0)), 1: old(model.target(1)), 2: old(model.target(2)) };
  fields[4] = references([...buffers, table({ 0: bytes(pictureMetadata()) })]);
  fields[6] = references([...entries(6), table({ 0: string("TFLITE_METADATA"), 1: number(buffers.length) })]);
  if (model.target(7) !== 0) {
    fields[7] = old(model.target(7));
  }
  return Buffer.concat([layOut(table(fields), "TFL3"), file]);
}

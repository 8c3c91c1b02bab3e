/** Archives of pictures: written as one Blob of Blobs, read by slices, so that they are never in memory as a whole. */

import { ahead } from "./ahead.js";
import { failure } from "./errors.js";

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const [LOCAL_BYTES, CENTRAL_BYTES, END_BYTES, END_64_BYTES, LOCATOR_64_BYTES] = [30, 46, 22, 56, 20];
/** A comment behind the end is no longer than this. */
const MAX_COMMENT_BYTES = 0xffff;
/** What is larger is told by zip64's records, and this stands in its place. */
const [MAX_16, MAX_32] = [0xffff, 0xffffffff];
const [STORED, DEFLATED] = [0, 8];
const [VERSION, VERSION_64] = [20, 45];
const [FLAG_ENCRYPTED, FLAG_UTF8] = [1, 0x800];
const EXTRA_64 = 1;

/** Files that are read at a time. */
const AT_ONCE = 8;
/** Larger ones are read in pieces. */
const WHOLE_BYTES = 1 << 20;

let table;

/** CRC-32 of what came so far, and of `bytes` behind it. */
function crc32(bytes, before = 0) {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    }
    return value;
  });
  let crc = ~before;
  for (let index = 0; index < bytes.length; index += 1) {
    crc = table[(crc ^ bytes[index]) & 0xff] ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

async function crcOf(blob) {
  if (blob.size <= WHOLE_BYTES) {
    return blob.size === 0 ? 0 : crc32(new Uint8Array(await blob.arrayBuffer()));
  }
  let crc = 0;
  const reader = blob.stream().getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    crc = crc32(value, crc);
  }
  return crc;
}

/** Little-endian numbers, each `[bytes, value]`. */
function record(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 8) {
      view.setBigUint64(at, BigInt(value), true);
    } else {
      view[size === 2 ? "setUint16" : "setUint32"](at, value, true);
    }
    at += size;
  }
  return bytes;
}

/** Two numbers of 16 bits in local time, as MS-DOS wrote it: its years begin with 1980. */
function dosTime(ms) {
  const date = new Date(Math.max(ms, new Date(1980, 0).getTime()));
  const day = ((date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  return [(date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1), day];
}

/**
 * Pictures are compressed already, so that everything is stored as it is.
 *
 * @param {AsyncIterable<{ path: string, blob: Blob, ms: number }>} entries
 * @returns {Promise<Blob>}
 */
export async function writeZip(entries) {
  const [parts, central] = [[], []];
  let [offset, count, centralBytes] = [0, 0, 0];
  const summed = async (entry) => ({ ...entry, crc: await crcOf(entry.blob) });
  for await (const { path, blob, ms, crc } of ahead(entries, summed, AT_ONCE)) {
    const name = new TextEncoder().encode(path);
    if (blob.size >= MAX_32) {
      throw failure("bad_option", { where: path, expected: "a file below 4 GiB", found: `${blob.size} bytes` });
    }
    const [time, day] = dosTime(ms);
    const said = [[2, FLAG_UTF8], [2, STORED], [2, time], [2, day], [4, crc], [4, blob.size], [4, blob.size], [2, name.length]];
    const isFar = offset >= MAX_32;
    const extra = isFar ? record([2, EXTRA_64], [2, 8], [8, offset]) : record();
    const version = isFar ? VERSION_64 : VERSION;
    parts.push(record([4, LOCAL], [2, VERSION], ...said, [2, 0]), name, blob);
    const rest = [[2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, Math.min(offset, MAX_32)]];
    const row = record([4, CENTRAL], [2, version], [2, version], ...said, ...rest);
    central.push(row, name, extra);
    centralBytes += row.length + name.length + extra.length;
    offset += LOCAL_BYTES + name.length + blob.size;
    count += 1;
  }
  if (count >= MAX_16 || offset + centralBytes >= MAX_32) {
    const sizes = [[8, count], [8, count], [8, centralBytes], [8, offset]];
    central.push(record([4, END_64], [8, END_64_BYTES - 12], [2, VERSION_64], [2, VERSION_64], [4, 0], [4, 0], ...sizes));
    central.push(record([4, LOCATOR_64], [4, 0], [8, offset + centralBytes], [4, 1]));
  }
  const counts = [[2, Math.min(count, MAX_16)], [2, Math.min(count, MAX_16)]];
  const end = record([4, END], [2, 0], [2, 0], ...counts, [4, Math.min(centralBytes, MAX_32)], [4, Math.min(offset, MAX_32)], [2, 0]);
  return new Blob([...parts, ...central, end], { type: "application/zip" });
}

async function view(zip, start, length) {
  return new DataView(await zip.slice(start, start + length).arrayBuffer());
}

const number64 = (data, at) => Number(data.getBigUint64(at, true));

/**
 * The files in an archive, folders left out. Each is read only when `open` is called.
 *
 * @param {Blob} zip
 * @returns {Promise<{ path: string, size: number, open: () => Promise<Blob> }[]>}
 */
export async function readZip(zip) {
  const { count, start, length } = await findCentral(zip);
  const central = await view(zip, start, length);
  const entries = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    if (at + CENTRAL_BYTES > central.byteLength || central.getUint32(at, true) !== CENTRAL) {
      throw broken(`${count} entries`, `nothing that is one after ${index}`);
    }
    const lengths = [28, 30, 32].map((field) => central.getUint16(at + field, true));
    const [nameBytes, extraBytes] = lengths;
    const rowBytes = CENTRAL_BYTES + lengths[0] + lengths[1] + lengths[2];
    if (at + rowBytes > central.byteLength) {
      throw broken(`${rowBytes} bytes of entry ${index}`, "fewer");
    }
    const name = new Uint8Array(central.buffer, at + CENTRAL_BYTES, nameBytes);
    const entry = {
      flags: central.getUint16(at + 8, true),
      method: central.getUint16(at + 10, true),
      crc: central.getUint32(at + 16, true),
      packed: central.getUint32(at + 20, true),
      size: central.getUint32(at + 24, true),
      offset: central.getUint32(at + 42, true),
      // Old archives say nothing of their letters; most of today's are UTF-8 all the same.
      path: new TextDecoder().decode(name).replaceAll("\\", "/"),
    };
    widen(entry, new DataView(central.buffer, at + CENTRAL_BYTES + nameBytes, extraBytes));
    if (!entry.path.endsWith("/")) {
      const { path, size } = entry;
      entries.push({ path, size, open: () => unpack(zip, entry) });
    }
    at += rowBytes;
  }
  return entries;
}

async function findCentral(zip) {
  const tailStart = Math.max(0, zip.size - END_BYTES - MAX_COMMENT_BYTES);
  const tail = await view(zip, tailStart, zip.size);
  let at = tail.byteLength - END_BYTES;
  while (at >= 0 && tail.getUint32(at, true) !== END) {
    at -= 1;
  }
  if (at < 0) {
    throw broken("a zip archive's end", `none in ${zip.size} bytes`);
  }
  let found = { count: tail.getUint16(at + 10, true), length: tail.getUint32(at + 12, true), start: tail.getUint32(at + 16, true) };
  const locator = at - LOCATOR_64_BYTES;
  if (locator >= 0 && tail.getUint32(locator, true) === LOCATOR_64) {
    const end = await view(zip, number64(tail, locator + 8), END_64_BYTES);
    if (end.byteLength < END_64_BYTES || end.getUint32(0, true) !== END_64) {
      throw broken("zip64's end where its locator says", "something else");
    }
    found = { count: number64(end, 32), length: number64(end, 40), start: number64(end, 48) };
  }
  if (found.start + found.length > zip.size) {
    throw broken(`a list of ${found.length} bytes from byte ${found.start}`, `${zip.size} bytes in all`);
  }
  return found;
}

/** Takes what did not fit 32 bits from zip64's extra field. */
function widen(entry, extra) {
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    if (extra.getUint16(at, true) !== EXTRA_64) {
      continue;
    }
    let field = at + 4;
    for (const name of ["size", "packed", "offset"]) {
      if (entry[name] === MAX_32 && field + 8 <= extra.byteLength) {
        entry[name] = number64(extra, field);
        field += 8;
      }
    }
  }
}

async function unpack(zip, { path, flags, method, crc, packed, size, offset }) {
  if (flags & FLAG_ENCRYPTED) {
    throw broken("a file without a password", "an encrypted one", path);
  }
  if (method !== STORED && method !== DEFLATED) {
    throw broken("a file that is stored or deflated", `compression method ${method}`, path);
  }
  const local = await view(zip, offset, LOCAL_BYTES);
  if (local.byteLength < LOCAL_BYTES || local.getUint32(0, true) !== LOCAL) {
    throw broken(`the file at byte ${offset}`, "something else", path);
  }
  const start = offset + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
  const data = zip.slice(start, start + packed);
  const file = method === STORED ? data : await inflate(data, size, path);
  if (file.size !== size || (await crcOf(file)) !== crc) {
    throw broken(`${size} bytes with checksum ${crc.toString(16)}`, `${file.size} bytes with another`, path);
  }
  return file;
}

/** No more than the archive says: what unpacks to more was made to fill memory. */
async function inflate(data, size, path) {
  const pieces = [];
  let bytes = 0;
  const reader = data.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      bytes += value.length;
      if (bytes > size) {
        throw new Error(`more than ${size} bytes`);
      }
      pieces.push(value);
    }
  } catch ({ message }) {
    await reader.cancel().catch(() => {});
    throw broken(`${size} bytes of deflated data`, message, path);
  }
  return new Blob(pieces);
}

function broken(expected, found, where = "zip archive") {
  return failure("corrupt", { where, expected, found, remedy: "Make the archive again, or unpack it and drop the folder." });
}

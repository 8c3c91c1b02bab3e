// How fast one thread of this browser computes at best: loops of nothing but the instructions that kernels are made of. Each
// loop is a small WebAssembly module whose bytes are put together here.

const [MUL, ADD, MADD] = [230, 228, 261].map(simd);
const [DOT16, ADD32, DOT8] = [186, 174, 275].map(simd);

/**
 * Instruction mixes: operations of one step over all lanes, two a multiply-accumulate; bytes that add x · w to an accumulator;
 * and, where that product would be computed before a loop that keeps x and w, bytes that multiply the accumulator instead.
 */
const MIXES = {
  "f32 mul + add": { operations: 8, step: (acc, x, w) => [...acc, ...x, ...w, ...MUL, ...ADD], kept: (acc, x, w) => [...acc, ...x, ...MUL, ...w, ...ADD] },
  "f32 relaxed_madd": { operations: 8, step: (acc, x, w) => [...x, ...w, ...acc, ...MADD] },
  "i16 dot + add": { operations: 16, step: (acc, x, w) => [...acc, ...x, ...w, ...DOT16, ...ADD32], kept: (acc, x, w) => [...acc, ...x, ...DOT16, ...w, ...ADD32] },
  "i8 relaxed_dot_add": { operations: 32, step: (acc, x, w) => [...x, ...w, ...acc, ...DOT8] },
};

/** Accumulators of `registers`, each waiting for itself alone: as many as a tile has, and more for longer waits. */
const CHAINS = [8, 12];
const STEPS = 16;
/** The tile of the pointwise kernels: rows of pixels, and vectors of channels. */
const [ROWS, VECTORS] = [4, 2];
/** A call's time: long for the clock, short for the page. */
const CALL_MS = 8;
const ROUNDS = 12;

/**
 * Billions of operations a second of each mix that this browser has: `registers` reads and writes nothing else; `tile` is one
 * of 4×8 that reads weights and pixels from the nearest cache, which is what a kernel could come to. The best of several
 * rounds: other programs, and a compiler that is not done yet, only ever take away.
 *
 * @param {string[]} [names] of the mixes
 * @returns {Promise<Record<string, { registers: number, tile: number }>>}
 */
export async function peaks(names = Object.keys(MIXES)) {
  const loops = [];
  for (const name of names) {
    const { operations, step, kept = step } = MIXES[name];
    const made = CHAINS.map((chains) => ["registers", chains, registers(chains, kept)]);
    for (const [kind, accumulators, bytes] of [...made, ["tile", ROWS * VECTORS, tile(step)]]) {
      if (!WebAssembly.validate(bytes)) continue;
      const { instance } = await WebAssembly.instantiate(bytes);
      loops.push({ name, kind, operations: operations * accumulators * STEPS, run: instance.exports.run, count: 1000 });
    }
  }
  const best = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const loop of loops) {
      const start = performance.now();
      loop.run(loop.count);
      const ms = performance.now() - start;
      const found = (best[loop.name] ??= { registers: 0, tile: 0 });
      if (ms >= CALL_MS) found[loop.kind] = Math.max(found[loop.kind], (loop.count * loop.operations) / ms / 1e6);
      loop.count = Math.ceil(loop.count * Math.min(8, (1.2 * CALL_MS) / Math.max(ms, 0.1)));
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return best;
}

/** Every chain's step over and over. */
function registers(chains, step) {
  const [x, w] = [chains + 1, chains + 2];
  const once = each(chains).flatMap((acc) => set(acc, step(get(acc), get(x), get(w))));
  const start = [...set(x, constant(0.5)), ...set(w, constant(0.25))];
  return loop({ chains, vectors: 2, start, body: Array.from({ length: STEPS }, () => once).flat() });
}

/** A matrix product's innermost loop: a step reads two vectors of weights and one number of each of four pixels. */
function tile(step) {
  const chains = ROWS * VECTORS;
  const [x, w, pointer] = [chains + 1, chains + 1 + ROWS, chains + 1 + ROWS + VECTORS];
  const rows = each(ROWS).map((row) => row - 1);
  const vectors = each(VECTORS).map((vector) => vector - 1);
  // Sixteen places, so that both halves together lie in a cache of 32 KiB.
  const body = set(pointer, [...get(0), 65, 15, 113, 65, 9, 116]);
  for (let at = 0; at < STEPS; at++) {
    body.push(...vectors.flatMap((vector) => set(w + vector, [...get(pointer), ...simd(0), 4, ...leb((at * VECTORS + vector) * 16)])));
    body.push(...rows.flatMap((row) => set(x + row, [...get(pointer), ...simd(9), 2, ...leb(8192 + (row * STEPS + at) * 4)])));
    for (const [row, vector] of rows.flatMap((row) => vectors.map((vector) => [row, vector]))) {
      const acc = 1 + row * VECTORS + vector;
      body.push(...set(acc, step(get(acc), get(x + row), get(w + vector))));
    }
  }
  return loop({ chains, vectors: ROWS + VECTORS, start: [], body });
}

/** `(func (export "run") (param $count i32) (result i32) …)`: the body `count` times, on accumulators that all differ. */
function loop({ chains, vectors, start, body }) {
  const code = [
    ...[2, ...leb(chains + vectors), 123, 1, 127], // locals: vectors, and the pointer
    ...start,
    ...each(chains).flatMap((acc) => set(acc, constant(acc / 16))),
    ...[3, 64, ...body, 32, 0, 65, 1, 107, 34, 0, 13, 0, 11], // loop; count − 1, again unless 0
    ...each(chains).flatMap((acc) => (acc === 1 ? get(acc) : [...get(acc), ...simd(81)])), // xor of all
    ...[...simd(27), 0, 11], // the first lane
  ];
  return new Uint8Array([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, [1, 96, 1, 127, 1, 127]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]), // a page of memory
    ...section(7, [1, 3, 114, 117, 110, 0, 0]), // "run"
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

function simd(opcode) {
  return [253, ...leb(opcode)];
}

function leb(value) {
  const low = value & 127;
  return value > 127 ? [low | 128, ...leb(value >> 7)] : [low];
}

/** The number in all four lanes; integers take its bits. */
function constant(value) {
  return [...simd(12), ...new Uint8Array(new Float32Array(4).fill(value).buffer)];
}

const get = (local) => [32, ...leb(local)];
const set = (local, body) => [...body, 33, ...leb(local)];
const each = (length) => Array.from({ length }, (_, index) => index + 1);
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];

// How fast one thread of this browser computes at best: loops of nothing but the instructions that kernels are made of, on
// registers. Each loop is a small WebAssembly module whose bytes are put together here.

/** Operations of `gops` and the loop's step `op(accumulator, x, w)`, as bytes, by the mix's name. */
export const MIXES = {
  "f32 mul + add": { operations: 8, x: 0.5, w: 0.25, step: (acc, x, w) => [...acc, ...x, ...simd(230), ...w, ...simd(228)] },
  "f32 relaxed_madd": { operations: 8, x: 0.5, w: 0.25, step: (acc, x, w) => [...x, ...w, ...acc, ...simd(261)] },
  // The product is of the accumulator, or it would be computed before the loop.
  "i16 dot + add": { operations: 16, x: 0x0003_0005, w: 7, step: (acc, x, w) => [...acc, ...x, ...simd(186), ...w, ...simd(174)] },
  "i8 relaxed_dot_add": { operations: 32, x: 0x0305_0701, w: 0x0102_0304, step: (acc, x, w) => [...x, ...w, ...acc, ...simd(275)] },
};

/** Accumulators, each waiting for itself alone: those of a tile of 4×8, and more for processors that wait longer. */
const CHAINS = [8, 12];
const STEPS = 16;
/** A call's time: long for the clock, short for the page. */
const CALL_MS = 8;
const ROUNDS = 12;

/**
 * Billions of operations a second of each mix that this browser has, two a multiply-accumulate: the best of several rounds, for
 * other programs and a compiler that is not done yet only ever take away.
 *
 * @param {string[]} [names] of the mixes
 * @returns {Promise<Record<string, number>>}
 */
export async function peaks(names = Object.keys(MIXES)) {
  const loops = [];
  for (const [name, chains] of names.flatMap((name) => CHAINS.map((chains) => [name, chains]))) {
    const bytes = loop(MIXES[name], chains);
    if (WebAssembly.validate(bytes)) {
      const { instance } = await WebAssembly.instantiate(bytes);
      loops.push({ name, operations: MIXES[name].operations * chains * STEPS, run: instance.exports.run, count: 1000 });
    }
  }
  const best = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const loop of loops) {
      const start = performance.now();
      loop.run(loop.count);
      const ms = performance.now() - start;
      if (ms >= CALL_MS) best[loop.name] = Math.max(best[loop.name] ?? 0, (loop.count * loop.operations) / ms / 1e6);
      loop.count = Math.ceil(loop.count * Math.min(8, (1.2 * CALL_MS) / Math.max(ms, 0.1)));
      await turn();
    }
  }
  return best;
}

/** `(func (export "run") (param $count i32) (result i32) …)`: `count` rounds of `STEPS` steps of each chain. */
function loop({ x, w, step }, chains) {
  const [count, px, pw] = [0, chains + 1, chains + 2].map((local) => [32, ...leb(local)]);
  const each = Array.from({ length: chains }, (_, chain) => chain + 1);
  const set = (local, body) => [...body, 33, ...leb(local)];
  const body = [
    ...set(chains + 1, constant(x)),
    ...set(chains + 2, constant(w)),
    // Different, or they would all be one.
    ...each.flatMap((local) => set(local, constant(x === 0.5 ? local / 16 : local))),
    ...[3, 64], // loop
    ...Array.from({ length: STEPS }, () => each.flatMap((local) => set(local, step([32, ...leb(local)], px, pw)))).flat(),
    ...[...count, 65, 1, 107, 34, 0, 13, 0, 11], // count − 1, again unless 0
    ...[32, 1, ...each.slice(1).flatMap((local) => [32, ...leb(local), ...simd(81)])], // xor of all
    ...[...simd(27), 0, 11], // the first lane
  ];
  const code = [1, ...leb(chains + 2), 123, ...body];
  return new Uint8Array([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, [1, 96, 1, 127, 1, 127]),
    ...section(3, [1, 0]),
    ...section(7, [1, 3, 114, 117, 110, 0, 0]), // "run"
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

const simd = (opcode) => [253, ...leb(opcode)];
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];

/** All four lanes the same: a float where it is a fraction, else an integer. */
function constant(value) {
  const four = Number.isInteger(value) ? new Int32Array(4) : new Float32Array(4);
  return [...simd(12), ...new Uint8Array(four.fill(value).buffer)];
}

function leb(value) {
  const low = value & 127;
  return value > 127 ? [low | 128, ...leb(value >> 7)] : [low];
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

const FEWEST_CALLS = 3;

/**
 * Milliseconds of calls one after the other, for about as long as the budget; `before` each of them is not counted.
 *
 * @param {() => unknown} call
 * @param {{ budget: number, warmUp: number, most: number, before?: () => void }} options
 * @returns {Promise<number[]>}
 */
export async function timed(call, { budget, warmUp, most, before }) {
  const once = async () => {
    before?.();
    const start = performance.now();
    await call();
    return performance.now() - start;
  };
  let took = Infinity;
  for (let i = 0; i < warmUp; i += 1) {
    took = Math.min(took, await once());
  }
  const calls = Math.min(most, Math.max(FEWEST_CALLS, Math.floor(budget / took)));
  const ms = [];
  for (let i = 0; i < calls; i += 1) {
    ms.push(await once());
  }
  return ms;
}

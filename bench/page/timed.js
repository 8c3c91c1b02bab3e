// How a turn times calls, and tells what came of it.

const FEWEST_CALLS = 3;

/** What the turn's address asks for. */
export const asked = Object.fromEntries(new URLSearchParams(location.search));

const [budget, warmUp, most] = ["budget", "warmUp", "most"].map((name) => Number(asked[name]));

/** Milliseconds of calls one after the other, for about as long as the budget; `before` each of them is not counted. */
export async function timed(call, before) {
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

/** Sends what `turn` gives, or why it gives nothing. */
export async function tell(turn) {
  const told = (error) => ({ error: `${error?.name ?? "Error"}: ${error?.message ?? error}`.slice(0, 600) });
  const outcome = await turn().catch(told);
  await fetch("/outcome", { method: "POST", body: JSON.stringify(outcome) });
}

// One turn: a fresh page opens one runtime with one network, tells when the first label is there, and times calls.

const { runtime, model, budget } = Object.fromEntries(new URLSearchParams(location.search));

/** Calls after the first that are not timed: pipelines and pools settle. */
const WARM_UP = 2;
const FEWEST_CALLS = 3;
const MOST_CALLS = 60;

async function turn() {
  const [file, backend] = runtime.split("@");
  const [module, about, x] = await Promise.all([
    import(`/bench/runtimes/${file}.js`),
    fetch(`/models/${model}.json`).then((answer) => answer.json()),
    fetch(`/models/${model}.x.f32`).then((answer) => answer.arrayBuffer()),
  ]);
  const input = { name: model, side: about.hw, values: new Float32Array(x) };
  const call = await module.open(input, backend);
  const result = await call();
  // Time counts from the navigation.
  const first = performance.now();

  let took = 0;
  for (let i = 0; i < WARM_UP; i += 1) {
    const start = performance.now();
    await call();
    took = performance.now() - start;
  }
  const calls = Math.min(MOST_CALLS, Math.max(FEWEST_CALLS, Math.floor(Number(budget) / took)));
  const ms = [];
  for (let i = 0; i < calls; i += 1) {
    const start = performance.now();
    await call();
    ms.push(performance.now() - start);
  }
  return { first, ms, details: call.details, result: { ...result, scores: result.scores && Array.from(result.scores) } };
}

const told = (error) => ({ error: `${error?.name ?? "Error"}: ${error?.message ?? error}`.slice(0, 600) });
const outcome = await turn().catch(told);
await fetch("/outcome", { method: "POST", body: JSON.stringify(outcome) });

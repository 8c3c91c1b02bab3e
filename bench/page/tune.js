// One turn: a fresh page opens one runtime with a network, trains a few steps, tells their losses, and times more of them.

import { timed } from "./timed.js";
import { network } from "./tune-network.js";

const asked = Object.fromEntries(new URLSearchParams(location.search));
const [batch, budget, warmUp, most] = ["batch", "budget", "warmUp", "most"].map((name) => Number(asked[name]));
/** Steps whose losses are compared. */
const STEPS = 3;

async function turn() {
  const [module, backend] = asked.module.split("-");
  const { open } = await import(`/bench/runtimes/tune-${module}.js`);
  const { step, details } = await open(network(batch), backend);
  const losses = [];
  for (let i = 0; i < STEPS; i += 1) {
    losses.push(await step());
  }
  return { losses, ms: await timed(step, { budget, warmUp, most }), details };
}

const told = (error) => ({ error: `${error?.name ?? "Error"}: ${error?.message ?? error}`.slice(0, 600) });
const outcome = await turn().catch(told);
await fetch("/outcome", { method: "POST", body: JSON.stringify(outcome) });

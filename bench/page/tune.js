// One turn: a fresh page opens one runtime with a network, trains a few steps, tells their losses, and times more of them.

import { asked, tell, timed } from "./timed.js";
import { network } from "./tune-network.js";

/** Steps whose losses are compared. */
const STEPS = 3;

async function turn() {
  const [module, backend] = asked.module.split("-");
  const { open } = await import(`/bench/runtimes/tune-${module}.js`);
  const { step, details } = await open(network(Number(asked.batch)), backend, Number(asked.threads));
  const losses = [];
  for (let i = 0; i < STEPS; i += 1) {
    losses.push(await step());
  }
  return { losses, ms: await timed(step), details };
}

await tell(turn);

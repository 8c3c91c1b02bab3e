// One turn: a fresh page opens one runtime with one network, tells when the first label is there, and times calls.

import { scene } from "./scene.js";
import { memory, watch } from "./memory.js";
import { asked, tell, timed } from "./timed.js";

const measures = asked.measures.split(",");

async function turn() {
  if (measures.includes("memory")) {
    watch();
  }
  const [module, about, x] = await Promise.all([
    import(`/bench/runtimes/${asked.module}.js`),
    fetch(`/models/${asked.model}.json`).then((answer) => answer.json()),
    fetch(`/models/${asked.model.split(".int8")[0]}.x.f32`).then((answer) => answer.arrayBuffer()),
  ]);
  const { hw: side, integers } = about;
  const values = new Float32Array(x);
  const call = await module.open({ name: asked.model, side, values, integers }, asked.backend, Number(asked.threads));
  const canvas = measures.includes("frame") && scene();
  // Where frames are timed, the first label is one of a frame.
  const label = await (canvas ? call.frame(canvas.plain()) : call());
  // Time counts from the navigation.
  const outcome = { first: performance.now() };
  if (canvas) {
    // Copied at once: scores may lie where the next call writes its own.
    outcome.plain = answer(label, integers);
  }
  if (measures.includes("call")) {
    outcome.result = answer(await (call.all ?? call)(), integers);
    outcome.ms = await timed(call);
  }
  if (canvas) {
    outcome.frames = await timed(() => call.frame(canvas.element), () => canvas.change());
  }
  if (measures.includes("memory")) {
    outcome.memory = memory();
  }
  return { ...outcome, details: call.details };
}

/** Probabilities, also of a runtime that answers with the integers that stand for them. */
function answer({ index, score, scores }, integers) {
  const whole = integers && scores && !(scores instanceof Float32Array);
  const of = whole ? (value) => (value - integers.output.zeroPoint) * integers.output.scale : (value) => value;
  return { index, score, scores: scores && Array.from(scores, of) };
}

await tell(turn);

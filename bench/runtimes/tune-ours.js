// This package's module that trains.

import { loadTraining } from "/pkg/training.js";

export async function open({ file, from, learningRate, batch, features, classes, maps, targets, head }, _, threads) {
  const { Tuner, Head, build, team } = await loadTraining(undefined, threads);
  const { threads: here = 1 } = (await team?.join(threads)) ?? {};
  if (here !== threads) {
    throw new Error(`asked for ${threads} threads, has ${here}`);
  }
  const tuner = Tuner.open(file, { from, outputs: classes, batchSize: batch });
  tuner.attach(Head.fromKernels({ features }, [head]));
  const { params, arenaBytes } = tuner.info();
  tuner.begin(targets, { optimizer: "adam", fineTuneLearningRate: learningRate });
  const step = () => tuner.step(maps, targets, 0, 0).loss;
  return { step, details: `${build}, ${params} parameters, arena ${(arenaBytes / 2 ** 20).toFixed(1)} MiB` };
}

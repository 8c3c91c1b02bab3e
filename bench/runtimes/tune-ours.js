// This package's module that trains.

import { loadTraining } from "/pkg/training.js";

export async function open({ file, from, epsilon, learningRate, batch, features, classes, maps, targets, head }) {
  const { Tuner, Head, build } = await loadTraining();
  const tuner = Tuner.open(file, { from, outputs: classes, batchSize: batch });
  tuner.attach(Head.fromKernels({ features }, [head]));
  const { params, arenaBytes } = tuner.info();
  tuner.begin(targets, { optimizer: "adam", fineTuneLearningRate: learningRate });
  const step = () => tuner.step(maps, targets, 0, 0).loss;
  return { step, details: `${build}, ${params} parameters, arena ${(arenaBytes / 2 ** 20).toFixed(1)} MiB` };
}

// MediaPipe's image classifier: the TFLite file with the metadata that it asks for.

import { FilesetResolver, ImageClassifier } from "@mediapipe/tasks-vision";
import { picture } from "./input.js";

export async function open(input, delegate) {
  const files = await FilesetResolver.forVisionTasks("/bench/node_modules/@mediapipe/tasks-vision/wasm");
  const classifier = await ImageClassifier.createFromOptions(files, {
    baseOptions: { modelAssetPath: `/models/${input.name}.metadata.tflite`, delegate: delegate.toUpperCase() },
    maxResults: 5,
  });
  const frame = async (source) => {
    const { index, score } = classifier.classify(source).classifications[0].categories[0];
    return { index, score };
  };
  const still = picture(input);
  return Object.assign(() => frame(still), { frame });
}

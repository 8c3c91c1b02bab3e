// Compiled, never run: the types allow what the package can do, and refuse what it cannot.

import { MobileNet, MobileNetError, type Classification, type Converted, type ErrorCode, type Sample, type Trainer, type Vector, type Warning } from "../../pkg/index.js";

export async function everything(video: HTMLVideoElement, canvas: OffscreenCanvas, file: File, frame: VideoFrame) {
  const { signal } = new AbortController();
  await using net = await MobileNet.load("mobilenet_v2_1.0_224.safetensors", {
    backend: "auto",
    worker: false,
    wasmUrl: new URL("https://example.org/mobilenet_web_bg.wasm"),
    integrity: "sha256-…",
    mirrors: ["https://example.org/copy.safetensors"],
    signal,
    onProgress: ({ phase, loadedBytes, totalBytes }) => {
      const share: number = totalBytes === null ? 0 : loadedBytes / totalBytes;
      // @ts-expect-error no such phase
      if (phase === "upload") return share;
      return phase;
    },
  });
  await MobileNet.load(file);
  await MobileNet.load(new Uint8Array(8), { worker: "/worker.js" });
  await MobileNet.load([file], { integrity: { "model.json": "sha256-…" } });
  await MobileNet.load(file, { precision: "f16" });
  const { bytes, name, info }: Converted = await MobileNet.convert([file], { precision: "int8", multiplier: 0.5, signal });
  const saved: Blob = new File([bytes], `${name} ${info.format} ${info.warnings.length}`);
  await MobileNet.load(saved);
  // @ts-expect-error no such precision
  await MobileNet.convert(file, { precision: "int4" });
  // @ts-expect-error nothing runs
  await MobileNet.convert(file, { backend: "simd" });
  // @ts-expect-error a number is no source of weights
  await MobileNet.load(1);
  // @ts-expect-error load, not new
  new MobileNet();

  const { labels, ms }: Classification = await net.classify(video, { topK: 5, threshold: 0.1, allow: ["cup", 504], deny: [], signal });
  const [first] = labels;
  const text: string = `${first?.name} ${first?.index} ${first?.probability.toFixed(2)} in ${ms}`;
  for (const source of [canvas, file, frame, new ImageData(1, 1), { data: new Uint8Array(4), width: 1, height: 1 }]) {
    await net.classify(source, { resize: "none", background: [0, 0, 0] });
  }
  // @ts-expect-error a selector is no source
  await net.classify("#video");
  // @ts-expect-error no such option
  await net.classify(video, { topk: 5 });

  const vector: Vector = await net.embed(video, { endpoint: "layer_15/expansion_output", normalize: true });
  const floats: Float32Array = vector;
  const [height]: readonly number[] = vector.shape;
  const cosine: number = net.similarity(await net.logits(video), [1, 2, 3]);
  for await (const result of net.stream(video, { maxFps: 30, topK: 1, signal })) {
    const each: Classification = result;
    void each;
  }
  const pair: Vector[] = await net.embed(video, { endpoints: ["layer_15/expansion_output", "layer_19"] });
  const batch: Vector[][] = await net.embed([video, file], { endpoints: [vector.endpoint] as const });
  const single: Vector[] = await net.embed([video, canvas], { endpoint: "features.18" });
  const many: Classification[] = await net.classify([file, frame], { topK: 1 });
  const id: string | undefined = many[0]?.labels[0]?.wnid;
  // @ts-expect-error several endpoints give an array
  const one: Vector = await net.embed(video, { endpoints: ["layer_19"] });
  await MobileNet.load(file, { version: "v3-small", outputStride: 16, includeTop: false, labels: ["a", "b"], signal });
  await MobileNet.load(file, { labelsUrl: new URL("https://example.org/imagenet.txt") });
  await MobileNet.load(file, { labelsUrl: false, labels: "0: cat\n1: dog" });
  // @ts-expect-error an address, or false
  await MobileNet.load(file, { labelsUrl: true });
  // @ts-expect-error 8, 16 or 32
  await MobileNet.load(file, { outputStride: 12 });
  const { layers, macs } = await MobileNet.describe({ version: "v1", multiplier: 0.75, inputHeight: 128, inputWidth: 128 });
  await using timed = await MobileNet.synthetic({ table: ["pool", { head: { channels: 8 } }], classes: 2 }, { worker: false });
  const why: string | undefined = timed.info.inferred[0]?.why ?? timed.info.warnings[0]?.code;
  const reduction: number | null | undefined = net.info.endpoints[0]?.reduction;
  void [pair, batch, single, id, one, layers, macs, why, reduction];
  const backend: string = net.info.backend;
  net.addEventListener("backendchange", ({ backend, why }) => console.log(backend, why));
  const dispatches: number | undefined = net.info.gpu?.dispatches;
  const [slowest] = (await net.profile(video)).sort((a, b) => b.us - a.us);
  const wrong: string | undefined = (await net.selfTest()).find(({ failure }) => failure !== null)?.failure ?? slowest?.layers[0];
  await net.simulateDeviceLoss();
  const kept = await net.embed(video, { endpoint: "layer_19", as: "gpu-buffer" });
  const maps = await net.embed(video, { endpoints: ["layer_19"], as: "gpu-buffer" });
  // @ts-expect-error a GPUBuffer, no Float32Array
  const array: Vector = await net.embed(video, { as: "gpu-buffer" });
  await MobileNet.load(file, { backend: "webgpu" });
  // @ts-expect-error no such backend
  await MobileNet.load(file, { backend: "webgl" });
  void [dispatches, wrong, kept.size, maps[0]?.shape, array];
  // @ts-expect-error read-only
  net.info.backend = "simd";
  net.dispose();
  return { text, floats, height, cosine, backend };
}

export function remedy(error: unknown): ErrorCode | undefined {
  if (error instanceof MobileNetError) {
    switch (error.code) {
      case "cors_refused":
      case "missing_tensor":
      case "source_tainted":
        return error.code;
      // @ts-expect-error no such code
      case "no_such_code":
        return undefined;
      default:
        return error.failures[0]?.code;
    }
  }
  return undefined;
}

export async function teach(net: MobileNet, video: HTMLVideoElement, drop: DataTransfer, files: FileList, zip: File) {
  const { signal } = new AbortController();
  await using trainer: Trainer = await net.trainer({ classes: ["cup", "hand"], store: "desk", seed: 3 });
  const sample: Sample = await trainer.add(video, "cup", { burst: trainer.burst(), signal });
  const count: number = await trainer.capture(video, "hand", { signal, fps: 5, onSample: ({ id }) => console.log(id) });
  const { added, skipped, unstored } = await trainer.addFolder(drop, { onProgress: ({ done, total }) => console.log(done / total) });
  await trainer.addFolder(files, { labelOf: (path) => path.split("/")[1] ?? null });
  await trainer.importZip(zip, { signal });
  const why: ErrorCode | undefined = skipped[0]?.error.code ?? trainer.storeError?.code;
  const history = await trainer.fit({
    epochs: 20,
    method: "gradient",
    schedule: { kind: "cosine", end: 0.1 },
    classWeights: "balanced",
    earlyStopping: { patience: 3 },
    augment: { flipHorizontal: true, rotation: 0.2 },
    fineTuneFrom: "layer_15",
    weights: new Uint8Array(8),
    onEpoch: ({ validationAccuracy }) => console.log(validationAccuracy ?? 0),
    signal,
  });
  // @ts-expect-error no such schedule
  await trainer.fit({ schedule: { kind: "linear" } });
  // @ts-expect-error no such method
  await trainer.fit({ method: "forest" });
  // @ts-expect-error a burst needs its end
  await trainer.capture(video, "hand", {});
  const best: number | null = history.bestEpoch;
  const warnings: readonly Warning[] = history.threads > 1 ? [] : history.warnings;
  console.log(warnings.map(({ code }) => code));
  const cell: number[] | undefined = (await trainer.evaluate({ on: "test" })).cells[0]?.[1];
  const { labels, unknown } = await trainer.predict(video, { signal });
  const { region, data }: { region: { x: number }; data: Float32Array } = await trainer.heatMap(video, { label: "cup" });
  const [saved] = await trainer.save({ format: "tfjs" });
  await trainer.load(saved!.bytes);
  const draws: ImageData[] = await trainer.preview(sample.id, { zoom: 0.2 });
  void [count, added, unstored, why, best, cell, labels[0]?.name, unknown, region, data, draws];
}

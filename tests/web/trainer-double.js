// A stand-in for pkg/index.js in tests of the page of training: the same face as trainer.d.ts, answers by arithmetic. For
// what the real one shows too rarely or too slowly: fine-tuning's epochs, doubts, refusals, thousands of pictures.
// `globalThis.double` says how it shall be: `failing[method]` is `{ code, message }`, `epochMs`, `findings`.

const said = (globalThis.double ??= {});
said.failing ??= {};

function failWhereAsked(method) {
  const wanted = said.failing[method];
  if (wanted) throw Object.assign(new Error(wanted.message), { name: "MobileNetError", code: wanted.code });
}

export class MobileNet extends EventTarget {
  info = {
    endpoints: [1, 2, 3, 17, 18].map((at) => ({ name: `layer_${at}`, shape: [7, 7, 8], reduction: 32 })),
    loadedFrom: "cache",
    warnings: [],
  };

  static async load() {
    failWhereAsked("load");
    return new MobileNet();
  }

  async trainer() {
    failWhereAsked("trainer");
    return (globalThis.double.trainer = new Trainer());
  }

  dispose() {}
}

class Trainer {
  classes = [];
  task = "softmax";
  samples = [];
  isTrained = false;
  #pictures = new Map();
  #next = 1;

  async addClass(name) {
    this.classes = [...this.classes, name];
  }

  async renameClass(from, to) {
    this.classes = this.classes.map((name) => (name === from ? to : name));
    this.samples = this.samples.map((sample) => (sample.label === from ? { ...sample, label: to } : sample));
  }

  async removeClass(name) {
    this.classes = this.classes.filter((other) => other !== name);
    this.samples = this.samples.filter(({ label }) => label !== name);
  }

  async add(source, label, { burst, origin = "camera" } = {}) {
    const picture = source instanceof Blob ? source : await encode(source);
    if (source instanceof File && !source.type.startsWith("image/")) {
      throw Object.assign(new Error(`${source.name}: no picture`), { code: "source_unsupported" });
    }
    return this.#keep(picture, label, burst, origin);
  }

  #keep(picture, label, burst, origin) {
    const id = this.#next++;
    const sample = { id, label, burst: burst ?? id, origin, added_ms: Date.now() };
    this.#pictures.set(id, picture);
    this.samples = [...this.samples, sample];
    failWhereAsked("add");
    return sample;
  }

  async capture(video, label, { signal, fps = 8, onSample }) {
    let count = 0;
    const burst = this.#next;
    do {
      const picture = await encode(video);
      onSample(this.#keep(picture, label, burst, "camera"));
      count++;
      await new Promise((resolve) => setTimeout(resolve, 1000 / fps));
    } while (!signal.aborted);
    return count;
  }

  async addFolder(files, { onProgress }) {
    const skipped = [];
    let added = 0;
    for (const file of files) {
      const [, label] = file.webkitRelativePath.split("/");
      try {
        if (!this.classes.includes(label)) await this.addClass(label);
        await this.add(file, label, { origin: file.webkitRelativePath });
        added++;
      } catch (error) {
        skipped.push({ path: file.webkitRelativePath, error });
      }
      onProgress?.({ done: added + skipped.length, total: files.length, path: file.name });
    }
    return { added, skipped };
  }

  async prepare() {}

  async importZip() {
    failWhereAsked("importZip");
    return { added: 0, skipped: [] };
  }

  async remove(id) {
    this.samples = this.samples.filter((sample) => sample.id !== id);
  }

  async relabel(id, label) {
    this.samples = this.samples.map((sample) => (sample.id === id ? { ...sample, label } : sample));
  }

  async picture(id) {
    return this.#pictures.get(id);
  }

  async exportZip() {
    return new Blob([...this.#pictures.values()]);
  }

  async preview(id, augment, { count }) {
    return Array.from({ length: count }, (_, at) => {
      const picture = new ImageData(32, 32);
      picture.data.forEach((_, i) => (picture.data[i] = i % 4 === 3 ? 255 : (at * 28 + id * 40 + i) % 256));
      return picture;
    });
  }

  async fit({ method = "gradient", epochs = 20, fineTuneFrom, fineTuneEpochs = 0, split, signal, onEpoch, onProgress }) {
    onProgress?.({ phase: "features", done: this.samples.length, total: this.samples.length });
    const total = epochs + (fineTuneFrom ? fineTuneEpochs : 0);
    const done = [];
    for (let epoch = 0; method === "gradient" && epoch < total && !signal.aborted; epoch++) {
      await new Promise((resolve) => setTimeout(resolve, said.epochMs ?? 2));
      if (epoch === 1) failWhereAsked("fit");
      const phase = epoch < epochs ? "head" : "fine-tuning";
      const loss = 1.2 * Math.exp(-epoch / 8) * (phase === "head" ? 1 : 0.7);
      const held = split.validation > 0;
      done.push({
        epoch,
        phase,
        loss,
        accuracy: 1 - loss / 3,
        validationLoss: held ? loss * 1.1 + 0.06 + 0.03 * Math.sin(epoch) : null,
        validationAccuracy: held ? 0.96 - loss / 3 - 0.02 * Math.sin(epoch) : null,
        learningRate: 0.001,
        ms: 2,
      });
      onEpoch(done.at(-1));
    }
    this.isTrained = true;
    const validation = Math.round((this.samples.length * split.validation) / 100);
    return {
      method,
      epochs: done,
      bestEpoch: done.length > 0 ? done.length - 1 : null,
      stopped: signal.aborted ? "aborted" : "done",
      params: 2562,
      leaveOneOutAccuracy: method === "ridge" ? 0.975 : null,
      split: { train: this.samples.length - validation, validation, test: 0 },
      ms: 1234,
    };
  }

  /** Every fifth picture is taken for the next class. */
  async evaluate({ on }) {
    failWhereAsked("evaluate");
    const cells = this.classes.map(() => this.classes.map(() => []));
    const place = (label) => this.classes.indexOf(label);
    for (const { id, label } of this.samples) {
      const taken = id % 5 === 0 ? (place(label) + 1) % this.classes.length : place(label);
      cells[place(label)][taken].push(id);
    }
    const confusion = cells.map((line) => line.map((ids) => ids.length));
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    const perClass = this.classes.map((name, at) => ({
      name,
      precision: confusion[at][at] / sum(confusion.map((line) => line[at])) || null,
      recall: confusion[at][at] / sum(confusion[at]) || null,
      pictures: sum(confusion[at]),
    }));
    const right = sum(confusion.map((line, at) => line[at]));
    return { on, loss: 0.2, accuracy: right / this.samples.length, meanSquaredError: null, classes: [...this.classes], confusion, cells, perClass };
  }

  async findings() {
    return said.findings ?? { mislabelled: [], duplicates: [] };
  }

  async predict() {
    failWhereAsked("predict");
    const probabilities = this.classes.map((_, at) => (at === 0 ? 0.9 : 0.1 / (this.classes.length - 1)));
    const labels = this.classes.map((name, index) => ({ name, index, probability: probabilities[index] }));
    return { labels, unknown: said.unknown ?? false, threshold: 0.6, ms: 12.3 };
  }

  async heatMap(source, { label = this.classes[0] }) {
    const data = Float32Array.from({ length: 49 }, (_, at) => (at % 7 > 3 && at < 21 ? 0.3 + (at % 7) / 10 : -0.2));
    return { width: 7, height: 7, data, label, region: { x: 0.125, y: 0, width: 0.75, height: 1 } };
  }

  async save({ format }) {
    return [{ name: `head.${format}`, bytes: new Uint8Array(6789) }];
  }

  async load(file) {
    failWhereAsked("load-head");
    this.classes = [...new Set(["apple", "pear", ...this.samples.map(({ label }) => label)])];
    this.isTrained = true;
    return file;
  }
}

async function encode(source) {
  const [width, height] = [source.videoWidth ?? source.width, source.videoHeight ?? source.height];
  const canvas = new OffscreenCanvas(Math.round((width / height) * 240), 240);
  canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
}

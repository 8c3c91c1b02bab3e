// The options of training as a form, and what it makes of the pictures.
import { writeProblem } from "../loading.js";

/** What many recipes begin with. */
const USUAL = { flipHorizontal: true, rotation: 0.05, translation: 0.1, zoom: 0.1, brightness: 0.1, contrast: 0.1 };
const AUGMENTATIONS = ["flipHorizontal", "flipVertical", "rotation", "translation", "zoom", "brightness", "contrast"];
const NUMBERS = ["epochs", "neighbours", "learningRate", "batchSize", "hidden", "dropout", "l2", "labelSmoothing", "fineTuneEpochs"];
const SCHEDULES = {
  constant: undefined,
  cosine: { kind: "cosine" },
  exponential: { kind: "exponential", factor: 0.95 },
};
const PATIENCE_EPOCHS = 8;
/** So many of the network's last endpoints can be trained from. */
const DEEPEST = 6;
const NINE = 9;

export class Options {
  #form;
  #parts;
  #collection;
  #previewed = null;
  #asked = 0;
  onSubmit = () => {};

  /** `parts`: the elements form, usual, nine, grid, next, hint and details. */
  constructor(parts, { collection }) {
    this.#parts = parts;
    this.#form = parts.form;
    this.#collection = collection;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.onSubmit();
    });
    parts.form.addEventListener("input", () => this.#onInput());
    parts.usual.addEventListener("click", () => this.#fill(USUAL));
    parts.next.addEventListener("click", () => this.#preview({ another: true }));
    parts.details.addEventListener("toggle", () => this.#preview());
    collection.addEventListener("change", () => this.#preview());
    this.#onInput();
  }

  /** What can be trained deeper, by the network's own names. */
  offer({ info }) {
    const select = this.#field("fineTuneFrom");
    const blocks = info.endpoints.filter(({ name, reduction }) => reduction !== null && /^layer_\d+$/.test(name));
    const choices = blocks.slice(-DEEPEST).reverse();
    select.replaceChildren(select.options[0], ...choices.map(({ name }, at) => {
      const text = at === 0 ? `${name.replace("_", " ")}, the last` : name.replace("_", " ");
      return Object.assign(document.createElement("option"), { value: name, textContent: text });
    }));
  }

  /** Whether every field holds something that makes sense; the browser points at the one that does not. */
  check() {
    if (this.#form.checkValidity()) return true;
    this.#parts.details.open = true;
    return this.#form.reportValidity();
  }

  /** As `Trainer.fit` takes them. */
  read() {
    const method = this.#value("method");
    const validation = Number(this.#value("validation"));
    const options = { method, split: { train: 100 - validation, validation } };
    if (method === "neighbours") options.neighbours = Number(this.#value("neighbours"));
    if (this.#field("balanced").checked && method !== "neighbours") options.classWeights = "balanced";
    if (method !== "gradient") return options;
    for (const name of NUMBERS.filter((name) => name !== "neighbours")) options[name] = Number(this.#value(name));
    options.optimizer = this.#value("optimizer");
    options.schedule = SCHEDULES[this.#value("schedule")];
    if (this.#field("early").checked) options.earlyStopping = { patience: PATIENCE_EPOCHS };
    if (this.#value("fineTuneFrom")) {
      options.fineTuneFrom = this.#value("fineTuneFrom");
      options.batchNorm = this.#field("batchNorm").checked ? "training" : "frozen";
    } else delete options.fineTuneEpochs;
    const augment = this.#augmentation();
    if (Object.keys(augment).length > 0) options.augment = augment;
    return options;
  }

  #field(name) {
    return this.#form.elements[name];
  }

  #value(name) {
    return this.#field(name).value;
  }

  /** What is on. */
  #augmentation() {
    const entries = AUGMENTATIONS.map((name) => {
      const field = this.#field(name);
      return [name, field.type === "checkbox" ? field.checked : Number(field.value)];
    });
    return Object.fromEntries(entries.filter(([, value]) => value));
  }

  #fill(values) {
    for (const name of AUGMENTATIONS) {
      const field = this.#field(name);
      if (field.type === "checkbox") field.checked = values[name] ?? false;
      else field.value = values[name] ?? 0;
    }
    this.#onInput();
  }

  #onInput() {
    const method = this.#value("method");
    for (const part of this.#form.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== method;
    const shownFor = { epochs: "gradient", early: "gradient", neighbours: "neighbours" };
    for (const [name, wanted] of Object.entries(shownFor)) this.#field(name).closest("label").hidden = method !== wanted;
    this.#field("balanced").closest("label").hidden = method === "neighbours";
    const isDeep = this.#value("fineTuneFrom") !== "";
    for (const name of ["fineTuneEpochs", "batchNorm"]) this.#field(name).closest("label").hidden = !isDeep;
    for (const field of this.#form.querySelectorAll("input[type=range]")) {
      field.closest("label").querySelector("output").textContent = amount(field.name, Number(field.value));
    }
    this.#preview();
  }

  /** Nine draws of one picture; the newest request wins. */
  async #preview({ another = false } = {}) {
    const { details, nine, grid, hint } = this.#parts;
    const { trainer } = this.#collection;
    const samples = trainer?.samples ?? [];
    const augment = this.#augmentation();
    const isOn = Object.keys(augment).length > 0;
    hint.textContent = samples.length === 0 ? "With pictures to vary, nine variations show here." : "Switch something on to see nine variations of one of your pictures.";
    hint.hidden = isOn && samples.length > 0;
    nine.hidden = !hint.hidden;
    if (nine.hidden || !details.open) return;
    const known = !another && samples.some(({ id }) => id === this.#previewed);
    if (!known) this.#previewed = samples[Math.floor(Math.random() * samples.length)].id;
    const key = JSON.stringify([this.#previewed, augment]);
    if (grid.dataset.key === key) return;
    grid.dataset.key = key;
    const asked = ++this.#asked;
    try {
      const pictures = await trainer.preview(this.#previewed, augment, { count: NINE });
      if (asked !== this.#asked) return;
      grid.replaceChildren(...pictures.map(canvasOf));
    } catch (error) {
      grid.dataset.key = "";
      if (asked !== this.#asked) return;
      hint.hidden = false;
      writeProblem(hint, error);
    }
  }
}

function canvasOf(picture) {
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

function amount(name, value) {
  if (value === 0) return "off";
  return name === "rotation" ? `up to ${Math.round(value * 360)}°` : `up to ${Math.round(value * 100)} %`;
}

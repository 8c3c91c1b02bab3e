// The page of training: finds its elements and joins the parts. Each part is a module of its own.
import { Loading, writeProblem } from "../loading.js";
import { Model } from "../model.js";
import { Offline, isKept } from "../offline.js";
import { CameraSession } from "../session.js";
import { Stage } from "../stage.js";
import { ask } from "./asking.js";
import { Capture } from "./capture.js";
import { Classes } from "./classes.js";
import { Collection } from "./collection.js";
import { Confusion } from "./confusion.js";
import { Curves } from "./curves.js";
import { Doubts } from "./doubts.js";
import { Gallery } from "./gallery.js";
import { Intake } from "./intake.js";
import { Keep } from "./keep.js";
import { Options } from "./options.js";
import { Thumbs } from "./thumbs.js";
import { Training, verdict } from "./training.js";
import { Undo } from "./undo.js";
import { Watch } from "./watch.js";
import { counted } from "./words.js";

const at = (id) => document.getElementById(id);
/** Under which name the pictures lie in this browser. */
const STORE = "teach";

const offline = new Offline({ badge: at("offline"), update: at("update"), set: "teach" });
const collection = new Collection();
const thumbs = new Thumbs(collection);
const announcement = at("announcement");
const stage = new Stage({
  figure: at("stage"),
  picture: at("picture"),
  preview: at("preview"),
  placeholder: at("placeholder"),
  caption: at("caption"),
});

/** A problem's box: `show(error)`, `clear()`. */
function problemAt(id) {
  return {
    show(error) {
      writeProblem(at(`${id}-text`), error);
      at(id).hidden = false;
    },
    clear: () => (at(id).hidden = true),
  };
}
const examplesProblem = problemAt("examples-error");
const sourceProblem = problemAt("source-error");

const gallery = new Gallery(
  { dialog: at("gallery"), title: at("gallery-title"), close: at("gallery-close"), empty: at("gallery-empty"), grid: at("gallery-grid"), more: at("gallery-more") },
  { collection, thumbs, onProblem: (error) => examplesProblem.show(error) },
);
const undo = new Undo(
  { bar: at("undo"), text: at("undo-text"), undo: at("undo-undo"), close: at("undo-close") },
  { onProblem: (error) => examplesProblem.show(error) },
);
const asking = { dialog: at("asking"), text: at("asking-text"), yes: at("asking-yes") };
const classes = new Classes(
  { list: at("classes"), template: at("class-card") },
  {
    collection,
    thumbs,
    listener: {
      onFiles: (files, name) => used() && intake.addFiles(files, name),
      onOpen: (name, id) => gallery.open(name, collection.of(name).map((sample) => sample.id).reverse(), id),
      onRemove: removeClass,
      onDelete: (id) => attempt(async () => undo.offer("Picture deleted.", [await collection.remove(id)])),
      onProblem: (error) => examplesProblem.show(error),
    },
  },
);
const intake = new Intake(
  {
    folder: at("folder"),
    zip: at("zip"),
    samples: at("samples"),
    drop: at("drop"),
    panel: at("intake-loading"),
    text: at("intake-loading-text"),
    count: at("intake-loading-count"),
    progress: at("intake-progress"),
    cancel: at("intake-cancel"),
    status: at("intake-status"),
    skipped: at("skipped"),
    rows: at("skipped-rows"),
    problem: at("examples-error"),
    problemText: at("examples-error-text"),
  },
  { collection, listener: { nameAt: (element) => classes.nameAt(element), onHead: (files) => keep.open(files) } },
);

const watch = new Watch(
  {
    section: at("results"),
    hint: at("answer-hint"),
    unknown: at("unknown"),
    labels: at("labels"),
    ms: at("ms"),
    fps: at("fps"),
    announcement,
    stage: at("stage"),
    video: at("preview"),
    picture: at("picture"),
    heat: at("heat"),
    heatOn: at("heat-on"),
    heatClass: at("heat-class"),
    heatText: at("heat-text"),
  },
  { collection, onProblem: (error) => showSourceProblem(error) },
);
const session = new CameraSession({
  video: at("preview"),
  run: (signal) => watch.run(signal),
  listener: {
    onState: showCameraState,
    onPause: () => stage.showNothing("The camera pauses while this page is hidden."),
    onProblem: (error) => showSourceProblem(error, startCamera),
  },
});
new Capture(
  { list: at("classes"), keys: at("keys-on"), announcement },
  {
    video: at("preview"),
    collection,
    listener: {
      canCapture,
      nameAt: (element) => classes.nameAt(element),
      onState: (name, count) => classes.mark(name, count),
      onProblem: (error) => examplesProblem.show(error),
    },
  },
);

const curves = new Curves({
  box: at("curves"),
  accuracy: at("curve-accuracy"),
  loss: at("curve-loss"),
  details: at("epochs-details"),
  rows: at("epochs-rows"),
});
const confusion = new Confusion(
  {
    section: at("mistakes"),
    on: at("evaluate-on"),
    text: at("mistakes-text"),
    matrix: at("confusion"),
    perClass: at("per-class"),
    problem: at("mistakes-error"),
    problemText: at("mistakes-error-text"),
  },
  { collection, onCell: (title, ids) => gallery.open(title, ids) },
);
const doubts = new Doubts(
  {
    section: at("doubts"),
    title: at("doubts-title"),
    text: at("doubts-text"),
    mislabelled: at("mislabelled"),
    duplicates: at("duplicates"),
    problem: at("doubts-error"),
    problemText: at("doubts-error-text"),
  },
  { collection, thumbs, listener: { onOpen: (title, ids) => gallery.open(title, ids), onDone: (text, back) => undo.offer(text, back) } },
);
const options = new Options(
  {
    form: at("options-form"),
    details: at("options"),
    usual: at("augment-usual"),
    nine: at("nine"),
    grid: at("nine-grid"),
    next: at("nine-next"),
    hint: at("nine-hint"),
  },
  { collection },
);
const training = new Training(
  {
    button: at("train"),
    stop: at("stop"),
    status: at("train-status"),
    progress: at("train-progress"),
    problem: at("train-error"),
    problemText: at("train-error-text"),
    announcement,
  },
  { collection, options, listener: { onBegin: beginTraining, onEpoch: showEpoch, onEnd: endTraining } },
);
const keep = new Keep(
  {
    form: at("save-form"),
    format: at("save-format"),
    note: at("save-note"),
    save: at("save"),
    load: at("load"),
    exporting: at("export"),
    clear: at("clear"),
    status: at("keep-status"),
    problem: at("keep-error"),
    problemText: at("keep-error-text"),
  },
  { collection, listener: { onOpened: showOpened, onClear: clearAll } },
);

// From the second picture on somebody means to train: what that takes is fetched meanwhile. Training itself says what is wrong.
collection.addEventListener("change", () => {
  if (collection.size >= 2) collection.trainer.prepare().catch(() => {});
});

const loading = Loading.ofPage(at);
const model = new Model({
  onStart: () => loading.start(),
  onProgress: (progress) => loading.progress(progress),
  onError: (error) => loading.fail(error),
  onReady: (net, choice) => attempt(() => openTrainer(net, choice), (error) => loading.fail(error)),
});

async function openTrainer(net, { row }) {
  at("weights-licence").textContent = row ? `The network’s weights (${row.title}) are under ${row.licence}.` : "";
  const trainer = await net.trainer({ store: STORE }).catch((error) => {
    if (error.code !== "store_unavailable") throw error;
    at("pictures-note").textContent = "This browser keeps no pictures, in a private window for instance: save them as a zip before you leave.";
    return net.trainer();
  });
  // Two to begin with: telling apart takes two.
  for (let number = trainer.classes.length + 1; number <= 2; number++) await trainer.addClass(`Class ${number}`);
  collection.trainer = trainer;
  options.offer(net);
  training.write();
  loading.clear();
  if (isKept(net.info)) offline.weightsReady();
}

/** Runs `work`; what goes wrong is shown, by `show` where another place than the examples' is meant. */
async function attempt(work, show = (error) => examplesProblem.show(error)) {
  try {
    await work();
  } catch (error) {
    show(error);
  }
}

/** The person used the page: from now on it is worth keeping, and its last complaint is over. */
function used() {
  examplesProblem.clear();
  offline.keep();
  return true;
}

function showSourceProblem(error, retry) {
  sourceProblem.show(error);
  at("source-retry").hidden = !retry;
  at("source-retry").onclick = retry ?? null;
}

function showCameraState(state) {
  const button = at("camera");
  button.textContent = { off: "Start camera", asking: "Waiting for the camera…", on: "Stop camera" }[state];
  button.dataset.state = state;
  at("camera-reason").hidden = state === "on";
  if (state === "on") stage.showPreview();
  if (state !== "off") return;
  watch.clearHeat();
  if (stage.showing === "preview") stage.showNothing("The camera is off.");
}

function startCamera() {
  used();
  sourceProblem.clear();
  return session.start();
}

/** Whether the camera shows something to capture; if it is off, it is switched on for the next try. */
function canCapture() {
  used();
  if (!collection.trainer) return false;
  if (stage.showing === "preview" && at("preview").readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return true;
  if (!session.running) startCamera();
  announcement.textContent = "The camera is starting. Hold again when you see its picture.";
  return false;
}

async function removeClass(name) {
  const count = collection.of(name).length;
  const question = `Delete class ${name} and its ${counted(count, "picture")}?`;
  if (count > 0 && !(await ask(asking, { question, yes: "Delete" }))) return;
  await attempt(() => collection.removeClass(name));
  at("class-name").focus();
}

async function clearAll() {
  const question = `Delete all classes and ${counted(collection.size, "picture")} from this browser? Save them as a zip first if you may want them again.`;
  if (!(await ask(asking, { question, yes: "Delete all" }))) return;
  await attempt(async () => {
    for (const name of [...collection.classes]) await collection.removeClass(name);
    for (const name of ["Class 1", "Class 2"]) await collection.addClass(name);
  });
}

function beginTraining() {
  used();
  undo.clear();
  watch.busy = true;
  curves.begin();
  confusion.hide();
  doubts.hide();
  at("verdict").textContent = "";
  at("report").hidden = true;
}

function showEpoch(epoch) {
  at("report").hidden = false;
  curves.add(epoch);
}

async function endTraining(history) {
  watch.busy = false;
  keep.write();
  showTry();
  if (!history) return;
  curves.end(history.bestEpoch);
  keep.offer({ isDeep: history.epochs.some(({ phase }) => phase === "fine-tuning") });
  at("report").hidden = false;
  at("verdict").textContent = verdict(history);
  watch.renew();
  const held = history.split.validation > 0;
  at("evaluate-on").options[0].disabled = !held;
  await confusion.show(held ? "validation" : "train");
  await doubts.show();
}

/** A picture can be tried once something answers. */
function showTry() {
  at("try").hidden = !collection.trainer?.isTrained;
}

/** A head that was saved before: there is no training to tell of. */
function showOpened() {
  curves.begin();
  at("report").hidden = true;
  confusion.hide();
  doubts.hide();
  training.forget();
  keep.offer({ isDeep: false });
  showTry();
  watch.renew();
}

at("camera").addEventListener("click", () => (session.running ? session.stop() : startCamera()));
at("try-file").addEventListener("change", () => {
  const [file] = at("try-file").files;
  at("try-file").value = "";
  if (!file) return;
  session.stop();
  sourceProblem.clear();
  stage.showPicture(file, { title: file.name });
  watch.still(file);
});
at("class-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!collection.trainer) return;
  const name = at("class-name").value.trim() || collection.unusedName();
  used();
  attempt(async () => {
    if (collection.classes.includes(name)) throw new Error(`There is a class “${name}” already.`);
    await collection.addClass(name);
    at("class-name").value = "";
  });
});
collection.addEventListener("change", () => {
  at("picture-count").textContent = collection.size > 0 ? counted(collection.size, "picture") : "";
  const { unstored } = collection;
  at("unstored").hidden = unstored === 0;
  if (unstored > 0) at("unstored").textContent = `The browser has no more room for this site: ${counted(unstored, "picture")} will be gone when you leave. Save all as a zip, below.`;
});
for (const id of ["model-retry", "download"]) at(id).addEventListener("click", () => model.ready().catch(() => null));

offline.start();
if (navigator.connection?.saveData) loading.offer();
else model.ready().catch(() => null);

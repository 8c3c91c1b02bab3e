// The demo page: finds its elements and joins the parts. Each part is a module of its own.
import { showCard } from "./card.js";
import { Chooser } from "./chooser.js";
import { Findings } from "./findings.js";
import { Live } from "./live.js";
import { Loading, writeProblem } from "./loading.js";
import { Model } from "./model.js";
import { Offline, isKept } from "./offline.js";
import { Profiler } from "./profiler.js";
import { markChosen, showSamples } from "./samples.js";
import { Save } from "./save.js";
import { CameraSession } from "./session.js";
import { Stage } from "./stage.js";
import { Stills } from "./stills.js";
import { acceptFiles } from "./upload.js";
import { Where } from "./where.js";

const at = (id) => document.getElementById(id);

const offline = new Offline({ badge: at("offline"), update: at("update") });
const stage = new Stage({
  figure: at("stage"),
  picture: at("picture"),
  preview: at("preview"),
  placeholder: at("placeholder"),
  caption: at("caption"),
});
const loading = Loading.ofPage(at);
const findings = new Findings(
  {
    region: at("results"),
    labels: at("labels"),
    announcement: at("announcement"),
    ms: at("ms"),
    fps: at("fps"),
    similarity: at("similarity"),
    strip: { canvas: at("strip"), summary: at("strip-summary"), details: at("strip-details"), rows: at("strip-rows") },
  },
  (label) => {
    used();
    where.choose(label);
  },
);
const where = new Where(
  { canvas: at("heat"), text: at("where-text"), off: at("where-off"), video: at("preview"), picture: at("picture") },
  {
    onChosen(index, { hadFocus = false } = {}) {
      at("where-hint").hidden = index !== null;
      findings.press(index);
      // Its button is gone: whoever uses the keyboard goes on at the labels.
      if (hadFocus) at("labels").querySelector("button")?.focus();
    },
    onShown: () => offline.also("teach"),
    onProblem: (error) => sourceError.show(error),
  },
);
const profiler = new Profiler({
  section: at("flame"),
  button: at("flame-measure"),
  bar: at("flame-bar"),
  text: at("flame-text"),
  details: at("flame-details"),
  body: at("flame-rows"),
});
const save = new Save({
  form: at("save"),
  precision: at("save-precision"),
  button: at("save-button"),
  status: at("save-status"),
  problem: at("save-error"),
  problemText: at("save-error-text"),
});
/** What is told of a network, also when it moves from one backend to another. */
function introduce(net, choice) {
  showCard({ list: at("card"), notes: at("card-notes") }, net.info, choice);
  profiler.offer(net);
  save.offer(net, choice);
}
const model = new Model({
  onStart: () => loading.start(),
  onProgress: (progress) => loading.progress(progress),
  onError: (error) => loading.fail(error),
  onOpen: (choice) => chooser.start(choice),
  onOpenProgress: (progress) => chooser.progress(progress),
  onRefused: (error) => chooser.fail(error),
  onGivenUp: () => chooser.end(),
  onReady(net, choice, { instead }) {
    loading.clear();
    chooser.done(choice, { first: instead === null });
    introduce(net, choice);
    net.addEventListener("backendchange", () => net === model.net && introduce(net, choice));
    const { row } = choice;
    at("weights-licence").textContent = row ? `The weights (${row.title}) are under ${row.licence}.` : "";
    if (row && isKept(net.info)) offline.weightsReady();
    if (!instead) return;
    findings.forget();
    where.forget();
    // The camera's loop sees by itself that its network changed; a picture is looked at once more.
    if (stage.showing === "picture") stills.again();
  },
});
const chooser = new Chooser(
  {
    file: at("weights-file"),
    form: at("weights-form"),
    url: at("weights-url"),
    original: at("weights-original"),
    cancel: at("weights-cancel"),
    announcement: at("announcement"),
    panel: at("weights-loading"),
    text: at("weights-loading-text"),
    bytes: at("weights-loading-bytes"),
    progress: at("weights-progress"),
    problem: at("weights-error"),
    problemText: at("weights-error-text"),
  },
  model,
);

// Problems of the camera or of a picture, with a way to try again where trying again can help.
const sourceError = {
  show(error, retry) {
    writeProblem(at("source-error-text"), error);
    at("source-retry").hidden = !retry;
    at("source-retry").onclick = retry ?? null;
    at("source-error").hidden = false;
  },
  clear() {
    at("source-error").hidden = true;
  },
};

const stills = new Stills({ stage, model, findings, where, onProblem: (error) => sourceError.show(error, () => stills.again()) });
const live = new Live({ video: at("preview"), model, findings, where });
const session = new CameraSession({
  video: at("preview"),
  run: (signal) => live.run(signal),
  listener: {
    onState: showCameraState,
    onPause: () => stage.showNothing("The camera pauses while this page is hidden."),
    onProblem: (error) => sourceError.show(error, startCamera),
  },
});

function showCameraState(state) {
  const button = at("camera");
  button.textContent = { off: "Start camera", asking: "Waiting for the camera…", on: "Stop camera" }[state];
  button.dataset.state = state;
  at("camera-reason").hidden = state === "on";
  if (state === "on") {
    stills.stop();
    markChosen(at("samples"), null);
    stage.showPreview();
    stage.bringUp(at("labels"));
  }
  if (state !== "off") return;
  where.forget();
  findings.rest();
  findings.end();
  if (stage.showing === "preview") stage.showNothing("The camera is off.");
}

function startCamera() {
  used();
  return session.start();
}

function choosePicture(picture) {
  session.stop();
  sourceError.clear();
  markChosen(at("samples"), picture.source);
  if (!picture.quiet) stage.bringUp(at("labels"));
  return stills.label(picture);
}

function chooseSample({ file, title, licence, open }, { quiet = false } = {}) {
  return choosePicture({ source: file, title, credit: licence, quiet, open });
}

/** The person used the page: from now on it is worth keeping. */
function used() {
  sourceError.clear();
  offline.keep();
}

at("camera").addEventListener("click", () => (session.running ? session.stop() : startCamera()));
at("model-retry").addEventListener("click", () => stills.again());
at("download").addEventListener("click", () => stills.again());
acceptFiles({
  input: at("file"),
  overlay: at("drop"),
  onPicture(file) {
    used();
    choosePicture({ title: file.name || "Picture", source: file.name, open: async () => file });
  },
  onWeights: (file) => chooser.openFile(file),
  onRefused: (message) => sourceError.show({ message }),
});

at("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(at("code").textContent);
    at("copy").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(at("code"));
    at("copy").textContent = "Selected: copy it";
  }
  setTimeout(() => (at("copy").textContent = "Copy"), 2000);
});

offline.start();
const wait = navigator.connection?.saveData ?? false;
if (wait) loading.offer();
else model.ready().catch(() => null);
const samples = await showSamples(at("samples"), (sample) => {
  used();
  chooseSample(sample);
});
if (!wait && samples.length > 0 && stage.showing === "nothing" && !session.running) {
  // An example to begin with: the page explains itself by working. Nobody asked for it, so nothing is spoken.
  chooseSample(samples[0], { quiet: true });
}

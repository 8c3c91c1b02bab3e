// The sample photographs, each a button with a thumbnail.

/** Fills `list` from samples/index.json and calls `onChoose(sample)`; gives the samples, or none when unreachable. */
export async function showSamples(list, onChoose) {
  const index = new URL("./samples/index.json", document.baseURI);
  const rows = await read(index);
  const samples = rows.map((row) => {
    const href = new URL(row.file, index).href;
    return { ...row, href, open: (signal) => fetchPicture(href, row.title, signal) };
  });
  list.append(...samples.map((sample) => entry(sample, onChoose)));
  list.hidden = samples.length === 0;
  return samples;
}

/** Marks the one button whose picture is on the stage; `null` marks none. */
export function markChosen(list, file) {
  for (const button of list.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.file === file));
  }
}

async function read(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : [];
  } catch {
    // Without samples the page still works: camera, files, drop and paste.
    return [];
  }
}

async function fetchPicture(href, title, signal) {
  const answer = await fetch(href, { signal }).catch((error) => ({ ok: false, status: error.message }));
  if (!answer.ok) throw new Error(`The sample “${title}” could not be fetched (${answer.status}). Try again.`);
  return answer.blob();
}

function entry(sample, onChoose) {
  const image = Object.assign(document.createElement("img"), {
    src: sample.href,
    alt: `Sample: ${sample.title}`,
    decoding: "async",
    width: 96,
    height: 72,
  });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "sample" });
  button.dataset.file = sample.file;
  button.setAttribute("aria-pressed", "false");
  button.append(image);
  button.addEventListener("click", () => onChoose(sample));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

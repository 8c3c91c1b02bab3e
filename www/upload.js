// Files from the person: the picture button, a drop anywhere on the page, a paste.
import { isWeights } from "./chooser.js";
import { acceptDrops } from "./drops.js";

/**
 * Calls `onPicture(file)` for a picture, `onWeights(file)` for weights (`onWeights(files)` for a model of several files)
 * and `onRefused(sentence)` for anything else.
 */
export function acceptFiles({ input, overlay, onPicture, onWeights, onRefused }) {
  const take = (file, nothing) => {
    if (!file) onRefused(nothing);
    else if (isWeights(file)) onWeights(file);
    else if (file.type && !file.type.startsWith("image/")) {
      onRefused(`“${file.name}” is not a picture (${file.type}). JPEG, PNG, WebP, AVIF, GIF and BMP files work.`);
    } else onPicture(file);
  };

  input.addEventListener("change", () => {
    const [file] = input.files;
    // Emptied, so that choosing the same file again is a change again.
    input.value = "";
    if (file) take(file);
  });

  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    take(file, "The clipboard holds no picture. Copy a picture first, then paste it here.");
  });

  acceptDrops(overlay, ({ dataTransfer }) => {
    void dropped(dataTransfer).then((files) => {
      // Several files with weights among them are one model.
      if (files.length > 1 && files.some(isWeights)) onWeights(files);
      else take(files[0], "That was not a file. Save the picture first, then drop the file here.");
    });
  });
}

/** What was dropped, with the files of folders in their place. */
async function dropped(transfer) {
  // Asked for at once: after the event the items are gone.
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...(transfer?.files ?? [])];
  const found = [];
  await Promise.all(entries.map((entry) => collect(entry, found)));
  return found;
}

/** More files than any model has, in case somebody drops a disk. */
const MOST_FILES = 2000;

async function collect(entry, found) {
  if (found.length >= MOST_FILES) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    if (file) found.push(Object.defineProperty(file, "webkitRelativePath", { value: entry.fullPath.slice(1) }));
    return;
  }
  const reader = entry.createReader();
  // A reader gives a hundred entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
    if (some.length === 0) return;
    await Promise.all(some.map((inner) => collect(inner, found)));
  }
}

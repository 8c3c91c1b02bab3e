// Files from the person: the picture button, a drop anywhere on the page, a paste.
import { isWeights } from "./chooser.js";

/** Calls `onPicture(file)` for a picture, `onWeights(file)` for weights and `onRefused(sentence)` for anything else. */
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

  // dragenter and dragleave fire for every element on the way, so they are counted.
  let depth = 0;
  const show = (change) => {
    depth = Math.max(0, depth + change);
    overlay.hidden = depth === 0;
  };
  document.addEventListener("dragenter", (event) => {
    event.preventDefault();
    show(+1);
  });
  document.addEventListener("dragleave", () => show(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    show(-depth);
    const [file] = event.dataTransfer?.files ?? [];
    take(file, "That was not a file. Save the picture first, then drop the file here.");
  });
}

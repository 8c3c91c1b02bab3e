// Things dragged over the page and dropped on it.

/** Shows `overlay` while something is dragged over the page, and calls `onDrop(event)` when it is let go of. */
export function acceptDrops(overlay, onDrop) {
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
    onDrop(event);
  });
}

// Files for the person, as if they had been downloaded, although they were here all the time.

/** How long the browser gets to take a file over. */
const TAKEN_OVER_MS = 60_000;

/** Hands `content`, bytes or a Blob, to the browser's downloads. */
export function download({ name, bytes: content }) {
  const url = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), TAKEN_OVER_MS);
}

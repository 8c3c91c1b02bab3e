// The site's sample photographs cut into many pictures, for whoever wants to see training before taking pictures.

const A_PHOTOGRAPH = 16;
const SIDE = 256;
/** A crop's side, of the photograph's shorter one. */
const LEAST = 0.6;

/** Yields `{ canvas, name, origin, done, count }` for each crop; the same ones every time. */
export async function* crops(signal) {
  const index = new URL("./samples/index.json", document.baseURI);
  const rows = await (await get(index, signal)).json();
  const count = rows.length * A_PHOTOGRAPH;
  const random = numbers();
  let done = 0;
  for (const { file, title } of rows) {
    const photograph = await createImageBitmap(await (await get(new URL(file, index), signal)).blob());
    for (let crop = 1; crop <= A_PHOTOGRAPH; crop++) {
      const canvas = new OffscreenCanvas(SIDE, SIDE);
      const side = Math.min(photograph.width, photograph.height) * (LEAST + (1 - LEAST) * random());
      const [x, y] = [(photograph.width - side) * random(), (photograph.height - side) * random()];
      canvas.getContext("2d").drawImage(photograph, x, y, side, side, 0, 0, SIDE, SIDE);
      yield { canvas, name: title, origin: `${file}, crop ${crop}`, done: ++done, count };
    }
    photograph.close();
  }
}

async function get(url, signal) {
  const answer = await fetch(url, { signal }).catch(() => null);
  signal.throwIfAborted();
  if (!answer?.ok) throw new Error("The sample photographs could not be fetched. Check the connection and try again.");
  return answer;
}

/** Numbers 0 … 1 that come again: a linear congruential generator does for crops. */
function numbers() {
  let state = 1;
  return () => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff;
}

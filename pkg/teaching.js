/** The worker's half of training: what a trainer asks of the network, and of the module that learns. */

/** JPEG: every browser writes it, faster than anything else; at this quality the network sees no difference. */
const ENCODING = { type: "image/jpeg", quality: 0.92 };

/** Answers one question of a trainer: `{ value, transfer? }`. */
export async function answer(pixels, options) {
  return ANSWERS[options.op](pixels, options);
}

const ANSWERS = {
  encode: async (pixels, { side }) => ({ value: await drawn(pixels, side).convertToBlob(ENCODING) }),
};

/** Pixels of any kind on a canvas, on white, the shorter side no longer than `side`. */
function drawn(pixels, side) {
  const [width, height] = [pixels.displayWidth ?? pixels.width, pixels.displayHeight ?? pixels.height];
  const scale = Math.min(1, side / Math.min(width, height));
  const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  const context = canvas.getContext("2d", { alpha: false });
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(drawable(pixels), 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Bytes are drawn by way of a canvas of their own. */
function drawable(pixels) {
  if (!pixels.data) {
    return pixels;
  }
  const { data, width, height } = pixels;
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(data.buffer, data.byteOffset, data.length), width, height), 0, 0);
  return canvas;
}

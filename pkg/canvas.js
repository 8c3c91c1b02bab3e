/** Frames on canvases of the worker's own: to be written as files, and to be looked at as bytes. */

/** Width and height of whatever a frame is. */
export const sizeOf = (pixels) => [pixels.displayWidth ?? pixels.width, pixels.displayHeight ?? pixels.height];

/**
 * A frame on white, on a canvas whose shorter side is no longer than `side`.
 *
 * @param {ImageBitmap | VideoFrame | { data: Uint8Array, width: number, height: number }} pixels
 * @param {number} side px
 */
export function drawn(pixels, side) {
  const [width, height] = sizeOf(pixels);
  const scale = Math.min(1, side / Math.min(width, height));
  return part(pixels, [0, 0, width, height], Math.round(width * scale), Math.round(height * scale));
}

/** The part `[x, y, width, height]` of a frame, on white, as large as asked for. */
export function part(pixels, [x, y, ...size], width, height) {
  const canvas = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(drawable(pixels), x, y, ...size, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** A canvas' pixels as the engine takes them. */
export function bytesOf(canvas) {
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return { data: new Uint8Array(data.buffer), width, height };
}

/** Bytes are drawn by way of a canvas of their own. */
function drawable(pixels) {
  if (!pixels.data) {
    return pixels;
  }
  const { data, width, height } = pixels;
  const canvas = new OffscreenCanvas(width, height);
  const bytes = new Uint8ClampedArray(data.buffer, data.byteOffset, data.length);
  canvas.getContext("2d").putImageData(new ImageData(bytes, width, height), 0, 0);
  return canvas;
}

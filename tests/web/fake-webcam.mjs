// A file for Chromium's --use-file-for-fake-video-capture, made from pictures that the site itself serves.
import { writeFile } from "node:fs/promises";

const SIZE = { width: 640, height: 480 };
const FRAMES_PER_SECOND = 30;

/** Chromium's arguments for a webcam that plays `file` and is allowed without a question. */
export function webcamArguments(file) {
  return [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${file}`,
  ];
}

/**
 * Writes a y4m film: `scenes` are `{ url, frames }`, each picture filling the frame as a camera's would. The pictures
 * are decoded in `page`, which must be on the site.
 */
export async function writeWebcam(page, file, scenes) {
  const parts = [Buffer.from(`YUV4MPEG2 W${SIZE.width} H${SIZE.height} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`)];
  for (const { url, frames } of scenes) {
    const frame = Buffer.concat([Buffer.from("FRAME\n"), toI420(await decode(page, url), SIZE)]);
    for (let i = 0; i < frames; i++) parts.push(frame);
  }
  await writeFile(file, Buffer.concat(parts));
}

async function decode(page, url) {
  const base64 = await page.evaluate(
    async ({ url, width, height }) => {
      const picture = await createImageBitmap(await (await fetch(url)).blob());
      const canvas = new OffscreenCanvas(width, height);
      const scale = Math.max(width / picture.width, height / picture.height);
      const [w, h] = [picture.width * scale, picture.height * scale];
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
      const { data } = context.getImageData(0, 0, width, height);
      let text = "";
      for (let at = 0; at < data.length; at += 0x8000) text += String.fromCharCode(...data.subarray(at, at + 0x8000));
      return btoa(text);
    },
    { url, ...SIZE },
  );
  return Buffer.from(base64, "base64");
}

/** RGBA to planes of luma and quarter-size chroma: BT.601, limited range, which is what Chromium reads y4m as. */
function toI420(rgba, { width, height }) {
  const luma = Buffer.alloc(width * height);
  const [blue, red] = [Buffer.alloc((width * height) / 4), Buffer.alloc((width * height) / 4)];
  const at = (x, y) => (y * width + x) * 4;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [r, g, b] = rgba.subarray(at(x, y));
      luma[y * width + x] = 16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255;
    }
  }
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      let [r, g, b] = [0, 0, 0];
      for (const start of [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)]) {
        r += rgba[start] / 4;
        g += rgba[start + 1] / 4;
        b += rgba[start + 2] / 4;
      }
      const to = (y / 2) * (width / 2) + x / 2;
      blue[to] = 128 + (-37.797 * r - 74.203 * g + 112 * b) / 255;
      red[to] = 128 + (112 * r - 93.786 * g - 18.214 * b) / 255;
    }
  }
  return Buffer.concat([luma, blue, red]);
}

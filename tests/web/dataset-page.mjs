// A page for tests of a trainer's dataset: a small network, and pictures drawn on canvases.

import { blank } from "./harness.mjs";

/** The side of the small network's input. */
export const INPUT = 96;

/** A page with a small network, `trainer(options)`, pictures by canvas and files with paths. */
export async function openDataset(context, site, headers) {
  const page = await blank(context, site, headers);
  await page.evaluate(async (side) => {
    const { MobileNet } = await import("/pkg/index.js");
    globalThis.net = await MobileNet.synthetic({ version: "v2", multiplier: 0.35, inputHeight: side, inputWidth: side }, { backend: "simd" });
    globalThis.trainer = (options) => net.trainer(options);
    /** A canvas of one colour with a number on it. */
    globalThis.drawing = (colour, text = "", width = 320, height = 240) => {
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      const context = canvas.getContext("2d");
      context.fillStyle = colour;
      context.fillRect(0, 0, width, height);
      context.fillStyle = "black";
      context.fillText(text, width / 2, height / 2);
      return canvas;
    };
    globalThis.png = (...drawn) => new Promise((resolve) => drawing(...drawn).toBlob(resolve));
    /** As `<input webkitdirectory>` gives it. */
    globalThis.at = (path, ...parts) => {
      const file = new File(parts, path.split("/").at(-1), { type: path.endsWith(".png") ? "image/png" : "" });
      return Object.defineProperty(file, "webkitRelativePath", { value: path });
    };
    globalThis.bytes = async (blob) => [...new Uint8Array(await blob.arrayBuffer())].join();
  }, INPUT);
  return page;
}

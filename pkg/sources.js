/**
 * Any frame source → a frame that can be handed to the worker. The caller's objects are never closed or detached, and
 * the page's thread is not held up: what would take long (decoding, copying many bytes) happens elsewhere or in slices.
 */

import { MobileNetError, failure } from "./errors.js";

/** Up to here an <img> is decoded in the page: about 1 ms for every 100,000 px. */
const SMALL_IMAGE_PX = 300_000;
const SLICE_BYTES = 1 << 19;
const SLICE_MS = 1.5;

/** Room that was copied into before. Fresh memory costs more than the copy: 0.1 ms of 224 × 224 px. */
let spare = new ArrayBuffer(0);
/** Larger pictures are rare, and their room would stay. */
const MOST_SPARE_BYTES = 1 << 22;

/** Takes back a frame's room after its call. */
export function giveBack(room) {
  if (room?.byteLength <= MOST_SPARE_BYTES) {
    spare = room;
  }
}

/**
 * Takes a source's present picture.
 *
 * @param {unknown} source
 * @param {boolean} isForCpu whether its bytes will be read
 * @returns {Promise<{ frame: object, plain?: VideoFrame, transfer: Transferable[] }>} where there is `plain`, it is the same picture
 */
export async function capture(source, isForCpu) {
  const kind = kindOf(source);
  const take = TAKE[kind];
  if (!take) {
    throw failure("source_unsupported", {
      where: "source",
      expected: "a canvas, <img>, <video>, ImageBitmap, ImageData, VideoFrame, Blob, File or { data, width, height }",
      found: kind === "Object" ? "an object without data, width and height" : kind,
      remedy: source instanceof Promise ? "Await it first." : "Draw it on a canvas and pass that.",
    });
  }
  try {
    return await take(source, isForCpu);
  } catch (error) {
    throw error instanceof MobileNetError ? error : explain(kind, error);
  }
}

/** The error for a frame that `postMessage` refused to hand over: only tainted pictures are refused. */
export function tainted(cause) {
  return failure("source_tainted", {
    where: "source",
    expected: "pixels that this page may read",
    found: "another origin's pixels",
    remedy: 'Load the picture with crossorigin="anonymous" from a server that sends Access-Control-Allow-Origin.',
    cause,
  });
}

/** The class's name, also for objects of another frame's realm. */
function kindOf(source) {
  if (source === null || typeof source !== "object") {
    return source === null ? "null" : typeof source === "string" ? "a string" : typeof source;
  }
  const tag = Object.prototype.toString.call(source).slice("[object ".length, -1);
  if (!(tag in TAKE) && "data" in source && "width" in source && "height" in source) {
    return "pixels";
  }
  return tag;
}

const TAKE = {
  HTMLCanvasElement: takeCanvas,
  OffscreenCanvas: takeCanvas,
  ImageBitmap: takeBitmap,
  ImageData: takeImageData,
  HTMLImageElement: takeImage,
  HTMLVideoElement: takeVideo,
  VideoFrame: takeVideoFrame,
  Blob: takeBlob,
  File: takeBlob,
  pixels: takePixels,
};

async function takeCanvas(canvas, isForCpu) {
  if (canvas.width === 0 || canvas.height === 0) {
    // A transferred OffscreenCanvas has no pixels either; only this method tells the two apart without changing anything.
    const refusal = await canvas.convertToBlob?.().catch(({ name }) => name);
    throw refusal === "InvalidStateError"
      ? detached("OffscreenCanvas", "Pass it before its transfer.")
      : empty("canvas", `${canvas.width}×${canvas.height} px`, "Give it a size and draw on it first.");
  }
  // Both now, before anything is awaited.
  const taken = createImageBitmap(canvas);
  const plain = isForCpu ? asVideo(canvas) : undefined;
  try {
    const frame = await taken;
    return { frame, plain, transfer: plain ? [frame, plain] : [frame] };
  } catch (error) {
    plain?.close();
    throw error;
  }
}

/**
 * A canvas as a frame of video, whose bytes can be had as they are. Only opaque ones serve: of others Chromium hands out colours
 * multiplied by alpha, and draws them as if they were not.
 */
function asVideo(canvas) {
  try {
    return new VideoFrame(canvas, { timestamp: 0 });
  } catch {
    return undefined; // The bitmap says why, or serves.
  }
}

async function takeBitmap(bitmap) {
  if (bitmap.width === 0) {
    throw detached("ImageBitmap", "Pass it before its close() or its transfer.");
  }
  return handOver(await createImageBitmap(bitmap));
}

async function takeImageData(image) {
  // The engine reads bytes as sRGB; other colour spaces and float pixels are converted by the browser.
  const plain = (image.colorSpace ?? "srgb") === "srgb" && image.data instanceof Uint8ClampedArray;
  return plain ? takePixels(image) : handOver(await createImageBitmap(image));
}

async function takeImage(image) {
  const width = image.naturalWidth;
  if (!image.complete) {
    throw failure("source_not_ready", {
      where: "<img>",
      expected: "a loaded picture",
      found: "one that is still loading",
      remedy: "Await image.decode() first.",
    });
  }
  if (!image.currentSrc) {
    throw empty("<img>", "no src", "Set its src and await image.decode() first.");
  }
  if (width === 0) {
    throw failure("source_unsupported", {
      where: "<img>",
      expected: "a picture that the browser could load",
      found: `a broken one (${image.currentSrc.slice(0, 100)})`,
      remedy: "Check its address and format.",
    });
  }
  const file = width * image.naturalHeight > SMALL_IMAGE_PX ? await imageFile(image) : null;
  return file ? { frame: file, transfer: [] } : handOver(await createImageBitmap(image));
}

/**
 * The file behind an <img>, to be decoded in the worker: from memory or the HTTP cache only, so that it is the same
 * picture. Null where that cannot be had.
 */
async function imageFile(image) {
  const { currentSrc } = image;
  if (withoutFile.get(image) === currentSrc) {
    return null;
  }
  try {
    const inMemory = /^(blob|data):/.test(currentSrc);
    if (!inMemory && new URL(currentSrc).origin !== globalThis.location.origin) {
      return null;
    }
    const response = await fetch(currentSrc, inMemory ? {} : { mode: "same-origin", cache: "only-if-cached" });
    const file = response.ok ? await response.blob() : null;
    // A worker cannot decode SVG.
    if (file?.type.startsWith("image/") && !file.type.startsWith("image/svg")) {
      return file;
    }
  } catch {
    // Revoked, not in the cache, or forbidden by the Content-Security-Policy.
  }
  withoutFile.set(image, currentSrc);
  return null;
}

/** The <img>s whose file could not be had, and its address then: browsers log each failed attempt, so it is made once. */
const withoutFile = new WeakMap();

async function takeVideo(video) {
  if (video.error) {
    throw failure("source_unsupported", {
      where: "<video>",
      expected: "a video that plays",
      found: video.error.message || `media error ${video.error.code}`,
      remedy: "Check its address and format.",
    });
  }
  if (video.readyState < 2) {
    throw failure("source_not_ready", {
      where: "<video>",
      expected: "a current frame (readyState 2 or more)",
      found: `readyState ${video.readyState}`,
      remedy: 'Await its "loadeddata" event, or play() on a muted, playsinline video, first.',
    });
  }
  if (video.videoWidth === 0) {
    throw empty("<video>", "no picture track", "Pass a video with pictures.");
  }
  if (typeof VideoFrame === "function") {
    try {
      return handOver(new VideoFrame(video));
    } catch (error) {
      if (error.name === "SecurityError") {
        throw tainted(error);
      }
      // Some browsers make no VideoFrame of some videos; a bitmap serves too.
    }
  }
  return handOver(await createImageBitmap(video));
}

async function takeVideoFrame(frame) {
  if (frame.format === null && frame.codedWidth === 0) {
    throw detached("VideoFrame", "Pass it before its close() or its transfer.");
  }
  return handOver(frame.clone());
}

async function takeBlob(blob) {
  if (blob.size === 0) {
    throw empty("picture file", "no bytes", "Pass a picture's file.");
  }
  return { frame: blob, transfer: [] };
}

async function takePixels({ data, width, height }) {
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw failure("source_unsupported", {
      where: "source.data",
      expected: "a Uint8Array or Uint8ClampedArray of RGBA bytes",
      found: Object.prototype.toString.call(data).slice("[object ".length, -1),
      remedy: "Wrap an ArrayBuffer in new Uint8ClampedArray(buffer).",
    });
  }
  if (isDetachedBuffer(data.buffer)) {
    throw detached("source.data", "Its ArrayBuffer was transferred: pass a copy that this page still owns.");
  }
  if (width === 0 || height === 0) {
    throw empty("source", `${width}×${height} px`, "Pass a picture with pixels.");
  }
  const room = spare.byteLength === data.length ? spare : undefined;
  spare = new ArrayBuffer(0);
  const copy = await copyBytes(data, room);
  return { frame: { data: copy, width, height }, transfer: [copy.buffer] };
}

/**
 * A copy of `data`, made in slices with pauses, because one copy of a 12-megapixel picture takes 25 ms.
 *
 * @param {Uint8Array | Uint8ClampedArray} data
 * @param {ArrayBuffer} [room] of its length
 */
export async function copyBytes(data, room = new ArrayBuffer(data.length)) {
  const copy = new Uint8Array(room);
  let start = performance.now();
  for (let offset = 0; offset < data.length; offset += SLICE_BYTES) {
    if (performance.now() - start > SLICE_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      start = performance.now();
    }
    copy.set(data.subarray(offset, offset + SLICE_BYTES), offset);
  }
  if (data.length !== copy.length) {
    throw detached("bytes", "Their ArrayBuffer was transferred during the call: leave it alone until the promise settles.");
  }
  return copy;
}

function isDetachedBuffer(buffer) {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function handOver(frame) {
  return { frame, transfer: [frame] };
}

function empty(where, found, remedy) {
  return failure("source_empty", { where, expected: "pixels", found, remedy });
}

function detached(where, remedy) {
  return failure("source_detached", { where, expected: "pixels", found: "an object closed or transferred away", remedy });
}

function explain(kind, cause) {
  if (cause?.name === "SecurityError") {
    return tainted(cause);
  }
  if (/detached|closed/i.test(cause?.message ?? "")) {
    return detached(kind, "Pass it before its close() or its transfer.");
  }
  return failure("source_unsupported", {
    where: kind,
    expected: "a picture that the browser can read",
    found: cause?.message ?? String(cause),
    remedy: "Draw it on a canvas and pass that.",
    cause,
  });
}

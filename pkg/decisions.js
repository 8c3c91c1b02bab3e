/** Which backend was the faster one: what was measured on an earlier visit. */

const CACHE = "mobilenet-web-backends";

/** What a decision holds for: this adapter, version and network. */
export function decisionKey(engine, adapter) {
  const { version, multiplier, inputHeight, inputWidth, outputStride, classes, macs } = engine.info();
  const parts = [engine.constructor.version(), engine.constructor.team?.threads, adapter, version, multiplier, inputHeight, inputWidth, outputStride, classes, macs];
  return `https://mobilenet-web.invalid/${parts.map(encodeURIComponent).join("/")}`;
}

/** The figures of that decision, where it was made before. */
export async function remembered(key) {
  try {
    const found = await (await caches.open(CACHE)).match(key);
    const times = await found?.json();
    return times?.simd > 0 && times?.webgpu > 0 ? times : undefined;
  } catch {
    return undefined; // No Cache Storage here: it is measured every time.
  }
}

/** Keeps them for later visits. */
export async function remember(key, times) {
  try {
    await (await caches.open(CACHE)).put(key, new Response(JSON.stringify(times)));
  } catch {
    // As above.
  }
}

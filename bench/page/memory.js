// Memory of a page, where the browser tells.

/** All of WebAssembly that the page has, as long as it has it. */
const memories = new Set();

/** Sees every WebAssembly memory of this thread that comes after it. */
export function watch() {
  const keep = (memory) => {
    if (![...memories].some((known) => known.deref() === memory)) {
      memories.add(new WeakRef(memory));
    }
  };
  const { Memory } = WebAssembly;
  const seen = (instance) => Object.values(instance.exports).filter((item) => item instanceof Memory).forEach(keep);
  const constructs = (work) => ({
    construct(Class, given) {
      const made = new Class(...given);
      work(made);
      return made;
    },
  });
  WebAssembly.Memory = new Proxy(Memory, constructs(keep));
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, constructs(seen));
  for (const how of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[how].bind(WebAssembly);
    WebAssembly[how] = async (...given) => {
      const made = await original(...given);
      seen(made.instance ?? made);
      return made;
    };
  }
}

/** @returns {{ wasm: number, js?: number }} bytes; `js` is JavaScript's heap, of which array buffers are no part */
export function memory() {
  globalThis.gc?.();
  const alive = [...memories].map((kept) => kept.deref()).filter(Boolean);
  const wasm = alive.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  return { wasm, js: performance.memory?.usedJSHeapSize };
}

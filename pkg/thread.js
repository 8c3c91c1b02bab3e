/** The whole script of a worker that computes parts of steps: an instance of the engine's module that runs nothing else. */

self.onmessage = ({ data: { module, memory, stack } }) => {
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = kind === "memory" ? memory : refuse;
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  exports.__stack_pointer.value = stack;
  self.postMessage({});
  try {
    exports.thread_work();
  } catch (error) {
    exports.thread_failed();
    throw error;
  }
  self.postMessage({ left: true });
  self.close();
};

/** Kernels ask JavaScript for nothing; only a fault would tell of itself. */
function refuse() {
  throw new Error("a kernel stopped on a fault");
}

// TensorFlow.js' wasm backend with so many threads.

const FILES = "/bench/node_modules/@tensorflow/tfjs-backend-wasm/dist/";

/** Before the backend is chosen; what it gives says afterwards whether it has them. */
export async function threaded(tf, threads) {
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(FILES);
  if (threads === 1) {
    // Its build without threads, which is the quicker one for one.
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    return () => {};
  }
  // It never makes more than half as many as there are cores.
  Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 * threads });
  wasm.setThreadsCount(threads);
  return () => {
    if (wasm.getThreadsCount() !== threads) {
      throw new Error(`asked for ${threads} threads, TensorFlow.js made ${wasm.getThreadsCount()}`);
    }
  };
}

/** The way to the browser's GPU: what wgpu is given for `navigator.gpu`, and pipelines that compile side by side. */

/** Which GPU it is, as far as the browser tells. */
export function nameOf({ adapterInfo }) {
  const { vendor, architecture, description } = adapterInfo ?? {};
  return [vendor, architecture, description].filter(Boolean).join(" ");
}

/** Asks the browser for its GPU already, which may take as long as the module that will use it; undefined without one. */
export function wake() {
  const woken = navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  woken?.catch(() => {});
  return woken;
}

/** A GPU of the engine's module: the browser's, which may be `woken`, or the one behind a device that the page brings. */
export function connect(Module, device, woken) {
  const { gpu } = navigator;
  if (!device && !gpu) {
    return Module.connect();
  }
  // wgpu asks `navigator.gpu` for an adapter and a device. For this one call it gets those of the page's device, or the
  // browser's with a feature that wgpu does not know: subgroups.
  const requestAdapter = device ? async () => adapterOf(device) : async (options) => withSubgroups(await (woken ?? gpu.requestAdapter(options)));
  const stand = { requestAdapter, wgslLanguageFeatures: gpu?.wgslLanguageFeatures };
  Object.defineProperty(navigator, "gpu", { value: stand, configurable: true });
  try {
    return Module.connect();
  } finally {
    delete navigator.gpu;
  }
}

/** What is needed of the adapter that a device came from. */
function adapterOf(device) {
  const info = device.adapterInfo ?? { vendor: "", architecture: "", device: "", description: "" };
  return { features: device.features, limits: device.limits, info, requestDevice: async () => device };
}

function withSubgroups(adapter) {
  if (!adapter?.features.has("subgroups")) {
    return adapter;
  }
  const { features, limits, info } = adapter;
  const requestDevice = ({ requiredFeatures = [], ...rest }) =>
    adapter.requestDevice({ ...rest, requiredFeatures: [...requiredFeatures, "subgroups"] });
  return { features, limits, info, requestDevice };
}

/**
 * Has a GPU compile pipelines side by side. wgpu asks for one after the other; here each question is turned into one that
 * is answered later, and wgpu's next, which counts, finds what was compiled, as long as that is held.
 *
 * @param {object} Module the engine's class
 * @param {object} gpu of that module
 * @param {boolean} gated whether those of V3 too
 * @returns {Promise<unknown>} what to hold
 */
export async function warm(Module, gpu, gated) {
  const { device } = gpu;
  const asked = [];
  device.createComputePipeline = (descriptor) => {
    asked.push(device.createComputePipelineAsync(descriptor));
    return {};
  };
  try {
    Module.warm(gpu, gated);
  } finally {
    delete device.createComputePipeline;
  }
  // What cannot be compiled fails again, and is reported, when it is asked for in earnest.
  return Promise.allSettled(asked);
}

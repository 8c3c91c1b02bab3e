/** The way to the browser's GPU: what wgpu is given for `navigator.gpu`, and pipelines that compile side by side. */

import { wake } from "./wake.js";

/** Which GPU it is, as far as the browser tells. */
export function nameOf({ adapterInfo }) {
  const { vendor, architecture, description } = adapterInfo ?? {};
  return [vendor, architecture, description].filter(Boolean).join(" ");
}

/**
 * A GPU of the engine's module: the browser's, which may be `woken`, or the one behind a device that the page brings.
 *
 * @param {object} Module the engine's class
 * @param {{ device?: GPUDevice, halves: boolean }} asked `halves`: of 16 bits, where it can
 */
export function connect(Module, { device, halves }, woken) {
  const { gpu } = navigator;
  if (!device && !gpu) {
    return Module.connect(halves);
  }
  // wgpu asks `navigator.gpu` for an adapter and a device. For this one call it gets those that are there, or under way.
  const requestAdapter = async () => (device ? adapterOf(device) : standFor(await (woken ?? wake())));
  const stand = { requestAdapter, wgslLanguageFeatures: gpu?.wgslLanguageFeatures };
  Object.defineProperty(navigator, "gpu", { value: stand, configurable: true });
  try {
    return Module.connect(halves);
  } finally {
    delete navigator.gpu;
  }
}

/** What is needed of the adapter that a device came from. */
function adapterOf(device) {
  const info = device.adapterInfo ?? { vendor: "", architecture: "", device: "", description: "" };
  return { features: device.features, limits: device.limits, info, requestDevice: async () => device };
}

/** An adapter whose device was asked for already. */
function standFor(woken) {
  if (!woken) {
    return null;
  }
  const { features, limits, info } = woken.adapter;
  return { features, limits, info, requestDevice: () => woken.device };
}

/**
 * Has a GPU compile pipelines side by side. wgpu asks for one after the other; here each question is turned into one that
 * is answered later, and wgpu's next, which counts, finds what was compiled, as long as that is held.
 *
 * @param {object} Module the engine's class
 * @param {object} gpu of that module
 * @param {boolean} gated whether those of V3 too
 * @param {Map<string, Promise<GPUComputePipeline>>} held what was asked for before, to which this adds: what is asked for
 *   twice at once is compiled twice
 */
export function warm(Module, gpu, gated, held) {
  const { device } = gpu;
  device.createComputePipeline = (descriptor) => {
    const shader = JSON.stringify([descriptor.label, descriptor.compute.constants]);
    if (!held.has(shader)) {
      const compiled = device.createComputePipelineAsync(descriptor);
      compiled.catch(() => {});
      held.set(shader, compiled);
    }
    return {};
  };
  try {
    Module.warm(gpu, gated);
  } catch {
    // What cannot be asked for, or compiled, fails again and is reported when it is asked for in earnest.
  } finally {
    delete device.createComputePipeline;
  }
}

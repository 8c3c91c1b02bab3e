/** The browser's GPU, which can be asked for before the module is here that will use it. */

/** What is used where an adapter has it. */
const WANTED = ["shader-f16", "subgroups", "timestamp-query"];

export const mayUseGpu = (backend) => backend === "auto" || backend === "webgpu";

/**
 * The browser's adapter, and its device with all that it has, which may be on its way still.
 *
 * @returns {Promise<{ adapter: GPUAdapter, device: Promise<GPUDevice> } | undefined>} undefined without a GPU
 */
export function wake() {
  const woken = ask();
  // A refusal is looked at by whoever connects.
  woken.catch(() => {});
  return woken;
}

/** The same for a network whose message to load it says this, where a GPU may be used and the page brings none. */
export function wakeFor({ backend, device }) {
  return !device && mayUseGpu(backend) ? wake() : undefined;
}

async function ask() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    return undefined;
  }
  const requiredLimits = {};
  // They are on the prototype, where only this loop finds them.
  for (const name in adapter.limits) {
    requiredLimits[name] = adapter.limits[name];
  }
  const device = adapter.requestDevice({
    label: "mobilenet-web",
    requiredFeatures: WANTED.filter((feature) => adapter.features.has(feature)),
    requiredLimits,
  });
  device.catch(() => {});
  return { adapter, device };
}

/** Gives back what nobody will use. */
export async function letGo(woken) {
  const device = await (await woken?.catch(() => {}))?.device.catch(() => {});
  device?.destroy();
}

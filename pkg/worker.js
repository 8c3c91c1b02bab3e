/** The worker's whole script: a `Host` at the other end of `postMessage`. */

import { Host } from "./host.js";
// What that imports, all at once: a module's own imports are known only when it is here.
import "./arrival.js";
import "./backends.js";
import "./decisions.js";
import "./download.js";
import "./errors.js";
import "./gpu.js";
import "./pixels.js";
import "./wake.js";
import "./wasm.js";

const host = new Host((message, transfer) => self.postMessage(message, transfer ?? []), { isApart: true });
self.onmessage = ({ data }) => host.receive(data);

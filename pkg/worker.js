/** The worker's whole script: a `Host` at the other end of `postMessage`. */

import { Host } from "./host.js";

const host = new Host((message, transfer) => self.postMessage(message, transfer ?? []));
self.onmessage = ({ data }) => host.receive(data);

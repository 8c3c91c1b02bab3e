// The site on a port of its own, so that a test can take the server away, move the site or publish a new version.
import { createServer, request } from "node:http";

/**
 * Forwards to `target`, optionally below `prefix`. `edits` maps a path of the site to a function of its text, and can
 * change while it runs. `stop()` closes the port and every connection.
 */
export async function proxy(target, { prefix = "/", edits = new Map() } = {}) {
  const server = createServer((asked, answer) => {
    if (!asked.url.startsWith(prefix)) return answer.writeHead(404).end();
    const path = `/${asked.url.slice(prefix.length)}`;
    const edit = edits.get(path);
    const headers = { ...asked.headers, host: new URL(target).host };
    // An edited body must come as it is: neither compressed nor "not modified".
    if (edit) for (const name of ["accept-encoding", "if-none-match", "if-modified-since"]) delete headers[name];
    const onward = request(new URL(path, target), { method: asked.method, headers }, (came) => {
      if (!edit) return came.pipe(answer.writeHead(came.statusCode, came.headers));
      const { "content-length": _length, etag: _etag, ...rest } = came.headers;
      const chunks = [];
      came.on("data", (chunk) => chunks.push(chunk));
      came.on("end", () => answer.writeHead(came.statusCode, rest).end(edit(Buffer.concat(chunks).toString())));
    });
    onward.on("error", () => answer.destroy());
    onward.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}${prefix}`,
    edits,
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

// How Node's parser (llhttp, strict) reads requests: the reference that the ingress is compared with. Run by node, not
// by Bun, whose `node:http` has a parser of its own. Listens on the Unix socket that is its argument, and writes for
// each connection one line of JSON: the requests that it read to their end.
import { createServer } from "node:http";

const reads = new WeakMap();

// Node leaves it to its user that a target in absolute form goes before the Host field (RFC 9112 §3.2.2).
function placeOf({ url, headers }) {
  if (!url.toLowerCase().startsWith("http://")) return { path: url, host: headers.host ?? "" };
  const rest = url.slice("http://".length);
  const end = rest.search(/[/?]/);
  if (end < 0) return { path: "/", host: rest };
  const path = rest.slice(end);
  return { path: path.startsWith("/") ? path : `/${path}`, host: rest.slice(0, end) };
}

const options = { requireHostHeader: false, maxHeaderSize: 1 << 20 };
const server = createServer(options, (request, response) => {
  const chunks = [];
  const marked = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at].toLowerCase();
    if (name.startsWith("x-m"))
      marked.push([name, request.rawHeaders[at + 1].replace(/^[ \t]+|[ \t]+$/g, "")]);
  }
  const { method } = request;
  const read = { method, ...placeOf(request), marked };
  reads.get(request.socket).push(read);
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    read.body = Buffer.concat(chunks).toString("latin1");
    response.end();
  });
});
server.on("connection", (socket) => {
  reads.set(socket, []);
  socket.on("close", () => {
    console.log(JSON.stringify(reads.get(socket).filter(({ body }) => body !== undefined)));
  });
});
// Not at once: the requests before the broken one are still on their way to their handlers.
server.on("clientError", (_error, socket) => setImmediate(() => setImmediate(() => socket.destroy())));
server.on("upgrade", (_request, socket) => socket.destroy());
server.listen(process.argv[2], () => console.log("listening"));

// The worker behind the ingress's tests: what it does is said by the path.
let aborted = 0;
let waiting = 0;
let closed = 0;

const handlers = {
  async "/echo"(request) {
    return Response.json({
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      body: await request.text(),
    });
  },
  "/headers"() {
    const headers = new Headers({
      "X-Ow-Secret": "1",
      "X-Termination-Reason": "cpu-limit",
      "X-Plain": "kept",
    });
    headers.append("Set-Cookie", "a=1; Path=/");
    headers.append("Set-Cookie", "b=2, c; Path=/");
    headers.append("Cf-Ray", "mine");
    return new Response("ok", { status: 299, statusText: "Quite Fine", headers });
  },
  "/status"(_request, url) {
    const status = Number(url.searchParams.get("s"));
    return new Response([204, 304].includes(status) ? null : "text", { status, headers: { ETag: '"x"' } });
  },
  "/gzip"() {
    return new Response(
      new Blob(["compressed ".repeat(100)]).stream().pipeThrough(new CompressionStream("gzip")),
      {
        encodeBody: "manual",
        headers: { "Content-Encoding": "gzip" },
      },
    );
  },
  // One event, and then nothing for a minute.
  "/events"(request) {
    request.signal.addEventListener("abort", () => aborted++);
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("data: first\n\n"));
        },
        pull() {
          return new Promise((resolve) => setTimeout(resolve, 60_000));
        },
      }),
      { headers: { "Content-Type": "text/event-stream" } },
    );
  },
  "/silent"(request) {
    waiting++;
    request.signal.addEventListener("abort", () => aborted++);
    return new Promise((resolve) => setTimeout(resolve, 60_000));
  },
  "/seen"() {
    return Response.json({ aborted, waiting, closed });
  },
  async "/count"(request) {
    let bytes = 0;
    // Reading into a large buffer: a default reader takes 4 KiB a turn, which a gigabyte would make slow.
    const reader = request.body.getReader({ mode: "byob" });
    let buffer = new Uint8Array(256 * 1024);
    for (;;) {
      const { done, value } = await reader.read(buffer);
      if (done) return new Response(`${bytes}`);
      bytes += value.byteLength;
      buffer = new Uint8Array(value.buffer);
    }
  },
  "/ignore-body"() {
    return new Response("did not read it");
  },
  "/pipe"(request) {
    return new Response(request.body);
  },
  "/large"(_request, url) {
    const bytes = Number(url.searchParams.get("bytes"));
    const chunk = new Uint8Array(256 * 1024).fill(97);
    let left = bytes;
    const { readable, writable } = url.searchParams.has("length")
      ? new FixedLengthStream(bytes)
      : new IdentityTransformStream();
    const pump = async () => {
      const writer = writable.getWriter();
      for (; left > 0; left -= chunk.length)
        await writer.write(chunk.subarray(0, Math.min(left, chunk.length)));
      await writer.close();
    };
    pump().catch(() => closed++);
    return new Response(readable);
  },
  "/socket"(request) {
    if (url(request).searchParams.has("refuse")) return new Response("not today", { status: 403 });
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.binaryType = "arraybuffer";
    server.addEventListener("message", ({ data }) => {
      if (data === "close") server.close(4001, "as asked");
      else server.send(data);
    });
    server.addEventListener("close", () => closed++);
    const protocol = request.headers.get("Sec-WebSocket-Protocol")?.split(",")[0];
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: protocol ? { "Sec-WebSocket-Protocol": protocol } : {},
    });
  },
  "/throws"() {
    return new Response("at stack (/home/secret.js)", { status: 500, headers: { "X-Ow-Exception": "1" } });
  },
  "/no-fetch"() {
    return new Response(null, { status: 501, headers: { "X-Ow-Exception": "no-fetch" } });
  },
};

const url = (request) => new URL(request.url);

export default {
  fetch(request) {
    const handler = handlers[url(request).pathname] ?? handlers["/echo"];
    return handler(request, url(request));
  },
};

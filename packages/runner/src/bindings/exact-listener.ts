import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { ByteMeter } from "../cells/byte-meter.ts";

/** Connections that one cell may have open at a time; more are closed at once. */
export const maxExactConnections = 1_024;

/**
 * Serves HTTP on a Unix socket as `Bun.serve` does, but that a streamed body keeps the Content-Length that its
 * response names: Bun 1.4.5 sends it in chunks of no declared end. A worker must know how long a body is that it
 * passes on, as in `await env.OTHER.put(key, object.body)`. Costs more per request than `Bun.serve`.
 *
 * `answer` never throws. `meterOf` names, for each request, who is told of the bytes of bodies.
 */
export async function listenExactly(
  path: string,
  answer: (request: Request) => Promise<Response>,
  meterOf: () => ByteMeter,
): Promise<AsyncDisposable> {
  const server = createServer((message, response) => void exchange(message, response, answer, meterOf()));
  // A worker may take its time to read and to write; what is stuck is the handler's to end, or the cell's death.
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  server.timeout = 0;
  server.keepAliveTimeout = 0;
  server.maxConnections = maxExactConnections;
  server.listen(path);
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function exchange(
  message: IncomingMessage,
  response: ServerResponse,
  answer: (request: Request) => Promise<Response>,
  meter: ByteMeter,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  let answered: Response | undefined;
  try {
    answered = await answer(requestOf(message, gone.signal, meter));
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    if (answered.body !== null) await send(answered.body, response, gone.signal, meter);
    response.end();
  } catch {
    // Too late for another answer: a body that ends before its length is how the cell learns of it.
    response.destroy();
    if (answered?.body?.locked === false) await answered.body.cancel();
  }
}

function requestOf(message: IncomingMessage, signal: AbortSignal, meter: ByteMeter): Request {
  const headers = new Headers();
  for (let index = 0; index + 1 < message.rawHeaders.length; index += 2) {
    headers.append(message.rawHeaders[index] ?? "", message.rawHeaders[index + 1] ?? "");
  }
  const { method = "GET", url = "/" } = message;
  const body = method === "GET" || method === "HEAD" ? null : streamOf(message, meter);
  return new Request(new URL(url, "http://broker").href, { method, headers, body, signal });
}

/** A body that errors when its sender leaves before its end. */
function streamOf(message: IncomingMessage, meter: ByteMeter): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = message[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done === true) {
          controller.close();
          return;
        }
        meter.moved(0, value.byteLength);
        controller.enqueue(value);
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

async function send(
  body: ReadableStream<Uint8Array>,
  response: ServerResponse,
  gone: AbortSignal,
  meter: ByteMeter,
): Promise<void> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (gone.aborted) throw new Error("the cell has left");
      meter.moved(value.byteLength, 0);
      if (!response.write(value)) await once(response, "drain", { signal: gone });
    }
  } finally {
    // Does nothing to a body that was read to its end.
    await reader.cancel();
  }
}

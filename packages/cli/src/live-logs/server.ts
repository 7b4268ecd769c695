import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { LogFanOut, Subscription } from "./fan-out.ts";
import { logFilterSchema } from "./filter.ts";

/**
 * Bun ends a response on a Unix socket after 10 silent seconds, whatever `server.timeout` says (seen with 1.4.5), and a
 * worker may log nothing for longer.
 */
const heartbeatMs = 4_000;

/** Whether the platform's runner has a version of a worker live. */
export type Serves = (worker: string, version: number) => boolean;

/**
 * Serves the live logs as server-sent events on a Unix socket that only this user can open:
 * `GET /logs?worker=…&level=…` (fields of `LogFilter`), and `GET /status` for whether anybody is there,
 * and `GET /serves?worker=…&version=…` for whether the runner knows of a deploy by now.
 */
export function serveLiveLogs(
  socketPath: string,
  logs: LogFanOut,
  serves: Serves = () => false,
): AsyncDisposable {
  // The folder, not the socket's own mode, keeps others out: a socket is connectable before chmod reaches it.
  const folder = dirname(socketPath);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  rmSync(socketPath, { force: true });
  const server = Bun.serve({
    unix: socketPath,
    fetch(request) {
      const url = new URL(request.url);
      if (url.pathname === "/status") return Response.json({ pid: process.pid, readers: logs.readers });
      if (url.pathname === "/serves") {
        const { searchParams } = url;
        return Response.json({
          serves: serves(searchParams.get("worker") ?? "", Number(searchParams.get("version"))),
        });
      }
      if (url.pathname !== "/logs") return new Response("Not found", { status: 404 });
      const filter = logFilterSchema.safeParse(Object.fromEntries(url.searchParams));
      if (!filter.success) return Response.json({ error: filter.error.issues }, { status: 400 });
      return new Response(eventStream(logs.subscribe(filter.data)), {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      });
    },
  });
  chmodSync(socketPath, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      await server.stop(true);
      rmSync(socketPath, { force: true });
    },
  };
}

function eventStream(subscription: Subscription): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  const stop = () => {
    clearInterval(heartbeat);
    subscription[Symbol.dispose]();
  };
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(": connected\n\n"));
      heartbeat = setInterval(() => {
        // A reader with unread data has no need of a heartbeat, and must not be given more to hold.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": \n\n"));
      }, heartbeatMs);
      heartbeat.unref();
    },
    async pull(controller) {
      const next = await subscription.next();
      if ("json" in next) return controller.enqueue(encoder.encode(`data: ${next.json}\n\n`));
      controller.enqueue(encoder.encode(`event: end\ndata: ${next.ended}\n\n`));
      stop();
      controller.close();
    },
    cancel: stop,
  });
}

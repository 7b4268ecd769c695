import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";

/** What a running platform says of itself to `ow` on this machine. */
export interface Status {
  /** Whether the platform's runner has a version of a worker live. */
  serves(worker: string, version: number): boolean;
  /** How many follow logs now. */
  readers(): Promise<number>;
}

/**
 * Answers on a Unix socket that only this user can open: `GET /status` for whether anybody is there, and
 * `GET /serves?worker=…&version=…` for whether the runner knows of a deploy by now.
 */
export function serveStatus(socketPath: string, status: Status): AsyncDisposable {
  // The folder, not the socket's own mode, keeps others out: a socket is connectable before chmod reaches it.
  const folder = dirname(socketPath);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  rmSync(socketPath, { force: true });
  const server = Bun.serve({
    unix: socketPath,
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/status") return Response.json({ pid: process.pid, readers: await status.readers() });
      if (pathname !== "/serves") return new Response("Not found", { status: 404 });
      const version = Number(searchParams.get("version"));
      return Response.json({ serves: status.serves(searchParams.get("worker") ?? "", version) });
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

import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { QueueCounts } from "@openworkers/bus";
import { isId, isOpenWorkersError, type QueueId } from "@openworkers/core";
import { z } from "zod";

/** What a running platform says of itself to `ow` on this machine. */
export interface Status {
  /** Whether the platform's runner has a version of a worker live. */
  serves(worker: string, version: number): boolean;
  /** How many follow logs now. */
  readers(): Promise<number>;
  /** Counts messages on the bus. @throws OpenWorkersError BUS_UNAVAILABLE */
  counts(queueIds: readonly QueueId[]): Promise<ReadonlyMap<string, QueueCounts>>;
}

/**
 * Answers on a Unix socket that only this user can open: `GET /status` for whether anybody is there,
 * `GET /serves?worker=…&version=…` for whether the runner knows of a deploy by now, and `POST /queues` with ids for how many
 * messages of each are on the bus.
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
      if (pathname === "/queues") return await counted(request, status);
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

const idsSchema = z.array(z.custom<QueueId>(isId)).max(100_000);

async function counted(request: Request, status: Status): Promise<Response> {
  // What is no JSON is answered as what is no list of ids.
  const ids = idsSchema.safeParse(await request.json().catch(() => undefined));
  if (!ids.success) return new Response("Queues' ids are expected.", { status: 400 });
  try {
    return Response.json(Object.fromEntries(await status.counts(ids.data)));
  } catch (thrown) {
    if (!isOpenWorkersError(thrown, "BUS_UNAVAILABLE")) throw thrown;
    return Response.json({ error: thrown }, { status: 503 });
  }
}

import { connect } from "node:net";
import type { Address } from "@openworkers/db";
import { serialize } from "pg-protocol";

/** What PostgreSQL told a session at its start, and wants to hear from whoever cancels its statement. */
export interface BackendKey {
  readonly processId: number;
  readonly secret: number;
}

const patienceMs = 5_000;

/**
 * Asks a server to cancel what a session runs (PostgreSQL manual, 54.2.8). Resolves when the server has heard it, or is
 * not to be reached: there is no answer. In the clear even where sessions are not, as libpq did until version 17.
 */
export function cancelStatement(
  { host, ip = host, port }: Address,
  { processId, secret }: BackendKey,
): Promise<void> {
  const socket = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, ip);
  const { promise, resolve } = Promise.withResolvers<void>();
  // Whoever cancels goes on to end the connection: a server that cannot be reached has lost it anyway.
  socket.on("error", () => {});
  socket.on("close", () => resolve());
  socket.setTimeout(patienceMs, () => socket.destroy());
  socket.on("connect", () => socket.write(serialize.cancel(processId, secret)));
  // The server answers by closing, which is seen by reading alone.
  socket.resume();
  return promise;
}

import { within } from "@openworkers/core";
import type { Address } from "@openworkers/db";
import { serialize } from "pg-protocol";
import { dial } from "./wire/backend/dial.ts";

/** What PostgreSQL told a session at its start, and wants to hear from whoever cancels its statement. */
export interface BackendKey {
  readonly processId: number;
  readonly secret: number;
}

const patienceMs = 5_000;

/**
 * Asks a server to cancel what a session runs (PostgreSQL manual, 54.2.8), encrypted as the session is. Resolves when the
 * server has acted on it, which it says by closing.
 *
 * @throws Error when it is not to be reached
 */
export async function cancelStatement(
  address: Address,
  { processId, secret }: BackendKey,
  report: (error: unknown) => void,
): Promise<void> {
  const intake = await dial(address, AbortSignal.timeout(patienceMs), report);
  const gone = Promise.withResolvers<void>();
  intake.handOver({ onData() {}, onDrain() {}, onClose: () => gone.resolve() });
  intake.wire.write(serialize.cancel(processId, secret));
  await within(gone.promise, patienceMs);
  intake.destroy();
}

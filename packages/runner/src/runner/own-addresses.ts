import { networkInterfaces } from "node:os";
import type { Database } from "@openworkers/db";
import { systemResolver } from "../egress/dial/resolver.ts";
import type { Endpoint } from "../egress/guard/guard.ts";

const maxAgeMs = 1_000;
let known: readonly string[] = [];
let knownAt = Number.NEGATIVE_INFINITY;

/** The addresses of this machine's network interfaces, as they were at most a second ago. */
export function localAddresses(): readonly string[] {
  const now = performance.now();
  if (now - knownAt > maxAgeMs) {
    known = Object.values(networkInterfaces()).flatMap((entries) =>
      (entries ?? []).map(({ address }) => address),
    );
    knownAt = now;
  }
  return known;
}

/** Where a database listens: nowhere in a network when it is reached by a Unix socket. */
export async function endpointsOf({ host, port }: Pick<Database, "host" | "port">): Promise<Endpoint[]> {
  if (host.startsWith("/")) return [];
  // Without its addresses it is known by its name, as the pool knows it.
  const addresses = await systemResolver(host).catch(() => []);
  return [host, ...addresses].map((one) => ({ host: one, port }));
}

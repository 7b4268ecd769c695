import { lookup } from "node:dns/promises";
import { OpenWorkersError } from "@openworkers/core";
import type { Address } from "@openworkers/db";

/**
 * Judges where a user's own database is, as the egress guard judges where workers go: what is not public must be in
 * OW_EGRESS_ALLOW, and what is must be encrypted.
 *
 * @returns the address to connect to
 * @throws OpenWorkersError EGRESS_REFUSED, INVALID_INPUT (a public host without TLS)
 */
export async function judgeHost({ host, port, tls }: Address): Promise<string> {
  if (host.startsWith("/")) {
    throw new OpenWorkersError("INVALID_INPUT", "A database of your own is on a host, not on a Unix socket.");
  }
  // One address is connected to, and a server is more often reached by this kind.
  const found = await lookup(host, { all: true, order: "ipv4first" }).catch((cause: unknown) => {
    throw new OpenWorkersError("INVALID_INPUT", `There is no host ${host}.`, { cause });
  });
  // The runner is much to load for one question.
  const { judgeOwnServer } = await import("@openworkers/runner");
  const { addresses, isPublic } = judgeOwnServer(
    { host, port },
    found.map(({ address }) => address),
  );
  if (isPublic && tls === "disable") {
    throw new OpenWorkersError("INVALID_INPUT", `The connection to ${host} would not be encrypted.`, {
      hint: "Write sslmode=verify-full (or require) into the URL.",
    });
  }
  const [address] = addresses;
  if (address === undefined) throw new OpenWorkersError("INVALID_INPUT", `There is no host ${host}.`);
  return address;
}

import type { DatabaseId } from "@openworkers/core";
import type { Principal, TenantDirectory } from "../../tenant.ts";
import { askForPassword } from "../protocol/server-messages.ts";
import { ProtocolViolation } from "../protocol/startup-packet.ts";
import { isLoopback } from "./address-block.ts";
import type { Client } from "./client.ts";
import type { LoginThrottle } from "./login-throttle.ts";

/** How it is known who connects. */
export type Door =
  | { readonly kind: "token"; readonly directory: TenantDirectory; readonly throttle: LoginThrottle }
  | {
      readonly kind: "worker";
      readonly directory: TenantDirectory;
      readonly databaseId: DatabaseId;
      readonly worker: string;
    };

// Tokens have 48 characters; a password manager's trailing space is told "not good" and not "too long".
const maxPasswordBytes = 1_024;

/**
 * Asks the client for its token, or takes the cell for what its socket says. Resolves with what tells who it is, now
 * and whenever it is asked again.
 *
 * @throws ProtocolViolation; OpenWorkersError UNAUTHORIZED, NOT_FOUND, DATABASE_UNAVAILABLE; ConnectionLost
 */
export async function askWho(client: Client, door: Door): Promise<() => Promise<Principal>> {
  const { directory } = door;
  if (door.kind === "worker") {
    const { databaseId, worker } = door;
    return async () => ({
      tenant: await directory.tenant(databaseId),
      scope: "owner",
      by: { kind: "worker", worker },
    });
  }
  if (!client.encrypted && !isLoopback(client.address)) {
    throw new ProtocolViolation(
      "a token would be sent in the clear: connect with TLS (sslmode=require)",
      "28000",
    );
  }
  client.intake.wire.write(askForPassword);
  const { type, body } = await client.intake.readMessage(maxPasswordBytes);
  if (type !== 0x70 || body.at(-1) !== 0) throw new ProtocolViolation("expected password response");
  const token = body.subarray(0, -1).toString("utf8");
  await door.throttle.attempt(client.address, () => directory.authenticate(token));
  return () => directory.authenticate(token);
}

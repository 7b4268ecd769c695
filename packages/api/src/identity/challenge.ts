import type { UserId } from "@openworkers/core";
import { serializeSignedCookie } from "better-call";
import { challengeSeconds } from "./auth.ts";
import type { Call } from "./http/call.ts";
import { newToken } from "./token.ts";

/** Begins a sign-in that waits for its second factor, as better-auth does after a password; returns its challenge. */
export async function beginChallenge(call: Call, userId: UserId): Promise<string> {
  const { internalAdapter, secret } = await call.auth().$context;
  const identifier = `2fa-${newToken()}`;
  const expiresAt = new Date(Date.now() + challengeSeconds * 1_000);
  await internalAdapter.createVerificationValue({ identifier, value: userId, expiresAt });
  await internalAdapter.createVerificationValue({
    identifier: `2fa-attempts-${identifier}`,
    value: "0",
    expiresAt,
  });
  return (await serializeSignedCookie("", identifier, secret)).replace(/^=/, "");
}

/** What the database knows a challenge by. */
export function challengeIdentifier(challenge: string): string {
  return decodeURIComponent(challenge).split(".")[0] ?? "";
}

import type { z } from "@hono/zod-openapi";
import type { UserId } from "@openworkers/core";
import { Answer } from "../../http/answer.ts";
import { audit } from "../audit.ts";
import type { Call } from "../http/call.ts";
import type { renewed, signedIn } from "../schemas.ts";

interface NewSession {
  readonly user: { readonly id: string; readonly email: string; readonly name: string };
  readonly token: string;
}

/** Answers with a session: as a cookie, or as a token where that was asked for. */
export async function answerSignedIn(
  call: Call,
  { user, token }: NewSession,
  query: { readonly token?: "true" | "false" | undefined },
): Promise<Answer<z.input<typeof signedIn>>> {
  await audit(call.database, user.id as UserId, "session.create", {
    address: call.client.address,
    userAgent: call.client.userAgent,
  });
  const person = { id: user.id, email: user.email, name: user.name };
  if (query.token === "true") return new Answer({ user: person, token }, {});
  return new Answer({ user: person }, { "set-cookie": call.sessionCookie(token) });
}

/** Answers with the session that takes the place of the caller's own, the way it came. */
export function answerRenewed(call: Call, token: string): Answer<z.input<typeof renewed>> {
  if (call.via === "bearer") return new Answer({ token }, {});
  return new Answer({}, { "set-cookie": call.sessionCookie(token) });
}

import { OpenWorkersError, type UserId } from "@openworkers/core";
import { parse } from "hono/utils/cookie";
import { audit } from "../audit.ts";
import { beginChallenge } from "../challenge.ts";
import { sessionTokenSet } from "../cookies.ts";
import type { Call } from "../http/call.ts";
import { findSession } from "../sessions.ts";
import { tokenHashHex } from "../token.ts";

interface Callback {
  readonly code?: string | undefined;
  readonly state?: string | undefined;
  readonly error?: string | undefined;
  readonly error_description?: string | undefined;
}

/** Ends what began with a redirect to GitHub: signs in, or links, and leads to the page that was asked for. */
export async function finishGithub(call: Call, query: Callback): Promise<Response> {
  // Of the browser's cookies only the one that binds it to the start.
  const state = parse(call.request.headers.get("cookie") ?? "", "ow.state")["ow.state"];
  const made: UserId[] = [];
  const auth = call.auth({
    githubMaySignUp: call.settings.registration === "open",
    onPerson: (id) => made.push(id),
  });
  const answered = await auth.api.callbackOAuth({
    params: { id: "github" },
    query,
    headers: call.authHeaders(state === undefined ? undefined : `ow.state=${encodeURIComponent(state)}`),
    asResponse: true,
  });
  const location = answered.headers.get("location");
  if (location === null) throw new OpenWorkersError("INTERNAL", `better-auth answered ${answered.status}.`);
  for (const id of made) await audit(call.database, id, "account.create", { by: "github" });
  const response = new Response(null, {
    status: 302,
    headers: { location: ownError(call, location), "cache-control": "no-store" },
  });
  response.headers.append("set-cookie", "ow.state=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
  const token = sessionTokenSet(answered.headers);
  if (token !== undefined) await signIn(call, token, response, location);
  return response;
}

async function signIn(call: Call, token: string, response: Response, location: string): Promise<void> {
  const session = await findSession(call.database, token);
  if (session === undefined) throw new OpenWorkersError("INTERNAL", "better-auth made no session.");
  if (!session.twoFactor) {
    await audit(call.database, session.userId, "session.create", {
      address: call.client.address,
      by: "github",
    });
    response.headers.append("set-cookie", call.sessionCookie(token));
    return;
  }
  // GitHub stands for the password alone.
  await call.database
    .deleteFrom("identity.sessions")
    .where("token", "=", await tokenHashHex(token))
    .execute();
  const page = new URL(location);
  // In the fragment, which no server is sent.
  page.hash = new URLSearchParams({ "two-factor": await beginChallenge(call, session.userId) }).toString();
  response.headers.set("location", page.href);
}

/** better-auth's own page for errors does not exist here. */
function ownError({ origin, settings }: Call, location: string): string {
  const url = new URL(location, origin);
  if (url.origin !== origin || url.pathname !== "/v1/auth/error") return url.href;
  url.pathname = origin === settings.baseUrl ? "/v1/auth/done" : "/sign-in";
  return url.href;
}

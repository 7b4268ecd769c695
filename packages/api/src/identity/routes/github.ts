import { z } from "@hono/zod-openapi";
import { OpenWorkersError } from "@openworkers/core";
import { notFound } from "../../http/not-found.ts";
import { audit } from "../audit.ts";
import { finishGithub } from "../github/finish.ts";
import { isOwnPage, returnPage } from "../github/return-page.ts";
import type { Call } from "../http/call.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { countAttempt } from "../limits.ts";

const returnTo = z.string().max(2048).optional();
const started = z.object({ url: z.url() }).openapi("GithubStarted");

export function githubRoutes(app: IdentityApp): void {
  route(
    app,
    {
      method: "get",
      path: "/github",
      summary: "Sign in with GitHub: redirects there",
      description:
        "Comes back to `returnTo`, a page of the API or the dashboard, with `?error=` when it failed and with " +
        "`#two-factor=` and a challenge where a code must follow.",
      open: true,
      query: z.object({ returnTo }),
      status: 302,
    },
    async (call) => {
      const { query } = call;
      const page = await mayStart(call, query.returnTo);
      const { response, headers } = await call.auth().api.signInSocial({
        body: { provider: "github", callbackURL: page, errorCallbackURL: page, disableRedirect: true },
        headers: call.authHeaders(),
        returnHeaders: true,
      });
      if (response.url === undefined) throw new OpenWorkersError("INTERNAL", "better-auth gave no address.");
      return redirect(response.url, headers);
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/github/link",
      summary: "Begin to link one's account of GitHub: where to send the browser",
      body: z.strictObject({ returnTo }),
      result: started,
    },
    async (call) => {
      const { body } = call;
      call.mustBeFresh();
      const page = await mayStart(call, body.returnTo);
      const { response, headers } = await call.auth().api.linkSocialAccount({
        body: { provider: "github", callbackURL: page, errorCallbackURL: page, disableRedirect: true },
        headers: call.authHeaders(),
        returnHeaders: true,
      });
      const result = Response.json({ url: response.url }, { headers: { "cache-control": "no-store" } });
      for (const cookie of headers.getSetCookie()) result.headers.append("set-cookie", cookie);
      return result;
    },
  );

  route(
    app,
    { method: "delete", path: "/github", summary: "Unlink one's account of GitHub" },
    async (call) => {
      call.mustBeFresh();
      const { database, session } = call;
      const credential = await database
        .selectFrom("identity.accounts")
        .select("id")
        .where("user_id", "=", session.userId)
        .where("provider_id", "=", "credential")
        .executeTakeFirst();
      if (credential === undefined) {
        throw new OpenWorkersError("CONFLICT", "Without GitHub this account could not be signed in to.", {
          hint: "Set a password first, through POST /v1/auth/password/forgot.",
        });
      }
      const unlinked = await database
        .deleteFrom("identity.accounts")
        .where("user_id", "=", session.userId)
        .where("provider_id", "=", "github")
        .returning("account_id")
        .executeTakeFirst();
      if (unlinked === undefined) throw notFound("No account of GitHub is linked.", "/auth/me");
      await audit(database, session.userId, "github.unlink", { github: unlinked.account_id });
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/callback/github",
      summary: "Where GitHub sends the browser back to",
      open: true,
      // It may send more than it did when this was written.
      query: z.looseObject({
        code: z.string().max(1024).optional(),
        state: z.string().max(1024).optional(),
        error: z.string().max(256).optional(),
        error_description: z.string().max(1024).optional(),
      }),
      status: 302,
    },
    async (call) => {
      const { query } = call;
      mustBeOn(call);
      await countAttempt(call.database, { action: "github", address: call.client.address });
      return finishGithub(call, query);
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/done",
      summary: "Where GitHub leads back to while there is no dashboard",
      open: true,
      query: z.object({ error: z.string().max(256).optional() }),
      answers: "text/html",
    },
    async ({ query }) => returnPage(query.error),
  );
}

async function mayStart(call: Call, wanted: string | undefined): Promise<string> {
  mustBeOn(call);
  await countAttempt(call.database, { action: "github", address: call.client.address });
  const { origins, baseUrl } = call.settings;
  const page = wanted ?? (call.origin === baseUrl ? `${baseUrl}/v1/auth/done` : `${call.origin}/sign-in`);
  if (isOwnPage(page, origins)) return page;
  throw new OpenWorkersError("INVALID_INPUT", "returnTo: is no page of this platform.", {
    details: { issues: [{ path: "returnTo", message: "is no page of this platform" }] },
  });
}

function mustBeOn({ settings }: Call): void {
  if (settings.github === undefined) {
    throw new OpenWorkersError("NOT_FOUND", "Signing in with GitHub is not set up here.", {
      hint: "Sign in with e-mail and password.",
    });
  }
}

/** A redirect that sets the cookies which bind the answer to this browser. */
function redirect(url: string, headers: Headers): Response {
  const response = new Response(null, {
    status: 302,
    headers: { location: url, "cache-control": "no-store" },
  });
  for (const cookie of headers.getSetCookie()) response.headers.append("set-cookie", cookie);
  return response;
}

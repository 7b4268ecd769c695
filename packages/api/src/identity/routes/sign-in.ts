import { z } from "@hono/zod-openapi";
import { OpenWorkersError, type UserId } from "@openworkers/core";
import { Answer } from "../../http/answer.ts";
import { audit } from "../audit.ts";
import { challengeSeconds } from "../auth.ts";
import { cookieSet } from "../cookies.ts";
import type { Call } from "../http/call.ts";
import { isRefusal } from "../http/errors.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { clearAttempts, countAttempt } from "../limits.ts";
import { email, password, signedIn, tokenQuery } from "../schemas.ts";
import { sendVerification } from "./email.ts";
import { answerSignedIn } from "./signed-in.ts";

const challenged = z
  .object({
    twoFactor: z.object({
      /** To be sent with the code. */
      challenge: z.string(),
      expiresInSeconds: z.number().int(),
    }),
  })
  .openapi("TwoFactorChallenge");

export function signInRoutes(app: IdentityApp): void {
  route(
    app,
    {
      method: "post",
      path: "/sign-in",
      hashes: true,
      summary: "Sign in with e-mail and password",
      description:
        "With two-factor sign-in the answer is a challenge for POST /v1/auth/sign-in/second-factor.",
      open: true,
      query: tokenQuery,
      body: z.strictObject({ email, password }),
      result: z.union([signedIn, challenged]),
    },
    async (call) => {
      const { body, query } = call;
      const attempt = { action: "sign-in", address: call.client.address, account: body.email } as const;
      await countAttempt(call.database, attempt);
      const { response, headers } = await signIn(call, body);
      await clearAttempts(call.database, attempt);
      const challenge = cookieSet(headers, "two_factor");
      if (challenge !== undefined) {
        return { twoFactor: { challenge, expiresInSeconds: challengeSeconds } };
      }
      if (!("token" in response)) throw new OpenWorkersError("INTERNAL", "better-auth made no session.");
      return answerSignedIn(call, { user: response.user, token: response.token }, query);
    },
  );

  route(app, { method: "post", path: "/sign-out", summary: "End this session", open: true }, async (call) => {
    const session = await call.signIn().catch((thrown: unknown) => {
      if (thrown instanceof OpenWorkersError && thrown.code === "UNAUTHORIZED") return undefined;
      throw thrown;
    });
    if (session !== undefined) {
      await call.database.deleteFrom("identity.sessions").where("id", "=", session.id).execute();
      await audit(call.database, session.userId, "session.end");
    }
    return new Answer(undefined, { "set-cookie": call.sessionCookie(null) });
  });
}

async function signIn(call: Call, body: { email: string; password: string }) {
  try {
    return await call.auth().api.signInEmail({ body, headers: call.authHeaders(), returnHeaders: true });
  } catch (thrown) {
    // After the answer: for an e-mail that nobody has there would be nothing to do.
    call.afterwards("noting a failed sign-in", () => noteFailure(call, body.email));
    if (isRefusal(thrown, "EMAIL_NOT_VERIFIED")) {
      call.afterwards("sending a link", () => sendVerification(call, body.email));
    }
    throw thrown;
  }
}

async function noteFailure(call: Call, address: string): Promise<void> {
  const user: { id: UserId } | undefined = await call.database
    .selectFrom("identity.users")
    .select("id")
    .where("email", "=", address)
    .executeTakeFirst();
  if (user !== undefined)
    await audit(call.database, user.id, "session.fail", { address: call.client.address });
}

import { z } from "@hono/zod-openapi";
import { OpenWorkersError, type UserId } from "@openworkers/core";
import { audit } from "../audit.ts";
import { challengeIdentifier } from "../challenge.ts";
import type { Call } from "../http/call.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { countAttempt } from "../limits.ts";
import { signedIn, tokenQuery } from "../schemas.ts";
import { tokenHashHex } from "../token.ts";
import { useCode } from "../used-codes.ts";
import { answerSignedIn } from "./signed-in.ts";
import { code } from "./two-factor.ts";

const challenge = z.string().min(16).max(512);

// Of a form that cannot bring another cookie along.
const isChallenge = /^(?:[\w.~+/=-]|%[0-9A-F]{2})+$/i;

export function secondFactorRoutes(app: IdentityApp): void {
  route(
    app,
    {
      method: "post",
      path: "/sign-in/second-factor",
      summary: "Go on with a sign-in: a code of the authenticator, or a recovery code",
      open: true,
      query: tokenQuery,
      body: z.union([
        z.strictObject({ challenge, code }),
        z.strictObject({ challenge, recoveryCode: z.string().min(1).max(64) }),
      ]),
      result: signedIn,
    },
    async (call) => {
      const { body, query } = call;
      await countAttempt(call.database, { action: "second-factor", address: call.client.address });
      const headers = challengeHeaders(call, body.challenge);
      const { api } = call.auth();
      if ("recoveryCode" in body) {
        const { recoveryCode } = body;
        const session = await noted(call, body.challenge, () =>
          api.verifyBackupCode({ body: { code: recoveryCode }, headers }),
        );
        const { token, user } = session;
        if (token === undefined) throw new OpenWorkersError("INTERNAL", "better-auth made no session.");
        await audit(call.database, user.id as UserId, "two_factor.use_recovery_code");
        return answerSignedIn(call, { user, token }, query);
      }
      const session = await noted(call, body.challenge, () =>
        api.verifyTOTP({ body: { code: body.code }, headers }),
      );
      await onlyOnce(call, session.user.id as UserId, body.code, session.token);
      return answerSignedIn(call, session, query);
    },
  );
}

/** better-auth keeps a sign-in that waits for its second factor in a signed cookie; here it comes in the body. */
function challengeHeaders(call: Call, value: string): Headers {
  if (!isChallenge.test(value)) {
    throw new OpenWorkersError("UNAUTHORIZED", "This sign-in has ended.", {
      hint: "Start again with e-mail and password.",
    });
  }
  return call.authHeaders(`ow.two_factor=${value}`);
}

/** Writes down a wrong code, for the person whose password was right. */
async function noted<T>(call: Call, value: string, verify: () => Promise<T>): Promise<T> {
  try {
    return await verify();
  } catch (thrown) {
    call.afterwards("noting a wrong code", async () => {
      const { internalAdapter } = await call.auth().$context;
      const waiting = await internalAdapter.findVerificationValue(challengeIdentifier(value));
      if (waiting === null) return;
      await audit(call.database, waiting.value as UserId, "two_factor.fail", {
        address: call.client.address,
      });
    });
    throw thrown;
  }
}

/** Takes the session back when the code had let somebody in before: who watched it being typed has it as well. */
async function onlyOnce(call: Call, userId: UserId, used: string, token: string): Promise<void> {
  if (await useCode(call.database, userId, used)) return;
  await call.database
    .deleteFrom("identity.sessions")
    .where("token", "=", await tokenHashHex(token))
    .execute();
  await audit(call.database, userId, "two_factor.fail", {
    address: call.client.address,
    reason: "used code",
  });
  throw new OpenWorkersError("UNAUTHORIZED", "The code is wrong, or was used already.");
}

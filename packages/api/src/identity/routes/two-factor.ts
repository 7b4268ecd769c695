import { z } from "@hono/zod-openapi";
import { OpenWorkersError, type UserId } from "@openworkers/core";
import { audit } from "../audit.ts";
import { sessionTokenSet } from "../cookies.ts";
import type { Call } from "../http/call.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { password, renewed } from "../schemas.ts";
import { tokenHashHex } from "../token.ts";
import { useCode } from "../used-codes.ts";
import { withOwnPassword } from "./password.ts";
import { answerRenewed } from "./signed-in.ts";

export const code = z.string().regex(/^\d{6}$/, "is not 6 digits");

const recoveryCodes = z.object({ recoveryCodes: z.array(z.string()) }).openapi("RecoveryCodes");

export function twoFactorRoutes(app: IdentityApp): void {
  route(
    app,
    {
      method: "post",
      path: "/two-factor",
      hashes: true,
      summary: "Begin with two-factor sign-in",
      description: "It is on once POST /v1/auth/two-factor/confirm was given a code. Needs a fresh sign-in.",
      body: z.strictObject({ password }),
      result: recoveryCodes.extend({
        /** For an authenticator's manual entry, Base32. */
        secret: z.string(),
        /** The same and more, for a QR code. */
        uri: z.string(),
      }),
    },
    async (call) => {
      const { body } = call;
      call.mustBeFresh();
      const enabled = await withOwnPassword(call, () =>
        call.auth().api.enableTwoFactor({
          body: { password: body.password, method: "totp" },
          headers: call.authHeaders(),
        }),
      );
      if (enabled.method !== "totp") throw new OpenWorkersError("INTERNAL", "better-auth gave no secret.");
      const secret = new URL(enabled.totpURI).searchParams.get("secret") ?? "";
      return { secret, uri: enabled.totpURI, recoveryCodes: enabled.backupCodes };
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/two-factor/confirm",
      summary: "Turn two-factor sign-in on, with a code of the authenticator; ends every other session",
      body: z.strictObject({ code }),
      result: renewed,
    },
    async (call) => {
      const { body } = call;
      call.mustBeFresh();
      // Only the first: later this would say whether a code is right, without a limit.
      if (call.session.twoFactor) throw new OpenWorkersError("CONFLICT", "Two-factor sign-in is on already.");
      return withOwnPassword(call, async () => {
        const { headers } = await call
          .auth()
          .api.verifyTOTP({ body, headers: call.authHeaders(), returnHeaders: true });
        await useCode(call.database, call.session.userId, body.code);
        return renew(call, headers, "two_factor.enable");
      });
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/two-factor/recovery-codes",
      hashes: true,
      summary: "Make new recovery codes, and the old ones useless",
      body: z.strictObject({ password }),
      result: recoveryCodes,
    },
    async (call) => {
      const { body } = call;
      call.mustBeFresh();
      const made = await withOwnPassword(call, () =>
        call.auth().api.generateBackupCodes({ body, headers: call.authHeaders() }),
      );
      await audit(call.database, call.session.userId, "two_factor.new_recovery_codes");
      return { recoveryCodes: made.backupCodes };
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/two-factor/disable",
      hashes: true,
      summary: "Turn two-factor sign-in off; ends every other session",
      body: z.strictObject({ password }),
      result: renewed,
    },
    async (call) => {
      const { body } = call;
      call.mustBeFresh();
      if (!call.session.twoFactor) throw new OpenWorkersError("CONFLICT", "Two-factor sign-in is not on.");
      return withOwnPassword(call, async () => {
        const { headers } = await call
          .auth()
          .api.disableTwoFactor({ body, headers: call.authHeaders(), returnHeaders: true });
        return renew(call, headers, "two_factor.disable");
      });
    },
  );
}

/** The session that better-auth made in place of the caller's, which is the only one from now on. */
async function renew(call: Call, headers: Headers, action: "two_factor.enable" | "two_factor.disable") {
  const token = sessionTokenSet(headers);
  if (token === undefined) throw new OpenWorkersError("INTERNAL", "better-auth made no session.");
  const userId: UserId = call.session.userId;
  await call.database
    .deleteFrom("identity.sessions")
    .where("user_id", "=", userId)
    .where("token", "!=", await tokenHashHex(token))
    .execute();
  await audit(call.database, userId, action, { address: call.client.address });
  return answerRenewed(call, token);
}

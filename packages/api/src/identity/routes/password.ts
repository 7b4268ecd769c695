import { z } from "@hono/zod-openapi";
import { OpenWorkersError, type UserId } from "@openworkers/core";
import { sql } from "kysely";
import { audit } from "../audit.ts";
import type { IdentityDatabase } from "../database.ts";
import type { Call } from "../http/call.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { clearAttempts, countAttempt } from "../limits.ts";
import { queueMail } from "../mail.ts";
import { page } from "../page.ts";
import { minPasswordLength } from "../passwords.ts";
import { email, linkToken, newPassword, password, renewed } from "../schemas.ts";
import { accepted } from "./email.ts";
import { answerRenewed } from "./signed-in.ts";

export function passwordRoutes(app: IdentityApp): void {
  route(
    app,
    {
      method: "post",
      path: "/password",
      hashes: true,
      summary: "Change one's password, which ends every other session",
      description: "Needs a sign-in of the last 10 minutes. This session goes on under a new token.",
      body: z.strictObject({ currentPassword: password, newPassword }),
      result: renewed,
    },
    async (call) => {
      const { body } = call;
      call.mustBeFresh();
      const { token } = await withOwnPassword(call, () =>
        call.database.transaction().execute(async (transaction) => {
          const changed = await call.auth({ database: transaction }).api.changePassword({
            body: { ...body, revokeOtherSessions: true },
            headers: call.authHeaders(),
          });
          await tellOfChange(call, transaction, call.session.userId, "password.change");
          return changed;
        }),
      );
      if (token === null) throw new OpenWorkersError("INTERNAL", "better-auth made no session.");
      return answerRenewed(call, token);
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/password/forgot",
      summary: "Ask for a link to choose another password",
      description: "The answer is the same whether there is such an account or not.",
      open: true,
      body: z.strictObject({ email }),
      result: accepted,
      status: 202,
    },
    async (call) => {
      const { body } = call;
      await countAttempt(call.database, {
        action: "mail",
        address: call.client.address,
        account: body.email,
      });
      call.afterwards("sending a link", () =>
        call.auth().api.requestPasswordReset({ body: { email: body.email } }),
      );
      return { status: "accepted" as const };
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/password/reset",
      hashes: true,
      summary: "Choose another password with the token of a mail's link, which ends every session",
      open: true,
      body: z.strictObject({ token: linkToken, newPassword }),
    },
    async (call) => {
      const { body } = call;
      await countAttempt(call.database, { action: "link", address: call.client.address });
      const whose: UserId[] = [];
      await call.database.transaction().execute(async (transaction) => {
        const auth = call.auth({ database: transaction, onPasswordReset: (id) => whose.push(id) });
        await auth.api.resetPassword({ body });
        for (const id of whose) {
          // Whoever has the link reads the mail.
          await transaction
            .updateTable("identity.users")
            .set({ email_verified: true, updated_at: sql<Date>`now()` })
            .where("id", "=", id)
            .execute();
          await tellOfChange(call, transaction, id, "password.reset");
        }
      });
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/password/reset",
      summary: "A page for the link of a mail, where there is no dashboard",
      open: true,
      query: z.object({ token: linkToken }),
      answers: "text/html",
    },
    async ({ query }) =>
      page({
        title: "Choose another password",
        action: "/v1/auth/password/reset",
        hidden: { token: query.token },
        fields: [
          {
            name: "newPassword",
            label: `Password, at least ${minPasswordLength} characters`,
            type: "password",
            autocomplete: "new-password",
            minLength: minPasswordLength,
          },
        ],
        button: "Use it",
        done: "Your password is changed, and every session has ended. Sign in again.",
      }),
  );
}

/** Does what asks for the caller's own password; a session that was stolen must not serve to guess it. */
export async function withOwnPassword<T>(call: Call, work: () => Promise<T>): Promise<T> {
  const attempt = {
    action: "own-password",
    address: call.client.address,
    account: call.session.userId,
  } as const;
  await countAttempt(call.database, attempt);
  const result = await work();
  await clearAttempts(call.database, attempt);
  return result;
}

async function tellOfChange(
  call: Call,
  database: IdentityDatabase,
  userId: UserId,
  action: "password.change" | "password.reset",
): Promise<void> {
  const user = await database
    .selectFrom("identity.users")
    .select("email")
    .where("id", "=", userId)
    .executeTakeFirstOrThrow();
  await queueMail(database, call.settings, { recipient: user.email, template: "password-changed", data: {} });
  await audit(database, userId, action, { address: call.client.address });
}

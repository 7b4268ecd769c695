import { z } from "@hono/zod-openapi";
import { OpenWorkersError } from "@openworkers/core";
import { sql } from "kysely";
import { audit } from "../audit.ts";
import type { Call } from "../http/call.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { displayName } from "../schemas.ts";

const me = z
  .object({
    id: z.uuid(),
    /** The account's name in addresses and commands. */
    account: z.string(),
    /** As one wants to be called. */
    name: z.string(),
    email: z.string(),
    emailVerified: z.boolean(),
    operator: z.boolean(),
    twoFactor: z.boolean(),
    hasPassword: z.boolean(),
    github: z.boolean(),
  })
  .openapi("Me");

export function profileRoutes(app: IdentityApp): void {
  route(app, { method: "get", path: "/me", summary: "Who is signed in", result: me }, readMe);

  route(
    app,
    {
      method: "patch",
      path: "/me",
      summary: "Change how one is called",
      body: z.strictObject({ name: displayName }),
      result: me,
    },
    async (call) => {
      const { body } = call;
      await call.database
        .updateTable("identity.users")
        .set({ name: body.name, updated_at: sql<Date>`now()` })
        .where("id", "=", call.session.userId)
        .execute();
      await audit(call.database, call.session.userId, "account.rename", { name: body.name });
      return readMe(call);
    },
  );
}

async function readMe({ database, session }: Call): Promise<z.input<typeof me>> {
  const user = await database
    .selectFrom("identity.users as u")
    .innerJoin(
      sql<{ name: string; is_operator: boolean }>`identity.person(${session.userId})`.as("person"),
      (join) => join.onTrue(),
    )
    .select(({ exists, selectFrom }) => {
      const has = (provider: string) =>
        exists(
          selectFrom("identity.accounts as a")
            .select("a.id")
            .whereRef("a.user_id", "=", "u.id")
            .where("a.provider_id", "=", provider),
        );
      return [
        "u.id",
        "person.name as account",
        "person.is_operator as operator",
        "u.name",
        "u.email",
        "u.email_verified as emailVerified",
        "u.two_factor_enabled as twoFactor",
        has("credential").as("hasPassword"),
        has("github").as("github"),
      ];
    })
    .where("u.id", "=", session.userId)
    .executeTakeFirst();
  if (user === undefined) throw new OpenWorkersError("UNAUTHORIZED", "This account is no more.");
  return { ...user, hasPassword: Boolean(user.hasPassword), github: Boolean(user.github) };
}

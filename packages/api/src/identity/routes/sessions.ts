import { z } from "@hono/zod-openapi";
import { sql } from "kysely";
import { notFound } from "../../http/not-found.ts";
import { audit } from "../audit.ts";
import { type IdentityApp, route } from "../http/route.ts";

const session = z
  .object({
    id: z.uuid(),
    /** What the browser or tool calls itself. */
    userAgent: z.string(),
    address: z.string(),
    createdAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    /** Whether it is the one that asks. */
    current: z.boolean(),
  })
  .openapi("Session");

export function sessionRoutes(app: IdentityApp): void {
  route(
    app,
    {
      method: "get",
      path: "/sessions",
      summary: "Where one is signed in",
      result: z.object({ items: z.array(session) }),
    },
    async ({ database, session: own }) => {
      const rows = await database
        .selectFrom("identity.sessions")
        .select(["id", "user_agent", "ip_address", "created_at", "last_seen_at", "expires_at"])
        .where("user_id", "=", own.userId)
        .where("expires_at", ">", sql<Date>`now()`)
        .orderBy("last_seen_at", "desc")
        .orderBy("id")
        .limit(1_000)
        .execute();
      return {
        items: rows.map((row) => ({
          id: row.id,
          userAgent: row.user_agent ?? "",
          address: row.ip_address ?? "",
          createdAt: row.created_at.toISOString(),
          lastSeenAt: row.last_seen_at.toISOString(),
          expiresAt: row.expires_at.toISOString(),
          current: row.id === own.id,
        })),
      };
    },
  );

  route(
    app,
    {
      method: "delete",
      path: "/sessions/{id}",
      summary: "End one session",
      params: z.object({ id: z.uuid() }),
    },
    async ({ database, session: own, params }) => {
      const ended = await database
        .deleteFrom("identity.sessions")
        .where("id", "=", params.id)
        .where("user_id", "=", own.userId)
        .returning("id")
        .executeTakeFirst();
      if (ended === undefined) throw notFound(`There is no session ${params.id}.`, "/auth/sessions");
      await audit(database, own.userId, "session.revoke", { session: params.id });
    },
  );

  route(
    app,
    { method: "delete", path: "/sessions", summary: "End every session but this one" },
    async ({ database, session: own }) => {
      await database
        .deleteFrom("identity.sessions")
        .where("user_id", "=", own.userId)
        .where("id", "!=", own.id)
        .execute();
      await audit(database, own.userId, "session.revoke_others");
    },
  );
}

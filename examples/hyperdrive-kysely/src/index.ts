// After https://kysely.dev/docs/getting-started
import { type Generated, Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";

export interface Env {
  HYPERDRIVE: Hyperdrive;
}

interface Database {
  users: {
    id: Generated<number>;
    name: string;
    email: string;
    created_at: Generated<Date>;
  };
}

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const dialect = new PostgresDialect({
      pool: new Pool({ connectionString: env.HYPERDRIVE.connectionString, max: 5 }),
    });
    const db = new Kysely<Database>({ dialect });
    try {
      if (request.method === "POST") {
        const user = await request.json<{ name: string; email: string }>();
        // Both rows or none.
        const made = await db.transaction().execute(async (transaction) => {
          const first = await transaction
            .insertInto("users")
            .values(user)
            .returningAll()
            .executeTakeFirstOrThrow();
          await transaction
            .insertInto("users")
            .values({ name: `${user.name} (copy)`, email: `copy-of-${user.email}` })
            .execute();
          return first;
        });
        return Response.json(made, { status: 201 });
      }
      return Response.json(await db.selectFrom("users").select(["id", "name"]).orderBy("id").execute());
    } finally {
      ctx.waitUntil(db.destroy());
    }
  },
} satisfies ExportedHandler<Env>;

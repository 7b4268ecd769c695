// The calls of https://developers.cloudflare.com/hyperdrive/examples/connect-to-postgres/postgres-drivers-and-libraries/postgres-js/
import postgres from "postgres";

export interface Env {
  HYPERDRIVE: Hyperdrive;
}

export default {
  async fetch(_request, env, ctx): Promise<Response> {
    const sql = postgres(env.HYPERDRIVE.connectionString, {
      max: 5,
      // Saves a round trip where no arrays are read.
      fetch_types: false,
    });

    try {
      const result = await sql`SELECT * FROM pg_tables WHERE schemaname = ${"pg_catalog"}`;
      ctx.waitUntil(sql.end());

      return Response.json({ success: true, result });
    } catch (error) {
      console.error("Database error:", error);
      return new Response("Internal error occurred", { status: 500 });
    }
  },
} satisfies ExportedHandler<Env>;

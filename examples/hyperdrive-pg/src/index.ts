// The calls of https://developers.cloudflare.com/hyperdrive/examples/connect-to-postgres/postgres-drivers-and-libraries/node-postgres/
import { Client } from "pg";

export interface Env {
  HYPERDRIVE: Hyperdrive;
}

export default {
  async fetch(_request, env, ctx): Promise<Response> {
    // A client for each request: the connections to PostgreSQL are pooled behind it.
    const client = new Client({
      connectionString: env.HYPERDRIVE.connectionString,
    });

    try {
      await client.connect();
      const result = await client.query("SELECT * FROM pg_tables WHERE schemaname = $1", ["pg_catalog"]);
      ctx.waitUntil(client.end());

      return Response.json({
        success: true,
        result: result.rows,
      });
    } catch (error) {
      console.error("Database error:", error);
      return new Response("Internal error occurred", { status: 500 });
    }
  },
} satisfies ExportedHandler<Env>;

import { z } from "zod";
import { notHere, success } from "./envelope.ts";
import { type Ask, allOf, bodyOf, type CloudflareFace, ofAccount, sending, slice } from "./face.ts";

const databases = "/accounts/:account/d1/database";
const databaseSchema = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  sizeBytes: z.number().nullable(),
});
const resultsSchema = z.object({
  results: z.array(
    z.looseObject({
      columns: z.array(z.object({ name: z.string() })),
      rows: z.array(z.array(z.unknown())),
    }),
  ),
});
const querySchema = z.object({
  sql: z.string(),
  params: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
});

/** Databases by D1's routes: what they speak is PostgreSQL. */
export function d1Routes(face: CloudflareFace): void {
  face.on("get", databases, async (ask) => {
    const all = await allOf(ask, databaseSchema, `/v1/databases${ofAccount(ask)}`);
    const name = ask.search.get("name");
    const { shown, info } = slice(
      all.filter((database) => name === null || database.name === name),
      ask.search,
    );
    return success(shown.map(asDatabase), { info });
  });
  face.on("post", databases, async (ask) => {
    const { name, primary_location_hint, jurisdiction } = await bodyOf(ask, newSchema);
    if (primary_location_hint !== undefined || jurisdiction !== undefined) notHere("Locations");
    const path = `/v1/databases${ofAccount(ask)}`;
    return success(asDatabase(await ask.v1.json(databaseSchema, path, sending("POST", { name }))));
  });
  face.on("get", `${databases}/:database`, async (ask) =>
    success(asDatabase(await ask.v1.json(databaseSchema, within(ask)))),
  );
  face.on("delete", `${databases}/:database`, async (ask) => {
    await ask.v1.ask(within(ask), { method: "DELETE" });
    return success(null);
  });
  face.on("post", `${databases}/:database/query`, async (ask) => {
    const { sql, params } = await bodyOf(ask, querySchema);
    // Without parameters it may be several statements, which are a script.
    const body = params === undefined || params.length === 0 ? { script: sql } : { sql, params };
    const started = performance.now();
    const { results } = await ask.v1.json(resultsSchema, within(ask, "/query"), sending("POST", body));
    const duration = performance.now() - started;
    return success(
      results.map(({ columns, rows }) => ({
        success: true,
        results: rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]]))),
        meta: { duration: duration / results.length },
      })),
    );
  });
}

const newSchema = z.object({
  name: z.string(),
  primary_location_hint: z.string().optional(),
  jurisdiction: z.string().optional(),
});

function within(ask: Ask, rest = ""): string {
  return `/v1/databases/${encodeURIComponent(ask.param("database"))}${rest}${ofAccount(ask)}`;
}

function asDatabase({ id, name, createdAt, sizeBytes }: z.output<typeof databaseSchema>) {
  return { uuid: id, name, created_at: createdAt, file_size: sizeBytes ?? 0, version: "production" };
}

import { z } from "@hono/zod-openapi";
import { type DatabaseId, OpenWorkersError } from "@openworkers/core";
import { find } from "../../access/owned.ts";
import type { Call } from "../../http/call.ts";
import { noStore } from "../../http/errors.ts";
import { notFound } from "../../http/not-found.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, nameOrId } from "../../http/schemas.ts";

const tag = "Databases";
const databaseParams = z.object({ database: nameOrId });
const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const statement = z.strictObject({ sql: z.string(), params: z.array(value).max(65_535).optional() });

const resultSchema = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(z.unknown())),
});
const resultsSchema = z.object({ results: z.array(resultSchema) });

/** As the query protocol has it: passed on as it comes. */
const answerSchema = z.object({
  results: z.array(
    resultSchema.extend({ command: z.string(), rowCount: z.number().nullable(), durationMs: z.number() }),
  ),
});

const tableSchema = z
  .object({
    schema: z.string(),
    name: z.string(),
    kind: z.enum(["table", "view", "materialized view", "foreign table"]),
    rows: z.number().nullable().openapi({ description: "An estimate." }),
    bytes: z.number(),
    columns: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        nullable: z.boolean(),
        default: z.string().nullable(),
        generated: z
          .boolean()
          .openapi({ description: "The database computes it, and takes no value for it." }),
        labels: z.array(z.string()).nullable().openapi({ description: "What an enum may be." }),
      }),
    ),
    primaryKey: z.array(z.string()),
    indexes: z.array(
      z.object({ name: z.string(), unique: z.boolean(), valid: z.boolean(), definition: z.string() }),
    ),
    constraints: z
      .array(
        z.object({
          name: z.string(),
          kind: z.enum(["check", "foreign key", "unique", "exclusion"]),
          definition: z.string(),
        }),
      )
      .openapi({ description: "Besides the primary key." }),
  })
  .openapi("Table");

const tablesSql = `
  select namespace.nspname as schema, class.relname as name,
    case class.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end as kind,
    case when class.reltuples < 0 then null else class.reltuples::float8 end as rows,
    pg_total_relation_size(class.oid)::float8 as bytes,
    coalesce((
      select json_agg(json_build_object(
        'name', attname, 'type', format_type(atttypid, atttypmod), 'nullable', not attnotnull,
        'default', pg_get_expr(adbin, adrelid), 'generated', attgenerated <> '' or attidentity = 'a',
        'labels', (select json_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = atttypid)) order by attnum)
      from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where attrelid = class.oid and attnum > 0 and not attisdropped), '[]') as columns,
    coalesce((
      select json_agg(attname order by array_position(conkey, attnum))
      from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any (conkey)
      where conrelid = class.oid and contype = 'p'), '[]') as "primaryKey",
    coalesce((
      select json_agg(json_build_object(
        'name', named.relname, 'unique', indisunique, 'valid', indisvalid, 'definition', pg_get_indexdef(indexrelid))
        order by indisprimary desc, named.relname)
      from pg_index join pg_class as named on named.oid = indexrelid where indrelid = class.oid), '[]') as indexes,
    coalesce((
      select json_agg(json_build_object(
        'name', conname, 'kind', case contype when 'c' then 'check' when 'f' then 'foreign key' when 'u' then 'unique'
          else 'exclusion' end, 'definition', pg_get_constraintdef(oid)) order by conname)
      from pg_constraint where conrelid = class.oid and contype in ('c', 'f', 'u', 'x')), '[]') as constraints
  from pg_class as class join pg_namespace as namespace on namespace.oid = class.relnamespace
  where class.relkind in ('r', 'p', 'v', 'm', 'f') and not class.relispartition
    and namespace.nspname not in ('pg_catalog', 'information_schema') and namespace.nspname !~ '^pg_'`;

export function queryRoutes(routes: Routes): void {
  routes.add(
    {
      method: "post",
      path: "/databases/{database}/query",
      tag,
      summary: "Run a statement, a batch in one transaction, or a script",
      description:
        "As the query protocol has it: as the database's owner for who may write there, else reading only.",
      params: databaseParams,
      query: accountQuery,
      body: z.union([
        statement,
        z.strictObject({ batch: z.array(statement).min(1).max(10_000) }),
        z.strictObject({ script: z.string() }),
      ]),
      result: answerSchema,
    },
    async (call) => {
      const answer = await send(call, call.body);
      return new Response(answer.body, { headers: { ...noStore, "content-type": "application/json" } });
    },
  );

  routes.add(
    {
      method: "get",
      path: "/databases/{database}/tables",
      tag,
      summary: "List a database's tables and views, with their columns",
      params: databaseParams,
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(tableSchema),
    },
    async (call) => {
      const [schema = "", name = ""] = keyOf(z.string(), call.query.cursor)?.split("\0") ?? [];
      const sql = `${tablesSql} and (namespace.nspname, class.relname) > ($1::text, $2::text) order by 1, 2 limit ${call.query.limit + 1}`;
      const tables = objectsOf(await ask(call, { sql, params: [schema, name] }), tableSchema);
      return page(tables, call.query, (table) => `${table.schema}\0${table.name}`);
    },
  );

  routes.add(
    {
      method: "get",
      path: "/databases/{database}/tables/{schema}/{table}/rows",
      tag,
      summary: "Read a table's rows",
      description: "By primary key where there is one, else as PostgreSQL finds them.",
      params: databaseParams.extend({ schema: z.string().min(1).max(63), table: z.string().min(1).max(63) }),
      query: pageQuery.extend(accountQuery.shape),
      result: resultSchema.extend({ nextCursor: z.string().nullable() }).openapi("Rows"),
    },
    async (call) => {
      const { schema, table } = call.params;
      const found = await ask(call, {
        sql: `${tablesSql} and namespace.nspname = $1 and class.relname = $2`,
        params: [schema, table],
      });
      const [known] = objectsOf(found, tableSchema);
      if (known === undefined)
        throw notFound(`There is no table ${schema}.${table}.`, `/databases/${call.params.database}/tables`);
      const offset = keyOf(z.int().min(0), call.query.cursor) ?? 0;
      const order =
        known.primaryKey.length === 0 ? "" : ` order by ${known.primaryKey.map(quoted).join(", ")}`;
      const { limit } = call.query;
      const sql = `select * from ${quoted(schema)}.${quoted(table)}${order} limit ${limit + 1} offset ${offset}`;
      const { columns, rows } = await ask(call, { sql });
      const shown = page(
        rows.map((row, index) => ({ row, index })),
        call.query,
        ({ index }) => offset + index + 1,
      );
      return { columns, rows: shown.items.map(({ row }) => row), nextCursor: shown.nextCursor };
    },
  );
}

type DatabaseCall = Call<{ database: string }, { account?: string | undefined }, unknown>;

/** One statement's result. @throws OpenWorkersError as the query protocol says */
async function ask(
  call: DatabaseCall,
  body: z.input<typeof statement>,
): Promise<z.output<typeof resultSchema>> {
  const { results } = resultsSchema.parse(await (await send(call, body)).json());
  const [result] = results;
  if (result === undefined) throw new OpenWorkersError("INTERNAL", "A statement had no result.");
  return result;
}

async function send(
  { params, query, reading, platform, request }: DatabaseCall,
  body: unknown,
): Promise<Response> {
  const { id } = await reading((scope) =>
    find<DatabaseId>(scope, "database", {
      nameOrId: params.database,
      account: query.account,
      action: "read",
    }),
  );
  return platform.ask(`/databases/${id}/query`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: request.signal,
  });
}

/** Rows as objects by their columns' names. */
function objectsOf<Schema extends z.ZodType>(
  { columns, rows }: z.output<typeof resultSchema>,
  schema: Schema,
): z.output<Schema>[] {
  return rows.map((row) =>
    schema.parse(Object.fromEntries(columns.map(({ name }, index) => [name, row[index]]))),
  );
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

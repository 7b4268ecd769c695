import { createRequire } from "node:module";
import type { Client, QueryArrayResult } from "pg";

/** Leaves every value the text that PostgreSQL sent. */
export const rawTypes = { getTypeParser: () => (text: string) => text };

// A part of `pg`, which has no types: reads array literals.
const { parse: parseArray } = createRequire(require.resolve("pg-types"))("postgres-array") as {
  parse(text: string, each: (element: string) => unknown): unknown[];
};

const numbers = new Set(["int2", "int4", "oid", "float4", "float8"]);

/** A result as the query protocol has it. */
export async function resultText(
  client: Client,
  { fields, rows, command, rowCount }: Pick<QueryArrayResult, "fields" | "rows" | "command" | "rowCount">,
  durationMs: number,
): Promise<string> {
  const oids = [...new Set(fields.map(({ dataTypeID }) => dataTypeID))];
  const types = await client.query<{ oid: number; name: string }>(
    "select t.oid::int, coalesce(e.typname || '[]', t.typname) as name from pg_type t left join pg_type e on e.oid = t.typelem and t.typcategory = 'A' where t.oid = any($1)",
    [oids],
  );
  const nameOf = new Map(types.rows.map(({ oid, name }) => [oid, name]));
  const columns = fields.map(({ name, dataTypeID }) => ({ name, type: nameOf.get(dataTypeID) ?? "" }));
  const body = (rows as (string | null)[][]).map(
    (row) => `[${row.map((text, index) => valueText(columns[index]?.type ?? "", text)).join(",")}]`,
  );
  return `{"columns":${JSON.stringify(columns)},"rows":[${body.join(",")}],"command":"${command ?? ""}","rowCount":${rowCount ?? 0},"durationMs":${durationMs}}`;
}

function valueText(type: string, text: string | null): string {
  if (text === null) return "null";
  if (type.endsWith("[]")) {
    const element = type.slice(0, -2);
    const each = (value: unknown): string =>
      Array.isArray(value)
        ? `[${value.map(each).join(",")}]`
        : valueText(element, value === null ? null : String(value));
    return each(parseArray(text, (value) => value));
  }
  if (type === "bool") return text === "t" ? "true" : "false";
  if (type === "json" || type === "jsonb") return text;
  return numbers.has(type) && /^-?[0-9]/.test(text) ? text : JSON.stringify(text);
}

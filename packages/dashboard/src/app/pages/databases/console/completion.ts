import type { Table } from "../sql/rows.ts";

/** Something that may follow what has been typed. */
export interface Suggestion {
  readonly kind: "table" | "column" | "keyword";
  readonly label: string;
  readonly insert: string;
  readonly detail: string;
}

const keywords =
  "select from where group by having order limit offset join left right inner outer cross on using as and or not in is null like ilike between exists case when then else end distinct union all with insert into values update set delete returning create table view index unique primary key references default alter add drop column constraint if truncate explain analyze cast coalesce count sum min max avg now true false asc desc nulls first last".split(
    " ",
  );
const reserved = new Set(
  "select from where group having order limit offset join on using as and or not in null case when then else end distinct union all with into table default unique primary references check user".split(
    " ",
  ),
);

/** A name as SQL needs it written. */
export function identifier(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) && !reserved.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

const name = String.raw`"(?:[^"]|"")+"|[\w$]+`;
const source = new RegExp(
  String.raw`\b(?:from|join|update|into|,)\s+((?:${name})(?:\.(?:${name}))?)(?:\s+(?:as\s+)?(?!(?:where|on|set|join|left|right|inner|outer|cross|full|group|order|limit|using|values|natural|having|union|returning)\b)(${name}))?`,
  "gi",
);

/**
 * What may follow `before` in a statement: after `alias.` that table's columns, else columns of the tables that it names,
 * then tables, then keywords.
 */
export function suggest(tables: readonly Table[], statement: string, before: string): Suggestion[] {
  const used = sources(tables, statement);
  const [, qualifier] = new RegExp(String.raw`(${name})\.[\w$]*$`).exec(before) ?? [];
  if (qualifier !== undefined) {
    const wanted = bare(qualifier);
    const of = used
      .filter(({ alias, table }) => alias === wanted || table.name === wanted)
      .map(({ table }) => table);
    if (of.length > 0) return columnsOf(of);
    const inSchema = tables.filter(({ schema }) => schema === wanted);
    if (inSchema.length > 0)
      return inSchema.map((table) => ({ ...tableOf(table), insert: identifier(table.name) }));
    return columnsOf(tables.filter(({ name: each }) => each === wanted));
  }
  const afterSource = /\b(?:from|join|update|into|table)\s+[\w$"]*$/i.test(before);
  const named = tables.map(tableOf);
  if (afterSource) return named;
  const words = keywords.map((word) => ({ kind: "keyword", label: word, insert: word, detail: "" }) as const);
  return [...columnsOf([...new Set(used.map(({ table }) => table))]), ...named, ...words];
}

function sources(tables: readonly Table[], statement: string): { alias: string; table: Table }[] {
  return [...statement.matchAll(source)].flatMap(([, full = "", alias]) => {
    const parts = (full.match(new RegExp(name, "g")) ?? []).map(bare);
    const wanted = parts.at(-1);
    const schema = parts.length > 1 ? parts[0] : undefined;
    const table = tables.find(
      (each) => each.name === wanted && (schema === undefined || each.schema === schema),
    );
    return table === undefined ? [] : [{ alias: alias === undefined ? table.name : bare(alias), table }];
  });
}

/** Without its quotes; names without are lower case to PostgreSQL. */
function bare(written: string): string {
  return written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written.toLowerCase();
}

function tableOf({ schema, name: table, kind }: Table): Suggestion {
  const qualified = schema === "public" ? identifier(table) : `${identifier(schema)}.${identifier(table)}`;
  return {
    kind: "table",
    label: schema === "public" ? table : `${schema}.${table}`,
    insert: qualified,
    detail: kind,
  };
}

function columnsOf(tables: readonly Table[]): Suggestion[] {
  return tables.flatMap(({ name: table, columns }) =>
    columns.map((column) => ({
      kind: "column" as const,
      label: column.name,
      insert: identifier(column.name),
      detail: `${table} · ${column.type}`,
    })),
  );
}

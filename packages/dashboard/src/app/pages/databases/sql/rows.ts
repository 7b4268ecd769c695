import type { components } from "@openworkers/client";

export type Table = components["schemas"]["Table"];
export type Column = Table["columns"][number];

/** A statement of the query protocol. */
export interface Sql {
  readonly sql: string;
  readonly params: readonly (string | null)[];
}

/** How a filter compares, by its name in the page's address. */
export const operators = {
  eq: { label: "=", sql: "=", takesValue: true },
  ne: { label: "≠", sql: "is distinct from", takesValue: true },
  lt: { label: "<", sql: "<", takesValue: true },
  le: { label: "≤", sql: "<=", takesValue: true },
  gt: { label: ">", sql: ">", takesValue: true },
  ge: { label: "≥", sql: ">=", takesValue: true },
  has: { label: "contains", sql: "ilike", takesValue: true },
  starts: { label: "starts with", sql: "ilike", takesValue: true },
  null: { label: "is null", sql: "is null", takesValue: false },
  set: { label: "is not null", sql: "is not null", takesValue: false },
} as const;
export type Operator = keyof typeof operators;

export interface Filter {
  readonly column: string;
  readonly operator: Operator;
  readonly value: string;
}

export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

/** What a cell is to hold: text as PostgreSQL reads it, NULL, or what the column's default says. */
export type Cell = { readonly text: string } | "null" | "default";

/** Values of a row's primary key, by column. */
export type RowKey = Readonly<Record<string, string>>;

/** A row as it was read, each value as PostgreSQL writes it. */
export interface Row {
  /** The row's version: another one means that somebody changed it. Absent where rows cannot be changed. */
  readonly version: string | null;
  readonly values: readonly (string | null)[];
}

/** Longer values are cut in lists, so that a page of them stays small. */
export const shownCharacters = 256;
/** Rows are counted up to so many: counting a large table reads all of it. */
export const countedRows = 10_000;

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function fullName({ schema, name }: Pick<Table, "schema" | "name">): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

/** Whether single rows can be told apart, and so be changed. */
export function hasKey({ kind, primaryKey }: Table): boolean {
  return kind === "table" && primaryKey.length > 0;
}

/** A page of rows: the first column is the row's version, the others are the table's, all of them text. */
export function selectRows(
  table: Table,
  at: {
    readonly filters: readonly Filter[];
    readonly sort: Sort | undefined;
    readonly limit: number;
    readonly offset: number;
  },
): Sql {
  const { sql: where, params } = conditions(at.filters);
  const order = [
    ...(at.sort === undefined
      ? []
      : [`${quoted(at.sort.column)} ${at.sort.descending ? "desc" : "asc"} nulls last`]),
    ...table.primaryKey.filter((name) => name !== at.sort?.column).map(quoted),
  ];
  const columns = table.columns.map(({ name }) =>
    table.primaryKey.includes(name)
      ? `${quoted(name)}::text`
      : `left(${quoted(name)}::text, ${shownCharacters + 1})`,
  );
  const orderBy = order.length === 0 ? "" : ` order by ${order.join(", ")}`;
  return {
    sql: `select ${[version(table), ...columns].join(", ")} from ${fullName(table)}${where}${orderBy} limit ${at.limit} offset ${at.offset}`,
    params,
  };
}

/** How many rows there are, up to one more than are counted. */
export function countRows(table: Table, filters: readonly Filter[]): Sql {
  const { sql: where, params } = conditions(filters);
  return {
    sql: `select count(*)::int4 from (select 1 from ${fullName(table)}${where} limit ${countedRows + 1}) as counted`,
    params,
  };
}

/** One row with all of its values. */
export function selectRow(table: Table, key: RowKey): Sql {
  const { sql: where, params } = keyCondition(key, []);
  const columns = table.columns.map(({ name }) => `${quoted(name)}::text`);
  return { sql: `select ${[version(table), ...columns].join(", ")} from ${fullName(table)}${where}`, params };
}

/** A new row; columns that are not given get their defaults. */
export function insertRow(table: Table, cells: ReadonlyMap<string, Cell>): Sql {
  const given = [...cells].filter(([, cell]) => cell !== "default");
  if (given.length === 0) return { sql: `insert into ${fullName(table)} default values`, params: [] };
  const params = given.map(([, cell]) => storedOf(cell));
  const names = given.map(([name]) => quoted(name)).join(", ");
  const places = params.map((_, index) => `$${index + 1}`).join(", ");
  return { sql: `insert into ${fullName(table)} (${names}) values (${places})`, params };
}

/** Changes some of a row's values, unless the row is another by now: then no row is changed. */
export function updateRow(
  table: Table,
  key: RowKey,
  rowVersion: string | null,
  cells: ReadonlyMap<string, Cell>,
): Sql {
  const params: (string | null)[] = [];
  const sets = [...cells].map(([name, cell]) => {
    if (cell === "default") return `${quoted(name)} = default`;
    params.push(storedOf(cell));
    return `${quoted(name)} = $${params.length}`;
  });
  const where = keyCondition(key, params, rowVersion);
  return { sql: `update ${fullName(table)} set ${sets.join(", ")}${where.sql}`, params: where.params };
}

/** Deletes a row, unless it is another by now. */
export function deleteRow(table: Table, key: RowKey, rowVersion: string | null): Sql {
  const { sql: where, params } = keyCondition(key, [], rowVersion);
  return { sql: `delete from ${fullName(table)}${where}`, params };
}

/** The key of a row of `selectRows`. */
export function keyOf(table: Table, { values }: Row): RowKey {
  return Object.fromEntries(
    table.primaryKey.map((name) => [
      name,
      values[table.columns.findIndex((column) => column.name === name)] ?? "",
    ]),
  );
}

function version(table: Table): string {
  return hasKey(table) ? "xmin::text" : "null";
}

function storedOf(cell: Cell): string | null {
  return typeof cell === "object" ? cell.text : null;
}

function keyCondition(
  key: RowKey,
  before: readonly (string | null)[],
  rowVersion: string | null = null,
): Sql {
  const params = [...before];
  const parts = Object.entries(key).map(([name, value]) => {
    params.push(value);
    return `${quoted(name)} = $${params.length}`;
  });
  if (rowVersion !== null) {
    params.push(rowVersion);
    parts.push(`xmin = $${params.length}::xid`);
  }
  return { sql: ` where ${parts.join(" and ")}`, params };
}

function conditions(filters: readonly Filter[]): Sql {
  const params: string[] = [];
  const parts = filters.map(({ column, operator, value }) => {
    const { sql, takesValue } = operators[operator];
    if (!takesValue) return `${quoted(column)} ${sql}`;
    if (operator !== "has" && operator !== "starts") {
      params.push(value);
      return `${quoted(column)} ${sql} $${params.length}`;
    }
    const literal = value.replaceAll(/[\\%_]/g, "\\$&");
    params.push(operator === "has" ? `%${literal}%` : `${literal}%`);
    return `${quoted(column)}::text ${sql} $${params.length}`;
  });
  return { sql: parts.length === 0 ? "" : ` where ${parts.join(" and ")}`, params };
}

import type { Column } from "../sql/rows.ts";

/** How a column's values are edited. */
export type ColumnKind = "boolean" | "choice" | "number" | "json" | "bytes" | "date" | "moment" | "text";

const numbers = /^(smallint|integer|bigint|numeric|real|double precision|oid)\b(?!.*\[\])/;

export function isNumeric(type: string): boolean {
  return numbers.test(type);
}

export function kindOf({ type, labels }: Pick<Column, "type" | "labels">): ColumnKind {
  if (labels !== null) return "choice";
  if (type === "boolean") return "boolean";
  if (type === "json" || type === "jsonb") return "json";
  if (type === "bytea") return "bytes";
  if (type === "date") return "date";
  if (/^timestamp\b(?!.*\[\])/.test(type)) return "moment";
  return isNumeric(type) ? "number" : "text";
}

/** What a column's value looks like, where that is not plain. */
export function hintOf({ type }: Pick<Column, "type">): string | undefined {
  if (type.endsWith("[]")) return 'As PostgreSQL writes arrays: {1,2} or {"a b",NULL}';
  if (type.startsWith("timestamp with time zone")) return "2026-11-23 10:00:00+00, now, infinity";
  if (type.startsWith("timestamp")) return "2026-11-23 10:00:00";
  if (type === "interval") return "1 day 02:00";
  if (type === "date") return "2026-11-23";
  return undefined;
}

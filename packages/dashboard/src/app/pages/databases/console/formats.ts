import { textOf } from "../sql/exact-json.ts";
import type { Result } from "../sql/queries.ts";

/** A result as CSV (RFC 4180): NULL is nothing, an empty text is `""`. */
export function toCsv({ columns, rows }: Pick<Result, "columns" | "rows">): string {
  const lines = [
    columns.map(({ name }) => csvField(name)),
    ...rows.map((row) => row.map((value) => csvField(textOf(value)))),
  ];
  return lines.map((fields) => `${fields.join(",")}\r\n`).join("");
}

/** A result as an array of objects, one a line. Columns of one name keep the last value. */
export function toJson({ columns, rows }: Pick<Result, "columns" | "rows">): string {
  if (rows.length === 0) return "[]\n";
  const objects = rows.map((row) =>
    JSON.stringify(Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null]))),
  );
  return `[\n  ${objects.join(",\n  ")}\n]\n`;
}

function csvField(text: string | undefined): string {
  if (text === undefined) return "";
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

import type { Query } from "../sql/queries.ts";
import type { Statement } from "../sql/statements.ts";

/** What PostgreSQL plans, or tells with its own error that it does not. */
const explainable = new Set(["select", "with", "insert", "update", "delete", "merge", "values", "table"]);

/** Why a statement has no plan; undefined when it has one. */
export function whyNoPlan({ command }: Statement): string | undefined {
  if (explainable.has(command)) return undefined;
  return `EXPLAIN is for SELECT, INSERT, UPDATE, DELETE, MERGE and VALUES, and not for ${command.toUpperCase()}.`;
}

/** A query that explains a statement, and where in it the statement begins: the position of an error counts from there. */
export interface Explanation {
  readonly query: Query;
  readonly prefix: string;
}

/**
 * @param analyze whether it is run to be measured; what it changes is rolled back
 */
export function explain(
  { text }: Pick<Statement, "text">,
  params: readonly (string | null)[],
  analyze: boolean,
): Explanation {
  if (!analyze) {
    const prefix = "explain (format json, verbose false) ";
    return { query: { sql: prefix + text, params }, prefix };
  }
  const options = "explain (format json, analyze) ";
  if (params.length === 0) return { query: { script: `${options}${text}\n; rollback` }, prefix: options };
  // A script takes no parameters, and only a script can be rolled back.
  const prefix = "prepare explained as ";
  const values = params.map((value) => (value === null ? "null" : quotedText(value))).join(", ");
  return {
    query: { script: `${prefix}${text}\n; ${options}execute explained(${values}); rollback` },
    prefix,
  };
}

/** A text in SQL, whatever `standard_conforming_strings` says. */
function quotedText(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return text.includes("\\") ? `E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}

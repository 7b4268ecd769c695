import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

export interface Statement {
  readonly sql: string;
  /** Values in PostgreSQL's text format, or null; PostgreSQL infers their types. */
  readonly params: readonly (string | null)[];
}

/** What one call asks for: a statement, several in one transaction, or a text of several without values. */
export type Command =
  | { readonly kind: "statement"; readonly statement: Statement }
  | { readonly kind: "batch"; readonly statements: readonly Statement[] }
  | { readonly kind: "script"; readonly sql: string };

const maxStatements = 10_000;
// Bind counts values in 16 bits (PostgreSQL manual, 54.7).
const maxParams = 65_535;

// What the protocol cannot carry, or would carry as something else.
const text = z
  .string()
  .refine((value) => value.isWellFormed(), "holds half of a surrogate pair")
  .refine((value) => !value.includes("\0"), "holds a NUL character, which no text of PostgreSQL's can");
const param = z.union([text, z.null(), z.number().transform(String), z.boolean().transform(String)], {
  error: "is none of string, number, boolean and null",
});
const statement = z.strictObject({ sql: text, params: z.array(param).max(maxParams).default([]) });
const batch = z.strictObject({ batch: z.array(statement).min(1).max(maxStatements) });
const script = z.strictObject({ script: text });

/** Reads a request of the query protocol. @throws OpenWorkersError INVALID_INPUT */
export function parseCommand(json: string): Command {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch {
    throw invalid("The request is not JSON.");
  }
  if (typeof body !== "object" || body === null) throw invalid("The request is not a JSON object.");
  if ("batch" in body) {
    const { batch: statements } = read(batch, body);
    for (const [index, { sql }] of statements.entries()) refuseWhatEndsWithTheCall(sql, `batch[${index}]: `);
    return { kind: "batch", statements };
  }
  if ("script" in body) return { kind: "script", sql: read(script, body).script };
  const single = read(statement, body);
  refuseWhatEndsWithTheCall(single.sql, "");
  return { kind: "statement", statement: single };
}

function read<T>(schema: z.ZodType<T>, body: object): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(`${issue?.path.join(".") || "The request"}: ${issue?.message ?? "is malformed"}.`);
}

function invalid(message: string): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", message, {
    hint: 'Send {"sql", "params"}, {"batch": [{"sql", "params"}, …]} or {"script"}.',
  });
}

/** The first word of a statement, in lower case: white space and comments (which nest) come before it. */
function firstWord(sql: string): string {
  let at = 0;
  for (;;) {
    at += /^[\s;]*/.exec(sql.slice(at, at + 1_000))?.[0].length ?? 0;
    if (sql.startsWith("--", at)) {
      const length = sql.slice(at).search(/[\r\n]/);
      if (length === -1) return "";
      at += length;
    } else if (sql.startsWith("/*", at)) {
      at = endOfComment(sql, at);
    } else if (!/[\s;]/.test(sql[at] ?? "")) {
      return /^[a-z]*/i.exec(sql.slice(at, at + 20))?.[0].toLowerCase() ?? "";
    }
  }
}

function endOfComment(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length; at++) {
    if (sql.startsWith("/*", at)) {
      depth++;
      at++;
    } else if (sql.startsWith("*/", at)) {
      at++;
      if (--depth === 0) return at + 1;
    }
  }
  return sql.length;
}

const batches = "Statements that belong together go into one batch or script, which is a transaction.";
const sessions = "It needs a session that lasts: connect with a PostgreSQL client.";
const endsWithTheCall: ReadonlyMap<string, string> = new Map([
  ...["begin", "start", "commit", "end", "rollback", "abort"].map((word) => [word, batches] as const),
  ...["listen", "unlisten", "copy"].map((word) => [word, sessions] as const),
]);

/**
 * Such a statement would do nothing, or end the transaction that a batch is. There is one statement in `sql` (the
 * protocol takes no more), so its first word says what it is; a script is held to its end instead.
 */
function refuseWhatEndsWithTheCall(sql: string, where: string): void {
  const word = firstWord(sql);
  const hint = endsWithTheCall.get(word);
  if (hint === undefined) return;
  throw new OpenWorkersError(
    "INVALID_INPUT",
    `${where}${word.toUpperCase()} cannot be sent by itself here.`,
    { hint },
  );
}

/**
 * Whether a statement may be committed before its result has been seen: it has none. Another one may only when its
 * result was small enough, for a result that is too large takes back what the statement did.
 */
export function hasNoResult(sql: string): boolean {
  return /^(insert|update|delete)$/.test(firstWord(sql)) && !/returning/i.test(sql);
}

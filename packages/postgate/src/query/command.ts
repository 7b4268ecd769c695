import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

export interface Statement {
  readonly sql: string;
  /** Values in PostgreSQL's text format, or null; PostgreSQL infers their types. */
  readonly params: readonly (string | null)[];
  /** Its first word, in lower case: what kind of statement it is. */
  readonly word: string;
}

/** What one call asks for: a statement, several in one transaction, or a text of several without values. */
export type Command =
  | { readonly kind: "statement"; readonly statement: Statement }
  | { readonly kind: "batch"; readonly statements: readonly Statement[] }
  | { readonly kind: "script"; readonly sql: string };

const maxStatements = 10_000;
// Bind counts values in 16 bits (PostgreSQL manual, 54.7).
const maxParams = 65_535;

// Values are looked at by hand: there may be many, and a schema of what each may be takes longer than the statement.
const values = z.array(z.unknown()).max(maxParams).default([]);
const statement = z.strictObject({ sql: z.string(), params: values });
const batch = z.strictObject({ batch: z.array(statement).min(1).max(maxStatements) });
const script = z.strictObject({ script: z.string() });

/** Reads a request of the query protocol. @throws OpenWorkersError INVALID_INPUT */
export function parseCommand(json: string): Command {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch {
    throw invalid("", "The request is not JSON.");
  }
  if (typeof body !== "object" || body === null) throw invalid("", "The request is not a JSON object.");
  if ("batch" in body) {
    const statements = read(batch, body).batch.map((one, index) => checked(one, `batch.${index}.`));
    return { kind: "batch", statements };
  }
  if ("script" in body) return { kind: "script", sql: text(read(script, body).script, "script") };
  return { kind: "statement", statement: checked(isStatement(body) ? body : read(statement, body), "") };
}

/** What `statement` accepts, at a fraction of its cost; what it does not, `statement` finds words for. */
function isStatement(body: object): body is { sql: string; params: unknown[] } {
  if (!("sql" in body && typeof body.sql === "string")) return false;
  if (!("params" in body && Array.isArray(body.params) && body.params.length <= maxParams)) return false;
  return Object.keys(body).length === 2;
}

function read<T>(schema: z.ZodType<T>, body: object): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join(".") ?? "";
  throw invalid(field, `${field || "The request"}: ${issue?.message ?? "is malformed"}.`);
}

function checked({ sql, params }: z.infer<typeof statement>, where: string): Statement {
  text(sql, `${where}sql`);
  const word = firstWord(sql);
  refuseWhatEndsWithTheCall(word, where);
  return { sql, params: params.map((value, index) => param(value, where, index)), word };
}

function param(value: unknown, where: string, index: number): string | null {
  if (typeof value === "string") return carried(value) ? value : text(value, `${where}params.${index}`);
  if (value === null) return null;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const field = `${where}params.${index}`;
  throw invalid(field, `${field}: is none of string, number, boolean and null.`);
}

const carried = (value: string) => value.isWellFormed() && !value.includes("\0");

/** Refuses what the protocol cannot carry, or would carry as something else. */
function text(value: string, where: string): string {
  if (!value.isWellFormed()) throw invalid(where, `${where}: holds half of a surrogate pair.`);
  if (value.includes("\0"))
    throw invalid(where, `${where}: holds a NUL character, which no text of PostgreSQL's can.`);
  return value;
}

function invalid(field: string, message: string): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", message, {
    field,
    hint: 'Send {"sql", "params"}, {"batch": [{"sql", "params"}, …]} or {"script"}.',
  });
}

/** The first word of a statement, in lower case: white space and comments (which nest) come before it. */
function firstWord(sql: string): string {
  const [plain = ""] = /^[a-z]{1,20}/i.exec(sql) ?? [];
  if (plain !== "") return plain.toLowerCase();
  const blank = /[\s;]*/y;
  let at = 0;
  for (;;) {
    blank.lastIndex = at;
    blank.test(sql);
    at = blank.lastIndex;
    if (sql.startsWith("--", at)) {
      const length = sql.slice(at).search(/[\r\n]/);
      if (length === -1) return "";
      at += length;
    } else if (sql.startsWith("/*", at)) {
      at = endOfComment(sql, at);
    } else {
      const [word = ""] = /^[a-z]*/i.exec(sql.slice(at, at + 20)) ?? [];
      return word.toLowerCase();
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
 * Such a statement would do nothing, or end the transaction that a batch is. There is one statement in a text (the
 * protocol takes no more), so its first word says what it is; a script is held to its end instead.
 */
function refuseWhatEndsWithTheCall(word: string, where: string): void {
  const hint = endsWithTheCall.get(word);
  if (hint === undefined) return;
  throw new OpenWorkersError(
    "INVALID_INPUT",
    `${where}${word.toUpperCase()} cannot be sent by itself here.`,
    { field: `${where}sql`, hint },
  );
}

/**
 * Whether a statement may be committed before its result has been seen, which saves a round trip. A result that is too
 * large takes back what the statement did; this one either has no result, or calls nothing that could do anything.
 * (A view may call functions out of sight. What they do is kept, should the result then be too large.)
 */
export function commitsEarly({ sql, word }: Statement): boolean {
  if (word === "select" || word === "table" || word === "show") return !sql.includes("(");
  return (word === "insert" || word === "update" || word === "delete") && !/returning/i.test(sql);
}

const leavesSchema = new Set(["select", "insert", "update", "delete", "merge", "values", "table", "with"]);
const into = /\binto\b/i;

/**
 * Whether a command may change what names mean or which types things have. Of what functions do out of sight it does not
 * know.
 */
export function changesSchema(command: Command): boolean {
  if (command.kind === "script") return true;
  if (command.kind === "batch") return command.statements.some(statementChangesSchema);
  return statementChangesSchema(command.statement);
}

function statementChangesSchema({ sql, word }: Statement): boolean {
  // SELECT … INTO makes a table.
  return !leavesSchema.has(word) || (word !== "insert" && word !== "merge" && into.test(sql));
}

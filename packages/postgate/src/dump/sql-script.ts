import { OpenWorkersError } from "@openworkers/core";

/** A part of a script: whole statements, or a COPY with the rows that follow it. */
export type ScriptPart =
  | { readonly sql: string }
  | { readonly copy: string; readonly rows: AsyncGenerator<Uint8Array> };

/** Statements are sent together up to so many bytes: a round trip for each would be most of the time. */
const batchBytes = 128 * 1024;
/** A single statement may not be longer: it is held whole. */
const maxStatementBytes = 64 * 2 ** 20;

/** What pg_dump writes for psql's own protection, and means nothing to anybody else. */
const restrict = /^\\(un)?restrict\b/;
const copyFromStdin = /^(?:\s|--[^\n]*\n)*copy\s[\s\S]*\sfrom\s+stdin\b[^;]*;$/i;
/** A script runs in a transaction of ours. */
const endsTransaction =
  /^(?:\s|--[^\n]*\n)*(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:\w+\s+)?to\b))\b/i;

/** Comments of whole lines, which stand before \restrict in a dump. */
const onlyComments = /^\s*(?:--[^\n]*\n\s*)*$/;

/**
 * Takes a script apart that psql would run: pg_dump's, or one written by hand. The rows of a COPY must have been read before
 * the next part is asked for.
 *
 * @throws OpenWorkersError INVALID_INPUT: a command of psql's, one that ends the transaction, an end in the middle of a
 * statement
 */
export async function* scriptParts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ScriptPart> {
  const lines = readLines(chunks);
  const lexer = new StatementLexer();
  let statement = "";
  let batch = "";
  // Bytes as characters: what separates statements is ASCII, and UTF-8's other bytes are not.
  for await (const line of lines) {
    if (line.startsWith("\\") && onlyComments.test(statement)) {
      if (restrict.test(line)) continue;
      throw new OpenWorkersError("INVALID_INPUT", `"${line.trim().slice(0, 40)}" is a command of psql's.`, {
        hint: "Take it out, or run the file with psql over the connection that a token gives.",
      });
    }
    let from = 0;
    for (const end of lexer.ends(line)) {
      statement += line.slice(from, end);
      from = end;
      if (endsTransaction.test(statement)) throw endsItself();
      if (copyFromStdin.test(statement)) {
        if (batch !== "") yield { sql: utf8(batch) };
        batch = "";
        yield { copy: utf8(statement), rows: copyRows(lines) };
        from = line.length;
      } else {
        batch += statement;
      }
      statement = "";
    }
    statement += line.slice(from);
    if (statement.length > maxStatementBytes) {
      throw new OpenWorkersError("INVALID_INPUT", "A statement of the file is longer than 64 MiB.");
    }
    if (batch.length >= batchBytes) {
      yield { sql: utf8(batch) };
      batch = "";
    }
  }
  if (lexer.open) throw new OpenWorkersError("INVALID_INPUT", "The file ends in the middle of a statement.");
  if (endsTransaction.test(statement)) throw endsItself();
  if ((batch + statement).trim() !== "") yield { sql: utf8(batch + statement) };
}

/** What is said of a script that would leave our transaction. */
export function endsItself(): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", "The file ends the transaction that it is restored in.", {
    hint: "Take BEGIN, COMMIT and ROLLBACK out: all of it happens or nothing anyway.",
  });
}

async function* copyRows(lines: AsyncGenerator<string>): AsyncGenerator<Uint8Array> {
  let batch = "";
  for (;;) {
    const { value: line, done } = await lines.next();
    if (done) throw new OpenWorkersError("INVALID_INPUT", "The file ends in the middle of a table's rows.");
    if (/^\\\.\r?\n?$/.test(line)) break;
    batch += line;
    if (batch.length >= batchBytes) {
      yield Buffer.from(batch, "latin1");
      batch = "";
    }
  }
  if (batch !== "") yield Buffer.from(batch, "latin1");
}

async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const rest: string[] = [];
  for await (const chunk of chunks) {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    let from = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", from)) {
      yield rest.splice(0).join("") + text.slice(from, end + 1);
      from = end + 1;
    }
    if (from < text.length) rest.push(text.slice(from));
  }
  if (rest.length > 0) yield rest.join("");
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** What a text may be in the middle of, and what is looked for there. */
const inside = {
  code: /'|"|--|\/\*|\$(?:[a-z_\x80-\xff][a-z0-9_\x80-\xff]*)?\$|[()]|;|[a-z_\x80-\xff][a-z0-9_$\x80-\xff]*/gi,
  quote: /'/g,
  escapes: /\\[\s\S]|'/g,
  name: /"/g,
  comment: /\/\*|\*\//g,
};

/** Finds where statements end, as PostgreSQL's own lexer sees them (psqlscan.l): the semicolons that are not in something. */
export class StatementLexer {
  #mode: keyof typeof inside | "dollar" = "code";
  #tag = "";
  #comments = 0;
  #parens = 0;
  /** Open BEGIN ATOMIC and CASE of a function's body. */
  #blocks = 0;
  /** The first words, which say whether it makes a function. */
  #words: string[] = [];

  /** Whether something is begun that only more text can end. */
  get open(): boolean {
    return this.#mode !== "code" || this.#parens > 0 || this.#blocks > 0;
  }

  /** Where statements end in the next line of the text: behind their semicolons. */
  *ends(line: string): Generator<number> {
    let at = 0;
    while (at < line.length) {
      if (this.#mode === "dollar") {
        const end = line.indexOf(this.#tag, at);
        if (end === -1) return;
        at = end + this.#tag.length;
        this.#mode = "code";
        continue;
      }
      const pattern = inside[this.#mode];
      pattern.lastIndex = at;
      const found = pattern.exec(line);
      if (found === null) return;
      const [token] = found;
      at = found.index + token.length;
      if (this.#mode !== "code") this.#leave(token);
      else if (token === "--") return;
      else if (this.#enter(token, line[found.index - 1])) yield at;
    }
  }

  #leave(token: string): void {
    if (this.#mode === "comment") {
      this.#comments += token === "/*" ? 1 : -1;
      if (this.#comments === 0) this.#mode = "code";
    } else if (!token.startsWith("\\")) {
      // A doubled quote leaves and enters again, which comes to the same.
      this.#mode = "code";
    }
  }

  /** Whether the token ends the statement. */
  #enter(token: string, before: string | undefined): boolean {
    if (token === "'") this.#mode = this.#escapes(before) ? "escapes" : "quote";
    else if (token === '"') this.#mode = "name";
    else if (token === "/*") [this.#mode, this.#comments] = ["comment", 1];
    else if (token.startsWith("$")) [this.#mode, this.#tag] = ["dollar", token];
    else if (token === "(") this.#parens++;
    else if (token === ")") this.#parens = Math.max(0, this.#parens - 1);
    else if (token !== ";") this.#word(token.toLowerCase());
    else if (this.#parens === 0 && this.#blocks === 0) {
      this.#words = [];
      return true;
    }
    return false;
  }

  /** `E'…'`, in which a backslash escapes. */
  #escapes(before: string | undefined): boolean {
    return before !== undefined && /e/i.test(before) && this.#words.at(-1) === "e";
  }

  #word(word: string): void {
    this.#words.push(word);
    if (this.#words.length > 8) this.#words.splice(4, 1);
    if (!/^create (or replace )?(function|procedure)/.test(this.#words.slice(0, 4).join(" "))) return;
    if (word === "begin" || (word === "case" && this.#blocks > 0)) this.#blocks++;
    else if (word === "end" && this.#blocks > 0) this.#blocks--;
  }
}

/** A statement of a script, and where it stands there. */
export interface Statement {
  readonly text: string;
  /** Offset of its first character that is neither space nor comment. */
  readonly from: number;
  /** Offset behind its last character, without the semicolon. */
  readonly to: number;
  /** The highest `$n` in it, outside of texts and comments. */
  readonly parameters: number;
  /** Its first word in lower case: `select`. */
  readonly command: string;
}

/** What is no code: texts, names in quotes, dollar quotes, comments; and what counts in code. */
const tokens =
  /\s+|--[^\n]*|\/\*|[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|\$\d+|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[();]|[\s\S]/g;

/**
 * The statements of a script, as PostgreSQL's psql tells them apart: semicolons in texts, comments, dollar quotes,
 * brackets and `BEGIN ATOMIC` bodies divide nothing.
 */
export function statementsOf(sql: string): Statement[] {
  const found: Statement[] = [];
  let begun: { from: number; to: number; parameters: number; words: string[] } | undefined;
  let brackets = 0;
  let blocks = 0;
  const end = () => {
    if (begun !== undefined) {
      const { from, to, parameters, words } = begun;
      found.push({ text: sql.slice(from, to), from, to, parameters, command: words[0] ?? "" });
    }
    begun = undefined;
    brackets = blocks = 0;
  };
  tokens.lastIndex = 0;
  for (let match = tokens.exec(sql); match !== null; match = tokens.exec(sql)) {
    const [token] = match;
    if (/^\s/.test(token) || token.startsWith("--")) continue;
    if (token === "/*") {
      tokens.lastIndex = endOfComment(sql, tokens.lastIndex);
      continue;
    }
    if (token === ";" && brackets === 0 && blocks === 0) {
      end();
      continue;
    }
    if (token.length > 1 && token.startsWith("$") && token.endsWith("$")) {
      const close = sql.indexOf(token, tokens.lastIndex);
      tokens.lastIndex = close === -1 ? sql.length : close + token.length;
    }
    begun ??= { from: match.index, to: 0, parameters: 0, words: [] };
    begun.to = tokens.lastIndex;
    if (token === "(") brackets++;
    else if (token === ")") brackets = Math.max(0, brackets - 1);
    else if (/^\$\d+$/.test(token)) begun.parameters = Math.max(begun.parameters, Number(token.slice(1)));
    else if (/^[A-Za-z_]/.test(token) && !/'/.test(token)) {
      const word = token.toLowerCase();
      const last = begun.words.at(-1);
      begun.words.push(word);
      if (!/^create (or replace )?(function|procedure)\b/.test(begun.words.slice(0, 4).join(" "))) continue;
      if ((word === "atomic" && last === "begin") || (word === "case" && blocks > 0)) blocks++;
      else if (word === "end" && blocks > 0) blocks--;
    }
  }
  end();
  return found;
}

/** Comments of PostgreSQL's nest. */
function endOfComment(sql: string, from: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from;
  for (let depth = 1; ; ) {
    const mark = marks.exec(sql);
    if (mark === null) return sql.length;
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
}

/** The statement that a cursor at `offset` stands in or behind; the next one when it stands before all. */
export function statementAt(statements: readonly Statement[], offset: number): Statement | undefined {
  return statements.findLast(({ from }) => from <= offset) ?? statements[0];
}

const controls = new Set(["begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"]);

/** Whether the script begins or ends transactions itself. */
export function controlsTransaction(statements: readonly Statement[]): boolean {
  return statements.some(({ command }) => controls.has(command));
}

/** PostgreSQL counts characters from 1 where JavaScript counts UTF-16 units from 0. */
export function offsetOf(sql: string, position: number): number {
  let offset = 0;
  for (let left = position - 1; left > 0 && offset < sql.length; left--) {
    offset += (sql.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}

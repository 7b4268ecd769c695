// Runs in the worker's isolate, out of the worker's modules' reach: makes `env.DB`. It has D1's surface and speaks the
// query protocol of docs/databases/http.md with the broker.

import { revive, toObjects } from "./decode.js";
import { encode } from "./encode.js";
import { queryError, typeError, withMessage } from "./errors.js";
import { originalPosition, translate } from "./placeholders.js";
import {
  apply,
  headerOf,
  headersOf,
  isArray,
  jsonOf,
  parse,
  statusOf,
  stringify,
  textOf,
  toText,
  trim,
} from "./primordials.js";

/**
 * Calls that one isolate has under way at a time. Each is a connection and some 10 KB: ten thousand at once would take
 * the memory that the worker has. Others are refused and not kept waiting, because what one request has awaited cannot
 * be begun in the name of another.
 */
const maxUnderWay = 1_000;

/** Asks the broker. Resolves with the results; rejects with an error that begins with `prefix`. */
const asker = (broker) => {
  const { fetch } = broker;
  let underWay = 0;
  return async function ask(prefix, body) {
    if (underWay >= maxUnderWay) {
      const message = `Too many queries at once: ${maxUnderWay} are under way in this worker. Use a batch.`;
      throw queryError(prefix, { code: "OVERLOADED", message });
    }
    let response;
    let refusal;
    underWay++;
    try {
      const init = { __proto__: null, method: "POST", body: stringify(body) };
      response = await apply(fetch, broker, ["http://database/query", init]);
      if (statusOf(response) === 200) return (await jsonOf(response)).results;
      refusal = await textOf(response);
    } catch (thrown) {
      throw withMessage(`${prefix}: ${thrown?.message}`, thrown?.message);
    } finally {
      underWay--;
    }
    throw queryError(prefix, refusalOf(refusal, headerOf(headersOf(response), "x-ow-error")));
  };
};

/** What went wrong: the protocol's word, or the broker's, which is a text and a header. */
function refusalOf(text, code) {
  if (code !== null) return { code, message: text };
  try {
    const { error } = parse(text);
    if (typeof error?.message === "string") return error;
  } catch {
    // Not the protocol's; told below.
  }
  return { code: "INTERNAL", message: "The database answered with something else than a result." };
}

/** A statement as the protocol has it, and where its placeholders were. */
function prepared(statement, params) {
  if (params.length === 0) return { sql: statement, params, marks: [] };
  return { ...translate(statement), params };
}

class D1PreparedStatement {
  #ask;
  #sql;
  #params;

  constructor(ask, sql, params) {
    this.#ask = ask;
    this.#sql = sql;
    this.#params = params;
  }

  get statement() {
    return this.#sql;
  }

  bind(...values) {
    const params = [];
    // As on D1, which has no booleans: 1 and 0 are read as one by a boolean column, and as a number by an integer's.
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      params[index] = typeof value === "boolean" ? (value ? "1" : "0") : encode(value);
    }
    return new D1PreparedStatement(this.#ask, this.#sql, params);
  }

  async first(column) {
    const result = await this.#run();
    const rows = revive(result);
    if (rows.length === 0) return null;
    const first = toObjects(result, [rows[0]])[0];
    if (column === undefined) return first;
    const value = first[column];
    if (value === undefined) {
      throw withMessage(`D1_COLUMN_NOTFOUND: Column not found (${column})`, "Column not found");
    }
    return value;
  }

  async all() {
    return d1Result(await this.#run());
  }

  async run() {
    return d1Result(await this.#run());
  }

  async raw(options) {
    const result = await this.#run();
    const rows = revive(result);
    if (options?.columnNames !== true) return rows;
    const withNames = [[]];
    for (let index = 0; index < result.columns.length; index++) {
      withNames[0][index] = result.columns[index].name;
    }
    for (let index = 0; index < rows.length; index++) withNames[index + 1] = rows[index];
    return withNames;
  }

  async #run() {
    return await runOne(this.#ask, this.#sql, this.#params);
  }

  /** The statement's parts for a batch. Private: not the worker's to call with something else. */
  static partsOf(statement) {
    return #sql in statement ? prepared(statement.#sql, statement.#params) : undefined;
  }
}
const { partsOf } = D1PreparedStatement;
delete D1PreparedStatement.partsOf;

async function runOne(ask, statement, values) {
  const { sql, params, marks } = prepared(statement, values);
  try {
    return (await ask("D1_ERROR", { __proto__: null, sql, params }))[0];
  } catch (thrown) {
    throw withPosition(thrown, sql, marks);
  }
}

/** The error, pointing into the worker's own text. */
function withPosition(error, sql, marks) {
  if (typeof error.position === "number" && marks.length > 0) {
    error.position = originalPosition(sql, marks, error.position);
  }
  return error;
}

const changing = { __proto__: null, INSERT: true, UPDATE: true, DELETE: true, MERGE: true };
const reading = { __proto__: null, SELECT: true, SHOW: true, EXPLAIN: true, VALUES: true, FETCH: true };

function d1Result(result) {
  const { command, rowCount, durationMs, rows } = result;
  const changes = changing[command] ? rowCount : 0;
  const meta = {
    served_by: "openworkers",
    served_by_primary: true,
    duration: durationMs,
    changes,
    last_row_id: null,
    changed_db: changes > 0 || !(changing[command] || reading[command]),
    rows_read: rows.length,
    rows_written: changes,
    timings: { sql_duration_ms: durationMs },
    total_attempts: 1,
  };
  return { success: true, meta, results: toObjects(result, revive(result)) };
}

async function runBatch(ask, statements) {
  if (!isArray(statements)) throw typeError(statements);
  const batch = [];
  const marks = [];
  for (let index = 0; index < statements.length; index++) {
    const statement = statements[index];
    const parts = typeof statement === "object" && statement !== null ? partsOf(statement) : undefined;
    if (parts === undefined) {
      const message = `Entry ${index} of the batch is no prepared statement.`;
      throw withMessage(`D1_ERROR: ${message}`, message);
    }
    marks[index] = parts.marks;
    batch[index] = { __proto__: null, sql: parts.sql, params: parts.params };
  }
  const results = [];
  if (batch.length === 0) return results;
  let answered;
  try {
    answered = await ask("D1_ERROR", { __proto__: null, batch });
  } catch (thrown) {
    const failed = thrown.statement;
    throw failed in batch ? withPosition(thrown, batch[failed].sql, marks[failed]) : thrown;
  }
  for (let index = 0; index < answered.length; index++) results[index] = d1Result(answered[index]);
  return results;
}

async function runQuery(ask, sql, values) {
  const params = [];
  for (let index = 0; index < values.length; index++) params[index] = encode(values[index]);
  const result = await runOne(ask, toText(sql), params);
  const { columns, rowCount } = result;
  return { rows: toObjects(result, revive(result)), rowCount, columns };
}

/** What a session says of where it stands: there is one server, and it has all that was written. */
const atPrimary = "primary";

class D1DatabaseSession {
  #ask;
  #bookmark;

  constructor(ask, bookmark) {
    this.#ask = async (prefix, body) => {
      const results = await ask(prefix, body);
      this.#bookmark ??= atPrimary;
      return results;
    };
    this.#bookmark = bookmark;
  }

  prepare(sql) {
    return new D1PreparedStatement(this.#ask, toText(sql), []);
  }

  async batch(statements) {
    return await runBatch(this.#ask, statements);
  }

  async query(sql, params = []) {
    return await runQuery(this.#ask, sql, params);
  }

  getBookmark() {
    return this.#bookmark ?? null;
  }
}

class D1Database {
  #ask;

  constructor(ask) {
    this.#ask = ask;
  }

  prepare(sql) {
    return new D1PreparedStatement(this.#ask, toText(sql), []);
  }

  async batch(statements) {
    return await runBatch(this.#ask, statements);
  }

  async exec(script) {
    const results = await this.#ask("D1_EXEC_ERROR", { __proto__: null, script: toText(script) });
    let duration = 0;
    for (let index = 0; index < results.length; index++) duration += results[index].durationMs;
    return { count: results.length, duration };
  }

  async query(sql, params = []) {
    return await runQuery(this.#ask, sql, params);
  }

  withSession(constraintOrBookmark) {
    const given = trim(toText(constraintOrBookmark ?? ""));
    const constraint = given === "" || given === "first-primary" || given === "first-unconstrained";
    return new D1DatabaseSession(this.#ask, constraint ? undefined : given);
  }

  async dump() {
    const message = "A worker cannot dump its database: use `ow databases dump`.";
    throw withMessage(`D1_DUMP_ERROR: ${message}`, message);
  }
}

export default ({ broker }) => new D1Database(asker(broker));

import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import type { Call } from "../call.ts";
import type { PostgateEvent } from "../events.ts";
import type { BackendConnection } from "../pool/backend-connection.ts";
import type { TenantPools } from "../pool/tenant-pools.ts";
import { isReduced, type Principal, type Tenant } from "../tenant.ts";
import { full } from "../tenant-troubles.ts";
import { type Command, changesSchema } from "./command.ts";
import { Exchange, type ExchangeOptions } from "./exchange.ts";
import { type Result, ResultAllowance, type ResultMemory } from "./result.ts";
import { SeenStatements } from "./seen-statements.ts";
import { TypeNames, typeLookup } from "./type-names.ts";

export interface QueryEngineOptions {
  readonly pools: TenantPools;
  readonly onEvent: (event: PostgateEvent) => void;
}

/**
 * SQLSTATEs of what a fence or a limit stopped: no privilege, a transaction that may only read, a lock that was not had in
 * time, resources (class 53) and limits of PostgreSQL's own (class 54). What else goes wrong in a tenant's SQL is told to
 * the tenant alone.
 */
const refusals = /^(42501|25006|55P03|53...|54...)$/;

/** Databases whose own types are remembered. */
const rememberedDatabases = 2_000;

/** A longer statement is parsed each time: what a session keeps of it may be many times its length. */
const keptLength = 8_192;

/** What is a moment when a statement is parsed, as a literal: `'now'::timestamptz`. `now()` is none. */
const moment = /\b(?:now\b(?!\s*\()|today|tomorrow|yesterday)/i;

/** Runs commands of the query protocol as their principals. */
export class QueryEngine {
  readonly #options: QueryEngineOptions;
  readonly #typeNames = new Map<string, TypeNames>();
  readonly #seen = new SeenStatements();

  constructor(options: QueryEngineOptions) {
    this.#options = options;
  }

  /**
   * Runs `command` and answers with the JSON of its results. When `call` is cancelled, what runs is cancelled and rolled back.
   * What the results take is taken from `memory`.
   *
   * @throws OpenWorkersError QUERY_FAILED, RESULT_TOO_LARGE, INVALID_INPUT, OVERLOADED, DATABASE_UNAVAILABLE; what `call` is
   * cancelled with while the command waits for a connection
   */
  async run(principal: Principal, command: Command, memory: ResultMemory, call: Call): Promise<string> {
    try {
      const results = await this.#run(principal, command, memory, call);
      return `{"results":[${results.map((result) => result.toJson()).join()}]}`;
    } catch (thrown) {
      this.#report(principal, thrown, call.cancelled);
      throw explained(principal, thrown);
    }
  }

  async #run(
    { tenant, scope }: Principal,
    command: Command,
    memory: ResultMemory,
    call: Call,
  ): Promise<readonly Result[]> {
    const { pools } = this.#options;
    const definesAnew = changesSchema(command);
    const known = definesAnew ? undefined : this.#known(tenant, command);
    call.throwIfCancelled();
    const loan =
      pools.borrowNow(tenant, scope, known) ?? (await pools.borrow(tenant, scope, call.signal, known));
    const names = this.#namesOf(tenant.id);
    const { statementMs, resultRows, resultBytes } = tenant.limits;
    const exchange = new Exchange(loan.connection, command, {
      statementMs,
      typeOf: (oid) => names.get(oid),
      allowance: new ResultAllowance({ rows: resultRows, bytes: resultBytes }, memory),
      keep: known !== undefined,
    });
    call.onCancel = (reason) => exchange.interrupt(reason);
    let unknown: number[] = [];
    try {
      const results = await exchange.outcome;
      unknown = results.flatMap((result) => result.shape.unknownTypes);
      return results;
    } finally {
      call.onCancel = undefined;
      // Of a script that failed, something may have been committed before.
      if (definesAnew) pools.schemaChanged(tenant);
      if (unknown.length === 0) {
        void exchange.clean.then((clean) => loan.giveBack(clean));
      } else {
        const learnt = (await exchange.clean) && (await learn(loan.connection, names, unknown));
        loan.giveBack(learnt);
      }
    }
  }

  /** The statement, when the database was sent it before and may be again: a session that has it parsed spares time. */
  #known({ id }: Tenant, command: Command): string | undefined {
    if (command.kind !== "statement") return undefined;
    const { sql } = command.statement;
    if (sql.length > keptLength || moment.test(sql)) return undefined;
    return this.#seen.see(id, sql) ? sql : undefined;
  }

  #namesOf(id: string): TypeNames {
    let names = this.#typeNames.get(id);
    if (names === undefined) {
      names = new TypeNames();
      this.#typeNames.set(id, names);
      const [oldest] = this.#typeNames.keys();
      if (this.#typeNames.size > rememberedDatabases && oldest !== undefined) this.#typeNames.delete(oldest);
    }
    return names;
  }

  #report(principal: Principal, thrown: unknown, aborted: boolean): void {
    if (!isOpenWorkersError(thrown)) return;
    const { code, message } = thrown;
    const sqlstate = typeof thrown.details?.sqlstate === "string" ? thrown.details.sqlstate : undefined;
    const kind =
      aborted || code === "RESULT_TOO_LARGE" || sqlstate === "57014"
        ? "query-cancelled"
        : code === "OVERLOADED" || (code === "QUERY_FAILED" && refusals.test(sqlstate ?? ""))
          ? "query-refused"
          : code === "QUERY_FAILED" || code === "INVALID_INPUT"
            ? undefined
            : "query-failed";
    if (kind === undefined) return;
    // PostgreSQL's message may quote a value.
    const said = code === "QUERY_FAILED" ? "by PostgreSQL" : message;
    this.#options.onEvent({
      kind,
      principal,
      code,
      message: said,
      ...(sqlstate === undefined ? {} : { sqlstate }),
    });
  }
}

/** PostgreSQL says "permission denied" of a write to a database that is full: why is said beside it. */
function explained({ tenant, scope }: Principal, thrown: unknown): unknown {
  if (!isReduced(tenant, scope) || !isOpenWorkersError(thrown, "QUERY_FAILED")) return thrown;
  const { code, message, details } = thrown;
  if (details?.sqlstate !== "42501") return thrown;
  return new OpenWorkersError(code, message, { cause: thrown, details, hint: full.hint });
}

/** Asks the database what its types are called. Returns whether the connection is of further use. */
async function learn(
  connection: BackendConnection,
  names: TypeNames,
  oids: readonly number[],
): Promise<boolean> {
  const unique = [...new Set(oids)];
  const options: ExchangeOptions = {
    statementMs: 5_000,
    // Rows as they come.
    typeOf: () => undefined,
    allowance: new ResultAllowance({ rows: 100_000, bytes: 10 * 2 ** 20 }),
  };
  const statement = { sql: typeLookup, params: [`{${unique.join()}}`], word: "with" };
  const lookup = new Exchange(connection, { kind: "statement", statement }, options);
  try {
    const [result] = await lookup.outcome;
    names.learn(unique, result?.rawRows ?? []);
    return await lookup.clean;
  } catch (thrown) {
    if (!isOpenWorkersError(thrown)) throw thrown;
    // What the statement did is done and must be answered; its types are asked for again by the next.
    return false;
  }
}

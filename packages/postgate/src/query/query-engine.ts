import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import type { PostgateEvent } from "../events.ts";
import type { BackendConnection } from "../pool/backend-connection.ts";
import type { TenantPools } from "../pool/tenant-pools.ts";
import { isReduced, type Principal } from "../tenant.ts";
import { full } from "../tenant-troubles.ts";
import type { Command } from "./command.ts";
import { Exchange, type ExchangeOptions } from "./exchange.ts";
import { type Result, ResultAllowance, type ResultMemory } from "./result.ts";
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

/** Runs commands of the query protocol as their principals. */
export class QueryEngine {
  readonly #options: QueryEngineOptions;
  readonly #typeNames = new Map<string, TypeNames>();

  constructor(options: QueryEngineOptions) {
    this.#options = options;
  }

  /**
   * Runs `command` and answers with the JSON of its results. When `signal` aborts, with an `OpenWorkersError`, what runs is
   * cancelled and rolled back. What the results take is taken from `memory`.
   *
   * @throws OpenWorkersError QUERY_FAILED, RESULT_TOO_LARGE, INVALID_INPUT, OVERLOADED, DATABASE_UNAVAILABLE; what `signal`
   * aborts with while the command waits for a connection
   */
  async run(
    principal: Principal,
    command: Command,
    memory: ResultMemory,
    signal: AbortSignal,
  ): Promise<string> {
    try {
      const results = await this.#run(principal, command, memory, signal);
      return `{"results":[${results.map((result) => result.toJson()).join()}]}`;
    } catch (thrown) {
      this.#report(principal, thrown, signal.aborted);
      throw explained(principal, thrown);
    }
  }

  async #run(
    { tenant, scope }: Principal,
    command: Command,
    memory: ResultMemory,
    signal: AbortSignal,
  ): Promise<readonly Result[]> {
    const loan = await this.#options.pools.borrow(tenant, scope, signal);
    const names = this.#namesOf(tenant.id);
    const { statementMs, resultRows, resultBytes } = tenant.limits;
    const exchange = new Exchange(loan.connection, command, {
      statementMs,
      typeOf: (oid) => names.get(oid),
      allowance: new ResultAllowance({ rows: resultRows, bytes: resultBytes }, memory),
    });
    const leave = () => exchange.interrupt(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    let results: readonly Result[] | undefined;
    try {
      results = await exchange.outcome;
    } finally {
      signal.removeEventListener("abort", leave);
      const unknown = (results ?? []).flatMap((result) => result.unknownTypes);
      if (unknown.length === 0) {
        void exchange.clean.then((clean) => loan.giveBack(clean));
      } else {
        const learnt = (await exchange.clean) && (await learn(loan.connection, names, unknown));
        loan.giveBack(learnt);
      }
    }
    return results;
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
  const statement = { sql: typeLookup, params: [`{${unique.join()}}`] };
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

import { serialize } from "pg-protocol";
import type { ResultShape } from "../query/result-shape.ts";
import { callFunction } from "./frontend-messages.ts";

/**
 * How long plans are kept, and what was found about their database is believed. PostgreSQL makes a plan anew when what it is
 * made of has changed; it does not see that a name would now mean something else (a table in a schema that is searched earlier, a
 * function that fits better), nor that a parameter would get another type. `DISCARD ALL` once in so long costs nothing.
 */
const keptMs = 2_000;

/** The statement that a session has parsed as its unnamed one. */
export interface KeptStatement {
  readonly sql: string;
  /** Of its result. PostgreSQL refuses to run it when it has another by now. */
  readonly shape: ResultShape;
}

/**
 * The number of the fences' function that cleans a session (`cleanSessionSql`); null where there is none, and where there are
 * functions of the tenant's: their plans hold what literals and functions that are declared immutable came to, under settings
 * that a call may have made for itself and taken back. Nor for a session that has had temporary tables, whose plans would be
 * discarded each time. 11 is `pg_catalog`, and 16384 the first number that is not PostgreSQL's.
 * Asked in a clean session, with names that are qualified: nothing of a tenant's is found instead.
 */
const question =
  serialize.query(`select pg_catalog.to_regprocedure('pg_catalog.ow_clean_session()')::pg_catalog.oid
  where not exists (select from pg_catalog.pg_proc p where p.oid operator(pg_catalog.>=) 16384::pg_catalog.oid
    and p.pronamespace operator(pg_catalog.<>) 11::pg_catalog.oid)
  and pg_catalog.pg_my_temp_schema() operator(pg_catalog.=) 0::pg_catalog.oid`);

/**
 * What of a session's work is kept from one call to the next: plans, and one statement. The unnamed statement is out of reach
 * for whatever SQL runs in the session: none can name it. A simple Query and another Parse drop it.
 */
export class SessionMemory {
  /** Whether anything may be kept at all: not where a pooler may give each message another session. */
  readonly #keeps: boolean;
  statement: KeptStatement | undefined;
  /** Cleans the session and leaves what is kept. */
  #cleaner: Buffer | undefined;
  /** Which of its database's schemas the plans are for. */
  #schema = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #plans = false;

  constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** The session is lent to a call. `schema` counts the changes of its database that we know of. */
  lent(schema: number): void {
    if (schema === this.#schema) return;
    this.#schema = schema;
    this.#askedMs = Number.NEGATIVE_INFINITY;
    this.statement = undefined;
  }

  /** Whether it holds plans that were made too long ago. */
  get outdated(): boolean {
    return this.#plans && this.#old;
  }

  /** The message that cleans the session and leaves what may be kept; undefined when nothing may. */
  keep(): Buffer | undefined {
    if (this.#old || this.#cleaner === undefined) return undefined;
    this.#plans = true;
    return this.#cleaner;
  }

  /** All of it is being discarded. */
  discarded(): void {
    this.statement = undefined;
    this.#plans = false;
  }

  /** What a clean session is to be asked, by itself, to know how it may be cleaned from now on; undefined when that is known. */
  get question(): Buffer | undefined {
    return this.#keeps && this.#old ? question : undefined;
  }

  /** @param cleaner the one value of the answer's one row; undefined when it had none */
  answered(cleaner: string | null | undefined): void {
    this.#cleaner = cleaner == null ? undefined : callFunction(Number(cleaner));
    this.#askedMs = performance.now();
  }

  get #old(): boolean {
    return performance.now() - this.#askedMs > keptMs;
  }
}

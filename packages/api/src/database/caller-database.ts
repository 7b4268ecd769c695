import { isOpenWorkersError, type UserId } from "@openworkers/core";
import {
  explain,
  isRetryable,
  isUnavailable,
  type Prepared,
  type Queries,
  type StoreDatabase,
} from "@openworkers/db/access";
import { place } from "./face-connection.ts";
import { CallerSession, type Connect, type Mode } from "./session.ts";
import type { Statement } from "./statement.ts";

const transactionAttempts = 4;

/** What one transaction is given: the database for stores, its queries, and whose it is. All of it is the one transaction. */
export interface Together {
  readonly database: StoreDatabase;
  readonly queries: Queries;
  readonly caller: UserId;
}

/** The platform's database as a caller sees it, who may do what its policies let them. */
export interface CallerDatabase extends StoreDatabase {
  /**
   * Runs `work` in one transaction, whatever stores it calls. As `write`, it runs again after a deadlock, so it must
   * have no effect outside the database.
   */
  together<T>(work: (together: Together) => Promise<T>): Promise<T>;
  /** As `together`, for what changes nothing: PostgreSQL refuses it if it tries to. */
  reading<T>(work: (together: Together) => Promise<T>): Promise<T>;
  /** As `reading`, for one statement, to which it makes no difference by whom it is asked: policies know. */
  looking<Names extends string, Row>(
    statement: Statement<Names, Row>,
    values: Readonly<Record<Names, unknown>>,
  ): Promise<Row[]>;
}

/**
 * The database as whoever `connect` connects as. Nothing is sent until the first query; each call is a session of its own.
 *
 * @throws OpenWorkersError of each call: UNAUTHORIZED, OVERLOADED, DATABASE_UNAVAILABLE
 */
export function callerDatabase(connect: Connect): CallerDatabase {
  const once = async <T>(work: (session: CallerSession) => Promise<T>, mode?: Mode): Promise<T> => {
    try {
      using session = new CallerSession(connect, mode);
      const result = await work(session);
      // What was only read needs no end.
      if (mode === undefined) await session.commit();
      return result;
    } catch (thrown) {
      throw explain(thrown, place);
    }
  };
  const again = async <T>(work: (session: CallerSession) => Promise<T>, mode?: Mode): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      let commits = false;
      try {
        using session = new CallerSession(connect, mode);
        const result = await work(session);
        if (mode !== undefined) return result;
        commits = true;
        await session.commit();
        return result;
      } catch (thrown) {
        const cause = causeOf(thrown);
        // A session is cut off when its credential is revoked, too: the next one is told so.
        const refused = isOpenWorkersError(thrown, "UNAUTHORIZED", "OVERLOADED");
        const wasCutOff = attempt === 1 && !commits && !refused && isUnavailable(cause);
        if (attempt === transactionAttempts || !(isRetryable(cause) || wasCutOff))
          throw explain(thrown, place);
      }
    }
  };
  return {
    read: (work) => once(({ queries }) => work(queries)),
    prepared: <Row extends object>(statement: Prepared, values: unknown[]) =>
      once((session) => session.prepared<Row>(statement, values)),
    snapshot: (work) => once(({ queries }) => work(queries), "isolation level repeatable read read only"),
    write: (work) => again(({ queries }) => queries.transaction().execute(work)),
    together: (work) => again(async (session) => work(await within(session))),
    reading: (work) => again(async (session) => work(await within(session)), "read only"),
    looking: (statement, values) =>
      again((session) => session.only(statement.text, statement.valuesOf(values)), "read only"),
  };
}

/** Stores that work together: what each of them takes for a transaction of its own is part of the session's. */
async function within(session: CallerSession): Promise<Together> {
  const { queries } = session;
  return {
    queries,
    caller: await session.caller(),
    database: {
      read: (work) => work(queries),
      snapshot: (work) => work(queries),
      write: (work) => queries.transaction().execute(work),
      async prepared<Row extends object>(statement: Prepared, values: unknown[]): Promise<Row[]> {
        try {
          return await session.prepared<Row>(statement, values);
        } catch (thrown) {
          throw explain(thrown, place);
        }
      },
    },
  };
}

/** A store may have explained it already. */
function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
}

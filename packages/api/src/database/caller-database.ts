import { isOpenWorkersError } from "@openworkers/core";
import {
  explain,
  isRetryable,
  isUnavailable,
  type Prepared,
  type Queries,
  type StoreDatabase,
} from "@openworkers/db/access";
import { CallerSession, type Connect, type Isolation, place } from "./session.ts";

const transactionAttempts = 4;

/** What one transaction is given: the database for stores, and its queries. All of it is the one transaction. */
export interface Together {
  readonly database: StoreDatabase;
  readonly queries: Queries;
}

/** The platform's database as a caller sees it, who may do what its policies let them. */
export interface CallerDatabase extends StoreDatabase {
  /**
   * Runs `work` in one transaction, whatever stores it calls. As `write`, it runs again after a deadlock, so it must
   * have no effect outside the database.
   */
  together<T>(work: (together: Together) => Promise<T>): Promise<T>;
}

/**
 * The database as whoever `connect` connects as. Nothing is sent until the first query; each call is a session of its own.
 *
 * @throws OpenWorkersError of each call: UNAUTHORIZED, OVERLOADED, DATABASE_UNAVAILABLE
 */
export function callerDatabase(connect: Connect): CallerDatabase {
  const once = async <T>(work: (session: CallerSession) => Promise<T>, isolation?: Isolation): Promise<T> => {
    try {
      await using session = await CallerSession.open(connect, isolation);
      const result = await work(session);
      await session.commit();
      return result;
    } catch (thrown) {
      throw explain(thrown, place);
    }
  };
  const again = async <T>(work: (session: CallerSession) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      let commits = false;
      try {
        await using session = await CallerSession.open(connect);
        const result = await work(session);
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
    snapshot: (work) => once(({ queries }) => work(queries), "repeatable read"),
    write: (work) => again(({ queries }) => queries.transaction().execute(work)),
    together: (work) => again((session) => work(within(session))),
  };
}

/** Stores that work together: what each of them takes for a transaction of its own is part of the session's. */
function within(session: CallerSession): Together {
  const { queries } = session;
  return {
    queries,
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

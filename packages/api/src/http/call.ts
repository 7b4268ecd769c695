import type { RequestId } from "@openworkers/core";
import { type CallerDatabase, callerDatabase, type Together } from "../database/caller-database.ts";
import { faceOf } from "../database/session.ts";
import type { Env } from "../env.ts";
import { PlatformServices } from "../platform/services.ts";
import { credentialOf } from "./credential.ts";
import { type Answered, answered, onceOnly, RanTwice, remember } from "./idempotency.ts";

/** One transaction as the caller. */
export type Scope = Together;

/** A request that the API works on. */
export class Call<Params = unknown, Query = unknown, Body = unknown> {
  readonly request: Request;
  readonly env: Env;
  readonly requestId: RequestId;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** What tells this request from another to the same path: the body's text. */
  readonly #fingerprint: string;
  #credential: string | undefined;
  #database: CallerDatabase | undefined;

  constructor(of: {
    readonly request: Request;
    readonly env: Env;
    readonly requestId: RequestId;
    readonly params: Params;
    readonly query: Query;
    readonly body: Body;
    readonly bodyText: string;
  }) {
    this.request = of.request;
    this.env = of.env;
    this.requestId = of.requestId;
    this.params = of.params;
    this.query = of.query;
    this.body = of.body;
    this.#fingerprint = of.bodyText;
  }

  /** @throws OpenWorkersError UNAUTHORIZED, FORBIDDEN: see `credentialOf` */
  get credential(): string {
    this.#credential ??= credentialOf(this.request, this.env);
    return this.#credential;
  }

  /** The database as the caller, for what is no one transaction. */
  get database(): CallerDatabase {
    this.#database ??= callerDatabase(faceOf(this.env.SQL, this.credential));
    return this.#database;
  }

  /** The platform's services as the caller. */
  get platform(): PlatformServices {
    return new PlatformServices(this.env.PLATFORM, this.credential);
  }

  /** Runs `work` in one transaction; after a deadlock again, so it must have no effect outside the database. */
  readonly together = async <T>(work: (scope: Scope) => Promise<T>): Promise<T> =>
    this.database.together(work);

  /** As `together`, for what changes nothing: PostgreSQL refuses it if it tries to. */
  readonly reading = async <T>(work: (scope: Scope) => Promise<T>): Promise<T> => this.database.reading(work);

  /** As `reading`, for one statement, to which it makes no difference by whom it is asked: policies know. */
  readonly looking: CallerDatabase["looking"] = async (statement, values) =>
    this.database.looking(statement, values);

  /**
   * As `together`, for what makes something: with an `Idempotency-Key` it happens once, and the same request again is
   * given the same answer.
   *
   * @param fingerprint what tells the request from another to the same path, where that is not the body's text
   * @throws Replayed with that answer
   */
  async create<T>(
    work: (scope: Scope) => Promise<T>,
    { status, render }: { readonly status: number; readonly render: (value: T) => string },
    fingerprint: string = this.#fingerprint,
  ): Promise<T> {
    const once = onceOnly(this.request, fingerprint);
    if (once === undefined) return this.together(work);
    const attempt = () =>
      this.together(async (scope) => {
        const before = await answered(scope.queries, scope.caller, once);
        if (before !== undefined) throw new Replayed(before);
        const value = await work(scope);
        await remember(scope.queries, scope.caller, once, { status, body: render(value) });
        return value;
      });
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof RanTwice)) throw thrown;
      return await attempt();
    }
  }
}

/** The request came before, and this is what it was answered. */
export class Replayed extends Error {
  override readonly name = "Replayed";
  readonly answer: Answered;

  constructor(answer: Answered) {
    super("the request came before");
    this.answer = answer;
  }
}

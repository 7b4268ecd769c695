import type { Target } from "../cells/target.ts";

/** What routing may look at in a request. */
export interface RouteQuery {
  /** Lower-case, without port and trailing dot. */
  readonly hostname: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Requests with the same key get the same version during a gradual deployment. */
  readonly versionKey: string | undefined;
}

/** Which version of which worker answers a request. */
export interface Router {
  /**
   * undefined when nothing answers there. A promise only when a preview must be looked up; it rejects with
   * DATABASE_UNAVAILABLE or OVERLOADED when it cannot be.
   */
  resolve(query: RouteQuery): Target | undefined | Promise<Target | undefined>;
}

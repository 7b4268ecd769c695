import type { z } from "@hono/zod-openapi";

/** A Zod object, as of path parameters. */
export type Fields = z.ZodObject;

/** What a route without some takes for them. */
export type NoFields = z.ZodObject<Record<never, never>>;

/** What a route takes and gives; the OpenAPI document says the same. */
export interface RouteSpec<
  Params extends Fields = Fields,
  Query extends Fields = Fields,
  Body extends z.ZodType = z.ZodType,
  Result extends z.ZodType = z.ZodType,
> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** Below its face's own path, `{name}` for a parameter. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  /** Refuses what it does not name, unless it is a `z.looseObject`. */
  readonly query?: Query;
  /** A JSON body; unless it is optional, a request needs one. */
  readonly body?: Body;
  /** What is sent instead of JSON: the handler reads it from `call.request`, or as a form. */
  readonly raw?: { readonly type: string; readonly schema: object };
  /** The JSON of the answer. Without: 204, or what the handler's own `Response` is. */
  readonly result?: Result;
  /** Of the answer's own media type, where it is not JSON. */
  readonly answers?: string;
  /** 200 with a result and 204 without, unless given. */
  readonly status?: 200 | 201 | 202 | 204 | 302;
  /** What else it may answer, by status, and what that says. */
  readonly further?: Readonly<Record<number, string>>;
  /** The answer has an `ETag`: one resource, as it is now. */
  readonly tagged?: boolean;
  /** An `If-Match` is regarded. */
  readonly matched?: boolean;
  /** An `Idempotency-Key` is regarded: the handler makes what it makes with `made`. */
  readonly idempotent?: boolean;
  /** Nobody need have signed in. */
  readonly open?: boolean;
}

/** What a request brought, parsed by its route's schemas. */
export interface Input<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** The body's text, where it is JSON. */
  readonly bodyText: string;
}

/** What a handler is given to render its result with. */
export interface Rendering<Result> {
  readonly status: number;
  /** The JSON of a result. */
  render(value: Result): string;
}

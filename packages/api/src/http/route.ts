import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { RequestId } from "@openworkers/core";
import type { Env } from "../env.ts";
import { jsonBody } from "./body.ts";
import { Call, Replayed, type Scope } from "./call.ts";
import { credentialOf } from "./credential.ts";
import { documented } from "./documented.ts";
import { noStore, parseInput } from "./errors.ts";
import { etagOf, mustMatch, names } from "./etag.ts";

/** Hono's generics for the API. */
export interface Hosted {
  Bindings: Env;
  Variables: { requestId: RequestId };
}

export type Api = OpenAPIHono<Hosted>;

/** A Zod object, as of path parameters. */
export type Fields = z.ZodObject;

const nothing = z.object({});
const noBody = z.undefined();

/** What a route takes and gives; the OpenAPI document says the same. */
export interface RouteSpec<
  Params extends Fields = Fields,
  Query extends Fields = Fields,
  Body extends z.ZodType = z.ZodType,
  Result extends z.ZodType = z.ZodType,
> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** From `/v1` on, `{name}` for a parameter. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
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
  readonly status?: 200 | 201 | 202 | 204;
  /** The answer has an `ETag`: one resource, as it is now. */
  readonly tagged?: boolean;
  /** An `If-Match` is regarded. */
  readonly matched?: boolean;
  /** An `Idempotency-Key` is regarded: the handler makes what it makes with `made`. */
  readonly idempotent?: boolean;
  /** Nobody need have signed in. */
  readonly open?: boolean;
}

/** What a handler is given besides its `Call`. */
export interface Tools<Result> {
  /** `call.create` with the route's own result. */
  made(work: (scope: Scope) => Promise<Result>, fingerprint?: string): Promise<Result>;
  /** For updates, in their transaction: refuses when `If-Match` names another than `current`. */
  mustMatch(current: Result): void;
}

export type Handler<Params, Query, Body, Result> = (
  call: Call<Params, Query, Body>,
  tools: Tools<Result>,
) => Promise<Result | Response>;

/** Registers routes with an app, for the document and for requests. */
export class Routes {
  readonly #app: Api;

  constructor(app: Api) {
    this.#app = app;
  }

  add<
    Params extends Fields = z.ZodObject<Record<never, never>>,
    Query extends Fields = z.ZodObject<Record<never, never>>,
    Body extends z.ZodType = z.ZodUndefined,
    Result extends z.ZodType = z.ZodVoid,
  >(
    spec: RouteSpec<Params, Query, Body, Result>,
    handler: Handler<z.output<Params>, z.output<Query>, z.output<Body>, z.input<Result>>,
  ): void {
    this.#app.openAPIRegistry.registerPath(documented(spec));
    const path = `/v1${spec.path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
    const render = (value: z.input<Result>) =>
      spec.result === undefined ? "" : JSON.stringify(spec.result.parse(value));
    const status = spec.status ?? (spec.result === undefined ? 204 : 200);
    const answer = (body: string, answeredWith: number, request: Request): Response => {
      if (spec.result === undefined) return new Response(null, { status: answeredWith, headers: noStore });
      const headers = { ...noStore, "content-type": "application/json" };
      if (spec.tagged !== true) return new Response(body, { status: answeredWith, headers });
      const etag = etagOf(body);
      const wanted = request.headers.get("if-none-match");
      if (spec.method === "get" && wanted !== null && names(wanted, etag)) {
        return new Response(null, { status: 304, headers: { ...noStore, etag } });
      }
      return new Response(body, { status: answeredWith, headers: { ...headers, etag } });
    };
    const { params = nothing, body = noBody } = spec;
    const query = (spec.query ?? nothing).strict();
    this.#app.on(spec.method.toUpperCase(), path, async (context) => {
      const request = context.req.raw;
      // Who has not signed in is told so before anything about their input.
      if (spec.open !== true) credentialOf(request, context.env);
      const { text, value } =
        spec.body === undefined ? { text: "", value: undefined } : await jsonBody(request);
      const call = new Call({
        request,
        env: context.env,
        requestId: context.get("requestId"),
        params: parseInput(params, context.req.param(), "path") as z.output<Params>,
        query: parseInput(query, context.req.query(), "query") as z.output<Query>,
        body: parseInput(body, value, "body") as z.output<Body>,
        fingerprint: text,
      });
      try {
        const result = await handler(call, {
          made: (work, fingerprint) => call.create(work, { status, render }, fingerprint),
          mustMatch: (current) => mustMatch(request, render(current)),
        });
        return result instanceof Response ? result : answer(render(result), status, request);
      } catch (thrown) {
        if (thrown instanceof Replayed) return answer(thrown.answer.body, thrown.answer.status, request);
        throw thrown;
      }
    });
  }
}

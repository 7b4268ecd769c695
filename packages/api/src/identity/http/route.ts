import { OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import { isId, newId, OpenWorkersError, type RequestId } from "@openworkers/core";
import type { Context } from "hono";
import { errorResponse, errorSchema, noStore, parseInput } from "../../http/errors.ts";
import type { IdentityDatabase } from "../database.ts";
import type { Settings } from "../environment.ts";
import { Places } from "../places.ts";
import { readBody } from "./body.ts";
import { Call } from "./call.ts";
import { explain } from "./errors.ts";

/** Hono's generics for the identity worker. */
export interface Hosted {
  Variables: {
    requestId: RequestId;
    settings: Settings;
    database: IdentityDatabase;
    /** Work that goes on after the answer. */
    pending: Promise<unknown>[];
    hashing: Places;
  };
}

export type IdentityApp = OpenAPIHono<Hosted>;

/** What a route takes and gives; the OpenAPI document says the same. */
export interface RouteSpec<Query extends z.ZodType, Body extends z.ZodType, Result extends z.ZodType> {
  readonly method: "get" | "post" | "patch" | "delete";
  /** Below /v1/auth, `{name}` for a parameter. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** Path parameters and query. */
  readonly query?: Query;
  readonly body?: Body;
  /** The JSON of the answer; 204 without one, unless the handler answers by itself. */
  readonly result?: Result;
  readonly status?: 200 | 201 | 202;
  /** Needs no session. */
  readonly open?: boolean;
  /** Hashes a password, or may. */
  readonly hashes?: boolean;
}

export interface Input<Query, Body> {
  readonly query: Query;
  readonly body: Body;
}

/** A result with headers, where a handler sets any. */
export class Answer<Result> {
  readonly value: Result;
  readonly headers: Readonly<Record<string, string>>;

  constructor(value: Result, headers: Readonly<Record<string, string>>) {
    this.value = value;
    this.headers = headers;
  }
}

export type Handler<Query, Body, Result> = (
  call: Call,
  input: Input<Query, Body>,
) => Promise<Result | Answer<Result> | Response>;

/** Registers a route for requests and for the document. */
export function route<
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
  Result extends z.ZodType = z.ZodVoid,
>(
  app: IdentityApp,
  spec: RouteSpec<Query, Body, Result>,
  handler: Handler<z.output<Query>, z.output<Body>, z.input<Result>>,
): void {
  app.openAPIRegistry.registerPath(documented(spec));
  const path = `/v1/auth${spec.path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
  app.on(spec.method.toUpperCase(), path, async (context) => {
    const call = callOf(context);
    if (spec.method !== "get") call.checkOrigin();
    using _place = spec.hashes === true ? context.get("hashing").take() : undefined;
    if (spec.open !== true) await call.signIn();
    const given = { ...context.req.query(), ...context.req.param() };
    const query = spec.query === undefined ? undefined : parseInput(spec.query, given, "query");
    const body =
      spec.body === undefined ? undefined : parseInput(spec.body, await readBody(context.req.raw), "body");
    const result = await handler(call, { query, body } as Input<z.output<Query>, z.output<Body>>);
    if (result instanceof Response) return result;
    const { value, headers } = result instanceof Answer ? result : new Answer(result, {});
    if (spec.result === undefined) {
      return new Response(null, { status: 204, headers: { ...noStore, ...headers } });
    }
    return Response.json(spec.result.parse(value), {
      status: spec.status ?? 200,
      headers: { ...noStore, ...headers },
    });
  });
}

function callOf(context: Context<Hosted>): Call {
  return new Call({
    request: context.req.raw,
    settings: context.get("settings"),
    database: context.get("database"),
    requestId: context.get("requestId"),
    pending: context.get("pending"),
  });
}

function documented(spec: RouteSpec<z.ZodType, z.ZodType, z.ZodType>): RouteConfig {
  const json = (schema: z.ZodType) => ({ content: { "application/json": { schema } } });
  const parameters = [...spec.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const query = spec.query instanceof z.ZodObject ? spec.query : undefined;
  const isParameter = (name: string) => parameters.includes(name);
  const pick = (wanted: (name: string) => boolean) =>
    z.object(Object.fromEntries(Object.entries(query?.shape ?? {}).filter(([name]) => wanted(name))));
  return {
    method: spec.method,
    path: `/v1/auth${spec.path}`,
    tags: ["sign-in"],
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    security: spec.open === true ? [] : [{ bearer: [] }, { cookie: [] }],
    request: {
      ...(parameters.length === 0 ? {} : { params: pick(isParameter) }),
      ...(query === undefined ? {} : { query: pick((name) => !isParameter(name)) }),
      ...(spec.body === undefined ? {} : { body: { required: true, ...json(spec.body) } }),
    },
    responses: {
      ...(spec.result === undefined
        ? { 204: { description: "Done." } }
        : { [spec.status ?? 200]: { description: "Done.", ...json(spec.result) } }),
      default: { description: "An error.", ...json(errorSchema) },
    },
  };
}

// Two seconds of hashing, for whoever is the last of them.
const hashingAtOnce = 8;

/** An app that gives each request an id and its own connections, and answers errors in the API's shape. */
export function createApp(
  open: (env: unknown) => { readonly settings: Settings; readonly database: IdentityDatabase },
): IdentityApp {
  const app: IdentityApp = new OpenAPIHono<Hosted>();
  const hashing = new Places(hashingAtOnce);
  app.use(async (context, next) => {
    const given = context.req.header("x-request-id");
    const requestId: RequestId = isId<"request">(given) ? given : newId();
    context.set("requestId", requestId);
    context.set("hashing", hashing);
    const { settings, database } = open(context.env);
    context.set("settings", settings);
    context.set("database", database);
    context.set("pending", []);
    await next();
    context.executionCtx.waitUntil(Promise.all(context.get("pending")).then(() => database.destroy()));
    context.res.headers.set("x-request-id", requestId);
    context.res.headers.set("x-content-type-options", "nosniff");
  });
  app.onError((thrown, context) => errorResponse(explain(thrown), context.get("requestId")));
  app.notFound((context) => {
    const what = `${context.req.method} ${context.req.path}`;
    return errorResponse(new OpenWorkersError("NOT_FOUND", `There is no ${what}.`), context.get("requestId"));
  });
  return app;
}

import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { RequestId } from "@openworkers/core";
import type { Answer } from "../../http/answer.ts";
import { type Face, newApp, register } from "../../http/face.ts";
import type { Fields, Input, NoFields, RouteSpec } from "../../http/spec.ts";
import type { IdentityDatabase } from "../database.ts";
import type { Settings } from "../environment.ts";
import { Places } from "../places.ts";
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
    /** The request, once it has been let in. */
    call: Call;
  };
}

export type IdentityApp = OpenAPIHono<Hosted>;

/** What a route of sign-in takes and gives. */
export interface IdentitySpec<
  Params extends Fields = Fields,
  Query extends Fields = Fields,
  Body extends z.ZodType = z.ZodType,
  Result extends z.ZodType = z.ZodType,
> extends Omit<RouteSpec<Params, Query, Body, Result>, "tag"> {
  /** Hashes a password, or may. */
  readonly hashes?: boolean;
}

export type Handler<Params, Query, Body, Result> = (
  call: Call & Input<Params, Query, Body>,
) => Promise<Result | Answer<Result> | Response>;

const face: Face<Hosted, Pick<RouteSpec, "method" | "open">> = {
  prefix: "/v1/auth",
  maxJsonBytes: 16 * 1024,
  forms: true,
  answers: {
    401: "Not signed in, or what shows who somebody is is wrong.",
    403: "It is not for this caller, or a page of another origin asks.",
    429: "It was tried too often.",
  },
  async admit(context, { method, open }) {
    const call = new Call({
      request: context.req.raw,
      settings: context.get("settings"),
      database: context.get("database"),
      requestId: context.get("requestId"),
      pending: context.get("pending"),
    });
    if (method !== "get") call.checkOrigin();
    if (open !== true) await call.signIn();
    context.set("call", call);
  },
};

/** Registers a route for requests and for the document. */
export function route<
  Params extends Fields = NoFields,
  Query extends Fields = NoFields,
  Body extends z.ZodType = z.ZodUndefined,
  Result extends z.ZodType = z.ZodVoid,
>(
  app: IdentityApp,
  { hashes = false, ...spec }: IdentitySpec<Params, Query, Body, Result>,
  handler: Handler<z.output<Params>, z.output<Query>, z.output<Body>, z.input<Result>>,
): void {
  register(app, face, { ...spec, tag: "Sign-in" }, async (context, input) => {
    using _place = hashes ? context.get("hashing").take() : undefined;
    return await handler(Object.assign(context.get("call"), input));
  });
}

// Two seconds of hashing, for whoever is the last of them.
const hashingAtOnce = 8;

/** An app that gives each request its own connections. */
export function createApp(
  open: (env: unknown) => { readonly settings: Settings; readonly database: IdentityDatabase },
): IdentityApp {
  const app = newApp<Hosted>(explain);
  const hashing = new Places(hashingAtOnce);
  app.use(async (context, next) => {
    context.set("hashing", hashing);
    const { settings, database } = open(context.env);
    context.set("settings", settings);
    context.set("database", database);
    context.set("pending", []);
    await next();
    context.executionCtx.waitUntil(Promise.all(context.get("pending")).then(() => database.destroy()));
  });
  return app;
}

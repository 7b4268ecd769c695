import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { RequestId } from "@openworkers/core";
import type { Env } from "../env.ts";
import { type Answer, answerOf } from "./answer.ts";
import { maxJsonBytes } from "./body.ts";
import { Call, Replayed, type Scope } from "./call.ts";
import { credentialOf } from "./credential.ts";
import { mustMatch } from "./etag.ts";
import { type Face, register } from "./face.ts";
import type { Fields, NoFields, RouteSpec } from "./spec.ts";

/** Hono's generics for the API. */
export interface Hosted {
  Bindings: Env;
  Variables: { requestId: RequestId };
}

export type Api = OpenAPIHono<Hosted>;

const face: Face<Hosted, Pick<RouteSpec, "open">> = {
  prefix: "/v1",
  maxJsonBytes,
  // Who has not signed in is told so before anything about their input.
  async admit({ req, env }, { open }) {
    if (open !== true) credentialOf(req.raw, env);
  },
};

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
) => Promise<Result | Answer<Result> | Response>;

/** Registers the API's routes with an app, for the document and for requests. */
export class Routes {
  readonly #app: Api;

  constructor(app: Api) {
    this.#app = app;
  }

  add<
    Params extends Fields = NoFields,
    Query extends Fields = NoFields,
    Body extends z.ZodType = z.ZodUndefined,
    Result extends z.ZodType = z.ZodVoid,
  >(
    spec: RouteSpec<Params, Query, Body, Result>,
    handler: Handler<z.output<Params>, z.output<Query>, z.output<Body>, z.input<Result>>,
  ): void {
    register(this.#app, face, spec, async (context, input, rendering) => {
      const { raw: request } = context.req;
      const call = new Call({ request, env: context.env, requestId: context.get("requestId"), ...input });
      try {
        return await handler(call, {
          made: (work, fingerprint) => call.create(work, rendering, fingerprint),
          mustMatch: (current) => mustMatch(request, rendering.render(current)),
        });
      } catch (thrown) {
        if (thrown instanceof Replayed) return answerOf(spec, request, thrown.answer.body, thrown.answer);
        throw thrown;
      }
    });
  }
}

import { OpenAPIHono, z } from "@hono/zod-openapi";
import { isId, newId, OpenWorkersError, type RequestId } from "@openworkers/core";
import type { Context, Env } from "hono";
import { Answer, answerOf, rendered, successOf } from "./answer.ts";
import { jsonBody } from "./body.ts";
import { documented } from "./documented.ts";
import { errorResponse, parseInput } from "./errors.ts";
import type { Fields, Input, NoFields, Rendering, RouteSpec } from "./spec.ts";

/** Hono's generics of an app of ours. */
export interface Hosted extends Env {
  Variables: { requestId: RequestId };
}

/** A part of the API whose routes begin alike, are asked alike, and are answered by one worker. */
export interface Face<H extends Hosted, Spec> {
  /** Where its paths begin: `/v1`. */
  readonly prefix: string;
  /** Bytes of JSON that a request may send. */
  readonly maxJsonBytes: number;
  /** Whether a page without a script may send its form in place of JSON. */
  readonly forms?: boolean;
  /** What any of its routes may answer besides what its spec lets expect: statuses, and what they say. */
  readonly answers?: Readonly<Record<number, string>>;
  /** Is asked before anything about the request's input is told. @throws OpenWorkersError for who may not come in */
  readonly admit: (context: Context<H>, spec: Spec) => Promise<void>;
}

const nothing = z.object({});

/**
 * Registers a route with an app, for its document and for requests.
 *
 * @param handle answers with what its spec promises, or with a `Response` of its own
 */
export function register<
  H extends Hosted,
  Params extends Fields = NoFields,
  Query extends Fields = NoFields,
  Body extends z.ZodType = z.ZodUndefined,
  Result extends z.ZodType = z.ZodVoid,
  Spec extends RouteSpec<Params, Query, Body, Result> = RouteSpec<Params, Query, Body, Result>,
>(
  app: OpenAPIHono<H>,
  face: Face<H, Spec>,
  spec: Spec & RouteSpec<Params, Query, Body, Result>,
  handle: (
    context: Context<H>,
    input: Input<z.output<Params>, z.output<Query>, z.output<Body>>,
    rendering: Rendering<z.input<Result>>,
  ) => Promise<z.input<Result> | Answer<z.input<Result>> | Response>,
): void {
  app.openAPIRegistry.registerPath(documented(spec, face));
  const query = strict(spec.query ?? nothing);
  const status = successOf(spec);
  const rendering = { status, render: (value: z.input<Result>) => rendered(spec, value) };
  const path = `${face.prefix}${spec.path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
  app.on(spec.method.toUpperCase(), path, async (context) => {
    const request = context.req.raw;
    await face.admit(context, spec);
    const { text, value } =
      spec.body === undefined ? { text: "", value: undefined } : await jsonBody(request, face);
    const input = {
      params: parseInput(spec.params ?? nothing, context.req.param(), "path") as z.output<Params>,
      query: parseInput(query, context.req.query(), "query") as z.output<Query>,
      body: parseInput(spec.body ?? z.undefined(), value, "body") as z.output<Body>,
      bodyText: text,
    };
    const result = await handle(context, input, rendering);
    if (result instanceof Response) return result;
    const { value: told, headers } = result instanceof Answer ? result : new Answer(result, {});
    return answerOf(spec, request, rendering.render(told), { status, headers });
  });
}

/** A misspelt parameter is told of, not passed over. */
function strict(fields: Fields): Fields {
  return fields.def.catchall === undefined ? fields.strict() : fields;
}

/** An app that gives each request an id, and answers errors in the API's shape. */
export function newApp<H extends Hosted>(explain: (thrown: unknown) => unknown = (thrown) => thrown) {
  const app = new OpenAPIHono<H>();
  app.use(async (context, next) => {
    const given = context.req.header("x-request-id");
    const requestId: RequestId = isId<"request">(given) ? given : newId();
    context.set("requestId", requestId);
    await next();
    // What another worker answered cannot be changed, and is copied.
    context.header("x-request-id", requestId);
    context.header("x-content-type-options", "nosniff");
  });
  app.onError((thrown, context) => errorResponse(explain(thrown), context.get("requestId")));
  app.notFound((context) =>
    errorResponse(
      new OpenWorkersError("NOT_FOUND", `There is no ${context.req.method} ${context.req.path}.`, {
        hint: "What there is: /v1/openapi.json",
      }),
      context.get("requestId"),
    ),
  );
  return app;
}

import { type RouteConfig, z } from "@hono/zod-openapi";
import { successOf } from "./answer.ts";
import { errorSchema } from "./errors.ts";
import type { RouteSpec } from "./spec.ts";

const failure = (description: string) => ({
  description,
  content: { "application/json": { schema: errorSchema } },
});

const ifMatch = z.object({
  "if-match": z.string().optional().openapi({ description: "The `ETag` of what is to be changed." }),
});
const idempotencyKey = z.object({
  "idempotency-key": z.string().max(255).optional().openapi({
    description: "The same request with the same key again is given the same answer, and does nothing.",
  }),
});

interface Place {
  readonly prefix: string;
  readonly answers?: Readonly<Record<number, string>>;
}

/** A route as the OpenAPI document has it. */
export function documented(spec: RouteSpec, { prefix, answers = {} }: Place): RouteConfig {
  const { method, path, tag, summary, description, params, query, body, raw, result, open } = spec;
  const status = successOf(spec);
  const headers = spec.matched === true ? ifMatch : spec.idempotent === true ? idempotencyKey : undefined;
  const content =
    result !== undefined
      ? { "application/json": { schema: result } }
      : spec.answers === undefined
        ? undefined
        : { [spec.answers]: { schema: { type: "string" as const, format: "binary" } } };
  return {
    method,
    path: `${prefix}${path}`,
    operationId: operationId(method, `${prefix.replace("/v1", "")}${path}`),
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: open === true ? [] : [{ bearer: [] }, { session: [] }],
    request: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { query }),
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined
        ? {}
        : { body: { required: true, content: { "application/json": { schema: body } } } }),
      ...(raw === undefined
        ? {}
        : { body: { required: true, content: { [raw.type]: { schema: raw.schema } } } }),
    },
    responses: {
      [status]: { description: "Done.", ...(content === undefined ? {} : { content }) },
      ...(spec.tagged === true && method === "get"
        ? { 304: { description: "As `If-None-Match` says." } }
        : {}),
      400: failure("The input is not valid; `details.issues` names the fields."),
      ...(open === true
        ? {}
        : {
            401: failure("No session or key, or one that has ended."),
            403: failure("The role or the key's scopes do not allow it."),
          }),
      404: failure("There is no such thing, or it is somebody else's."),
      ...(method === "get" ? {} : { 409: failure("It conflicts with what is there.") }),
      ...(spec.matched === true ? { 412: failure("`If-Match` names another state.") } : {}),
      ...(body === undefined && raw === undefined
        ? {}
        : { 413: failure("The body is too large."), 415: failure("The body is of another type.") }),
      503: failure("The platform cannot do it at the moment."),
      ...Object.fromEntries(
        Object.entries({ ...answers, ...spec.further }).map(([code, says]) => [
          code,
          Number(code) >= 400
            ? failure(says)
            : { description: says, ...(code === "206" && content !== undefined ? { content } : {}) },
        ]),
      ),
    },
  };
}

/** `getWorkersWorkerVersions` of `GET /workers/{worker}/versions`. */
function operationId(method: string, path: string): string {
  const words = path.split(/[/{}._-]+/).filter((word) => word !== "");
  return method + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join("");
}

import type { z } from "@hono/zod-openapi";
import { noStore } from "./errors.ts";
import { etagOf, names } from "./etag.ts";
import type { RouteSpec } from "./spec.ts";

/** A result with headers, where a handler sets any. */
export class Answer<Result> {
  readonly value: Result;
  readonly headers: Readonly<Record<string, string>>;

  constructor(value: Result, headers: Readonly<Record<string, string>>) {
    this.value = value;
    this.headers = headers;
  }
}

/** A result's JSON as a route promises it; nothing where it promises none. */
export function rendered(spec: Pick<RouteSpec, "result">, value: unknown): string {
  return spec.result === undefined ? "" : JSON.stringify(spec.result.parse(value));
}

/** The status of a route's success. */
export function successOf({ status, result, answers }: Pick<RouteSpec, "status" | "result" | "answers">) {
  return status ?? (result === undefined && answers === undefined ? 204 : 200);
}

/** What a request is answered with `body`, which was rendered by its route: 304 when it has that already. */
export function answerOf(
  spec: RouteSpec<z.ZodObject, z.ZodObject>,
  request: Request,
  body: string,
  { status, headers = {} }: { readonly status: number; readonly headers?: Readonly<Record<string, string>> },
): Response {
  const all = { ...noStore, ...headers };
  if (spec.result === undefined) return new Response(null, { status, headers: all });
  const json = { ...all, "content-type": "application/json" };
  if (spec.tagged !== true) return new Response(body, { status, headers: json });
  const etag = etagOf(body);
  const wanted = request.headers.get("if-none-match");
  if (spec.method === "get" && wanted !== null && names(wanted, etag)) {
    return new Response(null, { status: 304, headers: { ...all, etag } });
  }
  return new Response(body, { status, headers: { ...json, etag } });
}

import { OpenWorkersError, type WorkerId } from "@openworkers/core";
import { Hono } from "hono";
import { z } from "zod";
import { accountFor, type Right } from "../access/account.ts";
import { find, type Owned } from "../access/owned.ts";
import { Call, type Scope } from "../http/call.ts";
import { errorResponse, errorSchema } from "../http/errors.ts";
import type { Api, Hosted } from "../http/route.ts";
import { PlatformServices } from "../platform/services.ts";
import { errorNumbers, failure, NumberedError } from "./envelope.ts";

/** A request of one of Cloudflare's clients. */
export interface Ask {
  readonly call: Call<Readonly<Record<string, string>>, URLSearchParams, undefined>;
  /** A part of the path. @throws Error when the route has no such part */
  param(name: string): string;
  readonly search: URLSearchParams;
  /** The path's account; undefined when it has none. */
  readonly account: string;
  /** This API's own routes, as the same caller: `/v1/kv?account=…` and so on. */
  readonly v1: PlatformServices;
}

export type Answerer = (ask: Ask) => Promise<Response>;

type Method = "get" | "post" | "put" | "patch" | "delete";

/** Registers what Cloudflare's API has, in its own form, over the routes of `/v1`. */
export class CloudflareFace {
  readonly app = new Hono<Hosted>();
  readonly #v1: Api;

  constructor(v1: Api) {
    this.#v1 = v1;
    this.app.onError(async (thrown, context) => {
      const answer = errorResponse(thrown, context.get("requestId"));
      const { error } = errorSchema.parse(await answer.json());
      return failure(thrown, { status: answer.status, ...error });
    });
  }

  /** @param path from `/client/v4` on; `:name` stands for a part of it */
  on(
    method: Method,
    path: string,
    answer: Answerer,
    options: { readonly credential?: (request: Request) => Request } = {},
  ): void {
    this.app.on(method.toUpperCase(), path, async (context) => {
      const { env } = context;
      const request = options.credential?.(context.req.raw) ?? context.req.raw;
      const params: Readonly<Record<string, string>> = context.req.param();
      const search = new URL(request.url).searchParams;
      const call = new Call({
        request,
        env,
        requestId: context.get("requestId"),
        params,
        query: search,
        body: undefined,
        bodyText: "",
      });
      const own = { fetch: async (inner: Request) => this.#v1.fetch(inner, env) };
      return answer({
        call,
        search,
        account: params.account ?? "",
        v1: new PlatformServices(own, call.credential),
        param(name) {
          const value = params[name];
          if (value === undefined) throw new Error(`the route has no :${name}`);
          return value;
        },
      });
    });
  }
}

/** Answers everything else of Cloudflare's: the last route. */
export function refuseTheRest({ app }: CloudflareFace): void {
  app.all("/*", (context) => {
    const message = `This platform has no ${context.req.method} ${context.req.path}.`;
    return failure(undefined, { status: 404, code: "NOT_FOUND", message });
  });
}

const json = { "content-type": "application/json" };

/** A request to one of `/v1`'s routes with a JSON body. */
export function sending(method: string, body: unknown): RequestInit {
  return { method, headers: json, body: JSON.stringify(body) };
}

/** `?account=…` of the request's account. */
export function ofAccount({ account }: Ask, more: Readonly<Record<string, string>> = {}): string {
  return `?${new URLSearchParams({ ...more, account })}`;
}

/**
 * The request's JSON, whatever its Content-Type: Cloudflare's clients often name none.
 *
 * @throws OpenWorkersError INVALID_INPUT
 */
export async function bodyOf<Schema extends z.ZodType>(
  { call }: Ask,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await call.request.text();
  let value: unknown;
  try {
    value = text === "" ? undefined : JSON.parse(text);
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "The body is not JSON.", { cause });
  }
  return inputOf(schema, value);
}

/** @throws OpenWorkersError INVALID_INPUT that names the field */
export function inputOf<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  const field = first?.path.join(".") ?? "";
  throw new OpenWorkersError(
    "INVALID_INPUT",
    `${field === "" ? "the body" : field}: ${first?.message ?? "not valid"}.`,
  );
}

/** The account's worker that a path names. @throws NumberedError that clients know as "no such worker"; OpenWorkersError FORBIDDEN */
export async function workerOf(
  scope: Scope,
  { account, param }: Ask,
  action: Right["action"],
  resource: Right["resource"] = "workers",
): Promise<Owned<WorkerId>> {
  const name = param("script");
  const { id: owner } = await accountFor(scope, account, { resource: "workers", action: "read" });
  try {
    const found = await find<WorkerId>(scope, "worker", { nameOrId: name, action, resource });
    if (found.owner === owner) return found;
  } catch (thrown) {
    if (!(thrown instanceof OpenWorkersError) || thrown.code !== "NOT_FOUND") throw thrown;
  }
  throw new NumberedError(
    errorNumbers.noWorker,
    "NOT_FOUND",
    `The worker "${name}" does not exist on this account.`,
  );
}

/** A form's parts by name; those with a file name or a type are files. */
export function partsOf(form: FormData): [string, string | Blob][] {
  return [...form.entries()];
}

/** A page of `/v1`. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** Every item of a list of `/v1`. */
export async function allOf<Item extends z.ZodType>(
  { v1 }: Ask,
  item: Item,
  path: string,
): Promise<z.output<Item>[]> {
  const items: z.output<Item>[] = [];
  let cursor: string | null = null;
  do {
    const next: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: { items: z.output<Item>[]; nextCursor: string | null } = await v1.json(
      pageOf(item),
      `${path}${path.includes("?") ? "&" : "?"}limit=100${next}`,
    );
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

/** The page of a list that `page` and `per_page` ask for, and what to say of it. */
export function slice<Item>(items: readonly Item[], search: URLSearchParams) {
  const number = (name: string, otherwise: number, most: number) => {
    const given = Number(search.get(name) ?? otherwise);
    return Number.isInteger(given) && given > 0 ? Math.min(given, most) : otherwise;
  };
  const page = number("page", 1, 1e9);
  const perPage = number("per_page", 100, 1_000);
  const shown = items.slice((page - 1) * perPage, page * perPage);
  const info = { page, per_page: perPage, count: shown.length, total_count: items.length };
  return { shown, info };
}

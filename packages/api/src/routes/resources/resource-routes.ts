import { z } from "@hono/zod-openapi";
import type { KvNamespaceId } from "@openworkers/core";
import {
  createResource,
  deleteResource,
  type ResourceKind,
  renameResource,
  resourceUsers,
} from "@openworkers/db/stores";
import { type Account, accountFor, type ScopedResource } from "../../access/account.ts";
import { find, type Owned } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import { matchDeleted } from "../../http/etag.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, id, nameOrId, time } from "../../http/schemas.ts";

/** What every resource is shown with. */
export const resourceShape = {
  id,
  name: z.string(),
  account: z.string().openapi({ description: "Name of the account that it belongs to." }),
  createdAt: time,
};

/** Path and name of a kind of resource, and how one is shown, made and deleted. */
export interface ResourceFacts<Shown extends z.ZodObject, New extends z.ZodType> {
  readonly kind: ResourceKind;
  readonly resource: ScopedResource;
  readonly tag: string;
  /** `kv` of `/v1/kv/{namespace}`. */
  readonly path: string;
  readonly param: string;
  /** `a KV namespace`. */
  readonly noun: string;
  readonly plural: string;
  readonly shown: Shown;
  readonly created: New;
  /** Those with these ids, in the order of their names. */
  show(scope: Scope, ids: readonly string[]): Promise<(z.input<Shown> & { readonly id: string })[]>;
  /** Makes one and returns its id; a plain one with the name unless said. */
  create?(scope: Scope, account: Account, wanted: z.output<New>): Promise<string>;
  /** Instead of `deleteResource`. */
  delete?(scope: Scope, found: Owned<string>, search: URLSearchParams): Promise<void>;
  /** What a request to delete one may say. */
  readonly deleteQuery?: z.ZodObject;
}

/** Routes that list, make, get, rename and delete resources of a kind. */
export function resourceRoutes<Shown extends z.ZodObject, New extends z.ZodType<{ readonly name: string }>>(
  routes: Routes,
  facts: ResourceFacts<Shown, New>,
): void {
  const { kind, resource, tag, path, param, noun, plural, shown } = facts;
  const params = z.object({ [param]: nameOrId });
  const one = async (scope: Scope, wanted: string): Promise<z.input<Shown>> => {
    const [only] = await facts.show(scope, [wanted]);
    if (only === undefined) throw new Error(`${noun} ${wanted} is gone in its own transaction`);
    return only;
  };

  routes.add(
    {
      method: "get",
      path: `/${path}`,
      tag,
      summary: `List an account's ${plural} by name`,
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(shown),
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const account = await accountFor(scope, query.account, { resource, action: "read" });
        const after = keyOf(z.string(), query.cursor);
        const rows = await scope.queries
          .selectFrom(tables[kind])
          .select(["id", "name"])
          .where("owner_id", "=", account.id)
          .$if(after !== undefined, (select) => select.where("name", ">", after ?? ""))
          .$if(kind === "database", (select) => select.where("state" as never, "<>", "deleting" as never))
          .orderBy("name")
          .limit(query.limit + 1)
          .execute();
        const { items, nextCursor } = page(rows, query, ({ name }) => name);
        const ids: string[] = items.map((item) => item.id);
        return { items: ids.length === 0 ? [] : await facts.show(scope, ids), nextCursor } as never;
      }),
  );

  routes.add(
    {
      method: "post",
      path: `/${path}`,
      tag,
      summary: `Make ${noun}`,
      query: accountQuery,
      body: facts.created,
      result: shown,
      status: 201,
      idempotent: true,
    },
    ({ query, body }, { made }) =>
      made(async (scope) => {
        const account = await accountFor(scope, query.account, { resource, action: "write" });
        const wanted = body as z.output<New>;
        const make =
          facts.create ??
          ((at, { id: owner }, { name }) =>
            createResource(at.database, kind, { name, by: at.caller, owner }));
        return one(scope, await make(scope, account, wanted));
      }),
  );

  routes.add(
    {
      method: "get",
      path: `/${path}/{${param}}`,
      tag,
      summary: `Get ${noun}`,
      params,
      query: accountQuery,
      result: shown,
      tagged: true,
    },
    (call) =>
      call.reading(async (scope) => {
        const nameOrIdOf = String(call.params[param]);
        const found = await find(scope, kind, {
          nameOrId: nameOrIdOf,
          account: call.query.account,
          action: "read",
        });
        return one(scope, found.id);
      }),
  );

  routes.add(
    {
      method: "get",
      path: `/${path}/{${param}}/users`,
      tag,
      summary: `List the workers that bind ${noun}`,
      params,
      query: accountQuery,
      result: z.object({ items: z.array(z.object({ worker: z.string(), binding: z.string() })) }),
    },
    (call) =>
      call.reading(async (scope) => {
        const nameOrIdOf = String(call.params[param]);
        const found = await find(scope, kind, {
          nameOrId: nameOrIdOf,
          account: call.query.account,
          action: "read",
        });
        return { items: await resourceUsers(scope.queries, kind, found.id as KvNamespaceId) };
      }),
  );

  routes.add(
    {
      method: "delete",
      path: `/${path}/{${param}}`,
      tag,
      summary: `Delete ${noun} with all that is in it`,
      description: "Refused while a live version or an environment binds it.",
      params,
      query: accountQuery.extend(facts.deleteQuery?.shape ?? {}),
      matched: true,
    },
    (call) =>
      call.together(async (scope) => {
        const found = await find(scope, kind, {
          nameOrId: String(call.params[param]),
          account: call.query.account as string | undefined,
          action: "delete",
          lock: true,
        });
        matchDeleted(call.request, shown, await one(scope, found.id));
        if (facts.delete !== undefined)
          return facts.delete(scope, found, new URL(call.request.url).searchParams);
        await deleteResource(scope.database, kind, { nameOrId: found.id, by: scope.caller });
      }),
  );
}

/** The route that changes a resource: its name, and what else a kind lets change. */
export function changeRoute<
  Shown extends z.ZodObject,
  Change extends z.ZodType<{ readonly name?: string | undefined }>,
>(
  routes: Routes,
  facts: Pick<ResourceFacts<Shown, z.ZodType>, "kind" | "tag" | "path" | "param" | "noun" | "shown" | "show">,
  change: Change,
  apply: (scope: Scope, found: Owned<string>, wanted: z.output<Change>) => Promise<void> = async () => {},
): void {
  const { kind, tag, path, param, noun, shown } = facts;
  routes.add(
    {
      method: "patch",
      path: `/${path}/{${param}}`,
      tag,
      summary: `Change ${noun}`,
      params: z.object({ [param]: nameOrId }),
      query: accountQuery,
      body: change,
      result: shown,
      tagged: true,
      matched: true,
    },
    (call, { mustMatch }) =>
      call.together(async (scope) => {
        const found = await find(scope, kind, {
          nameOrId: String(call.params[param]),
          account: call.query.account,
          action: "write",
          lock: true,
        });
        const now = async () => (await facts.show(scope, [found.id]))[0] as z.input<Shown>;
        mustMatch(await now());
        const wanted = call.body as z.output<Change>;
        if (wanted.name !== undefined && wanted.name !== found.name) {
          await renameResource(scope.database, kind, {
            nameOrId: found.id,
            name: wanted.name,
            by: scope.caller,
          });
        }
        await apply(scope, found, wanted);
        return now();
      }),
  );
}

const tables = {
  kv: "kv_namespaces",
  storage: "storage_buckets",
  database: "databases",
  queue: "queues",
} as const;

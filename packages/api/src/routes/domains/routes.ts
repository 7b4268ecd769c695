import { z } from "@hono/zod-openapi";
import { OpenWorkersError, type WorkerId } from "@openworkers/core";
import {
  addDomain,
  type Domain,
  listDomains,
  listRoutes,
  parseHostname,
  removeDomain,
  setRoutes,
} from "@openworkers/db/stores";
import { sql } from "kysely";
import { accountFor, type Right } from "../../access/account.ts";
import { find } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import { matchDeleted } from "../../http/etag.ts";
import { notFound } from "../../http/not-found.ts";
import { pageOf, pageOfAll, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, nameOrId, timeOrNull } from "../../http/schemas.ts";
import { workerParams } from "../workers/schema.ts";

const tag = "Domains and routes";
const hostname = z.string().min(1).max(253);
const hostParams = z.object({ hostname });
const claimQuery = z.object({
  worker: nameOrId
    .optional()
    .openapi({ description: "Whose claim it is, where several of the caller's workers claim the name." }),
});

const domainSchema = z
  .object({
    hostname: z.string(),
    worker: z.string(),
    verifiedAt: timeOrNull.openapi({ description: "Requests are routed from then on." }),
    verification: z
      .object({ name: z.string(), value: z.string() })
      .openapi({ description: "The TXT record that proves the domain." }),
  })
  .openapi("Domain");

const routesSchema = z.object({ patterns: z.array(z.string()) }).openapi("Routes");

export function domainRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/domains",
      tag,
      summary: "List the domains of an account's workers",
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(domainSchema),
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const account = await accountFor(scope, query.account, { resource: "domains", action: "read" });
        const rows = await scope.queries
          .selectFrom("workers")
          .select("name")
          .where("owner_id", "=", account.id)
          .execute();
        const own = new Set(rows.map(({ name }) => name));
        const all = (await listDomains(scope.database)).filter(({ worker }) => own.has(worker));
        return pageOfAll(all.map(shown), query, (domain) => `${domain.hostname} ${domain.worker}`);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/domains",
      tag,
      summary: "List a worker's domains",
      params: workerParams,
      query: pageQuery,
      result: pageOf(domainSchema),
    },
    ({ params, query, reading }) =>
      reading(async (scope) => {
        const worker = await find<WorkerId>(scope, "worker", {
          nameOrId: params.worker,
          resource: "domains",
          action: "read",
        });
        const all = await listDomains(scope.database, worker.name);
        return pageOfAll(all.map(shown), query, (domain) => domain.hostname);
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/workers/{worker}/domains",
      tag,
      summary: "Claim a domain for a worker",
      params: workerParams,
      body: z.strictObject({ hostname }),
      result: domainSchema,
      status: 201,
      idempotent: true,
    },
    ({ params, body }, { made }) =>
      made(async (scope) => {
        const worker = await find<WorkerId>(scope, "worker", {
          nameOrId: params.worker,
          resource: "domains",
          action: "write",
        });
        return shown(
          await addDomain(scope.database, { worker: worker.name, hostname: body.hostname, by: scope.caller }),
        );
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/domains/{hostname}",
      tag,
      summary: "Get a domain",
      params: hostParams,
      query: claimQuery,
      result: domainSchema,
      tagged: true,
    },
    ({ params, query, reading }) =>
      reading(async (scope) => shown(await domainOf(scope, params.hostname, query.worker, "read"))),
  );

  routes.add(
    {
      method: "post",
      path: "/domains/{hostname}/verify",
      tag,
      summary: "Look for the TXT record that proves a domain",
      params: hostParams,
      query: claimQuery,
      result: domainSchema,
    },
    async ({ params, query, together, platform }) => {
      const domain = await together((scope) => domainOf(scope, params.hostname, query.worker, "write"));
      if (domain.verifiedAt !== null) return shown(domain);
      // The platform looks for the record and says so: nobody has to believe the API.
      await platform.ask(`/domains/${domain.hostname}/verify?worker=${domain.workerId}`, { method: "POST" });
      return together(async (scope) =>
        shown(await domainOf(scope, params.hostname, domain.workerId, "read")),
      );
    },
  );

  routes.add(
    {
      method: "delete",
      path: "/domains/{hostname}",
      tag,
      summary: "Give a domain up, with the routes that rest on it",
      params: hostParams,
      query: claimQuery,
      matched: true,
    },
    ({ params, query, request, together }) =>
      together(async (scope) => {
        const domain = await domainOf(scope, params.hostname, query.worker, "delete");
        matchDeleted(request, domainSchema, shown(domain));
        await removeDomain(scope.database, {
          hostname: domain.hostname,
          worker: domain.worker,
          by: scope.caller,
        });
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/routes",
      tag,
      summary: "List the patterns that lead to a worker",
      params: workerParams,
      result: routesSchema,
      tagged: true,
    },
    ({ params, reading }) =>
      reading(async (scope) => {
        const worker = await find<WorkerId>(scope, "worker", { nameOrId: params.worker, action: "read" });
        return patternsOf(scope, worker.name);
      }),
  );

  routes.add(
    {
      method: "put",
      path: "/workers/{worker}/routes",
      tag,
      summary: "Give a worker these patterns and no others",
      params: workerParams,
      body: z.strictObject({ patterns: z.array(z.string().min(1).max(1_024)).max(1_000) }),
      result: routesSchema,
      tagged: true,
      matched: true,
    },
    ({ params, body, together }, { mustMatch }) =>
      together(async (scope) => {
        const worker = await find<WorkerId>(scope, "worker", {
          nameOrId: params.worker,
          action: "write",
          lock: true,
        });
        mustMatch(await patternsOf(scope, worker.name));
        await setRoutes(scope.database, { worker: worker.name, patterns: body.patterns, by: scope.caller });
        return patternsOf(scope, worker.name);
      }),
  );
}

async function patternsOf({ database }: Scope, worker: string) {
  return { patterns: (await listRoutes(database, worker)).map(({ pattern }) => pattern) };
}

/** @throws OpenWorkersError NOT_FOUND, FORBIDDEN, INVALID_INPUT, CONFLICT when several of the caller's workers claim it */
async function domainOf(
  scope: Scope,
  hostnameOf: string,
  nameOrIdOf: string | undefined,
  action: Right["action"],
): Promise<Domain> {
  const name = parseHostname(hostnameOf);
  const claims = await scope.queries
    .selectFrom("domains")
    .innerJoin("workers", "workers.id", "domains.worker_id")
    .select(["workers.id", "workers.name"])
    .where("hostname", "=", name)
    .where(sql<boolean>`caller_may(workers.owner_id, 'domains', 'read')`)
    .execute();
  const [claim, another] =
    nameOrIdOf === undefined
      ? claims
      : claims.filter((each) => each.id === nameOrIdOf || each.name === nameOrIdOf);
  if (claim === undefined) throw notFound(`No worker of yours has the domain ${name}.`, "/domains");
  if (another !== undefined) {
    const workers = claims.map((each) => each.name);
    throw new OpenWorkersError(
      "CONFLICT",
      `${name} is claimed by ${workers.join(", ")}: say which, with ?worker=.`,
      {
        details: { workers },
      },
    );
  }
  await find(scope, "worker", { nameOrId: claim.id, resource: "domains", action });
  const domain = (await listDomains(scope.database, claim.name)).find((each) => each.hostname === name);
  if (domain === undefined) throw notFound(`No worker of yours has the domain ${name}.`, "/domains");
  return domain;
}

function shown({ hostname: name, worker, verifiedAt, verificationToken }: Domain) {
  return {
    hostname: name,
    worker,
    verifiedAt,
    verification: { name: `_openworkers.${name}`, value: verificationToken },
  };
}

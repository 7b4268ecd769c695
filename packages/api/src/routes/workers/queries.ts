import type { UserId, WorkerId } from "@openworkers/core";
import type { Queries } from "@openworkers/db/access";
import { sql } from "kysely";
import type { z } from "zod";
import type { Env } from "../../env.ts";
import type { workerSchema } from "./schema.ts";

type Row = Omit<z.input<typeof workerSchema>, "url">;

/** Where a worker answers, live: beside the API, as `api.` is the API's own name there. */
export function workerUrl(worker: string, { BASE_URL }: Pick<Env, "BASE_URL">): string {
  const { protocol, host } = new URL(BASE_URL);
  return `${protocol}//${worker}.${host.replace(/^api\./, "")}/`;
}

/** Workers of one account by name, those after `after`, one more than `limit`. */
export async function workersAfter(
  queries: Queries,
  {
    owner,
    after,
    limit,
    search,
  }: {
    readonly owner: UserId;
    readonly after: string | undefined;
    readonly limit: number;
    /** What the name holds. */
    readonly search: string | undefined;
  },
): Promise<Row[]> {
  return select(queries)
    .where("workers.owner_id", "=", owner)
    .where(({ eb, lit }) => (after === undefined ? lit(true) : eb("workers.name", ">", after)))
    .where(({ lit }) =>
      search === undefined
        ? lit(true)
        : sql<boolean>`position(${search.toLowerCase()} in lower(workers.name)) > 0`,
    )
    .orderBy("workers.name")
    .limit(limit + 1)
    .execute();
}

export async function shownWorker(
  queries: Queries,
  id: WorkerId,
  env: Pick<Env, "BASE_URL">,
): Promise<z.input<typeof workerSchema>> {
  const row = await select(queries).where("workers.id", "=", id).executeTakeFirstOrThrow();
  return { ...row, url: workerUrl(row.name, env) };
}

function select(queries: Queries) {
  return queries
    .selectFrom("workers")
    .innerJoin("users", "users.id", "workers.owner_id")
    .leftJoin("environments", "environments.id", "workers.environment_id")
    .leftJoinLateral(
      (db) =>
        db
          .selectFrom("deployments")
          .select(["deployments.id", "deployments.created_at"])
          .whereRef("deployments.worker_id", "=", "workers.id")
          .orderBy("sequence", "desc")
          .limit(1)
          .as("live"),
      (join) => join.onTrue(),
    )
    .select([
      "workers.id",
      "workers.name",
      "users.name as account",
      "environments.name as environment",
      "workers.limits",
      "workers.last_version as lastVersion",
      "workers.log_retention_days as logRetentionDays",
      "workers.created_at as createdAt",
      "live.created_at as deployedAt",
    ])
    .select(
      sql<Row["live"]>`coalesce((
        select json_agg(json_build_object('version', number, 'percent', percent) order by percent desc, number desc)
        from deployment_versions
        join worker_versions on worker_versions.id = deployment_versions.version_id
        where deployment_id = live.id), '[]')`.as("live"),
    );
}

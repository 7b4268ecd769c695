import type { UserId } from "@openworkers/core";
import type { Queries } from "@openworkers/db/access";
import { sql } from "kysely";

interface Step {
  readonly time: Date;
  readonly requests: number;
  readonly errors: number;
}

interface Counts {
  readonly worker: string;
  readonly requests: number;
  readonly errors: number;
  readonly steps: Step[];
}

/** Requests and errors of an account's workers since `from`, the busiest first; those without any are left out. */
export async function countsOf(
  queries: Queries,
  of: {
    readonly owner: UserId;
    /** Which workers; all of them without. */
    readonly names: readonly string[] | undefined;
    readonly from: Date;
    readonly stepSeconds: number;
    readonly most: number;
  },
): Promise<Counts[]> {
  const named = of.names === undefined ? sql`true` : sql`name = any(${[...of.names]}::text[])`;
  const { rows } = await sql<Step & { worker: string }>`
    with own as (select id, name from workers where owner_id = ${of.owner} and ${named}),
      steps as (
        select worker_id,
          to_timestamp(floor(extract(epoch from minute) / ${of.stepSeconds}::int) * ${of.stepSeconds}::int) as time,
          sum(requests)::float8 as requests, sum(errors)::float8 as errors
        from worker_stats
        where worker_id in (select id from own) and minute >= ${of.from}
        group by 1, 2
      ),
      busiest as (select worker_id from steps group by 1 order by sum(requests) desc limit ${of.most})
    select name as worker, time, requests, errors
    from steps join own on own.id = worker_id
    where worker_id in (select worker_id from busiest)
    order by name, time`.execute(queries);
  const workers = Map.groupBy(rows, ({ worker }) => worker);
  return [...workers]
    .map(([worker, steps]) => ({
      worker,
      requests: steps.reduce((sum, { requests }) => sum + requests, 0),
      errors: steps.reduce((sum, { errors }) => sum + errors, 0),
      steps: steps.map(({ time, requests, errors }) => ({ time, requests, errors })),
    }))
    .sort((a, b) => b.requests - a.requests);
}

/** Deployments of an account's workers, the newest first: those before `before`, one more than `limit`. */
export async function deploymentsOf(
  queries: Queries,
  of: { readonly owner: UserId; readonly before: string | undefined; readonly limit: number },
) {
  // Ids are ordered by time.
  const older = of.before === undefined ? sql`true` : sql`deployments.id < ${of.before}::uuid`;
  const { rows } = await sql<{
    id: string;
    worker: string;
    versions: { version: number; percent: number }[];
    message: string | null;
    createdBy: string;
    createdAt: Date;
  }>`
    select deployments.id, workers.name as worker, message, coalesce(users.name, 'somebody') as "createdBy",
      deployments.created_at as "createdAt", (
        select json_agg(json_build_object('version', number, 'percent', percent) order by percent desc, number desc)
        from deployment_versions
        join worker_versions on worker_versions.id = deployment_versions.version_id
        where deployment_id = deployments.id) as versions
    from deployments
    join workers on workers.id = deployments.worker_id
    left join users on users.id = deployments.created_by
    where workers.owner_id = ${of.owner} and ${older}
    order by deployments.id desc
    limit ${of.limit + 1}`.execute(queries);
  return rows;
}

/** Of each cron the last run that ended, where that failed: the latest first. */
export async function lastRunsThatFailed(queries: Queries, owner: UserId) {
  const { rows } = await sql<{
    worker: string;
    cronId: string;
    expression: string;
    eventId: string;
    requestId: string | null;
    outcome: string;
    error: string | null;
    attempt: number;
    finishedAt: Date;
  }>`
    select workers.name as worker, crons.id as "cronId", expression, last.id as "eventId",
      last.request_id as "requestId", last.outcome, last.error, last.attempt, last.finished_at as "finishedAt"
    from crons
    join workers on workers.id = crons.worker_id
    join lateral (
      select * from scheduled_events
      where worker_id = crons.worker_id and cron_id = crons.id and finished_at is not null and outcome is not null
      order by id desc limit 1
    ) as last on true
    where workers.owner_id = ${owner} and last.outcome <> 'ok'
    order by last.finished_at desc
    limit 100`.execute(queries);
  return rows;
}

import { OpenWorkersError, type WorkerId } from "@openworkers/core";
import type { Queries } from "../database.ts";

/** An entrypoint of a worker that bindings of live workers lead to, with what they give it. */
export interface CalledEntrypoint {
  /** Name of the exported class; the default export without. */
  readonly entrypoint: string | undefined;
  /** JSON text; as `Binding.props` of the bindings that lead here. */
  readonly props: string | undefined;
}

/** How many a worker may have besides its default export without props: each is a socket of its cells. */
export const maxCalledEntrypoints = 8;

/** What live workers call besides default exports without props, by the worker that is called, each in one order. */
export async function calledEntrypoints(
  queries: Queries,
  only?: WorkerId,
): Promise<Map<WorkerId, CalledEntrypoint[]>> {
  const rows = await bindingsToWorkers(queries)
    .select(["target_worker_id as callee", "entrypoint", "props"])
    .where(({ eb, lit }) => (only === undefined ? lit(true) : eb("target_worker_id", "=", only)))
    .where(({ eb, or }) => or([eb("entrypoint", "is not", null), eb("props", "is not", null)]))
    .execute();
  const called = new Map<WorkerId, Map<string, CalledEntrypoint>>();
  for (const { callee, entrypoint, props } of rows) {
    if (callee === null) continue;
    const pair = {
      entrypoint: entrypoint ?? undefined,
      props: props === null ? undefined : JSON.stringify(props),
    };
    const pairs = called.get(callee) ?? new Map<string, CalledEntrypoint>();
    called.set(callee, pairs.set(JSON.stringify([entrypoint ?? "", pair.props ?? ""]), pair));
  }
  return new Map(
    [...called].map(([callee, pairs]) => [
      callee,
      [...pairs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair),
    ]),
  );
}

/**
 * For who adds bindings, in the same transaction.
 *
 * @throws OpenWorkersError CONFLICT when more entrypoints of one of these workers would be called than its cells have
 * sockets for.
 */
export async function checkCalledEntrypoints(
  transaction: Queries,
  callees: Iterable<WorkerId | null>,
): Promise<void> {
  for (const callee of new Set(callees)) {
    if (callee === null) continue;
    const called = (await calledEntrypoints(transaction, callee)).get(callee) ?? [];
    if (called.length <= maxCalledEntrypoints) continue;
    const { name } = await transaction
      .selectFrom("workers")
      .select("name")
      .where("id", "=", callee)
      .executeTakeFirstOrThrow();
    throw new OpenWorkersError(
      "CONFLICT",
      `Workers would call ${called.length} different pairs of entrypoint and props of ${name}; there may be ${maxCalledEntrypoints}.`,
      { hint: "Call its default export without props where you can, or share entrypoints and props." },
    );
  }
}

/** Bindings to workers that are in use: of versions that are live, and of environments that workers have. */
function bindingsToWorkers(queries: Queries) {
  return queries.selectFrom(({ selectFrom }) =>
    selectFrom("version_bindings as binding")
      .innerJoin("deployment_versions as share", "share.version_id", "binding.version_id")
      .innerJoin(
        (db) =>
          db
            .selectFrom("deployments")
            .distinctOn("worker_id")
            .select(["id"])
            .orderBy("worker_id")
            .orderBy("sequence", "desc")
            .as("live"),
        (join) => join.onRef("live.id", "=", "share.deployment_id"),
      )
      .select(["target_worker_id", "entrypoint", "props"])
      .where("binding.kind", "=", "worker")
      .unionAll(
        selectFrom("environment_values as value")
          .innerJoin("workers", "workers.environment_id", "value.environment_id")
          .select(["target_worker_id", "entrypoint", "props"])
          .where("value.kind", "=", "worker"),
      )
      .as("bindings"),
  );
}

import { OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import type { Database, Queries } from "../database.ts";
import { audit } from "./audit.ts";
import { lockOwnedWorker } from "./workers.ts";

export interface Route {
  /** `host/path`; the host may start in `*.`, the path may end in `*`. */
  readonly pattern: string;
  readonly worker: string;
}

/**
 * Gives a worker these routes and no others.
 *
 * @throws OpenWorkersError INVALID_INPUT, NOT_FOUND (worker), FORBIDDEN, CONFLICT (one leads to another worker).
 */
export async function setRoutes(
  database: Database,
  { worker, patterns, by }: { worker: string; patterns: readonly string[]; by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const { id } = await lockOwnedWorker(transaction, worker, by);
    const stored = await replaceRoutes(transaction, id, patterns);
    await audit(transaction, by, "route.set", worker, { patterns: stored });
  });
}

/** All routes, or those of one worker, by pattern. */
export async function listRoutes(database: Database, worker?: string): Promise<Route[]> {
  return database.read((queries) =>
    queries
      .selectFrom("routes")
      .innerJoin("workers", "workers.id", "routes.worker_id")
      .select(["pattern", "workers.name as worker"])
      .where(({ eb, lit }) => (worker === undefined ? lit(true) : eb("workers.name", "=", worker)))
      .orderBy("pattern")
      .execute(),
  );
}

/** As `setRoutes`, within the caller's transaction; returns the patterns as they are stored. */
export async function replaceRoutes(
  transaction: Queries,
  workerId: WorkerId,
  patterns: readonly string[],
): Promise<string[]> {
  const wanted = [...new Set(patterns.map(parseRoutePattern))].sort();
  await transaction
    .deleteFrom("routes")
    .where("worker_id", "=", workerId)
    .$if(wanted.length > 0, (query) => query.where("pattern", "not in", wanted))
    .execute();
  for (const pattern of wanted) {
    await transaction
      .insertInto("routes")
      .values({ pattern, worker_id: workerId })
      .onConflict((conflict) => conflict.column("pattern").doNothing())
      .execute();
    const taken = await transaction
      .selectFrom("routes")
      .select("worker_id")
      .where("pattern", "=", pattern)
      .executeTakeFirst();
    if (taken?.worker_id !== workerId) {
      throw new OpenWorkersError("CONFLICT", `The route ${pattern} leads to another worker.`, {
        hint: "Take it out of that worker's manifest and deploy it first.",
      });
    }
  }
  return wanted;
}

const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const form = new RegExp(`^(\\*\\.)?(${label}\\.)*${label}/[!-)+-~]*\\*?$`);

/**
 * A route's pattern as the platform stores it: `example.com/api/*`, the host in lower case. A pattern without a
 * path means the path `/` alone; a scheme is dropped, for routes hold for both.
 *
 * @throws OpenWorkersError INVALID_INPUT
 */
export function parseRoutePattern(text: string): string {
  const bare = text.replace(/^https?:\/\//i, "");
  const slash = bare.indexOf("/");
  const pattern =
    slash < 0 ? `${bare.toLowerCase()}/` : bare.slice(0, slash).toLowerCase() + bare.slice(slash);
  if (pattern.length > 1_024 || !form.test(pattern)) {
    throw new OpenWorkersError("INVALID_INPUT", `"${text}" is not a route.`, {
      hint: "Write it as example.com/api/*: a host that may start in *. and a path that may end in *.",
    });
  }
  return pattern;
}

import { OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import { audit } from "./audit.ts";
import { isOperator } from "./users.ts";
import { lockOwnedWorker } from "./workers.ts";

export interface Route {
  /** `host/path`; the host may start in `*.`, the path may end in `*`. */
  readonly pattern: string;
  readonly worker: string;
}

/**
 * Gives a worker these routes and no others. An operator may give any; anybody else only those of a host that is a
 * verified domain of the worker's owner, or of hosts below it (`*.`).
 *
 * @throws OpenWorkersError INVALID_INPUT, NOT_FOUND (worker), FORBIDDEN (the worker or a host is not `by`'s),
 * CONFLICT (one leads to another worker).
 */
export async function setRoutes(
  database: StoreDatabase,
  { worker, patterns, by }: { worker: string; patterns: readonly string[]; by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const owned = await lockOwnedWorker(transaction, worker, by);
    const stored = await replaceRoutes(transaction, owned, patterns, by);
    await audit(transaction, by, "route.set", worker, { patterns: stored });
  });
}

/** All routes, or those of one worker, by pattern. */
export async function listRoutes(database: StoreDatabase, worker?: string): Promise<Route[]> {
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

/**
 * As `setRoutes`, within the caller's transaction; returns the patterns as they are stored. Those that the worker has
 * already stay, whoever gave them.
 */
export async function replaceRoutes(
  transaction: Queries,
  worker: { readonly id: WorkerId; readonly owner_id: UserId },
  patterns: readonly string[],
  by: UserId,
): Promise<string[]> {
  const wanted = [...new Set(patterns.map(parseRoutePattern))].sort();
  await transaction
    .deleteFrom("routes")
    .where("worker_id", "=", worker.id)
    .$if(wanted.length > 0, (query) => query.where("pattern", "not in", wanted))
    .execute();
  const operator = await isOperator(transaction, by);
  for (const pattern of wanted) {
    const holder = await holderOf(transaction, pattern);
    if (holder === worker.id) continue;
    if (holder !== undefined) throw taken(pattern);
    const domain = operator ? null : await domainUnder(transaction, pattern, worker.owner_id);
    await transaction
      .insertInto("routes")
      .values({ pattern, worker_id: worker.id, domain })
      .onConflict((conflict) => conflict.column("pattern").doNothing())
      .execute();
    // Somebody else's transaction may have been a moment earlier.
    if ((await holderOf(transaction, pattern)) !== worker.id) throw taken(pattern);
  }
  return wanted;
}

async function holderOf(transaction: Queries, pattern: string): Promise<WorkerId | undefined> {
  const route = await transaction
    .selectFrom("routes")
    .select("worker_id")
    .where("pattern", "=", pattern)
    .executeTakeFirst();
  return route?.worker_id;
}

/** The verified domain of `owner` that a route of this pattern rests on. @throws OpenWorkersError FORBIDDEN */
async function domainUnder(transaction: Queries, pattern: string, owner: UserId): Promise<string> {
  const hostname = pattern.slice(0, pattern.indexOf("/")).replace(/^\*\./, "");
  const domain = await transaction
    .selectFrom("domains")
    .innerJoin("workers", "workers.id", "domains.worker_id")
    .select("hostname")
    .where("hostname", "=", hostname)
    .where("verified_at", "is not", null)
    .where("workers.owner_id", "=", owner)
    .executeTakeFirst();
  if (domain !== undefined) return domain.hostname;
  throw new OpenWorkersError("FORBIDDEN", `The route ${pattern} needs ${hostname} as a verified domain.`, {
    hint: `Add ${hostname} to a worker of the same owner and verify it: ow domains add. An operator needs neither.`,
  });
}

function taken(pattern: string): OpenWorkersError {
  return new OpenWorkersError("CONFLICT", `The route ${pattern} leads to another worker.`, {
    hint: "Take it out of that worker's manifest and deploy it first.",
  });
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
      field: "patterns",
      hint: "Write it as example.com/api/*: a host that may start in *. and a path that may end in *.",
    });
  }
  return pattern;
}
